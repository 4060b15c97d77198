#include "decode_walk.h"

#include "canonical.h"
#include "decode_scalar.h"

#include <common/bcs.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

size_t nacre_kind_size(uint32_t kind)
{
    static const uint8_t sizes[] = {
        [NACRE_KIND_BOOL] = sizeof(uint8_t),
        [NACRE_KIND_U8] = sizeof(uint8_t),
        [NACRE_KIND_U16] = sizeof(uint16_t),
        [NACRE_KIND_U32] = sizeof(uint32_t),
        [NACRE_KIND_U64] = sizeof(uint64_t),
        [NACRE_KIND_U128] = sizeof(struct nacre_u128),
        [NACRE_KIND_U256] = sizeof(struct nacre_u256),
        [NACRE_KIND_STRING] = sizeof(struct nacre_str),
        [NACRE_KIND_BYTES] = sizeof(struct nacre_bytes),
        [NACRE_KIND_ADDRESS] = sizeof(struct nacre_address),
        [NACRE_KIND_VECTOR] = sizeof(struct nacre_vec),
        [NACRE_KIND_OPTION] = sizeof(const void *),
        [NACRE_KIND_F64] = sizeof(double),
        [NACRE_KIND_JSON] = sizeof(struct nacre_str),
    };
    return kind < sizeof sizes ? sizes[kind] : 0;
}

int nacre_walk_say(struct nacre_walk *w, const struct nacre_place *at, const char *reason, int err)
{
    nacre_place_say(w->d->why, sizeof w->d->why, w->d->root, at, reason);
    return err;
}

int nacre_walk_memory(struct nacre_walk *w, const struct nacre_place *at)
{
    return nacre_walk_say(w, at, "needs more memory than app.scratch_bytes allows", -ENOMEM);
}

/* The reader's own complaint; it is about a byte, not about a field. */
int nacre_walk_syntax(struct nacre_walk *w)
{
    char reason[NACRE_REASON_TEXT];
    (void)snprintf(reason, sizeof reason, "%s (byte %zu)", w->j.why ? w->j.why : "not JSON",
                   (size_t)(w->j.at - w->j.begin));
    return nacre_walk_say(w, NULL, reason, -EBADMSG);
}

int nacre_walk_expected(struct nacre_walk *w, const struct nacre_place *at, const char *what,
                        enum nacre_json_token token)
{
    char reason[NACRE_REASON_TEXT];
    return nacre_walk_say(w, at, reason, nacre_reason_type(reason, what, token));
}

static int decode_option(struct nacre_walk *w, const struct nacre_type *t, enum nacre_json_token token,
                         uint8_t *out, const struct nacre_place *at)
{
    const void *inner = NULL;
    if (token != NACRE_JSON_NULL) {
        uint8_t *value = nacre_scratch_alloc(w->d->scratch, t->elem->c_size);
        if (!value)
            return nacre_walk_memory(w, at);
        int err = nacre_walk_value(w, t->elem, token, value, at);
        if (err)
            return err;
        inner = value;
    }
    memcpy(out, &inner, sizeof inner);
    return 0;
}

static int decode_any(struct nacre_walk *w, enum nacre_json_token token, uint8_t *out,
                      const struct nacre_place *at)
{
    struct nacre_str text;
    const char *why = NULL;
    int err = nacre_canonical(w->d->scratch, &w->j, token, &text, &why);
    if (err == -ENOMEM)
        return nacre_walk_memory(w, at);
    if (err)
        return why ? nacre_walk_say(w, at, why, err) : nacre_walk_syntax(w);
    memcpy(out, &text, sizeof text);
    return 0;
}

static int decode_nested(struct nacre_walk *w, const struct nacre_type *t, enum nacre_json_token token,
                         uint8_t *out, const struct nacre_place *at)
{
    int err;
    if (w->depth == NACRE_TYPE_DEPTH)
        return nacre_walk_say(w, at, "types nested too deep", -EINVAL);
    w->depth++;
    if (t->kind == NACRE_KIND_STRUCT)
        err = nacre_walk_struct(w, t, token, out, at);
    else if (t->kind == NACRE_KIND_VECTOR)
        err = nacre_walk_vector(w, t, token, out, at);
    else
        err = decode_option(w, t, token, out, at);
    w->depth--;
    return err;
}

int nacre_walk_value(struct nacre_walk *w, const struct nacre_type *t, enum nacre_json_token token,
                     uint8_t *out, const struct nacre_place *at)
{
    char reason[NACRE_REASON_TEXT];
    if (token == NACRE_JSON_ERROR)
        return nacre_walk_syntax(w);
    if (t->kind == NACRE_KIND_STRUCT)
        return decode_nested(w, t, token, out, at);
    if (nacre_kind_size(t->kind) == 0 || nacre_kind_size(t->kind) != t->c_size)
        return nacre_walk_say(w, at, "a type of unknown kind or wrong size", -EINVAL);
    switch (t->kind) {
    case NACRE_KIND_VECTOR:
    case NACRE_KIND_OPTION:
        return decode_nested(w, t, token, out, at);
    case NACRE_KIND_BYTES:
        return nacre_walk_bytes(w, token, out, at);
    case NACRE_KIND_JSON:
        return decode_any(w, token, out, at);
    case NACRE_KIND_ADDRESS:
        if (token == NACRE_JSON_ARRAY)
            return nacre_walk_address(w, out, at);
        break;
    default:
        break;
    }
    int err = nacre_decode_scalar(w->d->scratch, w->d->borrow, &w->j, token, t->kind, out, reason);
    if (err == -ENOMEM)
        return nacre_walk_memory(w, at);
    return err ? nacre_walk_say(w, at, reason, err) : 0;
}

int nacre_decode_text(struct nacre_decode *d, const struct nacre_type *type, void *out, const char *text,
                      size_t len)
{
    struct nacre_walk w = {.d = d};
    nacre_json_init(&w.j, text, len);
    int err = nacre_walk_value(&w, type, nacre_json_next(&w.j), out, NULL);
    if (!err && nacre_json_next(&w.j) != NACRE_JSON_END)
        err = nacre_walk_syntax(&w);
    return err;
}

bool nacre_decode_needs_body(const struct nacre_type *type)
{
    for (uint32_t i = 0; i < type->n_fields; i++)
        if (nacre_field_at(type, i)->source == NACRE_SOURCE_BODY)
            return true;
    return false;
}

int nacre_decode_param(struct nacre_decode *d, const struct nacre_field *field, void *out, const char *text,
                       size_t len)
{
    char reason[NACRE_REASON_TEXT];
    const struct nacre_place here = {NULL, &field->name, 0};
    struct nacre_str s = {text, len};
    int err;
    if (field->type->kind == NACRE_KIND_STRING) {
        if (nacre_utf8_valid((const uint8_t *)text, len)) {
            memcpy((uint8_t *)out + field->offset, &s, sizeof s);
            return 0;
        }
        (void)snprintf(reason, sizeof reason, "expected string, got invalid UTF-8");
        err = -EBADMSG;
    } else if (field->type->kind >= NACRE_KIND_U8 && field->type->kind <= NACRE_KIND_U64) {
        err = nacre_decode_integer(text, len, field->type->kind, (uint8_t *)out + field->offset, reason);
        if (!err)
            return 0;
    } else {
        (void)snprintf(reason, sizeof reason, "a path parameter cannot be %s",
                       nacre_kind_name(field->type->kind));
        err = -EINVAL;
    }
    nacre_place_say(d->why, sizeof d->why, d->root, &here, reason);
    return err;
}
