#include "app/canonical.h"
#include "suite.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct nacre_scratch scratch;

static void setup(void)
{
    ck_assert_int_eq(nacre_scratch_init(&scratch, (size_t)16 * 1024 * 1024), 0);
}

static void teardown(void)
{
    nacre_scratch_free(&scratch);
}

/* The canonical text, terminated, or "!" and the reason. */
static const char *canonical_n(const char *text, size_t len)
{
    static char out[4096];
    char *exact = malloc(len ? len : 1);
    ck_assert_ptr_nonnull(exact);
    memcpy(exact, text, len);
    struct nacre_json j;
    struct nacre_str s = {NULL, 0};
    const char *why = NULL;
    nacre_json_init(&j, exact, len);
    int err = nacre_canonical(&scratch, &j, nacre_json_next(&j), &s, &why);
    if (err)
        (void)snprintf(out, sizeof out, "!%d %s", err, why ? why : j.why);
    else
        (void)snprintf(out, sizeof out, "%.*s", (int)s.len, s.ptr);
    free(exact);
    return out;
}

static const char *canonical(const char *text)
{
    return canonical_n(text, strlen(text));
}

/* RFC 8785, 3.2.2 and 3.2.4. */
START_TEST(published_sample)
{
    ck_assert_str_eq(canonical("{\n"
                               "  \"numbers\": [333333333.33333329, 1E30, 4.50,\n"
                               "              2e-3, 0.000000000000000000000000001],\n"
                               "  \"string\": \"\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\\"\\/\",\n"
                               "  \"literals\": [null, true, false]\n"
                               "}"),
                     "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],"
                     "\"string\":\"\xe2\x82\xac$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}");
}
END_TEST

/* RFC 8785, 3.2.3: the order of keys is that of UTF-16 code units. */
START_TEST(published_order)
{
    ck_assert_str_eq(canonical("{\"\\u20ac\":\"Euro Sign\",\"\\r\":\"Carriage Return\","
                               "\"\\ufb33\":\"Hebrew Letter Dalet With Dagesh\",\"1\":\"One\","
                               "\"\\ud83d\\ude00\":\"Emoji: Grinning Face\",\"\\u0080\":\"Control\","
                               "\"\\u00f6\":\"Latin Small Letter O With Diaeresis\"}"),
                     "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\xc2\x80\":\"Control\","
                     "\"\xc3\xb6\":\"Latin Small Letter O With Diaeresis\",\"\xe2\x82\xac\":\"Euro Sign\","
                     "\"\xf0\x9f\x98\x80\":\"Emoji: Grinning Face\","
                     "\"\xef\xac\xb3\":\"Hebrew Letter Dalet With Dagesh\"}");
}
END_TEST

START_TEST(utf16_order)
{
    static const char *const sorted[] = {"",
                                         "a",
                                         "ab",
                                         "a\xc2\x80",
                                         "b",
                                         "\xc3\xb6",
                                         "\xed\x9f\xbf",     /* U+D7FF */
                                         "\xf0\x90\x80\x80", /* U+10000 */
                                         "\xf4\x8f\xbf\xbf", /* U+10FFFF */
                                         "\xee\x80\x80",     /* U+E000 */
                                         "\xef\xbf\xbf"};    /* U+FFFF */
    const size_t n = sizeof sorted / sizeof sorted[0];
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < n; k++) {
            int order = nacre_utf16_order(sorted[i], strlen(sorted[i]), sorted[k], strlen(sorted[k]));
            ck_assert_int_eq((order > 0) - (order < 0), (i > k) - (i < k));
        }
    }
}
END_TEST

START_TEST(values)
{
    static const char *const cases[][2] = {
        {" null ", "null"},
        {"[ ]", "[]"},
        {"{ }", "{}"},
        {"\"\"", "\"\""},
        {"\"\\/\"", "\"/\""},
        {"\"\\u0000\\u001f\\b\\f\\n\\r\\t\"", "\"\\u0000\\u001f\\b\\f\\n\\r\\t\""},
        {"\"\x7f\"", "\"\x7f\""},
        {"[1,[2,[3,{}]]]", "[1,[2,[3,{}]]]"},
        {"{\"b\":{\"d\":1,\"c\":[{\"z\":1,\"y\":2}]},\"a\":0}",
         "{\"a\":0,\"b\":{\"c\":[{\"y\":2,\"z\":1}],\"d\":1}}"},
        {"{\"\":1,\"a\":2}", "{\"\":1,\"a\":2}"},
        {"{\"c\":1,\"b\":2,\"a\":3}", "{\"a\":3,\"b\":2,\"c\":1}"},
        {"{\"a\":{\"a\":{\"a\":1}}}", "{\"a\":{\"a\":{\"a\":1}}}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        ck_assert_str_eq(canonical(cases[i][0]), cases[i][1]);
}
END_TEST

START_TEST(refused)
{
    static const char *const duplicates[] = {"{\"a\":1,\"a\":1}", "{\"a\":1,\"b\":2,\"\\u0061\":3}",
                                             "[{\"x\":{\"y\":0,\"y\":0}}]", "{\"\":1,\"\":2}"};
    for (size_t i = 0; i < sizeof duplicates / sizeof duplicates[0]; i++)
        ck_assert_str_eq(canonical(duplicates[i]), "!-74 a duplicate key");
    ck_assert_str_eq(canonical("[1,1e999]"), "!-74 a number beyond the range of doubles");
    ck_assert(canonical("")[0] == '!');
    ck_assert(canonical("\"\\ud800\"")[0] == '!');
    ck_assert(canonical("[1,]")[0] == '!');
    ck_assert(canonical("{\"a\"}")[0] == '!');
}
END_TEST

/* Every cut of a text is an error, never a shorter value. */
START_TEST(truncated)
{
    static const char text[] = "{\"b\":[1,\"x\\u0041\",null,true],\"a\":{\"k\":-1.5e3}}";
    for (size_t len = 0; len < sizeof text - 1; len++)
        ck_assert(canonical_n(text, len)[0] == '!');
    ck_assert_str_eq(canonical(text), "{\"a\":{\"k\":-1500},\"b\":[1,\"xA\",null,true]}");
}
END_TEST

START_TEST(depth)
{
    char text[2 * NACRE_JSON_DEPTH + 8];
    memset(text, '[', NACRE_JSON_DEPTH);
    memset(text + NACRE_JSON_DEPTH, ']', NACRE_JSON_DEPTH);
    text[2 * NACRE_JSON_DEPTH] = '\0';
    ck_assert_str_eq(canonical(text), text);
    memset(text, '[', NACRE_JSON_DEPTH + 1);
    ck_assert(canonical_n(text, NACRE_JSON_DEPTH + 1)[0] == '!');
}
END_TEST

START_TEST(memory)
{
    /* more members than fit the limit: refused, not cut */
    struct nacre_scratch small;
    ck_assert_int_eq(nacre_scratch_init(&small, NACRE_SCRATCH_FIRST), 0);
    size_t len = 1, cap = 400000;
    char *text = malloc(cap);
    ck_assert_ptr_nonnull(text);
    text[0] = '{';
    for (int i = 0; len + 32 < cap; i++)
        len += (size_t)snprintf(text + len, cap - len, "%s\"k%d\":0", i ? "," : "", i);
    text[len++] = '}';
    struct nacre_json j;
    struct nacre_str s = {NULL, 0};
    const char *why = NULL;
    nacre_json_init(&j, text, len);
    ck_assert_int_eq(nacre_canonical(&small, &j, nacre_json_next(&j), &s, &why), -ENOMEM);
    nacre_json_init(&j, text, len);
    ck_assert_int_eq(nacre_canonical(&scratch, &j, nacre_json_next(&j), &s, &why), 0);
    ck_assert_uint_eq(s.len, len);
    ck_assert(strncmp(s.ptr, "{\"k0\":0,\"k1\":0,\"k10\":0,\"k100\":0", 30) == 0);
    free(text);
    nacre_scratch_free(&small);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, published_sample);
    tcase_add_test(tc, published_order);
    tcase_add_test(tc, utf16_order);
    tcase_add_test(tc, values);
    tcase_add_test(tc, refused);
    tcase_add_test(tc, truncated);
    tcase_add_test(tc, depth);
    tcase_add_test(tc, memory);
}

int main(void)
{
    return nacre_run_suite("canonical", add, 30);
}
