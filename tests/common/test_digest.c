#include "common/digest.h"
#include "suite.h"

#include <errno.h>
#include <string.h>

/* FIPS 180-4 example values, as published by NIST. */
START_TEST(sha384_known)
{
    static const struct {
        const char *text, *hex;
    } cases[] = {
        {"",
         "38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da274edebfe76f65fbd51ad2f14898b95b"},
        {"abc",
         "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7"},
        {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmno"
         "pqrstnopqr"
         "stu",
         "09330c33f71147e83d192fc782cd1b4753111b173b3b05d22fa08086e3b0f712fcc7c71a557e2db966c3e9fa91746039"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t out[NACRE_SHA384_LEN];
        char hex[NACRE_SHA384_HEX];
        nacre_sha384(out, cases[i].text, strlen(cases[i].text));
        nacre_hex(hex, out, sizeof out);
        ck_assert_str_eq(hex, cases[i].hex);
    }
}
END_TEST

START_TEST(unhex_exact)
{
    uint8_t out[2] = {9, 9};
    ck_assert_int_eq(nacre_unhex(out, 2, "aBcD", 4), 0);
    ck_assert_uint_eq(out[0], 0xab);
    ck_assert_uint_eq(out[1], 0xcd);
    out[0] = 9;
    ck_assert_int_eq(nacre_unhex(out, 2, "abc", 3), -EINVAL);
    ck_assert_int_eq(nacre_unhex(out, 2, "abcde", 5), -EINVAL);
    ck_assert_int_eq(nacre_unhex(out, 2, "12g4", 4), -EINVAL);
    ck_assert_int_eq(nacre_unhex(out, 2, "0x12", 4), -EINVAL);
    ck_assert_uint_eq(out[0], 9); /* untouched on failure */
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, sha384_known);
    tcase_add_test(tc, unhex_exact);
}

int main(void)
{
    return nacre_run_suite("digest", add, 10);
}
