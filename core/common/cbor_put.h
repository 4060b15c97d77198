/* cbor_put.h - CBOR into a fixed buffer by libcbor's encoders; sticks at the first time room runs out. */
#ifndef NACRE_COMMON_CBOR_PUT_H
#define NACRE_COMMON_CBOR_PUT_H

#include "bytes.h"

#include <cbor.h>

static inline void nacre_put_step(struct nacre_writer *w, size_t n)
{
    if (n == 0)
        w->failed = true;
    else if (!w->failed)
        w->len += n;
}

static inline void nacre_put_uint(struct nacre_writer *w, uint64_t v)
{
    nacre_put_step(w, cbor_encode_uint(v, w->base + w->len, w->cap - w->len));
}

static inline void nacre_put_array(struct nacre_writer *w, size_t n)
{
    nacre_put_step(w, cbor_encode_array_start(n, w->base + w->len, w->cap - w->len));
}

static inline void nacre_put_map(struct nacre_writer *w, size_t n)
{
    nacre_put_step(w, cbor_encode_map_start(n, w->base + w->len, w->cap - w->len));
}

static inline void nacre_put_bytes(struct nacre_writer *w, const void *data, size_t len)
{
    nacre_put_step(w, cbor_encode_bytestring_start(len, w->base + w->len, w->cap - w->len));
    nacre_write_bytes(w, data, len);
}

static inline void nacre_put_text(struct nacre_writer *w, const char *text, size_t len)
{
    nacre_put_step(w, cbor_encode_string_start(len, w->base + w->len, w->cap - w->len));
    nacre_write_bytes(w, text, len);
}

static inline void nacre_put_z(struct nacre_writer *w, const char *text)
{
    nacre_put_text(w, text, strlen(text));
}

#endif
