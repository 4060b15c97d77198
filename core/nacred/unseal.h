/*
 * unseal.h - opens the operator's sealed blob (common/sealed.h) when it is meant for this very enclave.
 */
#ifndef NACRE_NACRED_UNSEAL_H
#define NACRE_NACRED_UNSEAL_H

#include "common/sealed.h"
#include "key.h"

/* What a blob has to fit; all borrowed. */
struct nacre_unseal_terms {
    const char *app;
    const uint8_t *config;         /* NACRE_SHA384_LEN: the configuration's digest */
    const uint8_t *operator_key;   /* 32, Ed25519; NULL: the configuration names none, nothing is opened */
    const struct nacre_keys *keys; /* NULL: not made yet, nothing is opened */
};

/*
 * nacre_unseal - checks form, operator and signature of blob[0..len), then whom it is for, then opens the box into
 * `out` (NACRE_SECRETS_BLOB bytes). Returns the content's length (at least 1), or -EBADMSG with `why` filled; what
 * is in `out` then is zero. The blob's signature is checked before anything else of it is used.
 */
int nacre_unseal(uint8_t *out, const struct nacre_unseal_terms *terms, const uint8_t *blob, size_t len,
                 char why[NACRE_SEALED_WHY]);

#endif
