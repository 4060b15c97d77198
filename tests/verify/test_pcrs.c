/* The .pcrs text. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "policy.h"
#include "support.h"

#define A "0123456789abcdef0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define B "ff23456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

struct text {
    const char *text;
    uint32_t mask;     /* 0: refused */
    const char *error; /* then a part of why */
};

static const struct text texts[] = {
    {A " PCR0\n" B " PCR1\n", 3, ""},
    {A " PCR0", 1, ""},
    {A "\tPCR31\r\n", UINT32_C(1) << 31, ""},
    {"# from the build\n\n  " A "   PCR16  \n", UINT32_C(1) << 16, ""},
    {A " PCR0\n" A " PCR0\n", 1, ""},
    {"", 0, "no PCR in 0 lines"},
    {"# nothing\n\n", 0, "no PCR in 2 lines"},
    {A " PCR0\n" B " PCR0\n", 0, "line 2: PCR0 is expected twice"},
    {A " PCR32\n", 0, "line 1: PCR32 does not exist"},
    {A " PCR00\n", 0, "line 1 does not end in PCR0"},
    {A " PCR\n", 0, "line 1 does not end in PCR0"},
    {A " PCR1x\n", 0, "line 1 does not end in PCR0"},
    {A " PCR100\n", 0, "line 1 does not end in PCR0"},
    {A " pcr1\n", 0, "line 1 does not end in PCR0"},
    {A " PCR1 PCR2\n", 0, "line 1 does not end in PCR0"},
    {A "PCR1\n", 0, "line 1 does not start with 96 hex digits"},
    {A "\n", 0, "line 1 does not start with 96 hex digits"},
    {"g" A " PCR1\n", 0, "line 1 does not start with 96 hex digits"},
    {"abcd PCR1\n", 0, "line 1 does not start with 96 hex digits"},
    {A A " PCR1\n", 0, "line 1 does not start with 96 hex digits"},
    {A " PCR0\n<html>", 0, "line 2 does not start with 96 hex digits"},
};

START_TEST(reads)
{
    nacre_verify_error error = {.text = ""};
    const struct text *text = &texts[_i];
    nacre_verify_policy *policy = nacre_verify_policy_new();
    size_t size = strlen(text->text);
    char *exact = malloc(size + 1);
    ck_assert_ptr_nonnull(exact);
    memcpy(exact, text->text, size);
    int r = nacre_verify_policy_expect_pcrs_text(policy, exact, size, &error);
    ck_assert_msg(r == (text->mask != 0 ? NACRE_VERIFY_OK : NACRE_VERIFY_E_ARGUMENT), "%d: %d %s", _i, r,
                  error.text);
    ck_assert_uint_eq(policy->pcr_mask, text->mask);
    ck_assert_msg(strstr(error.text, text->error) != NULL, "%d: %s", _i, error.text);
    free(exact);
    nacre_verify_policy_free(policy);
}
END_TEST

START_TEST(value_is_as_written)
{
    static const char text[] = A " PCR2\n";
    nacre_verify_policy *policy = nacre_verify_policy_new();
    ck_assert_int_eq(nacre_verify_policy_expect_pcrs_text(policy, text, sizeof text - 1, NULL),
                     NACRE_VERIFY_OK);
    for (size_t i = 0; i < 48; i++) {
        static const uint8_t byte[] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef};
        ck_assert_uint_eq(policy->pcr[2][i], byte[i % 8]);
    }
    nacre_verify_policy_free(policy);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pcrs");
    TCase *tcase = tcase_create("pcrs");
    tcase_add_loop_test(tcase, reads, 0, sizeof texts / sizeof texts[0]);
    tcase_add_test(tcase, value_is_as_written);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
