#include "json.h"

/* Bytes that this character takes. */
static uint64_t width(unsigned char c)
{
    if (c == '"' || c == '\\' || c == '\n' || c == '\r' || c == '\t')
        return 2;
    return c < 0x20 ? 6 : 1;
}

static char *put(char *out, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    static const char from[] = "\"\\\n\r\t", to[] = "\"\\nrt";
    const char *short_form = c ? strchr(from, c) : NULL;
    if (short_form) {
        *out++ = '\\';
        *out++ = to[short_form - from];
    } else if (c < 0x20) {
        *out++ = '\\';
        *out++ = 'u';
        *out++ = '0';
        *out++ = '0';
        *out++ = hex[c >> 4];
        *out++ = hex[c & 15];
    } else {
        *out++ = (char)c;
    }
    return out;
}

struct nacre_str sentinel_json_string(const struct nacre_call *call, struct nacre_str text)
{
    struct nacre_str s = {NULL, 0};
    uint64_t len = 2;
    for (uint64_t i = 0; i < text.len; i++)
        len += width((unsigned char)text.ptr[i]);
    char *out = nacre_alloc(call, len + 1);
    if (!out)
        return s;
    s.ptr = out;
    s.len = len;
    *out++ = '"';
    for (uint64_t i = 0; i < text.len; i++)
        out = put(out, (unsigned char)text.ptr[i]);
    *out = '"';
    return s;
}
