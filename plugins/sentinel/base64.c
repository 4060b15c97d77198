#include "base64.h"

#include <sodium.h>

int sentinel_base64(const struct nacre_call *call, struct nacre_str text, struct nacre_bytes *out)
{
    size_t room = (size_t)text.len / 4 * 3, len = 0;
    const char *from = text.len ? text.ptr : "", *end = NULL;
    uint8_t *bytes = text.len % 4 ? NULL : nacre_alloc(call, room + 1);
    if (!bytes || sodium_base642bin(bytes, room, from, (size_t)text.len, NULL, &len, &end,
                                    sodium_base64_VARIANT_ORIGINAL) != 0)
        return -1;
    if (end != from + text.len)
        return -1;
    out->ptr = bytes;
    out->len = len;
    return 0;
}
