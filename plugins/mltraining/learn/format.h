/* format.h - what is encrypted on the way in and out. README.md of the app has the formats byte by byte. */
#ifndef ML_FORMAT_H
#define ML_FORMAT_H

#include "config.h"

#include <sodium.h>

#define ML_DATASET_ID    16u
#define ML_DATASET_HEAD  52u    /* "NACREDS1", id, chunk size (u32), secretstream header */
#define ML_DATASET_CHUNK 65536u /* plain bytes in a chunk that we write */
#define ML_GRANT_LEN     96u    /* bytes inside a grant's box */

/* ---- Datasets under a key of their own ---------------------------------------------------------------------- */

struct ml_seal {
    crypto_secretstream_xchacha20poly1305_state state;
    uint8_t head[ML_DATASET_HEAD];
};

/* Begins an encrypted dataset under `key`; s->head is what the file begins with. A fresh random id. */
void ml_seal_begin(struct ml_seal *s, const uint8_t key[32]);
/* Seals one chunk: exactly ML_DATASET_CHUNK bytes, fewer only in the last. out has room for len + 17; returns that. */
size_t ml_seal_chunk(struct ml_seal *s, uint8_t *out, const uint8_t *plain, size_t len, bool last);

/* What a data owner allows one enclave: the key, for models to one buyer, until some time. */
struct ml_grant {
    uint8_t id[ML_DATASET_ID];
    uint8_t key[32];
    uint8_t buyer[32];     /* the only key that a model may be sealed to; zeros: any */
    uint64_t not_after_ms; /* 0: as long as the enclave lives */
};
void ml_grant_write(uint8_t out[ML_GRANT_LEN], const struct ml_grant *grant);
/* 0, or -EBADMSG when it is no grant. */
int ml_grant_read(struct ml_grant *out, const uint8_t *bytes, size_t len);

/*
 * A NaCl envelope {"encrypted":..,"nonce":..,"ephemeralPublicKey":..} to `receiver` as terminated text, in memory the
 * caller frees; NULL when memory is out or the key is unusable. For a grant's bytes or a whole blob.
 */
char *ml_envelope_seal(const uint8_t *plain, size_t len, const uint8_t receiver[32]);

/* A 32-byte key in hex or base64 (with or without padding, either alphabet). 0 or -EINVAL. */
int ml_key_read(uint8_t out[32], const char *text, size_t len);

/* ---- A trained model: card and safetensors in one file ------------------------------------------------------- */

/* "NACREML1", u64 length of the card, the card (JSON), the safetensors file. Pointers into `bytes`. */
struct ml_bundle {
    const char *card;
    size_t card_len;
    const uint8_t *model;
    size_t model_len;
};
/* In memory the caller frees; NULL when it is out. */
uint8_t *ml_bundle_write(const struct ml_bundle *parts, size_t *len);
/* 0, or -EBADMSG with `why`. */
int ml_bundle_read(struct ml_bundle *out, const uint8_t *bytes, size_t len, char why[ML_WHY]);

#endif
