/*
 * What the NSM protocol fixes: sizes, request names and error names.
 */
#ifndef NACRE_SIM_NSM_H
#define NACRE_SIM_NSM_H

#include <stdbool.h>
#include <stddef.h>

#define NACRE_SIM_REQUEST_MAX 0x1000 /* bytes of one request */
#define NACRE_SIM_REPLY_MAX   0x3000 /* bytes of one reply */
#define NACRE_SIM_RANDOM_LEN  256    /* bytes of one GetRandom reply */
#define NACRE_SIM_MODULE_MAX  50     /* bytes of a module id, so that the leaf's CN stays below X.520's 64 */

enum nacre_sim_error {
    NACRE_SIM_OK,
    NACRE_SIM_INVALID_ARGUMENT,
    NACRE_SIM_INVALID_INDEX,
    NACRE_SIM_INVALID_RESPONSE,
    NACRE_SIM_READ_ONLY_INDEX,
    NACRE_SIM_INVALID_OPERATION,
    NACRE_SIM_BUFFER_TOO_SMALL,
    NACRE_SIM_INPUT_TOO_LARGE,
    NACRE_SIM_INTERNAL_ERROR,
    NACRE_SIM_ERROR_COUNT
};

enum nacre_sim_kind {
    NACRE_SIM_DESCRIBE_NSM,
    NACRE_SIM_GET_RANDOM,
    NACRE_SIM_DESCRIBE_PCR,
    NACRE_SIM_EXTEND_PCR,
    NACRE_SIM_LOCK_PCR,
    NACRE_SIM_LOCK_PCRS,
    NACRE_SIM_ATTESTATION,
    NACRE_SIM_MALFORMED, /* anything that is none of the above; never on the wire */
    NACRE_SIM_KIND_COUNT
};

/* The name as it stands on the wire; a static string. */
const char *nacre_sim_error_name(enum nacre_sim_error error);
const char *nacre_sim_kind_name(enum nacre_sim_kind kind);

/* Finds a name of len bytes (need not end in NUL); false and *out untouched when there is none. */
bool nacre_sim_error_find(const char *name, size_t len, enum nacre_sim_error *out);
bool nacre_sim_kind_find(const char *name, size_t len, enum nacre_sim_kind *out);

#endif
