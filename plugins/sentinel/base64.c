#include "base64.h"

#include <sodium.h>

/* libsodium 1.0.18 takes some bytes above 127 for base64 characters. */
static int is_ascii(struct nacre_str text)
{
    unsigned char all = 0;
    for (uint64_t i = 0; i < text.len; i++)
        all |= (unsigned char)text.ptr[i];
    return all < 0x80;
}

int sentinel_base64(const struct nacre_call *call, struct nacre_str text, struct nacre_bytes *out)
{
    size_t room = (size_t)text.len / 4 * 3, len = 0;
    const char *from = text.len ? text.ptr : "", *end = NULL;
    uint8_t *bytes = text.len % 4 || !is_ascii(text) ? NULL : nacre_alloc(call, room + 1);
    if (!bytes || sodium_base642bin(bytes, room, from, (size_t)text.len, NULL, &len, &end,
                                    sodium_base64_VARIANT_ORIGINAL) != 0)
        return -1;
    if (end != from + text.len)
        return -1;
    out->ptr = bytes;
    out->len = len;
    return 0;
}
