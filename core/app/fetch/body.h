/* body.h - the bytes of a reply's body while they arrive: a buffer that grows up to a limit and is wiped. */
#ifndef NACRE_FETCH_BODY_H
#define NACRE_FETCH_BODY_H

#include <stddef.h>
#include <stdint.h>

struct fetch_body {
    uint8_t *base;
    size_t len;
    size_t cap;
    size_t max; /* set by the caller: bytes accepted */
};

/* Room for `len` bytes in all, when the size is announced; a hint, bounded by max. 0, -EFBIG above max, -ENOMEM. */
int fetch_body_expect(struct fetch_body *body, uint64_t len);

/* Appends. 0, -EFBIG when it would exceed max, -ENOMEM. */
int fetch_body_append(struct fetch_body *body, const void *data, size_t len);

/* Wipes and frees; accepts a zeroed struct. */
void fetch_body_free(struct fetch_body *body);

#endif
