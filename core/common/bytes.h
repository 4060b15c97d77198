/*
 * bytes.h - bounded reading and writing, the only way bytes from outside are taken apart or put together
 * here.
 *
 * Both sides stick at the first error: after it every call is a no-op, and `failed` says so once at the end.
 */
#ifndef NACRE_COMMON_BYTES_H
#define NACRE_COMMON_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct nacre_reader {
    const uint8_t *at;
    const uint8_t *end;
    bool failed;
};

static inline struct nacre_reader nacre_reader(const void *data, size_t len)
{
    return (struct nacre_reader){data, (const uint8_t *)data + len, false};
}

static inline size_t nacre_reader_left(const struct nacre_reader *r)
{
    return r->failed ? 0 : (size_t)(r->end - r->at);
}

/* The next `len` bytes, borrowed from the input; NULL (and failed) when there are fewer. */
static inline const uint8_t *nacre_read_bytes(struct nacre_reader *r, size_t len)
{
    if (r->failed || (size_t)(r->end - r->at) < len) {
        r->failed = true;
        return NULL;
    }
    const uint8_t *p = r->at;
    r->at += len;
    return p;
}

static inline uint8_t nacre_read_u8(struct nacre_reader *r)
{
    const uint8_t *p = nacre_read_bytes(r, 1);
    return p ? *p : 0;
}

/* An unsigned integer of `width` bytes (at most 8), little endian; 0 on failure. */
static inline uint64_t nacre_read_le(struct nacre_reader *r, size_t width)
{
    const uint8_t *p = nacre_read_bytes(r, width);
    uint64_t v = 0;
    for (size_t i = 0; p && i < width; i++)
        v |= (uint64_t)p[i] << (8 * i);
    return v;
}

struct nacre_writer {
    uint8_t *base;
    size_t len; /* written so far */
    size_t cap;
    bool failed;
};

static inline struct nacre_writer nacre_writer(void *buf, size_t cap)
{
    return (struct nacre_writer){buf, 0, cap, false};
}

/* Room for `len` bytes at the end, to be filled by the caller; NULL (and failed) when there is none. */
static inline uint8_t *nacre_write_room(struct nacre_writer *w, size_t len)
{
    if (w->failed || w->cap - w->len < len) {
        w->failed = true;
        return NULL;
    }
    uint8_t *p = w->base + w->len;
    w->len += len;
    return p;
}

static inline void nacre_write_bytes(struct nacre_writer *w, const void *data, size_t len)
{
    uint8_t *p = nacre_write_room(w, len);
    if (p && len)
        memcpy(p, data, len);
}

static inline void nacre_write_u8(struct nacre_writer *w, uint8_t v)
{
    nacre_write_bytes(w, &v, 1);
}

static inline void nacre_write_le(struct nacre_writer *w, uint64_t v, size_t width)
{
    uint8_t *p = nacre_write_room(w, width);
    for (size_t i = 0; p && i < width; i++)
        p[i] = (uint8_t)(v >> (8 * i));
}

#endif
