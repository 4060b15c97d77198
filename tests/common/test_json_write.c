#include "common/json_read.h"
#include "common/json_write.h"
#include "suite.h"

#include <string.h>

START_TEST(exact_text)
{
    struct nacre_json_out o = {0};
    static const char tricky[] = "a\"b\\c\n\t\r\b\f\x01\x1f/\x7f\xc3\xbc";
    nacre_json_string(&o, tricky, sizeof tricky - 1);
    nacre_json_lit(&o, ",");
    nacre_json_u64(&o, 0);
    nacre_json_lit(&o, ",");
    nacre_json_u64(&o, UINT64_MAX);
    nacre_json_lit(&o, ",");
    nacre_json_i64(&o, INT64_MIN);
    nacre_json_lit(&o, ",");
    nacre_json_i64(&o, -1);
    nacre_json_lit(&o, ",");
    nacre_json_hex(&o, (const uint8_t *)"\x00\xff", 2);
    static const char expected[] =
        "\"a\\\"b\\\\c\\n\\t\\r\\b\\f\\u0001\\u001f/\x7f\xc3\xbc\",0,18446744073709551615,"
        "-9223372036854775808,-1,00ff";
    ck_assert_uint_eq(o.len, sizeof expected - 1);
    ck_assert_mem_eq(o.base, expected, o.len);
    free(o.base);
}
END_TEST

/* Whatever is written as a string is read back as the same bytes. */
START_TEST(strings_round_trip)
{
    for (uint32_t c = 0; c < 0x80; c++) {
        struct nacre_json_out o = {0};
        struct nacre_json j;
        char in[3] = {'x', (char)c, 'y'}, out[32];
        nacre_json_string(&o, in, 3);
        nacre_json_init(&j, o.base, o.len);
        ck_assert_int_eq(nacre_json_next(&j), NACRE_JSON_STRING);
        ck_assert_uint_eq(nacre_json_unescape(out, j.text, j.text_len), 3);
        ck_assert_mem_eq(out, in, 3);
        free(o.base);
    }
}
END_TEST

START_TEST(growth)
{
    struct nacre_json_out o = {0};
    for (int i = 0; i < 100000; i++)
        nacre_json_lit(&o, "0123456789");
    ck_assert_uint_eq(o.len, 1000000);
    ck_assert_mem_eq(o.base + 999990, "0123456789", 10);
    ck_assert(!nacre_json_reserve(&o, SIZE_MAX / 2));
    nacre_json_lit(&o, "x");
    ck_assert_uint_eq(o.len, 1000000); /* sticks */
    free(o.base);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, exact_text);
    tcase_add_test(tc, strings_round_trip);
    tcase_add_test(tc, growth);
}

int main(void)
{
    return nacre_run_suite("json_write", add, 20);
}
