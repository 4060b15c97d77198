/* decode_struct.c - JSON objects. */
#include "decode_walk.h"

#include <errno.h>
#include <string.h>

/* A name has at most 64 bytes, and an escape at most 6 for one of them: a longer key with escapes is
 * nobody's. */
#define KEY_RAW_MAX (6u * 64u)

/* The field that the last KEY names, or n_fields. Clients mostly keep the declared order: `hint` is tried
 * first. */
static uint32_t find_field(const struct nacre_walk *w, const struct nacre_type *t, uint32_t hint)
{
    char plain[KEY_RAW_MAX];
    struct nacre_str key = {w->j.text, w->j.text_len};
    if (w->j.escaped) {
        if (key.len > sizeof plain)
            return t->n_fields;
        key.len = nacre_json_unescape(plain, w->j.text, w->j.text_len);
        key.ptr = plain;
    }
    for (uint32_t k = 0; k < t->n_fields; k++) {
        uint32_t i = hint + k < t->n_fields ? hint + k : hint + k - t->n_fields;
        const struct nacre_field *f = nacre_field_at(t, i);
        if (f->name.len == key.len && f->source == NACRE_SOURCE_BODY &&
            memcmp(f->name.ptr, key.ptr, (size_t)key.len) == 0)
            return i;
    }
    return t->n_fields;
}

static int check_missing(struct nacre_walk *w, const struct nacre_type *t, const uint64_t *seen,
                         const struct nacre_place *at)
{
    for (uint32_t i = 0; i < t->n_fields; i++) {
        const struct nacre_field *f = nacre_field_at(t, i);
        struct nacre_place here = {at, &f->name, 0};
        if (f->source == NACRE_SOURCE_BODY && !(seen[i / 64] >> (i % 64) & 1) &&
            f->type->kind != NACRE_KIND_OPTION)
            return nacre_walk_say(w, &here, "missing", -EBADMSG);
    }
    return 0;
}

/* The value behind the last KEY, when the struct knows it. */
static int decode_member(struct nacre_walk *w, const struct nacre_type *t, uint32_t i, uint64_t *seen,
                         uint8_t *out, const struct nacre_place *at)
{
    const struct nacre_field *f = nacre_field_at(t, i);
    struct nacre_place here = {at, &f->name, 0};
    if (seen[i / 64] >> (i % 64) & 1)
        return nacre_walk_say(w, &here, "duplicate key", -EBADMSG);
    seen[i / 64] |= 1ull << (i % 64);
    if (f->offset > t->c_size || f->type->c_size > t->c_size - f->offset)
        return nacre_walk_say(w, &here, "the field lies outside its struct", -EINVAL);
    return nacre_walk_value(w, f->type, nacre_json_next(&w->j), out + f->offset, &here);
}

int nacre_walk_struct(struct nacre_walk *w, const struct nacre_type *t, enum nacre_json_token token,
                      uint8_t *out, const struct nacre_place *at)
{
    uint64_t seen[NACRE_FIELDS_MAX / 64];
    uint32_t hint = 0;
    if (t->n_fields > NACRE_FIELDS_MAX || t->field_size < sizeof(struct nacre_field))
        return nacre_walk_say(w, at, "the type's table of fields is out of form", -EINVAL);
    if (token != NACRE_JSON_OBJECT)
        return nacre_walk_expected(w, at, "object", token);
    memset(seen, 0, (t->n_fields + 63) / 64 * sizeof seen[0]);
    while ((token = nacre_json_next(&w->j)) != NACRE_JSON_OBJECT_END) {
        int err = 0;
        if (token != NACRE_JSON_KEY)
            return nacre_walk_syntax(w);
        uint32_t i = find_field(w, t, hint);
        if (i < t->n_fields) {
            err = decode_member(w, t, i, seen, out, at);
            hint = i + 1;
        } else if (nacre_json_skip(&w->j, nacre_json_next(&w->j)) < 0) {
            err = nacre_walk_syntax(w);
        }
        if (err)
            return err;
    }
    return check_missing(w, t, seen, at);
}
