#include "http/nonce.h"
#include "suite.h"

#include <errno.h>

static int parse(struct nacre_nonce *nonce, const char *text)
{
    return nacre_nonce_parse(nonce, text, strlen(text));
}

START_TEST(good)
{
    struct nacre_nonce n = {0};
    ck_assert_int_eq(parse(&n, "00ffAbcD"), 0);
    ck_assert_uint_eq(n.len, 4);
    ck_assert_mem_eq(n.bytes, "\x00\xff\xab\xcd", 4);
    ck_assert_int_eq(parse(&n, "00"), 0);
    ck_assert_uint_eq(n.len, 1);
}
END_TEST

START_TEST(bad)
{
    static const char *const texts[] = {"",    "0",      "0g",   "g0",       "0x00", " 00",
                                        "00 ", "%30%30", "00\n", "\xff\xff", "-1"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct nacre_nonce n = {.len = 77};
        ck_assert_msg(parse(&n, texts[i]) == -EINVAL, "'%s'", texts[i]);
        ck_assert_uint_eq(n.len, 77);
    }
}
END_TEST

START_TEST(sizes)
{
    char text[2 * NACRE_NONCE_MAX + 3];
    struct nacre_nonce n = {0};
    memset(text, 'a', sizeof text);
    ck_assert_int_eq(nacre_nonce_parse(&n, text, 2 * NACRE_NONCE_MAX), 0);
    ck_assert_uint_eq(n.len, NACRE_NONCE_MAX);
    ck_assert_int_eq(nacre_nonce_parse(&n, text, 2 * NACRE_NONCE_MAX + 2), -EMSGSIZE);
    ck_assert_int_eq(nacre_nonce_parse(&n, text, 2 * NACRE_NONCE_MAX + 1), -EINVAL);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, good);
    tcase_add_test(tc, bad);
    tcase_add_test(tc, sizes);
}

int main(void)
{
    return nacre_run_suite("http nonce", add, 10);
}
