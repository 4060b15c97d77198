#include "blobs.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

void blob_id(char out[BLOB_ID_TEXT], const uint8_t *data, size_t len)
{
    uint8_t digest[crypto_hash_sha256_BYTES];
    (void)crypto_hash_sha256(digest, data, len);
    (void)sodium_bin2base64(out, BLOB_ID_TEXT, digest, sizeof digest,
                            sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

static const struct blob *find(const struct blobs *blobs, const char *id)
{
    const struct blob *b = blobs->first;
    while (b && strcmp(b->id, id) != 0)
        b = b->next;
    return b;
}

const struct blob *blobs_find(struct blobs *blobs, const char *id)
{
    (void)pthread_mutex_lock(&blobs->lock);
    const struct blob *b = find(blobs, id);
    (void)pthread_mutex_unlock(&blobs->lock);
    return b;
}

int blobs_add(struct blobs *blobs, const uint8_t *data, size_t len, const struct blob **out, bool *known)
{
    char id[BLOB_ID_TEXT];
    int err = 0;
    blob_id(id, data, len);
    (void)pthread_mutex_lock(&blobs->lock);
    *out = find(blobs, id);
    *known = *out != NULL;
    if (!*known && len > blobs->most - blobs->bytes) {
        err = -ENOSPC;
    } else if (!*known) {
        struct blob *b = malloc(sizeof *b + len + 1);
        if (b) {
            memcpy(b->id, id, sizeof id);
            b->len = len;
            if (len)
                memcpy(b->data, data, len);
            b->next = blobs->first;
            blobs->first = b;
            blobs->bytes += len;
            *out = b;
        } else {
            err = -ENOMEM;
        }
    }
    (void)pthread_mutex_unlock(&blobs->lock);
    return err;
}
