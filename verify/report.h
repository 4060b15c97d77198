/* Collects checks. Running out of memory is remembered and asked for once, at the end. */
#ifndef NACRE_VFY_REPORT_H
#define NACRE_VFY_REPORT_H

#include <stdbool.h>

#include "nacre/verify.h"

/* 32 PCRs, eight checks of the document itself, nonce, public key, user data, tls, age. */
#define NACRE_VFY_CHECKS_MAX 48u

struct nacre_verify_report {
    nacre_verify_check check[NACRE_VFY_CHECKS_MAX];
    size_t count;
    size_t failed;
    bool out_of_memory;
    uint64_t time_ms;
    nacre_verify_doc *doc;
    struct nacre_vfy_content *content; /* of an answer in JSON */
};

/* What an answer said, kept for whoever asks once it is verified. */
struct nacre_vfy_content {
    char *data; /* JSON, malloc'd */
    size_t data_size;
    uint8_t *bcs; /* malloc'd */
    uint8_t key[32];
    uint8_t signature[64];
    nacre_verify_signed signed_; /* points into the above */
};

/* Accepts NULL. */
void nacre_vfy_content_free(struct nacre_vfy_content *content);

struct nacre_verify_report *nacre_vfy_report_new(void);

/* Both texts are formatted: the expected one as it is, the actual one from the arguments. Bytes that are not
 * printable ASCII become '?'. Returns `passed`. */
bool nacre_vfy_check(struct nacre_verify_report *report, const char *name, bool passed, const char *expected,
                     const char *actual, ...) __attribute__((format(printf, 5, 6)));

/* Expected and found bytes as hex; found.data NULL prints as "none". Returns whether they are the same. */
bool nacre_vfy_check_bytes(struct nacre_verify_report *report, const char *name, nacre_verify_bytes expected,
                           nacre_verify_bytes found);

/*
 * Ends a verification: hands the report over, with OK or REFUSED, or frees it and returns E_MEMORY.
 * Without a check there is no verdict: that is REFUSED too.
 */
int nacre_vfy_conclude(struct nacre_verify_report *report, nacre_verify_report **out,
                       nacre_verify_error *error);

#endif
