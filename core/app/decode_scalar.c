#include "decode_scalar.h"

#include "number.h"

#include <common/digest.h>
#include <common/types.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

const char *nacre_token_name(enum nacre_json_token token)
{
    switch (token) {
    case NACRE_JSON_NULL:
        return "null";
    case NACRE_JSON_TRUE:
    case NACRE_JSON_FALSE:
        return "bool";
    case NACRE_JSON_NUMBER:
        return "number";
    case NACRE_JSON_STRING:
        return "string";
    case NACRE_JSON_OBJECT:
        return "object";
    case NACRE_JSON_ARRAY:
        return "array";
    default:
        return "nothing";
    }
}

int nacre_reason_type(char *reason, const char *expected, enum nacre_json_token token)
{
    (void)snprintf(reason, NACRE_REASON_TEXT, "expected %s, got %s", expected, nacre_token_name(token));
    return -EBADMSG;
}

static uint64_t integer_max(uint32_t kind)
{
    switch (kind) {
    case NACRE_KIND_U8:
        return UINT8_MAX;
    case NACRE_KIND_U16:
        return UINT16_MAX;
    case NACRE_KIND_U32:
        return UINT32_MAX;
    default:
        return UINT64_MAX;
    }
}

static void store_integer(uint32_t kind, uint64_t value, void *out)
{
    const uint8_t narrow8 = (uint8_t)value;
    const uint16_t narrow16 = (uint16_t)value;
    const uint32_t narrow32 = (uint32_t)value;
    if (kind == NACRE_KIND_U8)
        memcpy(out, &narrow8, sizeof narrow8);
    else if (kind == NACRE_KIND_U16)
        memcpy(out, &narrow16, sizeof narrow16);
    else if (kind == NACRE_KIND_U32)
        memcpy(out, &narrow32, sizeof narrow32);
    else
        memcpy(out, &value, sizeof value);
}

int nacre_decode_integer(const char *text, size_t len, uint32_t kind, void *out, char *reason)
{
    uint64_t value;
    int err = nacre_number_unsigned(text, len, integer_max(kind), &value);
    if (err == 0) {
        store_integer(kind, value, out);
        return 0;
    }
    const char *name = nacre_kind_name(kind);
    if (err == -ERANGE)
        (void)snprintf(reason, NACRE_REASON_TEXT, "expected %s, got a number above %llu", name,
                       (unsigned long long)integer_max(kind));
    else if (len && text[0] == '-')
        (void)snprintf(reason, NACRE_REASON_TEXT, "expected %s, got a negative number", name);
    else
        (void)snprintf(reason, NACRE_REASON_TEXT, "expected %s, got something else than plain decimal digits",
                       name);
    return -EBADMSG;
}

/* u128 and u256 travel as decimal strings: as JSON numbers, most writers would have rounded them already. */
static int wide(const struct nacre_json *j, uint32_t kind, void *out, char *reason)
{
    uint64_t words[4];
    const size_t n = kind == NACRE_KIND_U128 ? 2 : 4;
    int err = nacre_number_wide(j->text, j->text_len, words, n);
    if (err == 0) {
        memcpy(out, words, n * sizeof words[0]);
        return 0;
    }
    (void)snprintf(reason, NACRE_REASON_TEXT,
                   err == -ERANGE ? "expected %s, got a number that does not fit"
                                  : "expected %s as a string of decimal digits, without leading zeros",
                   nacre_kind_name(kind));
    return -EBADMSG;
}

static int address(const struct nacre_json *j, void *out, char *reason)
{
    uint8_t bytes[32];
    if (j->text_len == 66 && j->text[0] == '0' && j->text[1] == 'x' &&
        nacre_unhex(bytes, sizeof bytes, j->text + 2, 64) == 0) {
        memcpy(out, bytes, sizeof bytes);
        return 0;
    }
    (void)snprintf(reason, NACRE_REASON_TEXT,
                   "expected address: \"0x\" and 64 hex digits, or an array of 32 numbers");
    return -EBADMSG;
}

static int string(struct nacre_scratch *scratch, bool borrow, const struct nacre_json *j, void *out)
{
    struct nacre_str s = {j->text, j->text_len};
    if (j->escaped || !borrow) {
        char *copy = nacre_scratch_alloc(scratch, j->text_len);
        if (!copy)
            return -ENOMEM;
        s.len = j->escaped ? nacre_json_unescape(copy, j->text, j->text_len) : j->text_len;
        if (!j->escaped)
            memcpy(copy, j->text, j->text_len);
        s.ptr = copy;
    }
    memcpy(out, &s, sizeof s);
    return 0;
}

static int real(const struct nacre_json *j, void *out, char *reason)
{
    double v;
    if (nacre_number_double(j->text, j->text_len, &v) < 0) {
        (void)snprintf(reason, NACRE_REASON_TEXT, "expected f64, got a number beyond its range");
        return -EBADMSG;
    }
    memcpy(out, &v, sizeof v);
    return 0;
}

int nacre_decode_scalar(struct nacre_scratch *scratch, bool borrow, const struct nacre_json *j,
                        enum nacre_json_token token, uint32_t kind, void *out, char *reason)
{
    enum nacre_json_token wants = NACRE_JSON_NUMBER;
    if (kind == NACRE_KIND_BOOL) {
        if (token != NACRE_JSON_TRUE && token != NACRE_JSON_FALSE)
            return nacre_reason_type(reason, "bool", token);
        *(uint8_t *)out = token == NACRE_JSON_TRUE;
        return 0;
    }
    if (kind == NACRE_KIND_STRING || kind == NACRE_KIND_ADDRESS || kind == NACRE_KIND_U128 ||
        kind == NACRE_KIND_U256)
        wants = NACRE_JSON_STRING;
    if (token != wants)
        return nacre_reason_type(reason, nacre_kind_name(kind), token);
    switch (kind) {
    case NACRE_KIND_U128:
    case NACRE_KIND_U256:
        return wide(j, kind, out, reason);
    case NACRE_KIND_STRING:
        return string(scratch, borrow, j, out);
    case NACRE_KIND_ADDRESS:
        return address(j, out, reason);
    case NACRE_KIND_F64:
        return real(j, out, reason);
    default:
        return nacre_decode_integer(j->text, j->text_len, kind, out, reason);
    }
}
