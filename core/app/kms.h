/*
 * kms.h - between nacre-app and the module nacre-kms.so, which asks AWS KMS for the secrets. It is loaded in a run of
 * its own (`nacre-app --kms`), which never has the plugin; the fetch module is there too and carries the request.
 */
#ifndef NACRE_APP_KMS_H
#define NACRE_APP_KMS_H

#include "fetch.h"

#include <common/manifest.h>

#define NACRE_KMS_ABI    1u
#define NACRE_KMS_SYMBOL "nacre_kms_module"

struct nacre_kms_env {
    void *ctx; /* first argument of the functions below */
    const struct nacre_manifest *manifest;
    const struct nacre_fetch_module *fetch; /* its init() has seen an allow list of KMS alone */
    const struct nacre_fetch_env *http;     /* remaining_ms() is what the whole run has left */
    const uint8_t *credentials;             /* as they were lent, see common/credentials.h */
    size_t credentials_len;
    /* A document whose public_key is this one, once. 0, or a negative errno with `why`. */
    int (*document)(void *ctx, const uint8_t *key, size_t key_len, uint8_t *out, size_t cap, size_t *len,
                    char *why, size_t why_len);
    /* Trusted time, in ms since 1970; false: there is none. */
    bool (*now_ms)(void *ctx, uint64_t *ms);
    /* Forgets what http->alloc() has given. */
    void (*forget)(void *ctx);
    /* What http->fail() was last told. */
    const char *(*failure)(void *ctx);
};

struct nacre_kms_module {
    uint32_t abi;         /* NACRE_KMS_ABI */
    uint32_t struct_size; /* sizeof(struct nacre_kms_module) */
    /* Before any filter is in force: everything that needs a file. 0 or a negative errno. */
    int (*init)(void);
    /*
     * The whole way once: key, document, request, answer. 0 with the secrets object in out[0..*len), or a negative
     * errno with `why`, in which there is neither a secret nor anything of the credentials, and of what KMS wrote the
     * name of its error only.
     */
    int (*run)(const struct nacre_kms_env *env, uint8_t *out, size_t cap, size_t *len, char *why,
               size_t why_len);
};

extern NACRE_EXPORT const struct nacre_kms_module nacre_kms_module;

#endif
