/* nitro.h - enclaves through nitro-cli: its JSON on standard output, its troubles ("[ E26 ] ...") on standard error. */
#ifndef NACRE_OPS_NITRO_H
#define NACRE_OPS_NITRO_H

#include "command.h"

#include <stdbool.h>

#define NACRE_OPS_ENCLAVES 64u
#define NACRE_OPS_PCRS     16u
#define NACRE_OPS_PCR_HEX  97u

struct nacre_ops_enclave {
    char id[96];
    char state[24]; /* "RUNNING"; empty: not said */
    uint32_t cid;
    bool debug;
    char pcr[NACRE_OPS_PCRS][NACRE_OPS_PCR_HEX]; /* lower case; empty: not said */
};

struct nacre_ops_nitro {
    const char *program; /* "nitro-cli" */
    uint64_t timeout_ms; /* for one call */
    struct nacre_ops_output output;
};

struct nacre_ops_run_wish {
    const char *eif;
    uint32_t cpus, memory_mib, cid;
    bool debug;
};

/*
 * nacre_ops_nitro_parse - one object or an array of them. Unknown keys are passed over. The number of enclaves, or
 * -EBADMSG with `why`.
 */
int nacre_ops_nitro_parse(struct nacre_ops_enclave out[NACRE_OPS_ENCLAVES], const char *text, size_t len,
                          char *why, size_t why_len);

/* Starts one. 0, or as nacre_ops_run(), or -EBADMSG: then one may run that nobody knows the id of. */
int nacre_ops_nitro_start(struct nacre_ops_nitro *n, const struct nacre_ops_run_wish *wish,
                          struct nacre_ops_enclave *out, char *why, size_t why_len);

/* All that run. Their number, or a negative errno. */
int nacre_ops_nitro_list(struct nacre_ops_nitro *n, struct nacre_ops_enclave out[NACRE_OPS_ENCLAVES],
                         char *why, size_t why_len);

/* 0 or as nacre_ops_run(). */
int nacre_ops_nitro_end(struct nacre_ops_nitro *n, const char *id, char *why, size_t why_len);

#endif
