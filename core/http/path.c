#include "path.h"

#include "common/bcs.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* The byte that text[0..left) begins with, escape undone, and how many characters it took; negative when broken. */
static int decode_one(const char *text, size_t left, size_t *took)
{
    *took = 1;
    if (text[0] != '%')
        return (unsigned char)text[0];
    if (left < 3)
        return -EBADMSG;
    int high = hex_digit(text[1]), low = hex_digit(text[2]);
    if (high < 0 || low < 0)
        return -EBADMSG;
    *took = 3;
    int c = high << 4 | low;
    return c == 0 || c == '/' ? -EBADMSG : c;
}

/* Checks one segment. "%2e" is a dot to whoever normalises paths in front of us, so it is one here too. */
static bool segment_ok(const char *text, size_t len)
{
    size_t decoded = 0, dots = 0;
    for (size_t i = 0, took; i < len; i += took) {
        if ((unsigned char)text[i] <= 0x20 || (unsigned char)text[i] >= 0x7f)
            return false;
        int c = decode_one(text + i, len - i, &took);
        if (c < 0)
            return false;
        decoded++;
        dots += c == '.';
    }
    return !(dots == decoded && (dots == 1 || dots == 2));
}

bool nacre_path_ok(const char *path, size_t len)
{
    if (len == 0 || path[0] != '/')
        return false;
    for (size_t at = 1; at <= len;) {
        const char *slash = memchr(path + at, '/', len - at);
        size_t end = slash ? (size_t)(slash - path) : len;
        if (end == at && slash) /* an empty last segment is only a path that no route has */
            return false;
        if (!segment_ok(path + at, end - at))
            return false;
        at = end + 1;
    }
    return true;
}

int64_t nacre_percent_decode(uint8_t *out, const char *text, size_t len)
{
    size_t n = 0;
    for (size_t i = 0, took; i < len; i += took) {
        int c = decode_one(text + i, len - i, &took);
        if (c < 0)
            return c;
        out[n++] = (uint8_t)c;
    }
    return nacre_utf8_valid(out, n) ? (int64_t)n : -EBADMSG;
}

const char *nacre_path_of_target(const char *target)
{
    size_t skip = strncasecmp(target, "http://", 7) == 0    ? 7
                  : strncasecmp(target, "https://", 8) == 0 ? 8
                                                            : 0;
    if (!skip)
        return target;
    const char *path = strchr(target + skip, '/');
    return path ? path : "/";
}
