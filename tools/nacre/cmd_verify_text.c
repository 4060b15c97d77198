/* Words of the command line, as numbers and bytes. Strict: what is not understood whole is not understood. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sodium.h>

#include "cmd_verify.h"

int nacre_vcmd_parse_hex(const char *text, size_t length, uint8_t *out, size_t max, size_t *size)
{
    size_t made = 0;
    if (length >= 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
        text += 2;
        length -= 2;
    }
    if (length % 2 != 0 || length / 2 > max ||
        sodium_hex2bin(out, max, text, length, NULL, &made, NULL) != 0 || made != length / 2) {
        return NACRE_UNCHECKED;
    }
    *size = made;
    return NACRE_CHECKED;
}

int nacre_vcmd_parse_u64(const char *text, size_t length, uint64_t max, uint64_t *value)
{
    uint64_t sum = 0;
    if (length == 0 || (length > 1 && text[0] == '0')) {
        return NACRE_UNCHECKED;
    }
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9' || __builtin_mul_overflow(sum, 10, &sum) ||
            __builtin_add_overflow(sum, (uint64_t)(text[i] - '0'), &sum)) {
            return NACRE_UNCHECKED;
        }
    }
    if (sum > max) {
        return NACRE_UNCHECKED;
    }
    *value = sum;
    return NACRE_CHECKED;
}

/* Exactly `digits` digits, then moves on. */
static bool take_number(const char **text, int digits, int *value)
{
    int sum = 0;
    for (int i = 0; i < digits; i++) {
        char c = (*text)[i];
        if (c < '0' || c > '9') {
            return false;
        }
        sum = sum * 10 + (c - '0');
    }
    *text += digits;
    *value = sum;
    return true;
}

static bool take_char(const char **text, const char *either)
{
    if (**text == '\0' || strchr(either, **text) == NULL) {
        return false;
    }
    (*text)++;
    return true;
}

/* ".5", ".696": milliseconds, what is beyond them is cut. */
static bool take_fraction(const char **text, int *ms)
{
    int scale = 100;
    *ms = 0;
    if (**text != '.') {
        return true;
    }
    (*text)++;
    if (**text < '0' || **text > '9') {
        return false;
    }
    for (; **text >= '0' && **text <= '9'; (*text)++) {
        *ms += (**text - '0') * scale;
        scale /= 10;
    }
    return true;
}

static bool take_offset(const char **text, int *minutes)
{
    int hours = 0;
    int rest = 0;
    char sign = **text;
    *minutes = 0;
    if (take_char(text, "Zz")) {
        return true;
    }
    if (!take_char(text, "+-") || !take_number(text, 2, &hours) || !take_char(text, ":") ||
        !take_number(text, 2, &rest) || hours > 23 || rest > 59) {
        return false;
    }
    *minutes = (hours * 60 + rest) * (sign == '-' ? -1 : 1);
    return true;
}

static bool take_date(const char **text, struct tm *tm)
{
    if (!take_number(text, 4, &tm->tm_year) || !take_char(text, "-") || !take_number(text, 2, &tm->tm_mon) ||
        !take_char(text, "-") || !take_number(text, 2, &tm->tm_mday) || !take_char(text, "Tt ") ||
        !take_number(text, 2, &tm->tm_hour) || !take_char(text, ":") || !take_number(text, 2, &tm->tm_min) ||
        !take_char(text, ":") || !take_number(text, 2, &tm->tm_sec)) {
        return false;
    }
    tm->tm_year -= 1900;
    tm->tm_mon -= 1;
    return true;
}

int nacre_vcmd_parse_time(const char *text, uint64_t *ms)
{
    struct tm tm = {0};
    int fraction = 0;
    int offset = 0;
    if (nacre_vcmd_parse_u64(text, strlen(text), UINT64_C(253402300799999), ms) == NACRE_CHECKED) {
        return NACRE_CHECKED;
    }
    if (!take_date(&text, &tm) || !take_fraction(&text, &fraction) || !take_offset(&text, &offset) ||
        *text != '\0') {
        return NACRE_UNCHECKED;
    }
    struct tm given = tm;
    int64_t seconds = (int64_t)timegm(&tm);
    /* timegm() turns February 30th into March; a time that it changes is none. */
    if (tm.tm_mon != given.tm_mon || tm.tm_mday != given.tm_mday || tm.tm_hour != given.tm_hour ||
        tm.tm_min != given.tm_min || tm.tm_sec != given.tm_sec) {
        return NACRE_UNCHECKED;
    }
    seconds -= (int64_t)offset * 60;
    if (seconds < 0) {
        return NACRE_UNCHECKED;
    }
    *ms = (uint64_t)seconds * 1000 + (uint64_t)fraction;
    return NACRE_CHECKED;
}

uint64_t nacre_vcmd_now_ms(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}
