#include "json_write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool nacre_json_reserve(struct nacre_json_out *o, size_t more)
{
    if (o->failed || more > SIZE_MAX / 4 - o->len) {
        o->failed = true;
        return false;
    }
    if (o->cap - o->len >= more)
        return true;
    size_t cap = o->cap ? o->cap * 2 : 512;
    while (cap - o->len < more)
        cap *= 2;
    char *base = realloc(o->base, cap);
    if (!base) {
        o->failed = true;
        return false;
    }
    o->base = base;
    o->cap = cap;
    return true;
}

void nacre_json_raw(struct nacre_json_out *o, const char *text, size_t len)
{
    if (len == 0 || !nacre_json_reserve(o, len))
        return;
    memcpy(o->base + o->len, text, len);
    o->len += len;
}

void nacre_json_lit(struct nacre_json_out *o, const char *terminated)
{
    nacre_json_raw(o, terminated, strlen(terminated));
}

static bool needs_escape(unsigned char c)
{
    return c < 0x20 || c == '"' || c == '\\';
}

static void put_escape(struct nacre_json_out *o, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    static const char short_from[] = "\"\\\b\f\n\r\t";
    static const char short_to[] = "\"\\bfnrt";
    const char *known = c ? strchr(short_from, c) : NULL;
    if (known) {
        char two[2] = {'\\', short_to[known - short_from]};
        nacre_json_raw(o, two, sizeof two);
    } else {
        char six[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
        nacre_json_raw(o, six, sizeof six);
    }
}

void nacre_json_string(struct nacre_json_out *o, const char *text, size_t len)
{
    nacre_json_raw(o, "\"", 1);
    size_t start = 0;
    for (size_t i = 0; i < len; i++) {
        if (!needs_escape((unsigned char)text[i]))
            continue;
        nacre_json_raw(o, text + start, i - start);
        put_escape(o, (unsigned char)text[i]);
        start = i + 1;
    }
    nacre_json_raw(o, text + start, len - start);
    nacre_json_raw(o, "\"", 1);
}

void nacre_json_u64(struct nacre_json_out *o, uint64_t v)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + v % 10);
        v /= 10;
    } while (v);
    nacre_json_raw(o, digits + at, sizeof digits - at);
}

void nacre_json_i64(struct nacre_json_out *o, int64_t v)
{
    if (v < 0)
        nacre_json_raw(o, "-", 1);
    nacre_json_u64(o, v < 0 ? ~(uint64_t)v + 1 : (uint64_t)v);
}

void nacre_json_hex(struct nacre_json_out *o, const uint8_t *data, size_t len)
{
    static const char hex[] = "0123456789abcdef";
    if (len > SIZE_MAX / 4 || !nacre_json_reserve(o, 2 * len)) {
        o->failed = true;
        return;
    }
    for (size_t i = 0; i < len; i++) {
        o->base[o->len++] = hex[data[i] >> 4];
        o->base[o->len++] = hex[data[i] & 15];
    }
}
