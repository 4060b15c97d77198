/* blobs.h - blobs by the SHA-256 of their bytes, in memory, bounded. One lock over all. */
#ifndef NACRE_BLOBSTORE_BLOBS_H
#define NACRE_BLOBSTORE_BLOBS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BLOB_ID_TEXT 44u /* base64url of 32 bytes, terminated */

struct blob {
    struct blob *next;
    char id[BLOB_ID_TEXT];
    size_t len;
    uint8_t data[];
};

struct blobs {
    pthread_mutex_t lock;
    struct blob *first;
    uint64_t bytes, most; /* of all together */
};

/* The id of these bytes. */
void blob_id(char out[BLOB_ID_TEXT], const uint8_t *data, size_t len);

/* Blobs are never removed, so what is found stays valid. NULL: there is none. */
const struct blob *blobs_find(struct blobs *blobs, const char *id);

/* Keeps a copy. *known: it was there already. 0, -ENOSPC past `most`, or -ENOMEM. */
int blobs_add(struct blobs *blobs, const uint8_t *data, size_t len, const struct blob **out, bool *known);

#endif
