#include "pcrs_text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define HEX_LEN ((size_t)2 * NACRE_SHA384_LEN)

static void line(struct nacre_blob *out, const uint8_t *value, const char *name)
{
    char hex[NACRE_SHA384_HEX];
    nacre_hex(hex, value, NACRE_SHA384_LEN);
    nacre_blob_text(out, hex);
    nacre_blob_text(out, name);
}

void nacre_pcrs_text(struct nacre_blob *out, const struct nacre_eif_pcrs *pcrs)
{
    line(out, pcrs->pcr0, " PCR0\n");
    line(out, pcrs->pcr1, " PCR1\n");
    line(out, pcrs->pcr2, " PCR2\n");
    if (pcrs->has_pcr8)
        line(out, pcrs->pcr8, " PCR8\n");
}

static const uint8_t *value_of(const struct nacre_eif_pcrs *pcrs, char digit)
{
    switch (digit) {
    case '0':
        return pcrs->pcr0;
    case '1':
        return pcrs->pcr1;
    case '2':
        return pcrs->pcr2;
    default:
        return digit == '8' && pcrs->has_pcr8 ? pcrs->pcr8 : NULL;
    }
}

static int compare_line(const struct nacre_eif_pcrs *pcrs, const char *at, size_t len, unsigned *seen,
                        char *why, size_t why_len)
{
    uint8_t given[NACRE_SHA384_LEN];
    if (len != HEX_LEN + 5 || nacre_unhex(given, sizeof given, at, HEX_LEN) ||
        memcmp(at + HEX_LEN, " PCR", 4) != 0) {
        (void)snprintf(why, why_len, "'%.*s' is not of the form `HEX PCR<n>` with 96 digits, PCR0, 1, 2 or 8",
                       (int)(len < 120 ? len : 120), at);
        return -EBADMSG;
    }
    char digit = at[len - 1];
    const uint8_t *value = value_of(pcrs, digit);
    if (!value) {
        (void)snprintf(why, why_len, "PCR%c: the image has no such measurement%s", digit,
                       digit == '8' ? ", it is not signed" : "");
        return -EBADMSG;
    }
    unsigned bit = 1u << (digit - '0');
    if (*seen & bit) {
        (void)snprintf(why, why_len, "PCR%c is there twice", digit);
        return -EBADMSG;
    }
    *seen |= bit;
    if (memcmp(given, value, sizeof given) == 0)
        return 0;
    char is[NACRE_SHA384_HEX];
    nacre_hex(is, value, NACRE_SHA384_LEN);
    (void)snprintf(why, why_len, "PCR%c is %s, the file says %.96s", digit, is, at);
    return -EBADMSG;
}

int nacre_pcrs_compare(const struct nacre_eif_pcrs *pcrs, const char *file, const char *text, size_t len,
                       char *why, size_t why_len)
{
    unsigned seen = 0, number = 1;
    char inner[512];
    for (size_t at = 0; at < len; number++) {
        const char *end = memchr(text + at, '\n', len - at);
        size_t n = end ? (size_t)(end - text) - at : len - at;
        if (n > 0 && compare_line(pcrs, text + at, n, &seen, inner, sizeof inner)) {
            (void)snprintf(why, why_len, "%s:%u: %s", file, number, inner);
            return -EBADMSG;
        }
        at += n + 1;
    }
    for (unsigned i = 0; i < 3; i++) {
        if (!(seen & 1u << i)) {
            (void)snprintf(why, why_len, "%s: no line for PCR%u", file, i);
            return -EBADMSG;
        }
    }
    return 0;
}
