/* nitro_parse.h - what `nitro-cli describe-enclaves` prints. */
#ifndef NACRE_HOST_NITRO_PARSE_H
#define NACRE_HOST_NITRO_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NACRE_HD_DESCRIBED_MAX  64u
#define NACRE_HD_DESCRIBE_BYTES 65536u

struct nacre_hd_described {
    char id[96];
    char state[24]; /* "RUNNING" */
    uint32_t cid;
    bool debug;       /* its flags have DEBUG_MODE */
    const char *json; /* the whole object; borrowed from the text */
    size_t json_len;
};

/*
 * nacre_hd_nitro_parse - text[0..len), an array of objects. Unknown keys are passed over. Returns the number of
 * enclaves, or -EBADMSG with `why` filled.
 */
int nacre_hd_nitro_parse(struct nacre_hd_described out[NACRE_HD_DESCRIBED_MAX], const char *text, size_t len,
                         char *why, size_t why_len);

#endif
