/* model_read.c - a safetensors file, of any writer: https://huggingface.co/docs/safetensors, "Format". */
#include "model.h"

#include <errno.h>

#define HEADER_MAX 1048576u /* bytes */

struct reader {
    const char *at, *end;
    char *why;
};

static bool bad(struct reader *r, const char *what)
{
    if (!r->why[0])
        (void)snprintf(r->why, ML_WHY, "safetensors: %s", what);
    return false;
}

static void skip_space(struct reader *r)
{
    while (r->at < r->end && strchr(" \t\r\n", *r->at) && *r->at)
        r->at++;
}

/* Is this the next character that is no white space? Then it is passed. */
static bool next_is(struct reader *r, char c)
{
    skip_space(r);
    if (r->at == r->end || *r->at != c)
        return false;
    r->at++;
    return true;
}

/* A text without escapes, into out (terminated). */
static bool text(struct reader *r, char *out, size_t room)
{
    size_t n = 0;
    if (!next_is(r, '"'))
        return bad(r, "expected a text in the header");
    for (; r->at < r->end && *r->at != '"'; r->at++) {
        if (*r->at == '\\' || (unsigned char)*r->at < 0x20 || n + 1 == room)
            return bad(r, "a text in the header is too long or has escapes");
        out[n++] = *r->at;
    }
    out[n] = '\0';
    return next_is(r, '"') ? true : bad(r, "a text without an end");
}

static bool number(struct reader *r, uint64_t *out)
{
    uint64_t value = 0;
    skip_space(r);
    if (r->at == r->end || *r->at < '0' || *r->at > '9')
        return bad(r, "expected a whole number");
    for (; r->at < r->end && *r->at >= '0' && *r->at <= '9'; r->at++) {
        if (value > UINT64_C(1) << 48)
            return bad(r, "a number is too large");
        value = value * 10 + (uint64_t)(*r->at - '0');
    }
    *out = value;
    return true;
}

/* [1,2], at most `most` of them */
static bool numbers(struct reader *r, uint64_t *out, uint32_t most, uint32_t *n)
{
    *n = 0;
    if (!next_is(r, '['))
        return bad(r, "expected an array of numbers");
    if (next_is(r, ']'))
        return true;
    do {
        if (*n == most)
            return bad(r, "an array is too long");
        if (!number(r, &out[(*n)++]))
            return false;
    } while (next_is(r, ','));
    return next_is(r, ']') ? true : bad(r, "an array without an end");
}

static bool metadata(struct reader *r, struct ml_model *m)
{
    char name[sizeof m->texts[0].name], value[sizeof m->texts[0].value];
    if (!next_is(r, '{'))
        return bad(r, "__metadata__ is not an object");
    if (next_is(r, '}'))
        return true;
    do {
        if (!text(r, name, sizeof name) || !next_is(r, ':') || !text(r, value, sizeof value))
            return bad(r, "__metadata__ is out of form");
        if (ml_model_text(m, name, value) != 0)
            return bad(r, "too much in __metadata__");
    } while (next_is(r, ','));
    return next_is(r, '}') ? true : bad(r, "__metadata__ without an end");
}

struct entry {
    char name[32];
    char dtype[8];
    uint64_t shape[ML_DIMS_MAX], offsets[2];
    uint32_t n_shape, n_offsets;
};

static bool members(struct reader *r, struct entry *e)
{
    char key[16];
    unsigned have = 0;
    if (!next_is(r, '{'))
        return bad(r, "a tensor is not an object");
    do {
        if (!text(r, key, sizeof key) || !next_is(r, ':'))
            return bad(r, "a tensor is out of form");
        if (strcmp(key, "dtype") == 0 && !(have & 1)) {
            have |= 1;
            if (!text(r, e->dtype, sizeof e->dtype))
                return false;
        } else if (strcmp(key, "shape") == 0 && !(have & 2)) {
            have |= 2;
            if (!numbers(r, e->shape, ML_DIMS_MAX, &e->n_shape))
                return false;
        } else if (strcmp(key, "data_offsets") == 0 && !(have & 4)) {
            have |= 4;
            if (!numbers(r, e->offsets, 2, &e->n_offsets))
                return false;
        } else {
            return bad(r, "a tensor has an unknown member, or one twice");
        }
    } while (next_is(r, ','));
    return next_is(r, '}') && have == 7 && e->n_offsets == 2 ? true : bad(r, "a tensor is out of form");
}

/* Tensors follow each other without a gap, as the format demands. */
static bool tensor(struct reader *r, struct ml_model *m, const struct entry *e, const uint8_t *data,
                   size_t len, uint64_t *at)
{
    static const char *const names[] = {"F32", "F64", "I32"};
    int dtype = 0;
    uint64_t n = 1;
    while (dtype < 3 && strcmp(names[dtype], e->dtype) != 0)
        dtype++;
    if (dtype == 3 || e->n_shape == 0)
        return bad(r, "a tensor is not of F32, F64 or I32 in one or two dimensions");
    for (uint32_t i = 0; i < e->n_shape; i++) {
        if (e->shape[i] > UINT64_C(1) << 32 || (e->n_shape == 2 && e->shape[1] == 0))
            return bad(r, "a dimension is out of range");
        n *= e->shape[i];
        if (n > UINT64_C(1) << 38)
            return bad(r, "a tensor is too large");
    }
    const uint64_t bytes = n * (dtype == ML_F64 ? 8 : 4);
    if (e->offsets[0] != *at || e->offsets[1] - e->offsets[0] != bytes || bytes > len || *at > len - bytes)
        return bad(r, "data_offsets do not fit shape or file");
    if (ml_model_find(m, e->name))
        return bad(r, "a tensor's name stands twice");
    void *to = ml_model_add(m, e->name, (enum ml_dtype)dtype, e->shape[0], e->n_shape == 2 ? e->shape[1] : 0);
    if (!to)
        return bad(r, "too many tensors, or out of memory");
    memcpy(to, data + *at, (size_t)bytes);
    *at += bytes;
    return true;
}

static bool header(struct reader *r, struct ml_model *m, const uint8_t *data, size_t len)
{
    uint64_t at = 0;
    if (!next_is(r, '{'))
        return bad(r, "the header is not an object");
    if (!next_is(r, '}')) {
        do {
            struct entry e = {.n_shape = 0};
            if (!text(r, e.name, sizeof e.name) || !next_is(r, ':'))
                return bad(r, "the header is out of form");
            if (strcmp(e.name, "__metadata__") == 0) {
                if (!metadata(r, m))
                    return false;
            } else if (!members(r, &e) || !tensor(r, m, &e, data, len, &at)) {
                return false;
            }
        } while (next_is(r, ','));
        if (!next_is(r, '}'))
            return bad(r, "the header has no end");
    }
    skip_space(r);
    return r->at == r->end && at == len ? true : bad(r, "bytes that belong to nothing");
}

int ml_model_read(struct ml_model *out, const uint8_t *bytes, size_t len, char why[ML_WHY])
{
    struct ml_model m = {.n_tensors = 0};
    uint64_t head = 0;
    why[0] = '\0';
    for (int i = 7; i >= 0 && len >= 8; i--)
        head = head << 8 | bytes[i];
    struct reader r = {(const char *)bytes + 8, NULL, why};
    if (len < 8 || head > HEADER_MAX || head > len - 8) {
        (void)bad(&r, "the header is longer than the file or 1 MiB");
        return -EBADMSG;
    }
    r.end = r.at + head;
    if (!header(&r, &m, bytes + 8 + head, len - 8 - (size_t)head)) {
        ml_model_free(&m);
        return -EBADMSG;
    }
    *out = m;
    return 0;
}
