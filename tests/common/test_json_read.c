#include "common/json_read.h"
#include "suite.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Reads to the end; the last token. The text is copied to its exact size so that a sanitizer sees an overrun.
 */
static enum nacre_json_token drain(const char *text, size_t len)
{
    char *exact = malloc(len ? len : 1);
    memcpy(exact, text, len);
    struct nacre_json j;
    nacre_json_init(&j, exact, len);
    enum nacre_json_token t;
    do {
        t = nacre_json_next(&j);
    } while (t != NACRE_JSON_END && t != NACRE_JSON_ERROR);
    if (t == NACRE_JSON_ERROR) {
        ck_assert_ptr_nonnull(j.why);
        ck_assert(j.at >= j.begin && j.at <= j.end);
        ck_assert_int_eq(nacre_json_next(&j), NACRE_JSON_ERROR);
    }
    free(exact);
    return t;
}

static bool accepts(const char *text)
{
    return drain(text, strlen(text)) == NACRE_JSON_END;
}

START_TEST(tokens_in_order)
{
    static const char text[] =
        " {\"a\" : [1, -2.5e+3,\"x\\n\"], \"b\":{}, \"c\":null,\"d\":true ,\"e\":false}\r\n";
    static const enum nacre_json_token expected[] = {
        NACRE_JSON_OBJECT, NACRE_JSON_KEY,        NACRE_JSON_ARRAY, NACRE_JSON_NUMBER, NACRE_JSON_NUMBER,
        NACRE_JSON_STRING, NACRE_JSON_ARRAY_END,  NACRE_JSON_KEY,   NACRE_JSON_OBJECT, NACRE_JSON_OBJECT_END,
        NACRE_JSON_KEY,    NACRE_JSON_NULL,       NACRE_JSON_KEY,   NACRE_JSON_TRUE,   NACRE_JSON_KEY,
        NACRE_JSON_FALSE,  NACRE_JSON_OBJECT_END, NACRE_JSON_END,   NACRE_JSON_END};
    struct nacre_json j;
    nacre_json_init(&j, text, sizeof text - 1);
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        ck_assert_int_eq(nacre_json_next(&j), expected[i]);
        if (i == 4)
            ck_assert(j.text_len == 7 && memcmp(j.text, "-2.5e+3", 7) == 0);
        if (i == 5)
            ck_assert(j.escaped && j.text_len == 3);
    }
}
END_TEST

START_TEST(accepted)
{
    static const char *const good[] = {"0",
                                       "-0",
                                       "1.5",
                                       "1e9",
                                       "1E-2",
                                       "123456789012345678901234567890",
                                       "\"\"",
                                       "[]",
                                       "{}",
                                       "[[]]",
                                       "[{}]",
                                       "{\"a\":[]}",
                                       "true",
                                       "null",
                                       " 1 ",
                                       "\"\\u0000\"",
                                       "\"\\ud83d\\ude00\"",
                                       "\"\xf0\x9f\x98\x80\"",
                                       "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
                                       "{\"\":1}",
                                       "[1,2]",
                                       "\"\x7f\""};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        ck_assert_msg(accepts(good[i]), "%s", good[i]);
}
END_TEST

START_TEST(refused)
{
    static const char *const bad[] = {"",
                                      " ",
                                      "01",
                                      "-",
                                      "+1",
                                      ".5",
                                      "1.",
                                      "1e",
                                      "1e+",
                                      "0x1",
                                      "NaN",
                                      "Infinity",
                                      "-Infinity",
                                      "tru",
                                      "nul",
                                      "truex",
                                      "[",
                                      "]",
                                      "{",
                                      "}",
                                      "[1",
                                      "[1,",
                                      "[1,]",
                                      "[,1]",
                                      "[1 2]",
                                      "{\"a\"}",
                                      "{\"a\":}",
                                      "{\"a\":1,}",
                                      "{a:1}",
                                      "{'a':1}",
                                      "{1:1}",
                                      "{,}",
                                      "{\"a\":1 \"b\":2}",
                                      "[1}",
                                      "{\"a\":1]",
                                      "1 2",
                                      "{}{}",
                                      "\"",
                                      "\"\\\"",
                                      "\"\\x41\"",
                                      "\"\\u12g4\"",
                                      "\"\\u123\"",
                                      "\"\\ud800\"",
                                      "\"\\udc00\"",
                                      "\"\\ud800\\u0041\"",
                                      "\"\\ud800\\ud800\"",
                                      "\"\\udc00\\ud800\"",
                                      "\"\n\"",
                                      "\"\t\"",
                                      "\"\xff\"",
                                      "\"\xc0\x80\"",
                                      "\"\xed\xa0\x80\"",
                                      "// c\n1",
                                      "/**/1",
                                      "\xef\xbb\xbf\x31",
                                      "[1]x",
                                      "\"\\\x00\"",
                                      "1\v"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_msg(!accepts(bad[i]), "%s", bad[i]);
    ck_assert_int_eq(drain("1\0", 2), NACRE_JSON_ERROR);
    ck_assert_int_eq(drain("\"a\0b\"", 5), NACRE_JSON_ERROR);
    ck_assert_int_eq(drain("\"\\\0\"", 4), NACRE_JSON_ERROR); /* strchr would find the NUL */
}
END_TEST

START_TEST(every_truncation_is_refused)
{
    static const char text[] = "{\"a\":[1,-2.5e3,\"\\ud83d\\ude00\xc3\xbc\",{\"b\":null}],\"c\":true}";
    for (size_t len = 0; len < sizeof text - 1; len++)
        ck_assert_int_eq(drain(text, len), NACRE_JSON_ERROR);
    ck_assert_int_eq(drain(text, sizeof text - 1), NACRE_JSON_END);
}
END_TEST

START_TEST(depth_is_limited)
{
    char text[4 * NACRE_JSON_DEPTH];
    for (uint32_t depth = NACRE_JSON_DEPTH; depth <= NACRE_JSON_DEPTH + 1; depth++) {
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        ck_assert_int_eq(drain(text, 2u * depth),
                         depth <= NACRE_JSON_DEPTH ? NACRE_JSON_END : NACRE_JSON_ERROR);
    }
    size_t n = 0; /* objects and arrays in turn keep their own closing signs */
    for (int i = 0; i < 20; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, i % 2 ? "{\"k\":" : "[");
    n += (size_t)snprintf(text + n, sizeof text - n, "1");
    for (int i = 19; i >= 0; i--)
        text[n++] = i % 2 ? '}' : ']';
    ck_assert_int_eq(drain(text, n), NACRE_JSON_END);
}
END_TEST

START_TEST(unescape_and_keys)
{
    static const char text[] = "{\"a\\u00fc\\n\\/\\ud83d\\ude00z\":1}";
    static const char plain[] = "a\xc3\xbc\n/\xf0\x9f\x98\x80z";
    struct nacre_json j;
    char out[64];
    nacre_json_init(&j, text, sizeof text - 1);
    (void)nacre_json_next(&j);
    ck_assert_int_eq(nacre_json_next(&j), NACRE_JSON_KEY);
    ck_assert_uint_eq(nacre_json_unescape(out, j.text, j.text_len), sizeof plain - 1);
    ck_assert_mem_eq(out, plain, sizeof plain - 1);
    ck_assert(nacre_json_key_is(&j, plain, sizeof plain - 1));
    ck_assert(!nacre_json_key_is(&j, "a", 1));
    nacre_json_init(&j, "{\"key\":1}", 9);
    (void)nacre_json_next(&j);
    (void)nacre_json_next(&j);
    ck_assert(nacre_json_key_is(&j, "key", 3));
    ck_assert(!nacre_json_key_is(&j, "ke", 2));
    ck_assert(!nacre_json_key_is(&j, "keys", 4));
}
END_TEST

START_TEST(skipping)
{
    static const char text[] = "{\"a\":[1,{\"b\":[[],{}]},\"]\"],\"c\":3}";
    struct nacre_json j;
    nacre_json_init(&j, text, sizeof text - 1);
    (void)nacre_json_next(&j);
    (void)nacre_json_next(&j);
    ck_assert_int_eq(nacre_json_skip(&j, nacre_json_next(&j)), 0);
    ck_assert_int_eq(nacre_json_next(&j), NACRE_JSON_KEY);
    ck_assert(nacre_json_key_is(&j, "c", 1));
    ck_assert_int_eq(nacre_json_skip(&j, nacre_json_next(&j)), 0);
    ck_assert_int_eq(nacre_json_next(&j), NACRE_JSON_OBJECT_END);
    ck_assert_int_eq(nacre_json_next(&j), NACRE_JSON_END);
    nacre_json_init(&j, "[[1,]]", 6);
    ck_assert_int_eq(nacre_json_skip(&j, nacre_json_next(&j)), -EBADMSG);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, tokens_in_order);
    tcase_add_test(tc, accepted);
    tcase_add_test(tc, refused);
    tcase_add_test(tc, every_truncation_is_refused);
    tcase_add_test(tc, depth_is_limited);
    tcase_add_test(tc, unescape_and_keys);
    tcase_add_test(tc, skipping);
}

int main(void)
{
    return nacre_run_suite("json_read", add, 20);
}
