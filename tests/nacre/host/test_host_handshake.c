#include "host/handshake.h"

#include <errno.h>
#include <string.h>

#include "suite.h"

START_TEST(greeting_names_the_port)
{
    char out[NACRE_HD_HELLO_MAX];
    ck_assert_uint_eq(nacre_hd_hello(out, 3000), 13);
    ck_assert_str_eq(out, "CONNECT 3000\n");
    ck_assert_uint_eq(nacre_hd_hello(out, 4294967295u), 19);
    ck_assert_str_eq(out, "CONNECT 4294967295\n");
}
END_TEST

static const struct {
    const char *text;
    int result;
} cases[] = {
    {"OK 1073741824\n", 14},
    {"OK 0\n", 5},
    {"OK 4294967295\n", 14},
    {"OK 5\nHTTP/1.1 200 OK\r\n", 5}, /* the guest spoke at once: only the first line is the answer */
    {"OK 5\nOK 6\n", 5},
    /* not whole yet */
    {"", 0},
    {"O", 0},
    {"OK", 0},
    {"OK ", 0},
    {"OK 107374182", 0},
    /* lies */
    {"OK 4294967296\n", -EPROTO},
    {"OK 99999999999999999999\n", -EPROTO},
    {"OK 1073741824000", -EPROTO},
    {"OK -1\n", -EPROTO},
    {"OK +1\n", -EPROTO},
    {"OK 01\n", -EPROTO},
    {"OK  1\n", -EPROTO},
    {"OK 1 \n", -EPROTO},
    {"OK 1\r\n", -EPROTO},
    {"OK\n", -EPROTO},
    {"OK \n", -EPROTO},
    {"ok 1\n", -EPROTO},
    {"\n", -EPROTO},
    {"K", -EPROTO},
    {"HTTP/1.1 200 OK\r\n", -EPROTO},
    {"ERR no such port\n", -EPROTO},
};

START_TEST(answers_are_judged)
{
    ck_assert_int_eq(nacre_hd_hello_answer(cases[_i].text, strlen(cases[_i].text)), cases[_i].result);
}
END_TEST

START_TEST(nul_bytes_are_no_digits)
{
    ck_assert_int_eq(nacre_hd_hello_answer("OK 1\0\n", 6), -EPROTO);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, greeting_names_the_port);
    tcase_add_loop_test(tc, answers_are_judged, 0, (int)(sizeof cases / sizeof cases[0]));
    tcase_add_test(tc, nul_bytes_are_no_digits);
}

int main(void)
{
    return nacre_run_suite("host_handshake", add, 30);
}
