/* ops.h - what the parts of `nacre host up`, `down` and `status` share. */
#ifndef NACRE_OPS_OPS_H
#define NACRE_OPS_OPS_H

#include "reach.h"

#define NACRE_OPS_WAITING 3 /* exit code: all is well so far, and the chain's switch is the operator's */

enum nacre_ops_switch { NACRE_OPS_NO_SWITCH, NACRE_OPS_PRINT_SWITCH, NACRE_OPS_RUN_SWITCH };

struct nacre_ops_options {
    const char *program; /* "nacre host up" */
    const char *name;
    const char *config, *state_dir, *nitro_cli;
    const char *eif, *pcrs, *allow, *connect;
    const char *plain, *blobs, *hook, *lend; /* at most one of them */
    const char *const *switch_words;         /* after "--"; NULL-terminated */
    enum nacre_ops_switch how_switch;
    uint64_t cpus, memory_mib, cid; /* cid 0: the first free one */
    uint64_t wait_s, secrets_s, drain_s, nitro_s, api_port, secrets_port;
    bool debug, finish, abandon, json, all, if_down;
};

/* One `up` or `down` under way. */
struct nacre_ops {
    const struct nacre_ops_options *options;
    struct nacre_ops_state state;
    struct nacre_ops_nitro nitro;
    char expected[NACRE_OPS_PCRS][NACRE_OPS_PCR_HEX]; /* of --pcrs; empty: not looked at */
    char why[2048];
};

/* options.c. -1 to go on, else the exit code. */
int nacre_ops_options_read(struct nacre_ops_options *out, int argc, char **argv, const char *help);

/* pcrs.c: --pcrs FILE, lines of `HEX PCR<n>`; needs PCR0, or PCR1 and PCR2. 0 or -errno with o->why. */
int nacre_ops_pcrs_read(struct nacre_ops *o);
/* Does what nitro-cli measured agree? -EACCES names the first PCR that differs, with both values. */
int nacre_ops_pcrs_check(struct nacre_ops *o, const struct nacre_ops_enclave *found);

/* start.c: a new enclave up to the point where its app answers. 0, or -errno with o->why; then it is gone again. */
int nacre_ops_start(struct nacre_ops *o);
/* Waits until its app answers well, --wait seconds at most. 0, -ESRCH when it ended by itself, or -ETIMEDOUT. */
int nacre_ops_await_health(struct nacre_ops *o, const struct nacre_ops_slot *slot);
/* Does nitro-cli list it? 1, 0, or -errno with o->why. */
int nacre_ops_runs(struct nacre_ops *o, const struct nacre_ops_slot *slot);
/* Ends an enclave and forgets it; the daemon no longer knows it. 0 or -errno with o->why, and it stays in the state. */
int nacre_ops_end(struct nacre_ops *o, struct nacre_ops_slot *slot);

/* secrets.c: brings the secrets to the one that starts. 0 or -errno. */
int nacre_ops_secrets(struct nacre_ops *o, struct nacre_ops_slot *slot);
/* Fetches its attestation document into `path`. */
int nacre_ops_document(struct nacre_ops *o, const struct nacre_ops_slot *slot, const char *path);

/* roll.c: from the old one to the new one. 0, -EINPROGRESS when the switch waits for the operator, or -errno. */
int nacre_ops_roll(struct nacre_ops *o);
/* The rest of it: connections to the new one, the old ones drained and ended. */
int nacre_ops_finish(struct nacre_ops *o);

/* Waits until the daemon has no connections to it any more, --drain seconds at most. */
void nacre_ops_await_drained(struct nacre_ops *o, const struct nacre_ops_slot *slot);

/* A line about an enclave on standard output. */
void nacre_ops_say(const struct nacre_ops_slot *slot, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
int nacre_ops_fail(struct nacre_ops *o, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Sleeps that many milliseconds, or to the end of the wait. False when now is past `end_ns`. */
bool nacre_ops_pause(uint64_t end_ns, uint64_t ms);

#endif
