#include "body.h"

#include "memory.h"

#include <errno.h>
#include <string.h>

#define FIRST_CAP 4096u

static int grow(struct fetch_body *body, size_t cap)
{
    uint8_t *base = fetch_malloc(cap);
    if (!base)
        return -ENOMEM;
    if (body->len)
        memcpy(base, body->base, body->len);
    fetch_free(body->base);
    body->base = base;
    body->cap = cap;
    return 0;
}

int fetch_body_expect(struct fetch_body *body, uint64_t len)
{
    if (len > body->max)
        return -EFBIG;
    return len <= body->cap ? 0 : grow(body, (size_t)len);
}

int fetch_body_append(struct fetch_body *body, const void *data, size_t len)
{
    if (len > body->max - body->len)
        return -EFBIG;
    size_t need = body->len + len;
    if (need > body->cap) {
        size_t cap = body->cap > body->max / 2 ? body->max : body->cap * 2;
        if (cap < FIRST_CAP)
            cap = FIRST_CAP;
        int err = grow(body, cap < need ? need : cap);
        if (err)
            return err;
    }
    if (len)
        memcpy(body->base + body->len, data, len);
    body->len = need;
    return 0;
}

void fetch_body_free(struct fetch_body *body)
{
    fetch_free(body->base);
    body->base = NULL;
    body->len = body->cap = 0;
}
