/* unhex.c - hex read back; apart from digest.c because nacred reads none. */
#include "digest.h"

#include <errno.h>

static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

int nacre_unhex(uint8_t *out, size_t len, const char *text, size_t text_len)
{
    if (len > SIZE_MAX / 2 || text_len != 2 * len)
        return -EINVAL;
    for (size_t i = 0; i < text_len; i++)
        if (digit_value(text[i]) < 0)
            return -EINVAL;
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)(16 * digit_value(text[2 * i]) + digit_value(text[2 * i + 1]));
    return 0;
}
