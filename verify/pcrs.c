/* The .pcrs text that comes with an image: `<96 hex> PCR<n>` lines. */
#include <string.h>

#include "policy.h"
#include "text.h"

#define HEX_SIZE ((size_t)2 * NACRE_VERIFY_PCR_SIZE)

struct line {
    const char *text;
    size_t size;
    size_t number;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static void trim(struct line *line)
{
    while (line->size > 0 && is_blank(line->text[line->size - 1])) {
        line->size--;
    }
    while (line->size > 0 && is_blank(line->text[0])) {
        line->text++;
        line->size--;
    }
}

/* "PCR0" to "PCR31", without leading zeros. */
static bool read_name(const char *text, size_t size, unsigned *index)
{
    if (size < 4 || size > 5 || memcmp(text, "PCR", 3) != 0 || (size == 5 && text[3] == '0')) {
        return false;
    }
    unsigned value = 0;
    for (size_t i = 3; i < size; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        value = value * 10 + (unsigned)(text[i] - '0');
    }
    *index = value;
    return true;
}

static int read_line(nacre_verify_policy *policy, struct line line, nacre_verify_error *error)
{
    uint8_t value[NACRE_VERIFY_PCR_SIZE];
    unsigned index = 0;
    size_t name = HEX_SIZE;
    nacre_verify_error inner;
    if (line.size <= HEX_SIZE || !is_blank(line.text[HEX_SIZE]) ||
        !nacre_vfy_unhex(line.text, NACRE_VERIFY_PCR_SIZE, value)) {
        return nacre_vfy_fail(error, NACRE_VERIFY_E_ARGUMENT,
                              "line %zu does not start with %zu hex digits and a space", line.number,
                              HEX_SIZE);
    }
    while (name < line.size && is_blank(line.text[name])) {
        name++;
    }
    if (!read_name(line.text + name, line.size - name, &index)) {
        return nacre_vfy_fail(error, NACRE_VERIFY_E_ARGUMENT, "line %zu does not end in PCR0 to PCR%u",
                              line.number, NACRE_VERIFY_PCR_COUNT_MAX - 1);
    }
    int r = nacre_verify_policy_expect_pcr(policy, index, value, sizeof value, &inner);
    return r == NACRE_VERIFY_OK ? r : nacre_vfy_fail(error, r, "line %zu: %s", line.number, inner.text);
}

int nacre_verify_policy_expect_pcrs_text(nacre_verify_policy *policy, const char *text, size_t size,
                                         nacre_verify_error *error)
{
    nacre_verify_policy changed = *policy;
    size_t found = 0;
    size_t number = 0;
    for (size_t at = 0; at < size; number++) {
        const char *end = memchr(text + at, '\n', size - at);
        size_t length = end != NULL ? (size_t)(end - (text + at)) : size - at;
        struct line line = {.text = text + at, .size = length, .number = number + 1};
        at += length + (end != NULL ? 1 : 0);
        trim(&line);
        if (line.size == 0 || line.text[0] == '#') {
            continue;
        }
        int r = read_line(&changed, line, error);
        if (r != NACRE_VERIFY_OK) {
            return r;
        }
        found++;
    }
    if (found == 0) {
        return nacre_vfy_fail(error, NACRE_VERIFY_E_ARGUMENT, "no PCR in %zu lines", number);
    }
    *policy = changed;
    return NACRE_VERIFY_OK;
}
