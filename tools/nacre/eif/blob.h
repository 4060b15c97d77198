/* blob.h - bytes that grow. Sticks at the first allocation failure. */
#ifndef NACRE_EIF_BLOB_H
#define NACRE_EIF_BLOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nacre_blob {
    uint8_t *data; /* malloc'd */
    size_t len, cap;
    bool failed;
};

/* Room for `len` more bytes at the end, to be filled by the caller; NULL (and failed) when there is none. */
uint8_t *nacre_blob_room(struct nacre_blob *b, size_t len);

/* Append bytes, a terminated text without its NUL, or a big-endian number of `width` bytes (at most 8). */
void nacre_blob_put(struct nacre_blob *b, const void *data, size_t len);
void nacre_blob_text(struct nacre_blob *b, const char *text);
void nacre_blob_be(struct nacre_blob *b, uint64_t value, size_t width);

/* Frees the bytes and empties it. Accepts NULL. */
void nacre_blob_free(struct nacre_blob *b);

#endif
