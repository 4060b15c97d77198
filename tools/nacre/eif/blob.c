#include "blob.h"

#include <stdlib.h>
#include <string.h>

uint8_t *nacre_blob_room(struct nacre_blob *b, size_t len)
{
    if (b->failed || len > SIZE_MAX / 4 || b->len > SIZE_MAX / 4) {
        b->failed = true;
        return NULL;
    }
    if (!b->data || b->cap - b->len < len) {
        size_t cap = b->cap * 2 > b->len + len ? b->cap * 2 : b->len + len + 256;
        uint8_t *data = realloc(b->data, cap);
        if (!data) {
            b->failed = true;
            return NULL;
        }
        b->data = data;
        b->cap = cap;
    }
    uint8_t *room = b->data + b->len;
    b->len += len;
    return room;
}

void nacre_blob_put(struct nacre_blob *b, const void *data, size_t len)
{
    uint8_t *room = nacre_blob_room(b, len);
    if (room && len > 0)
        memcpy(room, data, len);
}

void nacre_blob_text(struct nacre_blob *b, const char *text)
{
    nacre_blob_put(b, text, strlen(text));
}

void nacre_blob_be(struct nacre_blob *b, uint64_t value, size_t width)
{
    uint8_t *room = nacre_blob_room(b, width);
    for (size_t i = 0; room && i < width; i++)
        room[i] = (uint8_t)(value >> (8 * (width - 1 - i)));
}

void nacre_blob_free(struct nacre_blob *b)
{
    if (!b)
        return;
    free(b->data);
    *b = (struct nacre_blob){0};
}
