#include "render.h"

#include "common/bcs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int nacre_renderer_init(struct nacre_renderer *r, const struct nacre_types *types)
{
    size_t room = 1;
    for (uint32_t i = 0; i < types->n_fields; i++)
        room += strlen(types->fields[i].name) + 4;
    struct nacre_renderer made = {types, calloc(types->n_fields + 1u, sizeof *made.keys), malloc(room)};
    if (!made.keys || !made.text) {
        nacre_renderer_free(&made);
        return -ENOMEM;
    }
    size_t at = 0;
    for (uint32_t i = 0; i < types->n_fields; i++) {
        /* names are identifiers, checked with the table: nothing in them needs escaping */
        int n = snprintf(made.text + at, room - at, ",\"%s\":", types->fields[i].name);
        made.keys[i] = (struct nacre_render_key){made.text + at, (uint32_t)n};
        at += (size_t)n;
    }
    *r = made;
    return 0;
}

void nacre_renderer_free(struct nacre_renderer *r)
{
    free(r->keys);
    free(r->text);
    r->keys = NULL;
    r->text = NULL;
}

struct walk {
    struct nacre_json_out *out;
    const struct nacre_renderer *r;
    struct nacre_reader in;
    size_t max;
    bool too_long;
};

/* Writes `v` into at[0..3). Returns how many digits. */
static size_t put_byte(char *at, uint8_t v)
{
    size_t n = 0;
    if (v >= 100)
        at[n++] = (char)('0' + v / 100);
    if (v >= 10)
        at[n++] = (char)('0' + v / 10 % 10);
    at[n++] = (char)('0' + v % 10);
    return n;
}

static void render_byte_array(struct walk *w, size_t len)
{
    const uint8_t *p = nacre_read_bytes(&w->in, len);
    if (!p || !nacre_json_reserve(w->out, 4 * len + 2))
        return;
    char *at = w->out->base + w->out->len;
    *at++ = '[';
    for (size_t i = 0; i < len; i++) {
        if (i)
            *at++ = ',';
        at += put_byte(at, p[i]);
    }
    *at++ = ']';
    w->out->len = (size_t)(at - w->out->base);
}

/* A little-endian integer of 16 or 32 bytes as a decimal string: 19 digits at a time, as many as a u64 holds. */
static void render_wide(struct walk *w, size_t width)
{
    static const uint64_t chunk = 10000000000000000000u;
    uint64_t limbs[4] = {0};
    char digits[5 * 19];
    size_t at = sizeof digits;
    for (size_t i = 0; i < width / 8; i++)
        limbs[i] = nacre_read_le(&w->in, 8);
    for (;;) {
        uint64_t rest = 0;
        for (size_t i = 4; i-- > 0;) {
            unsigned __int128 v = (unsigned __int128)rest << 64 | limbs[i];
            limbs[i] = (uint64_t)(v / chunk);
            rest = (uint64_t)(v % chunk);
        }
        bool last = !(limbs[0] | limbs[1] | limbs[2] | limbs[3]);
        for (unsigned d = 0; last ? rest || at == sizeof digits : d < 19; d++, rest /= 10)
            digits[--at] = (char)('0' + rest % 10);
        if (last)
            break;
    }
    nacre_json_raw(w->out, "\"", 1);
    nacre_json_raw(w->out, digits + at, sizeof digits - at);
    nacre_json_raw(w->out, "\"", 1);
}

static void render_bool(struct walk *w)
{
    uint8_t v = nacre_read_u8(&w->in);
    if (v > 1)
        w->in.failed = true;
    else
        nacre_json_raw(w->out, v ? "true" : "false", v ? 4 : 5);
}

static void render_string(struct walk *w)
{
    uint32_t len = nacre_bcs_read_len(&w->in);
    const uint8_t *p = nacre_read_bytes(&w->in, len);
    if (p && nacre_utf8_valid(p, len))
        nacre_json_string(w->out, (const char *)p, len);
    else
        w->in.failed = true;
}

static void render_value(struct walk *w, uint32_t index);

static void render_struct(struct walk *w, const struct nacre_type_decl *t)
{
    for (uint32_t i = 0; i < t->n_fields && !w->in.failed; i++) {
        const struct nacre_render_key *key = &w->r->keys[t->first_field + i];
        if (i == 0) {
            nacre_json_raw(w->out, "{", 1);
            nacre_json_raw(w->out, key->text + 1, key->len - 1);
        } else {
            nacre_json_raw(w->out, key->text, key->len);
        }
        render_value(w, w->r->types->fields[t->first_field + i].type);
    }
    nacre_json_raw(w->out, "}", 1);
}

static void render_vector(struct walk *w, const struct nacre_type_decl *t)
{
    uint32_t n = nacre_bcs_read_len(&w->in);
    if (w->r->types->types[t->elem].kind ==
        NACRE_KIND_U8) { /* the same bytes as NACRE_KIND_BYTES, the same text */
        render_byte_array(w, n);
        return;
    }
    nacre_json_raw(w->out, "[", 1);
    /* every value takes at least one byte, so the input's length bounds this loop */
    for (uint32_t i = 0; i < n && !w->in.failed; i++) {
        if (i)
            nacre_json_raw(w->out, ",", 1);
        render_value(w, t->elem);
    }
    nacre_json_raw(w->out, "]", 1);
}

static void render_option(struct walk *w, const struct nacre_type_decl *t)
{
    uint32_t n = nacre_bcs_read_len(&w->in);
    if (n > 1)
        w->in.failed = true;
    else if (n == 0)
        nacre_json_raw(w->out, "null", 4);
    else
        render_value(w, t->elem);
}

/* Recursion is bounded by the table: each step goes to a smaller index, NACRE_TYPE_DEPTH at most. */
static void render_value(struct walk *w, uint32_t index)
{
    const struct nacre_type_decl *t = &w->r->types->types[index];
    if (w->out->len > w->max || w->out->failed) {
        w->too_long = !w->out->failed;
        w->in.failed = true;
    }
    if (w->in.failed)
        return;
    switch (t->kind) {
    case NACRE_KIND_BOOL:
        render_bool(w);
        return;
    case NACRE_KIND_U8:
    case NACRE_KIND_U16:
    case NACRE_KIND_U32:
    case NACRE_KIND_U64:
        nacre_json_u64(w->out, nacre_read_le(&w->in, (size_t)1 << (t->kind - NACRE_KIND_U8)));
        return;
    case NACRE_KIND_U128:
    case NACRE_KIND_U256:
        render_wide(w, t->kind == NACRE_KIND_U128 ? 16 : 32);
        return;
    case NACRE_KIND_STRING:
        render_string(w);
        return;
    case NACRE_KIND_BYTES:
        render_byte_array(w, nacre_bcs_read_len(&w->in));
        return;
    case NACRE_KIND_ADDRESS:
        render_byte_array(w, 32);
        return;
    case NACRE_KIND_STRUCT:
        render_struct(w, t);
        return;
    case NACRE_KIND_VECTOR:
        render_vector(w, t);
        return;
    case NACRE_KIND_OPTION:
        render_option(w, t);
        return;
    default: /* F64, JSON: not in BCS */
        w->in.failed = true;
    }
}

int nacre_render(struct nacre_json_out *out, const struct nacre_renderer *r, uint32_t root,
                 const uint8_t *bcs, size_t len, size_t max)
{
    struct walk w = {out, r, nacre_reader(bcs, len), max, false};
    size_t before = out->len;
    if (root >= r->types->n_types)
        return -EBADMSG;
    render_value(&w, root);
    int err = 0;
    if (out->failed)
        err = -ENOMEM;
    else if (w.too_long || out->len > max)
        err = -EMSGSIZE;
    else if (w.in.failed || w.in.at != w.in.end)
        err = -EBADMSG;
    if (err)
        out->len = before;
    return err;
}
