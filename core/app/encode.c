#include "encode.h"

#include "decode.h"

#include <common/bcs.h>
#include <common/types.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct walk {
    struct nacre_writer *out;
    char *why;
    uint32_t depth;
};

static int say(struct walk *w, const struct nacre_place *at, const char *reason, int err)
{
    nacre_place_say(w->why, NACRE_PLACE_TEXT, "response", at, reason);
    return err;
}

static int put(struct walk *w, const void *data, size_t len, const struct nacre_place *at)
{
    nacre_write_bytes(w->out, data, len);
    return w->out->failed ? say(w, at, "the response does not fit app.response_bytes", -ENOSPC) : 0;
}

/* A sequence's length, after the checks that all sequences share. */
static int put_len(struct walk *w, const void *ptr, uint64_t len, const struct nacre_place *at)
{
    char reason[128];
    if ((ptr || len == 0) && len <= NACRE_BCS_SEQ_MAX) {
        nacre_bcs_write_len(w->out, len);
        return put(w, NULL, 0, at);
    }
    if (len > NACRE_BCS_SEQ_MAX)
        (void)snprintf(reason, sizeof reason, "length is %llu, at most %u", (unsigned long long)len,
                       NACRE_BCS_SEQ_MAX);
    else
        (void)snprintf(reason, sizeof reason, "pointer is NULL, length is %llu", (unsigned long long)len);
    return say(w, at, reason, -EBADMSG);
}

/* The targets are little endian, as BCS is: an integer's bytes are its encoding. */
static int put_scalar(struct walk *w, uint32_t kind, size_t size, const uint8_t *value,
                      const struct nacre_place *at)
{
    char reason[64];
    if (kind != NACRE_KIND_BOOL || value[0] <= 1)
        return put(w, value, size, at);
    (void)snprintf(reason, sizeof reason, "bool is %u, neither 0 nor 1", value[0]);
    return say(w, at, reason, -EBADMSG);
}

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "integers are copied into BCS as they are: little endian only"
#endif

static int put_text(struct walk *w, uint32_t kind, const uint8_t *value, const struct nacre_place *at)
{
    struct nacre_bytes text; /* struct nacre_str has the same layout */
    memcpy(&text, value, sizeof text);
    int err = put_len(w, text.ptr, text.len, at);
    if (err)
        return err;
    if (kind == NACRE_KIND_STRING && !nacre_utf8_valid(text.ptr, (size_t)text.len))
        return say(w, at, "text is not valid UTF-8", -EBADMSG);
    return put(w, text.ptr, (size_t)text.len, at);
}

_Static_assert(sizeof(struct nacre_str) == sizeof(struct nacre_bytes) &&
                   offsetof(struct nacre_str, len) == offsetof(struct nacre_bytes, len),
               "text and bytes are read alike");

static int put_value(struct walk *w, const struct nacre_type *t, const uint8_t *value,
                     const struct nacre_place *at);

static int put_vector(struct walk *w, const struct nacre_type *t, const uint8_t *value,
                      const struct nacre_place *at)
{
    struct nacre_place here = {.up = at};
    struct nacre_vec vec;
    memcpy(&vec, value, sizeof vec);
    int err = put_len(w, vec.ptr, vec.count, at);
    if (!err && t->elem->kind == NACRE_KIND_U8)
        return put(w, vec.ptr, (size_t)vec.count, at);
    for (; !err && here.index < vec.count; here.index++)
        err = put_value(w, t->elem, (const uint8_t *)vec.ptr + here.index * t->elem->c_size, &here);
    return err;
}

static int put_option(struct walk *w, const struct nacre_type *t, const uint8_t *value,
                      const struct nacre_place *at)
{
    const void *inner;
    memcpy(&inner, value, sizeof inner);
    int err = put(w, inner ? "\1" : "\0", 1, at);
    return err || !inner ? err : put_value(w, t->elem, inner, at);
}

static int put_struct(struct walk *w, const struct nacre_type *t, const uint8_t *value,
                      const struct nacre_place *at)
{
    if (t->field_size < sizeof(struct nacre_field))
        return say(w, at, "the type's table of fields is out of form", -EINVAL);
    for (uint32_t i = 0; i < t->n_fields; i++) {
        const struct nacre_field *f = nacre_field_at(t, i);
        struct nacre_place here = {at, &f->name, 0};
        if (f->offset > t->c_size || f->type->c_size > t->c_size - f->offset)
            return say(w, &here, "the field lies outside its struct", -EINVAL);
        int err = put_value(w, f->type, value + f->offset, &here);
        if (err)
            return err;
    }
    return 0;
}

static int put_nested(struct walk *w, const struct nacre_type *t, const uint8_t *value,
                      const struct nacre_place *at)
{
    int err;
    if (w->depth == NACRE_TYPE_DEPTH)
        return say(w, at, "types nested too deep", -EINVAL);
    w->depth++;
    if (t->kind == NACRE_KIND_STRUCT)
        err = put_struct(w, t, value, at);
    else if (t->kind == NACRE_KIND_VECTOR)
        err = put_vector(w, t, value, at);
    else
        err = put_option(w, t, value, at);
    w->depth--;
    return err;
}

static int put_value(struct walk *w, const struct nacre_type *t, const uint8_t *value,
                     const struct nacre_place *at)
{
    if (t->kind != NACRE_KIND_STRUCT &&
        (nacre_kind_size(t->kind) == 0 || nacre_kind_size(t->kind) != t->c_size))
        return say(w, at, "a type of unknown kind or wrong size", -EINVAL);
    switch (t->kind) {
    case NACRE_KIND_STRUCT:
    case NACRE_KIND_VECTOR:
    case NACRE_KIND_OPTION:
        return put_nested(w, t, value, at);
    case NACRE_KIND_STRING:
    case NACRE_KIND_BYTES:
        return put_text(w, t->kind, value, at);
    case NACRE_KIND_F64:
    case NACRE_KIND_JSON:
        return say(w, at, "BCS has no value of this type", -EINVAL);
    default:
        return put_scalar(w, t->kind, (size_t)t->c_size, value, at);
    }
}

int nacre_encode(struct nacre_writer *out, const struct nacre_type *type, const void *value,
                 char why[NACRE_PLACE_TEXT])
{
    struct walk w = {out, why, 0};
    return put_value(&w, type, value, NULL);
}
