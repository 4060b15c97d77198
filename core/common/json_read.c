#include "json_read.h"

#include "bcs.h"

#include <errno.h>
#include <string.h>

enum expect {
    EXPECT_VALUE,       /* a value must come */
    EXPECT_FIRST_VALUE, /* a value, or ']' */
    EXPECT_FIRST_KEY,   /* a key, or '}' */
    EXPECT_AFTER_VALUE, /* ',' or the end of what we are in */
    EXPECT_NOTHING,     /* after the one value */
    EXPECT_FAILED
};

void nacre_json_init(struct nacre_json *j, const char *text, size_t len)
{
    memset(j, 0, sizeof *j);
    j->begin = j->at = text;
    j->end = text + len;
    j->expect = EXPECT_VALUE;
}

static enum nacre_json_token fail(struct nacre_json *j, const char *why)
{
    if (j->expect != EXPECT_FAILED)
        j->why = why;
    j->expect = EXPECT_FAILED;
    return NACRE_JSON_ERROR;
}

static void skip_space(struct nacre_json *j)
{
    while (j->at < j->end && (*j->at == ' ' || *j->at == '\n' || *j->at == '\t' || *j->at == '\r'))
        j->at++;
}

static bool in_object(const struct nacre_json *j)
{
    return (j->is_object >> (j->depth - 1)) & 1;
}

static void value_done(struct nacre_json *j)
{
    j->expect = j->depth ? EXPECT_AFTER_VALUE : EXPECT_NOTHING;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* The four hex digits at p, or -1. */
static int32_t hex4(const char *p, const char *end)
{
    int32_t v = 0;
    if (end - p < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int d = hex_value(p[i]);
        if (d < 0)
            return -1;
        v = v << 4 | d;
    }
    return v;
}

/* Checks the escape at p (a backslash); its length, or 0. */
static size_t escape_length(const char *p, const char *end)
{
    if (end - p < 2)
        return 0;
    if (p[1] != 'u')
        return p[1] != '\0' && strchr("\"\\/bfnrt", p[1]) ? 2 : 0;
    int32_t unit = hex4(p + 2, end);
    if (unit < 0 || (unit >= 0xdc00 && unit <= 0xdfff))
        return 0;
    if (unit < 0xd800 || unit > 0xdbff)
        return 6;
    /* a high surrogate says nothing without its low one */
    if (end - p < 12 || p[6] != '\\' || p[7] != 'u')
        return 0;
    int32_t low = hex4(p + 8, end);
    return low >= 0xdc00 && low <= 0xdfff ? 12 : 0;
}

/* The string whose opening quote is at j->at. */
static bool read_string(struct nacre_json *j)
{
    const char *p = j->at + 1;
    j->text = p;
    j->escaped = false;
    while (p < j->end && *p != '"') {
        if ((unsigned char)*p < 0x20) {
            j->at = p;
            (void)fail(j, "control character in a string");
            return false;
        }
        size_t step = 1;
        if (*p == '\\') {
            j->escaped = true;
            step = escape_length(p, j->end);
        }
        if (step == 0) {
            j->at = p;
            (void)fail(j, "bad escape or lone surrogate in a string");
            return false;
        }
        p += step;
    }
    if (p >= j->end) {
        j->at = j->end;
        (void)fail(j, "text ends inside a string");
        return false;
    }
    j->text_len = (size_t)(p - j->text);
    if (!nacre_utf8_valid((const uint8_t *)j->text, j->text_len)) {
        (void)fail(j, "invalid UTF-8 in a string");
        return false;
    }
    j->at = p + 1;
    return true;
}

static const char *digits(const char *p, const char *end)
{
    while (p < end && *p >= '0' && *p <= '9')
        p++;
    return p;
}

static enum nacre_json_token read_number(struct nacre_json *j)
{
    const char *p = j->at, *start = j->at;
    if (*p == '-')
        p++;
    const char *whole = p;
    p = digits(p, j->end);
    if (p == whole || (*whole == '0' && p - whole > 1))
        return fail(j, "bad number");
    if (p < j->end && *p == '.') {
        const char *fraction = ++p;
        p = digits(p, j->end);
        if (p == fraction)
            return fail(j, "bad number");
    }
    if (p < j->end && (*p == 'e' || *p == 'E')) {
        p++;
        if (p < j->end && (*p == '+' || *p == '-'))
            p++;
        const char *exponent = p;
        p = digits(p, j->end);
        if (p == exponent)
            return fail(j, "bad number");
    }
    j->text = start;
    j->text_len = (size_t)(p - start);
    j->at = p;
    value_done(j);
    return NACRE_JSON_NUMBER;
}

static enum nacre_json_token read_word(struct nacre_json *j, const char *word, enum nacre_json_token token)
{
    size_t len = strlen(word);
    if ((size_t)(j->end - j->at) < len || memcmp(j->at, word, len) != 0)
        return fail(j, "unexpected character");
    j->at += len;
    value_done(j);
    return token;
}

static enum nacre_json_token open_level(struct nacre_json *j, bool object)
{
    if (j->depth == NACRE_JSON_DEPTH)
        return fail(j, "nested too deep");
    j->at++;
    j->is_object = object ? j->is_object | 1ull << j->depth : j->is_object & ~(1ull << j->depth);
    j->depth++;
    j->expect = object ? EXPECT_FIRST_KEY : EXPECT_FIRST_VALUE;
    return object ? NACRE_JSON_OBJECT : NACRE_JSON_ARRAY;
}

static enum nacre_json_token close_level(struct nacre_json *j)
{
    bool object = in_object(j);
    j->at++;
    j->depth--;
    value_done(j);
    return object ? NACRE_JSON_OBJECT_END : NACRE_JSON_ARRAY_END;
}

static enum nacre_json_token read_value(struct nacre_json *j)
{
    switch (*j->at) {
    case '{':
        return open_level(j, true);
    case '[':
        return open_level(j, false);
    case '"':
        if (!read_string(j))
            return NACRE_JSON_ERROR;
        value_done(j);
        return NACRE_JSON_STRING;
    case 't':
        return read_word(j, "true", NACRE_JSON_TRUE);
    case 'f':
        return read_word(j, "false", NACRE_JSON_FALSE);
    case 'n':
        return read_word(j, "null", NACRE_JSON_NULL);
    default:
        if (*j->at == '-' || (*j->at >= '0' && *j->at <= '9'))
            return read_number(j);
        return fail(j, "unexpected character");
    }
}

static enum nacre_json_token read_key(struct nacre_json *j)
{
    if (j->at == j->end || *j->at != '"')
        return fail(j, "expected a key");
    if (!read_string(j))
        return NACRE_JSON_ERROR;
    skip_space(j);
    if (j->at == j->end || *j->at != ':')
        return fail(j, "expected ':' after a key");
    j->at++;
    j->expect = EXPECT_VALUE;
    return NACRE_JSON_KEY;
}

enum nacre_json_token nacre_json_next(struct nacre_json *j)
{
    if (j->expect == EXPECT_FAILED)
        return NACRE_JSON_ERROR;
    skip_space(j);
    if (j->at == j->end)
        return j->expect == EXPECT_NOTHING ? NACRE_JSON_END : fail(j, "text ends too early");
    switch ((enum expect)j->expect) {
    case EXPECT_NOTHING:
        return fail(j, "text after the value");
    case EXPECT_FIRST_VALUE:
        return *j->at == ']' ? close_level(j) : read_value(j);
    case EXPECT_FIRST_KEY:
        return *j->at == '}' ? close_level(j) : read_key(j);
    case EXPECT_AFTER_VALUE:
        if (*j->at == (in_object(j) ? '}' : ']'))
            return close_level(j);
        if (*j->at != ',')
            return fail(j, in_object(j) ? "expected ',' or '}'" : "expected ',' or ']'");
        j->at++;
        skip_space(j);
        if (in_object(j))
            return read_key(j);
        if (j->at == j->end)
            return fail(j, "text ends too early");
        return read_value(j);
    default:
        return read_value(j);
    }
}

int nacre_json_skip(struct nacre_json *j, enum nacre_json_token first)
{
    if (first == NACRE_JSON_ERROR)
        return -EBADMSG;
    if (first != NACRE_JSON_OBJECT && first != NACRE_JSON_ARRAY)
        return 0;
    for (uint32_t outside = j->depth - 1; j->depth > outside;)
        if (nacre_json_next(j) == NACRE_JSON_ERROR)
            return -EBADMSG;
    return 0;
}

static size_t put_utf8(char *out, uint32_t c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3f));
    out[2] = (char)(0x80 | (c >> 6 & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

/* The character of the checked escape at p; *used is its length in the raw text. */
static uint32_t escape_value(const char *p, const char *end, size_t *used)
{
    static const char from[] = "\"\\/bfnrt";
    static const char to[] = "\"\\/\b\f\n\r\t";
    *used = 2;
    if (p[1] != 'u') {
        const char *known = strchr(from, p[1]);
        return known ? (uint32_t)(unsigned char)to[known - from] : 0xfffd;
    }
    uint32_t unit = (uint32_t)hex4(p + 2, end);
    *used = 6;
    if (unit < 0xd800 || unit > 0xdbff)
        return unit;
    *used = 12;
    return 0x10000 + ((unit - 0xd800) << 10) + ((uint32_t)hex4(p + 8, end) - 0xdc00);
}

size_t nacre_json_unescape(char *out, const char *raw, size_t raw_len)
{
    const char *p = raw, *end = raw + raw_len;
    size_t n = 0;
    while (p < end) {
        const char *slash = memchr(p, '\\', (size_t)(end - p));
        size_t run = (size_t)((slash ? slash : end) - p);
        memmove(out + n, p, run);
        n += run;
        p += run;
        if (p < end) {
            size_t used;
            uint32_t c = escape_value(p, end, &used);
            n += put_utf8(out + n, c);
            p += used;
        }
    }
    return n;
}

bool nacre_json_key_is(const struct nacre_json *j, const char *key, size_t key_len)
{
    if (!j->escaped)
        return j->text_len == key_len && memcmp(j->text, key, key_len) == 0;
    /* an escape is at most 6 bytes for one of the key's, or 12 for four: longer raw text cannot be this key
     */
    char plain[6 * 64];
    if (j->text_len > sizeof plain)
        return false;
    size_t n = nacre_json_unescape(plain, j->text, j->text_len);
    return n == key_len && memcmp(plain, key, key_len) == 0;
}
