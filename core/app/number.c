#include "number.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Digits that can matter: the decimal expansion of a point halfway between two doubles has at most 767 of
 * them. What follows decides only whether the number is above that point, for which one more digit that is
 * not 0 is enough.
 */
#define DIGITS_MAX 800

/* A number as (-1)^negative * digits * 10^exponent; no leading or trailing zeros, no digits at all for zero.
 */
struct decimal {
    bool negative;
    int n;
    int64_t exponent;
    char digits[DIGITS_MAX + 1];
};

/* The exponent part behind 'e', kept far below overflow: beyond +-10^9 every number is 0 or out of range. */
static int64_t read_exponent(const char *p, const char *end)
{
    bool negative = false;
    int64_t v = 0;
    if (p < end && (*p == '+' || *p == '-'))
        negative = *p++ == '-';
    for (; p < end; p++)
        if (v < 1000000000)
            v = v * 10 + (*p - '0');
    return negative ? -v : v;
}

static void take_digit(struct decimal *d, char c, bool *sticky)
{
    if (c == '0' && d->n == 0)
        return;
    if (d->n < DIGITS_MAX) {
        d->digits[d->n++] = c;
        return;
    }
    d->exponent++;
    *sticky = *sticky || c != '0';
}

static void read_decimal(struct decimal *d, const char *text, size_t len)
{
    const char *p = text, *end = text + len;
    bool sticky = false, fraction = false;
    d->negative = p < end && *p == '-';
    d->n = 0;
    d->exponent = 0;
    for (p += d->negative; p < end && *p != 'e' && *p != 'E'; p++) {
        if (*p == '.') {
            fraction = true;
            continue;
        }
        take_digit(d, *p, &sticky);
        d->exponent -= fraction;
    }
    if (p < end)
        d->exponent += read_exponent(p + 1, end);
    if (sticky) {
        d->digits[d->n++] = '1';
        d->exponent--;
    }
    while (d->n > 0 && d->digits[d->n - 1] == '0') {
        d->n--;
        d->exponent++;
    }
}

/* 15 digits and a power of ten that is a double itself: one operation, so one correct rounding (Clinger
 * 1990). */
static bool fast_double(const struct decimal *d, double *out)
{
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    if (d->n > 15 || d->exponent > 22 || d->exponent < -22)
        return false;
    uint64_t v = 0;
    for (int i = 0; i < d->n; i++)
        v = v * 10 + (uint64_t)(d->digits[i] - '0');
    *out = d->exponent < 0 ? (double)v / powers[-d->exponent] : (double)v * powers[d->exponent];
    return true;
}

static int decimal_double(const struct decimal *d, double *out)
{
    char text[DIGITS_MAX + 32];
    double v;
    if (d->n == 0) {
        v = 0;
    } else if (!fast_double(d, &v)) {
        /* no decimal point in it: the locale has no say */
        memcpy(text, d->digits, (size_t)d->n);
        (void)snprintf(text + d->n, sizeof text - (size_t)d->n, "e%lld", (long long)d->exponent);
        v = strtod(text, NULL);
        if (isinf(v))
            return -ERANGE;
    }
    *out = d->negative ? -v : v;
    return 0;
}

int nacre_number_double(const char *text, size_t len, double *out)
{
    struct decimal d;
    read_decimal(&d, text, len);
    return decimal_double(&d, out);
}

/* `value`, positive, rounded to `n` digits, or the next above it when `up`; does that read back as `value`?
 */
static bool try_digits(double value, int n, bool up, struct decimal *d)
{
    char text[64];
    double back;
    (void)snprintf(text, sizeof text, "%.*e", n - 1, value);
    char *e = strchr(text, 'e');
    d->n = 0;
    d->exponent = (e ? strtol(e + 1, NULL, 10) : 0) - (n - 1);
    for (const char *p = text; p < e && d->n < n; p++)
        if (*p >= '0' && *p <= '9')
            d->digits[d->n++] = *p;
    for (int i = d->n - 1; up && i >= 0; i--) {
        up = d->digits[i] == '9';
        d->digits[i] = up ? '0' : (char)(d->digits[i] + 1);
    }
    if (up) { /* 99..9 became 00..0 */
        d->digits[0] = '1';
        d->exponent++;
    }
    while (d->n > 1 && d->digits[d->n - 1] == '0') {
        d->n--;
        d->exponent++;
    }
    return decimal_double(d, &back) == 0 && back == value;
}

/*
 * The shortest digits that read back as `value` (positive). 15 always distinguish decimals where doubles are
 * normal, so shorter ones need no try there; 17 always suffice. Below a power of two doubles are twice as
 * close as above, so the nearest 16 digits can fail where the next ones above do not.
 */
static void shortest(double value, struct decimal *d)
{
    int exponent;
    d->negative = false;
    bool power_of_two = frexp(value, &exponent) == 0.5;
    for (int n = value < DBL_MIN ? 1 : 15; n < 17; n++)
        if (try_digits(value, n, false, d) || (power_of_two && try_digits(value, n, true, d)))
            return;
    (void)try_digits(value, 17, false, d);
}

/* ECMA-262, Number::toString, for radix 10. */
static int write_decimal(const struct decimal *d, char out[NACRE_NUMBER_TEXT])
{
    const int k = d->n;
    const int64_t point = d->exponent + k; /* the value is 0.digits * 10^point */
    const char *minus = d->negative ? "-" : "";
    if (k == 0)
        return snprintf(out, NACRE_NUMBER_TEXT, "0"); /* minus zero too */
    if (point >= k && point <= 21)
        return snprintf(out, NACRE_NUMBER_TEXT, "%s%.*s%.*s", minus, k, d->digits, (int)point - k,
                        "000000000000000000000");
    if (point > 0 && point <= 21)
        return snprintf(out, NACRE_NUMBER_TEXT, "%s%.*s.%.*s", minus, (int)point, d->digits, k - (int)point,
                        d->digits + point);
    if (point > -6 && point <= 0)
        return snprintf(out, NACRE_NUMBER_TEXT, "%s0.%.*s%.*s", minus, (int)-point, "000000", k, d->digits);
    return snprintf(out, NACRE_NUMBER_TEXT, "%s%c%s%.*se%+lld", minus, d->digits[0], k > 1 ? "." : "", k - 1,
                    d->digits + 1, (long long)point - 1);
}

int nacre_number_format(double value, char out[NACRE_NUMBER_TEXT])
{
    struct decimal d = {.n = 0};
    if (value != 0)
        shortest(fabs(value), &d);
    d.negative = value < 0;
    return write_decimal(&d, out);
}

int nacre_number_canonical(const char *text, size_t len, char out[NACRE_NUMBER_TEXT])
{
    struct decimal d;
    double value;
    read_decimal(&d, text, len);
    /* up to 15 digits survive a double unchanged, and no two of them share one: they are the shortest already
     */
    if (d.n <= 15 && d.exponent > -290 && d.exponent < 290)
        return write_decimal(&d, out);
    if (decimal_double(&d, &value) < 0)
        return -ERANGE;
    return nacre_number_format(value, out);
}

int nacre_number_unsigned(const char *text, size_t len, uint64_t max, uint64_t *out)
{
    uint64_t v = 0;
    if (len == 0 || (text[0] == '0' && len > 1))
        return -EINVAL;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -EINVAL;
    }
    for (size_t i = 0; i < len; i++) {
        if (__builtin_mul_overflow(v, (uint64_t)10, &v) ||
            __builtin_add_overflow(v, (uint64_t)(text[i] - '0'), &v) || v > max)
            return -ERANGE;
    }
    *out = v;
    return 0;
}

int nacre_number_wide(const char *text, size_t len, uint64_t *words, size_t n_words)
{
    uint64_t v[4] = {0};
    if (len == 0 || (text[0] == '0' && len > 1) || n_words > 4)
        return -EINVAL;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -EINVAL;
    }
    if (len > 78) /* 2^256 has 78 digits */
        return -ERANGE;
    for (size_t i = 0; i < len; i++) {
        unsigned __int128 carry = (unsigned)(text[i] - '0');
        for (size_t k = 0; k < n_words; k++) {
            carry += (unsigned __int128)v[k] * 10;
            v[k] = (uint64_t)carry;
            carry >>= 64;
        }
        if (carry)
            return -ERANGE;
    }
    memcpy(words, v, n_words * sizeof *words);
    return 0;
}
