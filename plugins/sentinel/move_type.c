#include "move_type.h"

#include <stdbool.h>

#define DEPTH_MAX 16u /* as Move itself */

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int sentinel_address_parse(uint8_t out[32], struct nacre_str text)
{
    uint8_t bytes[32] = {0};
    if (text.len < 3 || text.len > 66 || text.ptr[0] != '0' || text.ptr[1] != 'x')
        return -1;
    for (uint64_t i = 0; i < text.len - 2; i++) { /* from the last digit on */
        int d = digit(text.ptr[text.len - 1 - i]);
        if (d < 0)
            return -1;
        bytes[31 - i / 2] |= (uint8_t)(i % 2 ? d << 4 : d);
    }
    memcpy(out, bytes, sizeof bytes);
    return 0;
}

struct sentinel_address_text sentinel_address_text(const uint8_t address[32])
{
    static const char hex[] = "0123456789abcdef";
    struct sentinel_address_text t = {"0x"};
    for (unsigned i = 0; i < 32; i++) {
        t.z[2 + 2 * i] = hex[address[i] >> 4];
        t.z[3 + 2 * i] = hex[address[i] & 15];
    }
    t.z[66] = '\0';
    return t;
}

struct cursor {
    const char *at, *end;
};

static bool skip(struct cursor *c, const char *z)
{
    size_t n = strlen(z);
    if ((size_t)(c->end - c->at) < n || memcmp(c->at, z, n) != 0)
        return false;
    c->at += n;
    return true;
}

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* Letters, digits and underscores; empty when there are none. */
static struct nacre_str word(struct cursor *c)
{
    struct nacre_str s = {c->at, 0};
    while (c->at < c->end && is_word(*c->at))
        c->at++;
    s.len = (uint64_t)(c->at - s.ptr);
    return s;
}

static bool is_name(struct nacre_str s)
{
    return s.len > 0 && (s.ptr[0] < '0' || s.ptr[0] > '9');
}

static bool is_primitive(struct nacre_str s)
{
    static const char *const names[] = {"bool", "u8", "u16", "u32", "u64", "u128", "u256", "address"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (nacre_str_is(s, names[i]))
            return true;
    }
    return false;
}

struct tag {
    uint8_t package[32];
    struct nacre_str module, name;
    unsigned n_params;
};

static bool read_type(struct cursor *c, unsigned depth);

/* <T, ...> behind a name, when it is there. */
static bool read_params(struct cursor *c, struct tag *t, unsigned depth)
{
    if (!skip(c, "<"))
        return true;
    do {
        (void)skip(c, " ");
        if (!read_type(c, depth + 1))
            return false;
        t->n_params++;
    } while (skip(c, ","));
    return skip(c, ">");
}

static bool read_struct(struct cursor *c, struct tag *t, unsigned depth)
{
    if (sentinel_address_parse(t->package, word(c)) || !skip(c, "::"))
        return false;
    t->module = word(c);
    if (!is_name(t->module) || !skip(c, "::"))
        return false;
    t->name = word(c);
    return is_name(t->name) && read_params(c, t, depth);
}

static bool read_type(struct cursor *c, unsigned depth)
{
    struct cursor ahead = *c;
    struct tag t = {{0}, {NULL, 0}, {NULL, 0}, 0};
    struct nacre_str first = word(&ahead);
    if (depth > DEPTH_MAX)
        return false;
    if (is_primitive(first)) {
        *c = ahead;
        return true;
    }
    if (nacre_str_is(first, "vector")) {
        *c = ahead;
        return skip(c, "<") && read_type(c, depth + 1) && skip(c, ">");
    }
    return read_struct(c, &t, depth);
}

enum sentinel_type_fit sentinel_type_match(struct nacre_str text, const uint8_t package[32])
{
    struct cursor c = {text.ptr, text.ptr + text.len};
    struct tag t = {{0}, {NULL, 0}, {NULL, 0}, 0};
    if (text.len == 0 || text.len > SENTINEL_TYPE_TEXT_MAX || !read_struct(&c, &t, 0) || c.at != c.end)
        return SENTINEL_TYPE_MALFORMED;
    if (memcmp(t.package, package, 32) != 0)
        return SENTINEL_TYPE_FOREIGN;
    if (!nacre_str_is(t.module, "sentinel") || !nacre_str_is(t.name, "Attack") || t.n_params != 1)
        return SENTINEL_TYPE_OTHER;
    return SENTINEL_TYPE_FITS;
}
