#include "number.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct parts {
    uint64_t digits; /* of the first 19 */
    int n_digits;    /* that count, without leading zeros */
    int exponent;
    int negative;
};

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* A run of digits from `at`; returns where it ends. */
static size_t run(struct parts *p, const char *text, size_t len, size_t at, int fraction)
{
    for (; at < len && is_digit(text[at]); at++) {
        if (p->n_digits || text[at] != '0') {
            if (p->n_digits < 19)
                p->digits = p->digits * 10 + (uint64_t)(text[at] - '0');
            p->n_digits++;
        }
        p->exponent -= fraction;
    }
    return at;
}

/* Returns where the exponent ends; `at` when there are no digits where they must be. */
static size_t exponent(struct parts *p, const char *text, size_t len, size_t at)
{
    int value = 0, negative = 0;
    size_t i = at + 1;
    if (i < len && (text[i] == '+' || text[i] == '-'))
        negative = text[i++] == '-';
    if (i == len || !is_digit(text[i]))
        return at;
    for (; i < len && is_digit(text[i]); i++)
        value = value < 10000 ? value * 10 + (text[i] - '0') : value;
    p->exponent += negative ? -value : value;
    return i;
}

static int is_word(const char *text, size_t len, const char *word)
{
    return len == strlen(word) && strncasecmp(text, word, len) == 0;
}

static int names_no_number(const char *text, size_t len)
{
    if (len && (*text == '-' || *text == '+'))
        text++, len--;
    return is_word(text, len, "nan") || is_word(text, len, "inf") || is_word(text, len, "infinity");
}

/* The grammar. 0 when it does not hold. */
static int take_apart(struct parts *p, const char *text, size_t len, int lenient)
{
    size_t at = 0;
    if (at < len && (text[at] == '-' || (lenient && text[at] == '+')))
        p->negative = text[at++] == '-';
    const size_t whole = at;
    at = run(p, text, len, at, 0);
    size_t digits = at - whole;
    if (!lenient && (digits == 0 || (digits > 1 && text[whole] == '0')))
        return 0;
    if (at < len && text[at] == '.') {
        const size_t point = ++at;
        at = run(p, text, len, at, 1);
        if (!lenient && at == point)
            return 0;
        digits += at - point;
    }
    if (digits == 0)
        return 0;
    if (at < len && (text[at] == 'e' || text[at] == 'E'))
        at = exponent(p, text, len, at);
    return at == len;
}

enum ml_number ml_number_read(const char *text, size_t len, int lenient, float *out)
{
    /* powers of ten that a double holds exactly: with at most 15 digits one operation rounds once (Clinger) */
    static const double tens[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                  1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    struct parts p = {0};
    double value;
    if (len > ML_NUMBER_MAX || !take_apart(&p, text, len, lenient))
        return names_no_number(text, len) ? ML_NUMBER_NOT_FINITE : ML_NUMBER_BAD;
    if (p.n_digits <= 15 && p.exponent >= -22 && p.exponent <= 22) {
        value = (double)p.digits;
        value = p.exponent < 0 ? value / tens[-p.exponent] : value * tens[p.exponent];
        value = p.negative ? -value : value;
    } else {
        char copy[ML_NUMBER_MAX + 1];
        memcpy(copy, text, len);
        copy[len] = '\0';
        value = strtod(copy, NULL);
    }
    if (!(value < 3.4028235677973366e38 && value > -3.4028235677973366e38)) /* what rounds to infinity */
        return ML_NUMBER_NOT_FINITE;
    *out = (float)value;
    return ML_NUMBER_OK;
}
