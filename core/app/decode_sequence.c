/* decode_sequence.c - JSON arrays: vectors of any type, bytes, addresses. */
#include "decode_walk.h"

#include "decode_scalar.h"

#include <errno.h>
#include <string.h>

/* How many commas up to the next ']' there are says how many numbers there can be before any is read. */
static size_t numbers_ahead(const struct nacre_json *j)
{
    size_t n = 1;
    for (const char *p = j->at; p < j->end && *p != ']'; p++)
        n += *p == ',';
    return n;
}

/* The rest of an array of numbers 0 to 255, whose '[' has been read, into at most `cap` bytes. */
static int read_octets(struct nacre_walk *w, uint8_t *out, size_t cap, size_t *n,
                       const struct nacre_place *at)
{
    char reason[NACRE_REASON_TEXT];
    struct nacre_place here = {.up = at};
    for (;;) {
        enum nacre_json_token token = nacre_json_next(&w->j);
        if (token == NACRE_JSON_ARRAY_END)
            break;
        if (token == NACRE_JSON_ERROR)
            return nacre_walk_syntax(w);
        if (here.index == cap)
            return nacre_walk_say(w, at, "too many numbers", -EBADMSG);
        int err = nacre_decode_scalar(NULL, false, &w->j, token, NACRE_KIND_U8, out + here.index, reason);
        if (err)
            return nacre_walk_say(w, &here, reason, err);
        here.index++;
    }
    *n = (size_t)here.index;
    return 0;
}

int nacre_walk_bytes(struct nacre_walk *w, enum nacre_json_token token, uint8_t *out,
                     const struct nacre_place *at)
{
    struct nacre_bytes bytes;
    size_t n;
    if (token != NACRE_JSON_ARRAY)
        return nacre_walk_expected(w, at, "bytes (an array of numbers)", token);
    size_t cap = numbers_ahead(&w->j);
    uint8_t *data = nacre_scratch_alloc(w->d->scratch, cap);
    if (!data)
        return nacre_walk_memory(w, at);
    int err = read_octets(w, data, cap, &n, at);
    if (err)
        return err;
    bytes.ptr = data;
    bytes.len = n;
    memcpy(out, &bytes, sizeof bytes);
    return 0;
}

int nacre_walk_address(struct nacre_walk *w, uint8_t *out, const struct nacre_place *at)
{
    size_t n = 0;
    int err = read_octets(w, out, sizeof(struct nacre_address), &n, at);
    if (!err && n != sizeof(struct nacre_address))
        err = nacre_walk_say(w, at, "expected address: 32 numbers", -EBADMSG);
    return err;
}

/* Doubles as it goes: what is held follows what was read, never what the text claims. */
int nacre_walk_vector(struct nacre_walk *w, const struct nacre_type *t, enum nacre_json_token token,
                      uint8_t *out, const struct nacre_place *at)
{
    struct nacre_place here = {.up = at};
    uint64_t cap = 0, size = t->elem->c_size;
    uint8_t *items = NULL;
    if (token != NACRE_JSON_ARRAY)
        return nacre_walk_expected(w, at, "array", token);
    while ((token = nacre_json_next(&w->j)) != NACRE_JSON_ARRAY_END) {
        if (token == NACRE_JSON_ERROR)
            return nacre_walk_syntax(w);
        if (here.index == cap) {
            uint64_t more = cap ? cap * 2 : 4, bytes;
            uint8_t *grown = here.index >= NACRE_BCS_SEQ_MAX || __builtin_mul_overflow(more, size, &bytes)
                                 ? NULL
                                 : nacre_scratch_grow(w->d->scratch, items, cap * size, bytes);
            if (!grown)
                return nacre_walk_memory(w, at);
            items = grown;
            cap = more;
        }
        int err = nacre_walk_value(w, t->elem, token, items + here.index * size, &here);
        if (err)
            return err;
        here.index++;
    }
    struct nacre_vec vec = {items, here.index};
    memcpy(out, &vec, sizeof vec);
    return 0;
}
