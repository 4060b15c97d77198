#include "app/decode.h"
#include "kinds.h"
#include "suite.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct nacre_scratch scratch;
static struct nacre_decode decode;

static void setup(void)
{
    ck_assert_int_eq(nacre_scratch_init(&scratch, (size_t)16 * 1024 * 1024), 0);
}

static void teardown(void)
{
    nacre_scratch_free(&scratch);
}

/* Decodes from a copy of the exact size, so that a sanitizer sees an overrun. Strings are copied. */
static int run_n(const struct nacre_type *type, void *out, const char *text, size_t len)
{
    char *exact = malloc(len ? len : 1);
    ck_assert_ptr_nonnull(exact);
    memcpy(exact, text, len);
    memset(out, 0, (size_t)type->c_size);
    decode = (struct nacre_decode){.scratch = &scratch, .borrow = false, .root = "body"};
    int err = nacre_decode_text(&decode, type, out, exact, len);
    free(exact);
    return err;
}

static int run(const struct nacre_type *type, void *out, const char *text)
{
    return run_n(type, out, text, strlen(text));
}

static void refuses(const struct nacre_type *type, const char *text, const char *why)
{
    uint8_t out[1024];
    ck_assert_uint_le(type->c_size, sizeof out);
    int err = run(type, out, text);
    ck_assert_msg(err == -EBADMSG, "%s was not refused", text);
    ck_assert_str_eq(decode.why, why);
}

static bool is(struct nacre_str s, const char *z)
{
    return nacre_str_is(s, z);
}

START_TEST(every_kind)
{
    struct kinds k;
    ck_assert_int_eq(run(&kinds_type, &k, KINDS_JSON), 0);
    ck_assert(k.flag == 1 && k.a8 == UINT8_MAX && k.a16 == UINT16_MAX && k.a32 == UINT32_MAX &&
              k.a64 == UINT64_MAX);
    ck_assert(k.a128.lo == UINT64_MAX && k.a128.hi == UINT64_MAX);
    for (int i = 0; i < 4; i++)
        ck_assert(k.a256.w[i] == UINT64_MAX);
    ck_assert(is(k.text, "gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80"));
    ck_assert(k.blob.len == 3 && memcmp(k.blob.ptr, "\0\1\xff", 3) == 0);
    ck_assert(k.owner.b[0] == 0x10 && k.owner.b[31] == 0x3e);
    ck_assert(k.point.x == 7 && is(k.point.label, "seven"));
    const struct kinds_point *points = k.points.ptr;
    ck_assert(k.points.count == 2 && points[0].x == 1 && is(points[0].label, "") && is(points[1].label, "b"));
    const struct nacre_vec *rows = k.rows.ptr;
    ck_assert(k.rows.count == 3 && rows[0].count == 0 && rows[1].count == 1 && rows[2].count == 3);
    ck_assert_uint_eq(((const uint16_t *)rows[2].ptr)[2], 3);
    ck_assert(k.octets.count == 2 && memcmp(k.octets.ptr, "\x09\x08", 2) == 0);
    ck_assert_ptr_null(k.maybe);
    ck_assert_ptr_nonnull(k.corner);
    ck_assert(is(k.corner->label, "c"));
    const struct nacre_str *const *names = k.names.ptr;
    ck_assert_uint_eq(k.names.count, 2);
    ck_assert_ptr_null(names[0]);
    ck_assert(is(*names[1], "n"));
}
END_TEST

START_TEST(request_only_kinds)
{
    struct kinds_request r;
    ck_assert_int_eq(run(&kinds_request_type, &r, "{\"report\":{\"b\":1.0,\"a\":[true]},\"rate\":-1.25e2}"),
                     0);
    ck_assert(r.rate == -125.0 && r.limit == NULL);
    ck_assert(is(r.report, "{\"a\":[true],\"b\":1}"));
    ck_assert_int_eq(run(&kinds_request_type, &r, "{\"report\":null,\"rate\":0.1,\"limit\":17}"), 0);
    ck_assert(r.rate == 0.1 && *r.limit == 17.0 && is(r.report, "null"));
    refuses(&kinds_request_type, "{\"report\":1,\"rate\":1e999}",
            "rate: expected f64, got a number beyond its range");
    refuses(&kinds_request_type, "{\"report\":1,\"rate\":\"1\"}", "rate: expected f64, got string");
    refuses(&kinds_request_type, "{\"rate\":1,\"report\":[{\"a\":1,\"a\":2}]}", "report: a duplicate key");
    refuses(&kinds_request_type, "{\"rate\":1,\"report\":-1e999}",
            "report: a number beyond the range of doubles");
    refuses(&kinds_request_type, "{\"rate\":1,\"report\":[1,}", "body: unexpected character (byte 22)");
    refuses(&kinds_request_type, "{\"rate\":1}", "report: missing");
}
END_TEST

struct number {
    uint8_t a8;
    uint64_t a64;
};
NACRE_STRUCT(number_type, "Number", struct number, NACRE_FIELD(struct number, a8, u8),
             NACRE_FIELD(struct number, a64, u64));
struct outer {
    struct number payload;
};
NACRE_STRUCT(outer_type, "Outer", struct outer,
             NACRE_FIELD_STRUCT(struct outer, payload, number_type, struct number));

START_TEST(integers_are_exact)
{
    struct number n;
    ck_assert_int_eq(run(&number_type, &n, "{\"a8\":0,\"a64\":6211533809644153000}"), 0);
    ck_assert(n.a8 == 0 && n.a64 == 6211533809644153000u);
    ck_assert_int_eq(run(&number_type, &n, "{\"a8\":255,\"a64\":9007199254740993}"), 0);
    ck_assert(n.a8 == 255 && n.a64 == 9007199254740993u);
    refuses(&number_type, "{\"a8\":256,\"a64\":0}", "a8: expected u8, got a number above 255");
    refuses(&number_type, "{\"a8\":0,\"a64\":18446744073709551616}",
            "a64: expected u64, got a number above 18446744073709551615");
    refuses(&number_type, "{\"a8\":-1,\"a64\":0}", "a8: expected u8, got a negative number");
    refuses(&number_type, "{\"a8\":-0,\"a64\":0}", "a8: expected u8, got a negative number");
    refuses(&number_type, "{\"a8\":1.0,\"a64\":0}",
            "a8: expected u8, got something else than plain decimal digits");
    refuses(&number_type, "{\"a8\":1e1,\"a64\":0}",
            "a8: expected u8, got something else than plain decimal digits");
    refuses(&number_type, "{\"a8\":\"1\",\"a64\":0}", "a8: expected u8, got string");
    refuses(&number_type, "{\"a8\":true,\"a64\":0}", "a8: expected u8, got bool");
    refuses(&number_type, "{\"a8\":null,\"a64\":0}", "a8: expected u8, got null");
    refuses(&number_type, "{\"a8\":[1],\"a64\":0}", "a8: expected u8, got array");
}
END_TEST

START_TEST(errors_name_the_field)
{
    refuses(&outer_type, "{\"payload\":{\"a8\":{},\"a64\":0}}", "payload.a8: expected u8, got object");
    refuses(&outer_type, "{\"payload\":{\"a8\":1}}", "payload.a64: missing");
    refuses(&outer_type, "{\"payload\":[]}", "payload: expected object, got array");
    refuses(&outer_type, "{}", "payload: missing");
    refuses(&outer_type, "[]", "body: expected object, got array");
    refuses(&outer_type, "3", "body: expected object, got number");
    struct kinds k;
    char *text = malloc(sizeof KINDS_JSON + 64);
    ck_assert_ptr_nonnull(text);
    const char *at = strstr(KINDS_JSON, "{\"x\":2");
    (void)snprintf(text, sizeof KINDS_JSON + 64, "%.*s{\"x\":\"2\"%s", (int)(at - KINDS_JSON), KINDS_JSON,
                   at + 6);
    ck_assert_int_eq(run(&kinds_type, &k, text), -EBADMSG);
    ck_assert_str_eq(decode.why, "points[1].x: expected u32, got string");
    at = strstr(KINDS_JSON, "[1,2,3]");
    (void)snprintf(text, sizeof KINDS_JSON + 64, "%.*s[1,2,65536]%s", (int)(at - KINDS_JSON), KINDS_JSON,
                   at + 7);
    ck_assert_int_eq(run(&kinds_type, &k, text), -EBADMSG);
    ck_assert_str_eq(decode.why, "rows[2][2]: expected u16, got a number above 65535");
    at = strstr(KINDS_JSON, "[0,1,255]");
    (void)snprintf(text, sizeof KINDS_JSON + 64, "%.*s[0,1,256]%s", (int)(at - KINDS_JSON), KINDS_JSON,
                   at + 9);
    ck_assert_int_eq(run(&kinds_type, &k, text), -EBADMSG);
    ck_assert_str_eq(decode.why, "blob[2]: expected u8, got a number above 255");
    free(text);
}
END_TEST

START_TEST(keys)
{
    struct number n;
    /* any order, unknown ones of any shape at every level, escapes in names */
    ck_assert_int_eq(
        run(&number_type, &n,
            "{\"intent\":\"ProcessData\",\"a64\":5,\"x\":{\"a8\":[{}]},\"x\":1,\"\\u00618\":7,\"a\":[],"
            "\"a640\":0,\"a6\":0}"),
        0);
    ck_assert(n.a8 == 7 && n.a64 == 5);
    struct outer o;
    ck_assert_int_eq(run(&outer_type, &o, "{\"payload\":{\"a8\":1,\"more\":{\"deep\":[1,2]},\"a64\":2}}"), 0);
    ck_assert(o.payload.a8 == 1 && o.payload.a64 == 2);
    refuses(&number_type, "{\"a8\":1,\"a64\":2,\"a8\":1}", "a8: duplicate key");
    refuses(&number_type, "{\"a8\":1,\"\\u0061\\u0038\":1,\"a64\":2}", "a8: duplicate key");
    refuses(&outer_type, "{\"payload\":{\"a8\":1,\"a64\":2,\"a64\":2}}", "payload.a64: duplicate key");
    /* what is skipped is checked all the same */
    refuses(&number_type, "{\"a8\":1,\"a64\":2,\"x\":[01]}", "body: bad number (byte 21)");
    refuses(&number_type, "{\"a8\":1,\"a64\":2,\"x\":\"\\ud800\"}",
            "body: bad escape or lone surrogate in a string (byte 21)");
}
END_TEST

START_TEST(broken_json)
{
    static const char *const cases[] = {"",
                                        " ",
                                        "{",
                                        "nul",
                                        "{\"a8\":1,\"a64\":2}x",
                                        "{\"a8\":1,\"a64\":2} {}",
                                        "{\"a8\":1,\"a64\":2,}",
                                        "{\"a8\":1 \"a64\":2}",
                                        "{\"a8\" 1,\"a64\":2}",
                                        "{a8:1,\"a64\":2}",
                                        "{'a8':1,\"a64\":2}",
                                        "{\"a8\":1,\"a64\":2}\xef\xbb\xbf",
                                        "\xef\xbb\xbf{\"a8\":1,\"a64\":2}",
                                        "{\"a8\":01,\"a64\":2}",
                                        "{\"a8\":+1,\"a64\":2}",
                                        "{\"a8\":1.,\"a64\":2}",
                                        "{\"a8\":.1,\"a64\":2}",
                                        "{\"a8\":NaN,\"a64\":2}",
                                        "{\"a8\":1,\"a64\":2,\"x\":\"\x01\"}",
                                        "{\"a8\":1,\"a64\":2,\"x\":\"\xff\"}",
                                        "{\"a8\":1,\"a64\":2,\"x\":\"\xed\xa0\x80\"}",
                                        "{\"a8\":1,\"a64\":2,\"x\":\"\\udc00\"}",
                                        "{\"a8\":1,\"a64\":2,\"x\":\"\\ud800\\u0041\"}",
                                        "{\"a8\":1,\"a64\":2,\"x\":\"\\x41\"}",
                                        "{\"a8\":1,\"a64\":2,\"x\":\"\\u12g4\"}"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct number n;
        ck_assert_msg(run(&number_type, &n, cases[i]) == -EBADMSG, "%s was not refused", cases[i]);
        ck_assert_msg(strncmp(decode.why, "body: ", 6) == 0, "%s: %s", cases[i], decode.why);
    }
    struct number n;
    ck_assert_int_eq(run_n(&number_type, &n, "{\"a8\":1,\0\"a64\":2}", 18),
                     -EBADMSG); /* a NUL between tokens */
    ck_assert_int_eq(run_n(&number_type, &n, "{\"a8\":1,\"a64\":2}\0", 17), -EBADMSG);
}
END_TEST

START_TEST(truncated_at_every_byte)
{
    struct kinds k;
    for (size_t len = 0; len < sizeof KINDS_JSON - 1; len++) {
        ck_assert_int_eq(run_n(&kinds_type, &k, KINDS_JSON, len), -EBADMSG);
        nacre_scratch_reset(&scratch);
    }
}
END_TEST

/* Any byte changed to any other is decoded or refused, within the memory it has. */
START_TEST(every_byte_changed)
{
    static const char with[] = "\"\\{}[]:,0-9eE.u\x00\x01\x7f\x80\xed\xff ant";
    char text[] = KINDS_JSON;
    struct kinds k;
    for (size_t i = 0; i < sizeof text - 1; i++) {
        for (size_t c = 0; c < sizeof with - 1; c++) {
            const char was = text[i];
            text[i] = with[c];
            int err = run_n(&kinds_type, &k, text, sizeof text - 1);
            ck_assert(err == 0 || err == -EBADMSG);
            ck_assert((err != 0) == (decode.why[0] != '\0'));
            text[i] = was;
            nacre_scratch_reset(&scratch);
        }
    }
}
END_TEST

START_TEST(strings)
{
    struct kinds_point p;
    ck_assert_int_eq(run(&kinds_point_type, &p, "{\"x\":1,\"label\":\"a\\u0000b\"}"), 0);
    ck_assert(p.label.len == 3 && memcmp(p.label.ptr, "a\0b", 3) == 0);
    ck_assert_int_eq(run(&kinds_point_type, &p, "{\"x\":1,\"label\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u20ac\"}"),
                     0);
    ck_assert(is(p.label, "\"\\/\b\f\n\r\t\xe2\x82\xac"));
    refuses(&kinds_point_type, "{\"x\":1,\"label\":5}", "label: expected string, got number");
    refuses(&kinds_point_type, "{\"x\":1,\"label\":[\"a\"]}", "label: expected string, got array");
}
END_TEST

START_TEST(borrowed_or_copied)
{
    static const char text[] = "{\"x\":1,\"label\":\"plain\"}";
    struct kinds_point p = {0};
    struct nacre_decode d = {.scratch = &scratch, .borrow = true, .root = "body"};
    ck_assert_int_eq(nacre_decode_text(&d, &kinds_point_type, &p, text, sizeof text - 1), 0);
    ck_assert(p.label.ptr >= text && p.label.ptr < text + sizeof text);
    d.borrow = false;
    ck_assert_int_eq(nacre_decode_text(&d, &kinds_point_type, &p, text, sizeof text - 1), 0);
    ck_assert(p.label.ptr < text || p.label.ptr >= text + sizeof text);
    ck_assert(is(p.label, "plain"));
}
END_TEST

struct owner {
    struct nacre_address owner;
};
NACRE_STRUCT(owner_type, "Owner", struct owner, NACRE_FIELD(struct owner, owner, address));

START_TEST(addresses)
{
    static const char bad_text[] =
        "owner: expected address: \"0x\" and 64 hex digits, or an array of 32 numbers";
    struct owner o;
    char array[256] = "{\"owner\":[0";
    for (int i = 1; i < 32; i++)
        (void)snprintf(array + strlen(array), 8, ",%d", i);
    char *end = array + strlen(array);
    (void)snprintf(end, 8, "]}");
    ck_assert_int_eq(run(&owner_type, &o, array), 0);
    ck_assert(o.owner.b[0] == 0 && o.owner.b[31] == 31);
    (void)snprintf(end, 8, ",32]}");
    refuses(&owner_type, array, "owner: too many numbers");
    (void)snprintf(end - 3, 8, "]}");
    refuses(&owner_type, array, "owner: expected address: 32 numbers");
    refuses(&owner_type, "{\"owner\":[]}", "owner: expected address: 32 numbers");
    ck_assert_int_eq(
        run(&owner_type, &o,
            "{\"owner\":\"0xABCDEF6789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"}"),
        0);
    ck_assert(o.owner.b[0] == 0xab && o.owner.b[2] == 0xef);
    refuses(&owner_type, "{\"owner\":\"0x6\"}", bad_text);
    refuses(&owner_type, "{\"owner\":\"abcdef6789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"}",
            bad_text);
    refuses(&owner_type, "{\"owner\":\"0xgbcdef6789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"}",
            bad_text);
    refuses(&owner_type,
            "{\"owner\":\"0xabcdef6789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0\"}", bad_text);
    refuses(&owner_type, "{\"owner\":7}", "owner: expected address, got number");
}
END_TEST

struct wide {
    struct nacre_u128 a;
};
NACRE_STRUCT(wide_type, "Wide", struct wide, NACRE_FIELD(struct wide, a, u128));

START_TEST(wide_integers)
{
    struct wide w;
    ck_assert_int_eq(run(&wide_type, &w, "{\"a\":\"18446744073709551616\"}"), 0);
    ck_assert(w.a.lo == 0 && w.a.hi == 1);
    refuses(&wide_type, "{\"a\":1}", "a: expected u128, got number");
    refuses(&wide_type, "{\"a\":\"340282366920938463463374607431768211456\"}",
            "a: expected u128, got a number that does not fit");
    refuses(&wide_type, "{\"a\":\"\"}",
            "a: expected u128 as a string of decimal digits, without leading zeros");
    refuses(&wide_type, "{\"a\":\"-1\"}",
            "a: expected u128 as a string of decimal digits, without leading zeros");
    refuses(&wide_type, "{\"a\":\"007\"}",
            "a: expected u128 as a string of decimal digits, without leading zeros");
}
END_TEST

START_TEST(deep_nesting)
{
    struct number n;
    char text[600] = "{\"a8\":1,\"a64\":2,\"x\":";
    size_t at = strlen(text);
    memset(text + at, '[', 63);
    memset(text + at + 63, ']', 63);
    (void)snprintf(text + at + 126, 8, "}");
    ck_assert_int_eq(run(&number_type, &n, text), 0);
    memset(text + at, '[', 200);
    ck_assert_int_eq(run_n(&number_type, &n, text, at + 200), -EBADMSG);
    ck_assert(strstr(decode.why, "nested too deep"));
}
END_TEST

/* Memory follows what was read: a large vector fits, and what does not fit is refused. */
START_TEST(large_vectors)
{
    const size_t n = 500000;
    char *text = malloc(n * 2 + 64);
    struct nacre_vec v = {NULL, 0};
    struct nacre_bytes b = {NULL, 0};
    ck_assert_ptr_nonnull(text);
    size_t len = 0;
    text[len++] = '[';
    for (size_t i = 0; i < n; i++) {
        text[len++] = (char)('0' + i % 10);
        text[len++] = i + 1 < n ? ',' : ']';
    }
    ck_assert_int_eq(run_n(&nacre_type_bytes, &b, text, len), 0);
    ck_assert(b.len == n && b.ptr[n - 1] == (n - 1) % 10);
    ck_assert_int_eq(run_n(&kinds_row_type, &v, text, len), 0);
    ck_assert(v.count == n && ((const uint16_t *)v.ptr)[n - 1] == (n - 1) % 10);
    nacre_scratch_reset(&scratch);
    struct nacre_scratch small;
    ck_assert_int_eq(nacre_scratch_init(&small, NACRE_SCRATCH_FIRST), 0);
    struct nacre_decode d = {.scratch = &small, .borrow = true, .root = "body"};
    ck_assert_int_eq(nacre_decode_text(&d, &kinds_row_type, &v, text, len), -ENOMEM);
    ck_assert_str_eq(d.why, "body: needs more memory than app.scratch_bytes allows");
    nacre_scratch_reset(&small);
    ck_assert_int_eq(nacre_decode_text(&d, &nacre_type_bytes, &b, text, len), -ENOMEM);
    nacre_scratch_free(&small);
    free(text);
}
END_TEST

/* A table that a plugin got wrong is refused, and not walked off its end. */
START_TEST(broken_tables)
{
    uint8_t out[64] = {0};
    struct nacre_type loop = {sizeof loop, NACRE_KIND_VECTOR, sizeof(struct nacre_vec), {NULL, 0}, NULL, 0, 0,
                              NULL};
    loop.elem = &loop;
    ck_assert_int_eq(run(&loop, out, "[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]"), -EINVAL);
    struct nacre_type unknown = {sizeof unknown, 99, 8, {NULL, 0}, NULL, 0, 0, NULL};
    ck_assert_int_eq(run(&unknown, out, "1"), -EINVAL);
    struct nacre_type narrow = {sizeof narrow, NACRE_KIND_U64, 4, {NULL, 0}, NULL, 0, 0, NULL};
    ck_assert_int_eq(run(&narrow, out, "1"), -EINVAL);
    struct nacre_field outside = {NACRE_S("x"), &nacre_type_u64, 60, NACRE_SOURCE_BODY, 0};
    struct nacre_type overlap = {
        sizeof overlap, NACRE_KIND_STRUCT, sizeof out, NACRE_S("O"), &outside, 1, sizeof outside, NULL};
    ck_assert_int_eq(run(&overlap, out, "{\"x\":1}"), -EINVAL);
    outside.offset = UINT64_MAX;
    ck_assert_int_eq(run(&overlap, out, "{\"x\":1}"), -EINVAL);
    overlap.field_size = 8;
    ck_assert_int_eq(run(&overlap, out, "{\"x\":1}"), -EINVAL);
}
END_TEST

struct routed {
    struct nacre_str network;
    uint16_t id;
    uint64_t value;
};
NACRE_STRUCT(routed_type, "Routed", struct routed, NACRE_FIELD_PATH(struct routed, network, string),
             NACRE_FIELD_PATH(struct routed, id, u16), NACRE_FIELD(struct routed, value, u64));
struct path_only {
    struct nacre_str network;
};
NACRE_STRUCT(path_only_type, "PathOnly", struct path_only,
             NACRE_FIELD_PATH(struct path_only, network, string));

static int param(struct routed *r, uint32_t field, const char *text, size_t len)
{
    decode = (struct nacre_decode){.scratch = &scratch, .root = "path"};
    return nacre_decode_param(&decode, &routed_type_fields[field], r, text, len);
}

START_TEST(path_parameters)
{
    struct routed r = {.value = 0};
    ck_assert_int_eq(param(&r, 0, "testnet", 7), 0);
    ck_assert_int_eq(param(&r, 1, "65535", 5), 0);
    ck_assert(is(r.network, "testnet") && r.id == 65535);
    ck_assert_int_eq(param(&r, 0, "\xff\xfe", 2), -EBADMSG);
    ck_assert_str_eq(decode.why, "network: expected string, got invalid UTF-8");
    ck_assert_int_eq(param(&r, 1, "65536", 5), -EBADMSG);
    ck_assert_str_eq(decode.why, "id: expected u16, got a number above 65535");
    static const char *const bad[] = {"", "-1", "+1", "01", "1.0", "0x10", "1 ", "abc"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_int_eq(param(&r, 1, bad[i], strlen(bad[i])), -EBADMSG);
    ck_assert(is(r.network, "testnet") && r.id == 65535);
    const struct nacre_field wrong = {NACRE_S("w"), &nacre_type_bool, 0, NACRE_SOURCE_PATH, 0};
    ck_assert_int_eq(nacre_decode_param(&decode, &wrong, &r, "1", 1), -EINVAL);
    /* a path field is no key of the body */
    ck_assert_int_eq(run(&routed_type, &r, "{\"value\":3,\"network\":7,\"id\":\"x\"}"), 0);
    ck_assert(r.value == 3 && r.network.ptr == NULL && r.id == 0);
    ck_assert(nacre_decode_needs_body(&routed_type));
    ck_assert(!nacre_decode_needs_body(&path_only_type));
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, every_kind);
    tcase_add_test(tc, request_only_kinds);
    tcase_add_test(tc, integers_are_exact);
    tcase_add_test(tc, errors_name_the_field);
    tcase_add_test(tc, keys);
    tcase_add_test(tc, broken_json);
    tcase_add_test(tc, truncated_at_every_byte);
    tcase_add_test(tc, every_byte_changed);
    tcase_add_test(tc, strings);
    tcase_add_test(tc, borrowed_or_copied);
    tcase_add_test(tc, addresses);
    tcase_add_test(tc, wide_integers);
    tcase_add_test(tc, deep_nesting);
    tcase_add_test(tc, large_vectors);
    tcase_add_test(tc, broken_tables);
    tcase_add_test(tc, path_parameters);
}

int main(void)
{
    return nacre_run_suite("decode", add, 60);
}
