#include "host/refuse.h"

#include <arpa/inet.h>
#include <string.h>

#include "suite.h"

static const char *refused(const char *text, const struct nacre_hd_range *ranges, size_t n)
{
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    if (strchr(text, ':')) {
        ck_assert_int_eq(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
        return nacre_hd_refused((struct sockaddr *)(void *)&v6, ranges, n);
    }
    ck_assert_int_eq(inet_pton(AF_INET, text, &v4.sin_addr), 1);
    return nacre_hd_refused((struct sockaddr *)(void *)&v4, ranges, n);
}

/* The edges of each range, inside. */
static const char *const bad[] = {
    "0.0.0.0",
    "0.255.255.255",
    "10.0.0.0",
    "10.255.255.255",
    "100.64.0.0",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.255",
    "169.254.0.0",
    "169.254.169.254",
    "169.254.170.2",
    "169.254.255.255",
    "172.16.0.0",
    "172.31.255.255",
    "192.0.0.0",
    "192.0.0.170",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.0",
    "192.168.255.255",
    "198.18.0.0",
    "198.19.255.255",
    "198.51.100.7",
    "203.0.113.255",
    "224.0.0.0",
    "239.255.255.255",
    "240.0.0.0",
    "255.255.255.255",
    "::",
    "::1",
    "::2",
    "::7f00:1",
    "::8.8.8.8",
    "::ffff:127.0.0.1",
    "::ffff:10.1.2.3",
    "::ffff:169.254.169.254",
    "::ffff:0:127.0.0.1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b::10.0.0.1",
    "64:ff9b:1::8.8.8.8",
    "64:ff9b:1:ffff::1",
    "100::1",
    "2001:0:4136:e378:8000:63bf:80ff:fffe" /* Teredo: 127.0.0.1 */,
    "2001:0:a00:1::1" /* Teredo, server 10.0.0.1 */,
    "2001:2::1",
    "2001:10::1",
    "2001:2f::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "2002:a9fe:a9fe::1",
    "2002:c0a8:101::",
    "3fff::1",
    "4000::1",
    "5f00::1",
    "8000::1",
    "fc00::",
    "fd00:ec2::254",
    "fdff:ffff::1",
    "fe80::1",
    "febf::1",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
    "64::1",
    "0:64::1",
};

/* And just outside. */
static const char *const good[] = {
    "1.0.0.0",          "8.8.8.8",        "9.255.255.255",
    "11.0.0.0",         "100.63.255.255", "100.128.0.0",
    "126.255.255.255",  "128.0.0.0",      "169.253.255.255",
    "169.255.0.0",      "172.15.255.255", "172.32.0.0",
    "191.255.255.255",  "192.0.1.0",      "192.0.3.0",
    "192.88.98.255",    "192.88.100.0",   "192.167.255.255",
    "192.169.0.0",      "198.17.255.255", "198.20.0.0",
    "198.51.99.255",    "203.0.112.255",  "203.0.114.0",
    "223.255.255.255",  "2000::1",        "2001:4860:4860::8888",
    "2001:db7:ffff::1", "2001:db9::1",    "2002:808:808::1",
    "2600:1f18::1",     "2a00:1450::1",   "3ffe::1",
    "64:ff9b::8.8.8.8", "::ffff:8.8.8.8",
};

START_TEST(special_addresses_are_refused)
{
    ck_assert_msg(refused(bad[_i], NULL, 0) != NULL, "%s", bad[_i]);
}
END_TEST

START_TEST(public_addresses_are_not)
{
    const char *what = refused(good[_i], NULL, 0);
    ck_assert_msg(what == NULL, "%s: %s", good[_i], what);
}
END_TEST

START_TEST(reasons_say_what_it_is)
{
    ck_assert_str_eq(refused("169.254.169.254", NULL, 0), "link-local or cloud metadata");
    ck_assert_str_eq(refused("fd00:ec2::254", NULL, 0), "unique local or cloud metadata");
    ck_assert_str_eq(refused("::ffff:192.168.1.1", NULL, 0), "private");
    ck_assert_str_eq(refused("::1", NULL, 0), "loopback");
}
END_TEST

START_TEST(named_ranges_are_let_through_and_nothing_else)
{
    struct nacre_hd_range ranges[2];
    ck_assert_int_eq(nacre_hd_range_parse(&ranges[0], "127.0.0.0/31"), 0);
    ck_assert_int_eq(nacre_hd_range_parse(&ranges[1], "fd12:3456::/31"), 0);
    ck_assert_ptr_null(refused("127.0.0.1", ranges, 2));
    ck_assert_ptr_nonnull(refused("127.0.0.2", ranges, 2));
    ck_assert_ptr_null(refused("fd12:3457::1", ranges, 2));
    ck_assert_ptr_nonnull(refused("fd12:3458::1", ranges, 2));
    ck_assert_ptr_nonnull(refused("::ffff:127.0.0.1", ranges, 2));
    ck_assert_ptr_nonnull(refused("127.0.0.1", ranges, 0));
}
END_TEST

START_TEST(other_families_are_refused)
{
    struct sockaddr any = {.sa_family = AF_UNIX};
    ck_assert_ptr_nonnull(nacre_hd_refused(&any, NULL, 0));
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_loop_test(tc, special_addresses_are_refused, 0, (int)(sizeof bad / sizeof bad[0]));
    tcase_add_loop_test(tc, public_addresses_are_not, 0, (int)(sizeof good / sizeof good[0]));
    tcase_add_test(tc, reasons_say_what_it_is);
    tcase_add_test(tc, named_ranges_are_let_through_and_nothing_else);
    tcase_add_test(tc, other_families_are_refused);
}

int main(void)
{
    return nacre_run_suite("host_refuse", add, 30);
}
