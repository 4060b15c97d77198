#include "app/number.h"
#include "suite.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static double from_bits(uint64_t bits)
{
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

/* RFC 8785, Appendix B. */
START_TEST(published_values)
{
    static const struct {
        uint64_t bits;
        const char *text;
    } cases[] = {
        {0x0000000000000000, "0"},
        {0x8000000000000000, "0"},
        {0x0000000000000001, "5e-324"},
        {0x8000000000000001, "-5e-324"},
        {0x7fefffffffffffff, "1.7976931348623157e+308"},
        {0xffefffffffffffff, "-1.7976931348623157e+308"},
        {0x4340000000000000, "9007199254740992"},
        {0xc340000000000000, "-9007199254740992"},
        {0x4430000000000000, "295147905179352830000"},
        {0x44b52d02c7e14af5, "9.999999999999997e+22"},
        {0x44b52d02c7e14af6, "1e+23"},
        {0x44b52d02c7e14af7, "1.0000000000000001e+23"},
        {0x444b1ae4d6e2ef4e, "999999999999999700000"},
        {0x444b1ae4d6e2ef4f, "999999999999999900000"},
        {0x444b1ae4d6e2ef50, "1e+21"},
        {0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7"},
        {0x3eb0c6f7a0b5ed8d, "0.000001"},
        {0x41b3de4355555553, "333333333.3333332"},
        {0x41b3de4355555554, "333333333.33333325"},
        {0x41b3de4355555555, "333333333.3333333"},
        {0x41b3de4355555556, "333333333.3333334"},
        {0x41b3de4355555557, "333333333.33333343"},
        {0xbecbf647612f3696, "-0.0000033333333333333333"},
        {0x43143ff3c1cb0959, "1424953923781206.2"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char out[NACRE_NUMBER_TEXT], seventeen[64], again[NACRE_NUMBER_TEXT];
        double v = from_bits(cases[i].bits), back;
        int n = nacre_number_format(v, out);
        ck_assert_str_eq(out, cases[i].text);
        ck_assert_int_eq(n, (int)strlen(out));
        /* and by way of a literal */
        (void)snprintf(seventeen, sizeof seventeen, "%.17g", v);
        ck_assert_int_ge(nacre_number_canonical(seventeen, strlen(seventeen), again), 0);
        ck_assert_str_eq(again, cases[i].text);
        ck_assert_int_eq(nacre_number_double(out, strlen(out), &back), 0);
        ck_assert(back == v);
    }
}
END_TEST

START_TEST(literals)
{
    static const char *const cases[][2] = {
        {"-0", "0"},
        {"0.0e99999999999999999999", "0"},
        {"10E-1", "1"},
        {"1.50", "1.5"},
        {"100000000000000000000", "100000000000000000000"},
        {"1e21", "1e+21"},
        {"123456789012345678901234567890", "1.2345678901234568e+29"},
        {"0.0000001", "1e-7"},
        {"0.000001", "0.000001"},
        {"4.50", "4.5"},
        {"2e-3", "0.002"},
        {"1e-27", "1e-27"},
        {"333333333.33333329", "333333333.3333333"},
        {"0.1000000000000000055511151231257827", "0.1"},
        {"1e-400", "0"},
        {"-1e-400", "0"},
        {"4.940656458412465441765687928682213723651e-324", "5e-324"},
        {"2.4703282292062327e-324", "0"},
        {"2.4703282292062328e-324", "5e-324"},
        {"9007199254740993", "9007199254740992"},
        {"9007199254740993.00000000000000000000000000000000000000000001", "9007199254740994"},
        {"179769313486231570000000000000000000000000000000000000e255", "1.7976931348623157e+308"},
        {"1.7976931348623158e308", "1.7976931348623157e+308"},
        {"12300e-2", "123"},
        {"1e22", "1e+22"},
        {"123e19", "1.23e+21"},
        {"12.3e-8", "1.23e-7"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char out[NACRE_NUMBER_TEXT];
        ck_assert_int_ge(nacre_number_canonical(cases[i][0], strlen(cases[i][0]), out), 0);
        ck_assert_str_eq(out, cases[i][1]);
    }
}
END_TEST

START_TEST(out_of_range)
{
    static const char *const cases[] = {"1e309", "-1e309", "1.7976931348623159e308",
                                        "1e999999999999999999999", "123456789e400"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char out[NACRE_NUMBER_TEXT] = "untouched";
        double v = 42;
        ck_assert_int_eq(nacre_number_canonical(cases[i], strlen(cases[i]), out), -ERANGE);
        ck_assert_int_eq(nacre_number_double(cases[i], strlen(cases[i]), &v), -ERANGE);
        ck_assert(v == 42);
        ck_assert_str_eq(out, "untouched");
    }
}
END_TEST

/* Half way between two doubles a single digit, however far behind, decides. */
START_TEST(long_literals)
{
    char *text = malloc(20000);
    double v;
    ck_assert_ptr_nonnull(text);
    int n = snprintf(text, 20000, "9007199254740993.");
    memset(text + n, '0', 10000);
    ck_assert_int_eq(nacre_number_double(text, (size_t)n + 10000, &v), 0);
    ck_assert(v == 9007199254740992.0); /* a tie goes to the even one */
    text[n + 9999] = '1';
    ck_assert_int_eq(nacre_number_double(text, (size_t)n + 10000, &v), 0);
    ck_assert(v == 9007199254740994.0);
    memset(text, '9', 15000);
    ck_assert_int_eq(nacre_number_double(text, 15000, &v), -ERANGE);
    (void)snprintf(text + 15000, 20, "e-15000");
    ck_assert_int_eq(nacre_number_double(text, 15007, &v), 0);
    ck_assert(v == 1.0);
    free(text);
}
END_TEST

START_TEST(unsigned_integers)
{
    uint64_t v = 0;
    ck_assert(nacre_number_unsigned("18446744073709551615", 20, UINT64_MAX, &v) == 0 && v == UINT64_MAX);
    ck_assert(nacre_number_unsigned("0", 1, 255, &v) == 0 && v == 0);
    ck_assert(nacre_number_unsigned("255", 3, 255, &v) == 0 && v == 255);
    v = 7;
    ck_assert_int_eq(nacre_number_unsigned("256", 3, 255, &v), -ERANGE);
    ck_assert_int_eq(nacre_number_unsigned("18446744073709551616", 20, UINT64_MAX, &v), -ERANGE);
    ck_assert_int_eq(nacre_number_unsigned("99999999999999999999999", 23, UINT64_MAX, &v), -ERANGE);
    static const char *const bad[] = {"",    "-1", "-0", "+1",  "01",  "00",      "1.0",
                                      "1e3", " 1", "1 ", "0x1", "1_0", "\xd9\xa1"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_int_eq(nacre_number_unsigned(bad[i], strlen(bad[i]), UINT64_MAX, &v), -EINVAL);
    ck_assert_uint_eq(v, 7);
}
END_TEST

START_TEST(wide_integers)
{
    uint64_t w[4] = {1, 2, 3, 4};
    const char *max128 = "340282366920938463463374607431768211455";
    const char *over128 = "340282366920938463463374607431768211456";
    const char *max256 = "115792089237316195423570985008687907853269984665640564039457584007913129639935";
    const char *over256 = "115792089237316195423570985008687907853269984665640564039457584007913129639936";
    ck_assert_int_eq(nacre_number_wide(over128, strlen(over128), w, 2), -ERANGE);
    ck_assert_int_eq(nacre_number_wide(over256, strlen(over256), w, 4), -ERANGE);
    ck_assert_int_eq(
        nacre_number_wide("1000000000000000000000000000000000000000000000000000000000000000000000000000000",
                          79, w, 4),
        -ERANGE);
    ck_assert(w[0] == 1 && w[3] == 4);
    ck_assert_int_eq(nacre_number_wide(max128, strlen(max128), w, 2), 0);
    ck_assert(w[0] == UINT64_MAX && w[1] == UINT64_MAX && w[2] == 3);
    ck_assert_int_eq(nacre_number_wide(max256, strlen(max256), w, 4), 0);
    ck_assert(w[2] == UINT64_MAX && w[3] == UINT64_MAX);
    ck_assert_int_eq(nacre_number_wide("18446744073709551616", 20, w, 4), 0);
    ck_assert(w[0] == 0 && w[1] == 1 && w[2] == 0 && w[3] == 0);
    static const char *const bad[] = {"", "-1", "01", "1.5", "1e5", "0x10", " 1", "1 "};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_int_eq(nacre_number_wide(bad[i], strlen(bad[i]), w, 4), -EINVAL);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, published_values);
    tcase_add_test(tc, literals);
    tcase_add_test(tc, out_of_range);
    tcase_add_test(tc, long_literals);
    tcase_add_test(tc, unsigned_integers);
    tcase_add_test(tc, wide_integers);
}

int main(void)
{
    return nacre_run_suite("number", add, 30);
}
