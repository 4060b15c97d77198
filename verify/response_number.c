#include "response_number.h"

#include <string.h>

#define WIDTH_MAX 32u

bool nacre_vfy_decimal(const char *text, size_t size, uint8_t *out, size_t width)
{
    uint8_t value[WIDTH_MAX] = {0};
    if (size == 0 || width > sizeof value || (text[0] == '0' && size > 1)) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        unsigned carry = (unsigned)(text[i] - '0');
        for (size_t k = 0; k < width; k++) {
            carry += value[k] * 10u;
            value[k] = (uint8_t)carry;
            carry >>= 8;
        }
        /* Digits that come after an overflow are not looked at: their number bounds no loop. */
        if (carry != 0) {
            return false;
        }
    }
    memcpy(out, value, width);
    return true;
}

bool nacre_vfy_decimal_u64(const char *text, size_t size, uint64_t *out)
{
    uint8_t bytes[8];
    if (!nacre_vfy_decimal(text, size, bytes, sizeof bytes)) {
        return false;
    }
    *out = 0;
    for (unsigned i = 0; i < sizeof bytes; i++) {
        *out |= (uint64_t)bytes[i] << (8 * i);
    }
    return true;
}
