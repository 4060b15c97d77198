/*
 * seal.h - makes the blobs of common/sealed.h, and keeps the key that signs them.
 */
#ifndef NACRE_TOOL_SEAL_H
#define NACRE_TOOL_SEAL_H

#include <common/sealed.h>

/* The operator's Ed25519 key. Wipe it after use. */
struct nacre_operator {
    uint8_t secret[64];
    uint8_t public_key[32];
};

/* Whom a blob is for, as a verified document says it. */
struct nacre_seal_for {
    char app[NACRE_SEALED_APP_MAX + 1];
    uint8_t config[NACRE_SHA384_LEN];
    uint8_t enclave_key[32];
};

/*
 * nacre_operator_create - a new key into a new file that only its owner may read: 64 hex digits (the seed of RFC 8032)
 * and a line feed. nacre_operator_load refuses one that others may read. Both return 0, or a negative errno with `why`.
 */
int nacre_operator_create(struct nacre_operator *out, const char *path, char *why, size_t why_len);
int nacre_operator_load(struct nacre_operator *out, const char *path, char *why, size_t why_len);

/*
 * nacre_seal_target - takes app, configuration and key out of the user_data of a verified document (docs/SECRETS.md).
 * 0, or -EBADMSG with `why`.
 */
int nacre_seal_target(struct nacre_seal_for *out, const uint8_t *user_data, size_t len, char *why,
                      size_t why_len);

/* Is it what nacre-app takes: a JSON object of texts, at most NACRE_SECRETS_BLOB bytes? 0, or -EBADMSG with `why`. */
int nacre_seal_check(const uint8_t *secrets, size_t len, char *why, size_t why_len);

/*
 * nacre_seal - the blob in out (NACRE_SEALED_MAX bytes). Returns its length, or -EINVAL when the enclave's key is no
 * point to seal to or the secrets are empty or too long.
 */
int nacre_seal(uint8_t *out, const struct nacre_seal_for *to, const struct nacre_operator *operator_key,
               uint64_t made_ms, const uint8_t *secrets, size_t len);

#endif
