#include "canonical.h"

#include "number.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A member of an object that is being read: its key, and where in the output `"key":value` stands. */
struct member {
    const char *key; /* escapes undone */
    size_t key_len;
    size_t start, end;
};

struct canonical {
    struct nacre_scratch *scratch;
    struct nacre_json *j;
    char *text; /* the output so far */
    size_t len, cap;
    struct member *members; /* a stack: those of all objects that are open */
    size_t n_members, cap_members;
    char *spare; /* where members are put in order */
    size_t cap_spare;
    const char *why;
};

static int room(struct canonical *c, size_t more)
{
    if (c->cap - c->len >= more)
        return 0;
    size_t cap = c->cap ? c->cap * 2 : 256;
    while (cap - c->len < more)
        cap *= 2;
    char *text = nacre_scratch_grow(c->scratch, c->text, c->cap, cap);
    if (!text)
        return -ENOMEM;
    c->text = text;
    c->cap = cap;
    return 0;
}

static int put(struct canonical *c, const char *text, size_t len)
{
    int err = len ? room(c, len) : 0;
    if (err || len == 0)
        return err;
    memcpy(c->text + c->len, text, len);
    c->len += len;
    return 0;
}

/* One character that may not stand in a string as it is. The short forms are obligatory (RFC 8785, 3.2.2.2).
 */
static int put_escape(struct canonical *c, unsigned char byte)
{
    static const char from[] = "\"\\\b\f\n\r\t";
    static const char to[] = "\"\\bfnrt";
    static const char hex[] = "0123456789abcdef";
    const char *known = byte ? strchr(from, byte) : NULL;
    if (known)
        return put(c, (const char[]){'\\', to[known - from]}, 2);
    return put(c, (const char[]){'\\', 'u', '0', '0', hex[byte >> 4], hex[byte & 15]}, 6);
}

static int put_string(struct canonical *c, const char *text, size_t len)
{
    int err = put(c, "\"", 1);
    size_t start = 0;
    for (size_t i = 0; i < len && !err; i++) {
        unsigned char byte = (unsigned char)text[i];
        if (byte >= 0x20 && byte != '"' && byte != '\\')
            continue;
        err = put(c, text + start, i - start);
        if (!err)
            err = put_escape(c, byte);
        start = i + 1;
    }
    if (!err)
        err = put(c, text + start, len - start);
    return err ? err : put(c, "\"", 1);
}

/* The last STRING or KEY with its escapes undone: in place when it has none. */
static int plain_text(struct canonical *c, const char **text, size_t *len)
{
    *text = c->j->text;
    *len = c->j->text_len;
    if (!c->j->escaped)
        return 0;
    char *copy = nacre_scratch_alloc(c->scratch, c->j->text_len);
    if (!copy)
        return -ENOMEM;
    *len = nacre_json_unescape(copy, c->j->text, c->j->text_len);
    *text = copy;
    return 0;
}

static int put_number(struct canonical *c)
{
    char text[NACRE_NUMBER_TEXT];
    int n = nacre_number_canonical(c->j->text, c->j->text_len, text);
    if (n < 0) {
        c->why = "a number beyond the range of doubles";
        return -EBADMSG;
    }
    return put(c, text, (size_t)n);
}

/*
 * In UTF-8 bytes compare like code points. UTF-16 differs in one thing: characters above U+FFFF (first byte
 * F0 to F4) are written with surrogates D800 to DFFF and so come before U+E000 to U+FFFF (first byte EE or
 * EF).
 */
static int rank(unsigned char byte)
{
    if (byte >= 0xf0)
        return byte - 2;
    return byte >= 0xee ? byte + 16 : byte;
}

int nacre_utf16_order(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t n = a_len < b_len ? a_len : b_len;
    for (size_t i = 0; i < n; i++)
        if (a[i] != b[i])
            return rank((unsigned char)a[i]) - rank((unsigned char)b[i]);
    return (a_len > b_len) - (a_len < b_len);
}

static int member_order(const void *a, const void *b)
{
    const struct member *x = a, *y = b;
    return nacre_utf16_order(x->key, x->key_len, y->key, y->key_len);
}

static int push_member(struct canonical *c, const struct member *m)
{
    if (c->n_members == c->cap_members) {
        size_t cap = c->cap_members ? c->cap_members * 2 : 16;
        struct member *grown =
            nacre_scratch_grow(c->scratch, c->members, c->cap_members * sizeof *grown, cap * sizeof *grown);
        if (!grown)
            return -ENOMEM;
        c->members = grown;
        c->cap_members = cap;
    }
    c->members[c->n_members++] = *m;
    return 0;
}

/* Writes the members again, in order. `start` is where the first of them stands in the output. */
static int rearrange(struct canonical *c, const struct member *m, size_t n, size_t start)
{
    size_t len = c->len - start, at = 0;
    if (len > c->cap_spare) {
        size_t cap = len > 2 * c->cap_spare ? len : 2 * c->cap_spare;
        char *spare = nacre_scratch_alloc(c->scratch, cap);
        if (!spare)
            return -ENOMEM;
        c->spare = spare;
        c->cap_spare = cap;
    }
    for (size_t i = 0; i < n; i++) {
        if (i)
            c->spare[at++] = ',';
        memcpy(c->spare + at, c->text + m[i].start, m[i].end - m[i].start);
        at += m[i].end - m[i].start;
    }
    memcpy(c->text + start, c->spare, len);
    return 0;
}

/* The members from `first` on are one object's, all read: puts them in order, refuses duplicates, forgets
 * them. */
static int close_object(struct canonical *c, size_t first, size_t start)
{
    size_t n = c->n_members - first;
    if (n == 0)
        return put(c, "}", 1);
    struct member *m = c->members + first;
    bool sorted = true;
    for (size_t i = 1; i < n && sorted; i++)
        sorted = member_order(&m[i - 1], &m[i]) < 0;
    c->n_members = first;
    if (sorted)
        return put(c, "}", 1);
    qsort(m, n, sizeof *m, member_order);
    for (size_t i = 1; i < n; i++) {
        if (member_order(&m[i - 1], &m[i]) == 0) {
            c->why = "a duplicate key";
            return -EBADMSG;
        }
    }
    int err = rearrange(c, m, n, start);
    return err ? err : put(c, "}", 1);
}

static int put_value(struct canonical *c, enum nacre_json_token token);

static int put_member(struct canonical *c)
{
    struct member m = {.start = c->len};
    int err = plain_text(c, &m.key, &m.key_len);
    if (!err)
        err = put_string(c, m.key, m.key_len);
    if (!err)
        err = put(c, ":", 1);
    if (!err)
        err = put_value(c, nacre_json_next(c->j));
    m.end = c->len;
    return err ? err : push_member(c, &m);
}

static int put_object(struct canonical *c)
{
    size_t first = c->n_members;
    int err = put(c, "{", 1);
    size_t start = c->len;
    while (!err) {
        enum nacre_json_token token = nacre_json_next(c->j);
        if (token == NACRE_JSON_OBJECT_END)
            return close_object(c, first, start);
        if (token != NACRE_JSON_KEY)
            return -EBADMSG;
        if (c->n_members > first)
            err = put(c, ",", 1);
        if (!err)
            err = put_member(c);
    }
    return err;
}

static int put_array(struct canonical *c)
{
    int err = put(c, "[", 1);
    for (bool any = false; !err; any = true) {
        enum nacre_json_token token = nacre_json_next(c->j);
        if (token == NACRE_JSON_ARRAY_END)
            return put(c, "]", 1);
        if (any)
            err = put(c, ",", 1);
        if (!err)
            err = put_value(c, token);
    }
    return err;
}

/* Recursion is as deep as the reader allows: NACRE_JSON_DEPTH. */
static int put_value(struct canonical *c, enum nacre_json_token token)
{
    const char *text;
    size_t len;
    int err;
    switch (token) {
    case NACRE_JSON_NULL:
        return put(c, "null", 4);
    case NACRE_JSON_TRUE:
        return put(c, "true", 4);
    case NACRE_JSON_FALSE:
        return put(c, "false", 5);
    case NACRE_JSON_NUMBER:
        return put_number(c);
    case NACRE_JSON_STRING:
        err = plain_text(c, &text, &len);
        return err ? err : put_string(c, text, len);
    case NACRE_JSON_OBJECT:
        return put_object(c);
    case NACRE_JSON_ARRAY:
        return put_array(c);
    default:
        return -EBADMSG;
    }
}

int nacre_canonical(struct nacre_scratch *scratch, struct nacre_json *j, enum nacre_json_token first,
                    struct nacre_str *out, const char **why)
{
    struct canonical c = {.scratch = scratch, .j = j};
    int err = put_value(&c, first);
    if (err) {
        *why = c.why;
        return err;
    }
    out->ptr = c.text;
    out->len = c.len;
    return 0;
}
