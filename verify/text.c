#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

int nacre_vfy_fail(nacre_verify_error *error, int code, const char *format, ...)
{
    if (error != NULL) {
        va_list args;
        va_start(args, format);
        (void)vsnprintf(error->text, sizeof error->text, format, args);
        va_end(args);
    }
    return code;
}

void nacre_vfy_hex(const uint8_t *bytes, size_t size, char *out)
{
    static const char digit[] = "0123456789abcdef";
    for (size_t i = 0; i < size; i++) {
        out[2 * i] = digit[bytes[i] >> 4];
        out[2 * i + 1] = digit[bytes[i] & 15];
    }
    out[2 * size] = '\0';
}

static int nibble(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    if (c >= 'A' && c <= 'F') {
        return c - 'A' + 10;
    }
    return -1;
}

bool nacre_vfy_unhex(const char *text, size_t size, uint8_t *out)
{
    for (size_t i = 0; i < size; i++) {
        int high = nibble(text[2 * i]);
        int low = high < 0 ? -1 : nibble(text[2 * i + 1]);
        if (low < 0) {
            return false;
        }
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

void nacre_vfy_time(uint64_t ms, char *out)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm = {0};
    (void)gmtime_r(&seconds, &tm);
    (void)snprintf(out, NACRE_VFY_TIME_SIZE, "%04d-%02d-%02dT%02d:%02d:%02d.%03uZ",
                   (tm.tm_year + 1900) % 10000, (tm.tm_mon + 1) % 100, tm.tm_mday % 100, tm.tm_hour % 100,
                   tm.tm_min % 100, tm.tm_sec % 100, (unsigned)(ms % 1000));
}
