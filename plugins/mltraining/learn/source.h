/*
 * source.h - one stored blob, fed piece by piece, into a dataset. What it is shows in its first byte that is no white
 * space: "[" JSON pairs, "{" a NaCl envelope around another form, "NACREDS1" an encrypted dataset (format.h), anything
 * else CSV with a header. README.md of the app has all four byte by byte.
 */
#ifndef ML_SOURCE_H
#define ML_SOURCE_H

#include "dataset.h"
#include "format.h"

#include <sodium.h>

/* How what is encrypted is opened. Either may be NULL: such blobs are refused then. */
struct ml_keys {
    void *ctx;
    /* A NaCl box for us: 0 with *plain, which lives until the source ends (its owner wipes it), or a status other
     * than 0, which ml_source_feed() and ml_source_end() then return as it is. */
    int (*open_box)(void *ctx, const uint8_t sender[32], const uint8_t nonce[24], const uint8_t *box,
                    size_t len, const uint8_t **plain, size_t *plain_len);
    /* The key of an encrypted dataset: 0, or -ENOKEY. */
    int (*dataset_key)(void *ctx, const uint8_t id[ML_DATASET_ID], uint8_t key[32]);
};

struct ml_source;

/*
 * `name` stands in error texts and must outlive the source, as `keys` and `data` must. NULL when memory is out.
 * `label`: the CSV column, "" for the last.
 */
struct ml_source *ml_source_new(struct ml_data *data, const char *name, const char *label,
                                const struct ml_keys *keys);

/*
 * The next bytes; ml_source_end() after the last. 0; -EBADMSG (the blob is refused), -E2BIG (past a limit), -ENOKEY
 * (no key for it), -ENOMEM, each with ml_source_why(); or what open_box returned. After that the source takes no more.
 */
int ml_source_feed(struct ml_source *source, const uint8_t *bytes, size_t len);
int ml_source_end(struct ml_source *source);

/* "blob NAME, row 3: ..." */
const char *ml_source_why(const struct ml_source *source);

/* SHA-256 of what was fed, the blob as it is stored; after ml_source_end(). */
void ml_source_digest(const struct ml_source *source, uint8_t out[crypto_hash_sha256_BYTES]);

/* Wipes. Accepts NULL. */
void ml_source_free(struct ml_source *source);

#endif
