#include "decode.h"

#include "canonical.h"
#include "decode_scalar.h"

#include <common/bcs.h>
#include <common/json_read.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* A name has at most 64 bytes, and an escape at most 6 for one of them: a longer key with escapes is
 * nobody's. */
#define KEY_RAW_MAX (6u * 64u)

struct walk {
    struct nacre_decode *d;
    struct nacre_json j;
    uint32_t depth; /* of types; a table from a plugin could loop */
};

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

static int say(struct walk *w, const struct nacre_place *at, const char *reason, int err)
{
    nacre_place_say(w->d->why, sizeof w->d->why, w->d->root, at, reason);
    return err;
}

static int out_of_memory(struct walk *w, const struct nacre_place *at)
{
    return say(w, at, "needs more memory than app.scratch_bytes allows", -ENOMEM);
}

/* The reader's own complaint; it is about a byte, not about a field. */
static int syntax(struct walk *w)
{
    char reason[NACRE_REASON_TEXT];
    (void)snprintf(reason, sizeof reason, "%s (byte %zu)", w->j.why ? w->j.why : "not JSON",
                   (size_t)(w->j.at - w->j.begin));
    return say(w, NULL, reason, -EBADMSG);
}

static int expected(struct walk *w, const struct nacre_place *at, const char *what,
                    enum nacre_json_token token)
{
    char reason[NACRE_REASON_TEXT];
    return say(w, at, reason, nacre_reason_type(reason, what, token));
}

static int decode_value(struct walk *w, const struct nacre_type *t, enum nacre_json_token token, uint8_t *out,
                        const struct nacre_place *at);

/* How many commas up to the next ']' there are says how many numbers there can be before any is read. */
static size_t numbers_ahead(const struct nacre_json *j)
{
    size_t n = 1;
    for (const char *p = j->at; p < j->end && *p != ']'; p++)
        n += *p == ',';
    return n;
}

/* The rest of an array of numbers 0 to 255, whose '[' has been read, into at most `cap` bytes. */
static int read_octets(struct walk *w, uint8_t *out, size_t cap, size_t *n, const struct nacre_place *at)
{
    char reason[NACRE_REASON_TEXT];
    struct nacre_place here = {.up = at};
    for (;;) {
        enum nacre_json_token token = nacre_json_next(&w->j);
        if (token == NACRE_JSON_ARRAY_END)
            break;
        if (token == NACRE_JSON_ERROR)
            return syntax(w);
        if (here.index == cap)
            return say(w, at, "too many numbers", -EBADMSG);
        int err = nacre_decode_scalar(NULL, false, &w->j, token, NACRE_KIND_U8, out + here.index, reason);
        if (err)
            return say(w, &here, reason, err);
        here.index++;
    }
    *n = (size_t)here.index;
    return 0;
}

static int decode_bytes(struct walk *w, enum nacre_json_token token, uint8_t *out,
                        const struct nacre_place *at)
{
    struct nacre_bytes bytes;
    size_t n;
    if (token != NACRE_JSON_ARRAY)
        return expected(w, at, "bytes (an array of numbers)", token);
    size_t cap = numbers_ahead(&w->j);
    uint8_t *data = nacre_scratch_alloc(w->d->scratch, cap);
    if (!data)
        return out_of_memory(w, at);
    int err = read_octets(w, data, cap, &n, at);
    if (err)
        return err;
    bytes.ptr = data;
    bytes.len = n;
    memcpy(out, &bytes, sizeof bytes);
    return 0;
}

static int decode_address(struct walk *w, uint8_t *out, const struct nacre_place *at)
{
    size_t n;
    int err = read_octets(w, out, sizeof(struct nacre_address), &n, at);
    if (!err && n != sizeof(struct nacre_address))
        err = say(w, at, "expected address: 32 numbers", -EBADMSG);
    return err;
}

/* Doubles as it goes: what is held follows what was read, never what the text claims. */
static int decode_vector(struct walk *w, const struct nacre_type *t, enum nacre_json_token token,
                         uint8_t *out, const struct nacre_place *at)
{
    struct nacre_place here = {.up = at};
    uint64_t cap = 0, size = t->elem->c_size;
    uint8_t *items = NULL;
    if (token != NACRE_JSON_ARRAY)
        return expected(w, at, "array", token);
    while ((token = nacre_json_next(&w->j)) != NACRE_JSON_ARRAY_END) {
        if (token == NACRE_JSON_ERROR)
            return syntax(w);
        if (here.index == cap) {
            uint64_t more = cap ? cap * 2 : 4, bytes;
            uint8_t *grown = here.index >= NACRE_BCS_SEQ_MAX || __builtin_mul_overflow(more, size, &bytes)
                                 ? NULL
                                 : nacre_scratch_grow(w->d->scratch, items, cap * size, bytes);
            if (!grown)
                return out_of_memory(w, at);
            items = grown;
            cap = more;
        }
        int err = decode_value(w, t->elem, token, items + here.index * size, &here);
        if (err)
            return err;
        here.index++;
    }
    struct nacre_vec vec = {items, here.index};
    memcpy(out, &vec, sizeof vec);
    return 0;
}

static int decode_option(struct walk *w, const struct nacre_type *t, enum nacre_json_token token,
                         uint8_t *out, const struct nacre_place *at)
{
    const void *inner = NULL;
    if (token != NACRE_JSON_NULL) {
        uint8_t *value = nacre_scratch_alloc(w->d->scratch, t->elem->c_size);
        if (!value)
            return out_of_memory(w, at);
        int err = decode_value(w, t->elem, token, value, at);
        if (err)
            return err;
        inner = value;
    }
    memcpy(out, &inner, sizeof inner);
    return 0;
}

static int decode_any(struct walk *w, enum nacre_json_token token, uint8_t *out, const struct nacre_place *at)
{
    struct nacre_str text;
    const char *why = NULL;
    int err = nacre_canonical(w->d->scratch, &w->j, token, &text, &why);
    if (err == -ENOMEM)
        return out_of_memory(w, at);
    if (err)
        return why ? say(w, at, why, err) : syntax(w);
    memcpy(out, &text, sizeof text);
    return 0;
}

/* The field that the last KEY names, or n_fields. Clients mostly keep the declared order: `hint` is tried
 * first. */
static uint32_t find_field(const struct walk *w, const struct nacre_type *t, uint32_t hint)
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

static int check_missing(struct walk *w, const struct nacre_type *t, const uint64_t *seen,
                         const struct nacre_place *at)
{
    for (uint32_t i = 0; i < t->n_fields; i++) {
        const struct nacre_field *f = nacre_field_at(t, i);
        struct nacre_place here = {at, &f->name, 0};
        if (f->source == NACRE_SOURCE_BODY && !(seen[i / 64] >> (i % 64) & 1) &&
            f->type->kind != NACRE_KIND_OPTION)
            return say(w, &here, "missing", -EBADMSG);
    }
    return 0;
}

/* The value behind the last KEY, when the struct knows it. */
static int decode_member(struct walk *w, const struct nacre_type *t, uint32_t i, uint64_t *seen, uint8_t *out,
                         const struct nacre_place *at)
{
    const struct nacre_field *f = nacre_field_at(t, i);
    struct nacre_place here = {at, &f->name, 0};
    if (seen[i / 64] >> (i % 64) & 1)
        return say(w, &here, "duplicate key", -EBADMSG);
    seen[i / 64] |= 1ull << (i % 64);
    if (f->offset > t->c_size || f->type->c_size > t->c_size - f->offset)
        return say(w, &here, "the field lies outside its struct", -EINVAL);
    return decode_value(w, f->type, nacre_json_next(&w->j), out + f->offset, &here);
}

static int decode_struct(struct walk *w, const struct nacre_type *t, enum nacre_json_token token,
                         uint8_t *out, const struct nacre_place *at)
{
    uint64_t seen[NACRE_FIELDS_MAX / 64];
    uint32_t hint = 0;
    if (t->n_fields > NACRE_FIELDS_MAX || t->field_size < sizeof(struct nacre_field))
        return say(w, at, "the type's table of fields is out of form", -EINVAL);
    if (token != NACRE_JSON_OBJECT)
        return expected(w, at, "object", token);
    memset(seen, 0, (t->n_fields + 63) / 64 * sizeof seen[0]);
    while ((token = nacre_json_next(&w->j)) != NACRE_JSON_OBJECT_END) {
        int err = 0;
        if (token != NACRE_JSON_KEY)
            return syntax(w);
        uint32_t i = find_field(w, t, hint);
        if (i < t->n_fields) {
            err = decode_member(w, t, i, seen, out, at);
            hint = i + 1;
        } else if (nacre_json_skip(&w->j, nacre_json_next(&w->j)) < 0) {
            err = syntax(w);
        }
        if (err)
            return err;
    }
    return check_missing(w, t, seen, at);
}

static int decode_nested(struct walk *w, const struct nacre_type *t, enum nacre_json_token token,
                         uint8_t *out, const struct nacre_place *at)
{
    int err;
    if (w->depth == NACRE_TYPE_DEPTH)
        return say(w, at, "types nested too deep", -EINVAL);
    w->depth++;
    if (t->kind == NACRE_KIND_STRUCT)
        err = decode_struct(w, t, token, out, at);
    else if (t->kind == NACRE_KIND_VECTOR)
        err = decode_vector(w, t, token, out, at);
    else
        err = decode_option(w, t, token, out, at);
    w->depth--;
    return err;
}

static int decode_value(struct walk *w, const struct nacre_type *t, enum nacre_json_token token, uint8_t *out,
                        const struct nacre_place *at)
{
    char reason[NACRE_REASON_TEXT];
    if (token == NACRE_JSON_ERROR)
        return syntax(w);
    if (t->kind == NACRE_KIND_STRUCT)
        return decode_nested(w, t, token, out, at);
    if (nacre_kind_size(t->kind) == 0 || nacre_kind_size(t->kind) != t->c_size)
        return say(w, at, "a type of unknown kind or wrong size", -EINVAL);
    switch (t->kind) {
    case NACRE_KIND_VECTOR:
    case NACRE_KIND_OPTION:
        return decode_nested(w, t, token, out, at);
    case NACRE_KIND_BYTES:
        return decode_bytes(w, token, out, at);
    case NACRE_KIND_JSON:
        return decode_any(w, token, out, at);
    case NACRE_KIND_ADDRESS:
        if (token == NACRE_JSON_ARRAY)
            return decode_address(w, out, at);
        break;
    default:
        break;
    }
    int err = nacre_decode_scalar(w->d->scratch, w->d->borrow, &w->j, token, t->kind, out, reason);
    if (err == -ENOMEM)
        return out_of_memory(w, at);
    return err ? say(w, at, reason, err) : 0;
}

int nacre_decode_text(struct nacre_decode *d, const struct nacre_type *type, void *out, const char *text,
                      size_t len)
{
    struct walk w = {.d = d};
    nacre_json_init(&w.j, text, len);
    int err = decode_value(&w, type, nacre_json_next(&w.j), out, NULL);
    if (!err && nacre_json_next(&w.j) != NACRE_JSON_END)
        err = syntax(&w);
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
