#include "netaddr.h"
#include "suite.h"

#include <errno.h>
#include <string.h>

static const struct {
    const char *text, *formatted; /* NULL: refused */
} addresses[] = {
    {"127.0.0.1:3000", "tcp:127.0.0.1:3000"},
    {"0.0.0.0:0", "tcp:0.0.0.0:0"},
    {"[::1]:65535", "tcp:[::1]:65535"},
    {"[2001:DB8:0:0::1]:80", "tcp:[2001:db8::1]:80"},
    {"[::ffff:1.2.3.4]:80", "tcp:[::ffff:1.2.3.4]:80"},
    {"", NULL},
    {":", NULL},
    {":80", NULL},
    {"[", NULL},
    {"[]:80", NULL},
    {"[::1]", NULL},
    {"[::1]80", NULL},
    {"[::1:80", NULL},
    {"::1:80", NULL},
    {"127.0.0.1", NULL},
    {"127.0.0.1:", NULL},
    {"127.0.0.1:65536", NULL},
    {"127.0.0.1:-1", NULL},
    {"127.0.0.1:+1", NULL},
    {"127.0.0.1:080", NULL},
    {"127.0.0.1:8 ", NULL},
    {"127.1:80", NULL},
    {"127.0.0.256:80", NULL},
    {"localhost:80", NULL},
    {"[127.0.0.1]:80", NULL},
    {"[fe80::1%lo]:80", NULL},
    {"[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]:80", NULL},
    {"18446744073709551617.0.0.1:80", NULL},
    {"127.0.0.1:18446744073709551696", NULL},
};

START_TEST(addresses_are_numeric_with_a_port)
{
    struct nacre_netaddr address = {.port = 7};
    char out[NACRE_NETADDR_TEXT];
    int rc = nacre_netaddr_parse(&address, addresses[_i].text);
    if (!addresses[_i].formatted) {
        ck_assert_msg(rc == -EINVAL, "'%s' was taken", addresses[_i].text);
        ck_assert_uint_eq(address.port, 7);
        return;
    }
    ck_assert_msg(rc == 0, "'%s' was refused", addresses[_i].text);
    nacre_netaddr_format(out, &address);
    ck_assert_str_eq(out, addresses[_i].formatted);
}
END_TEST

START_TEST(any_address_is_known)
{
    struct nacre_netaddr address;
    ck_assert_int_eq(nacre_netaddr_parse(&address, "0.0.0.0:1"), 0);
    ck_assert(nacre_netaddr_is_any(&address));
    ck_assert_int_eq(nacre_netaddr_parse(&address, "[0:0::0]:1"), 0);
    ck_assert(nacre_netaddr_is_any(&address));
    ck_assert_int_eq(nacre_netaddr_parse(&address, "0.0.0.1:1"), 0);
    ck_assert(!nacre_netaddr_is_any(&address));
}
END_TEST

START_TEST(numbers_are_exact)
{
    uint64_t v = 5;
    ck_assert_int_eq(nacre_number_parse(&v, "18446744073709551615", 20, UINT64_MAX), 0);
    ck_assert_uint_eq(v, UINT64_MAX);
    v = 5;
    ck_assert_int_eq(nacre_number_parse(&v, "18446744073709551616", 20, UINT64_MAX), -ERANGE);
    ck_assert_int_eq(nacre_number_parse(&v, "99999999999999999999999", 23, UINT64_MAX), -ERANGE);
    ck_assert_int_eq(nacre_number_parse(&v, "8", 1, 7), -ERANGE);
    ck_assert_int_eq(nacre_number_parse(&v, "", 0, 7), -EINVAL);
    ck_assert_int_eq(nacre_number_parse(&v, "01", 2, 7), -EINVAL);
    ck_assert_int_eq(nacre_number_parse(&v, "1a", 2, 70), -EINVAL);
    ck_assert_int_eq(nacre_number_parse(&v, "-1", 2, 70), -EINVAL);
    ck_assert_uint_eq(v, 5);
    ck_assert_int_eq(nacre_number_parse(&v, "0", 1, 0), 0);
    ck_assert_uint_eq(v, 0);
}
END_TEST

START_TEST(places_are_checked_by_their_prefix)
{
    char why[256] = "";
    ck_assert_int_eq(nacre_place_check("tcp:127.0.0.1:1", why, sizeof why), 0);
    ck_assert_int_eq(nacre_place_check("vsock:4294967294", why, sizeof why), 0);
    ck_assert_int_eq(nacre_place_check("unix:/anything", why, sizeof why), 0);
    ck_assert_int_eq(nacre_place_check("tcp:nowhere:1", why, sizeof why), -EINVAL);
    ck_assert_ptr_nonnull(strstr(why, "'tcp:nowhere:1'"));
    ck_assert_int_eq(nacre_place_check("vsock:", why, sizeof why), -EINVAL);
    ck_assert_ptr_nonnull(strstr(why, "'vsock:'"));
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_loop_test(tc, addresses_are_numeric_with_a_port, 0,
                        (int)(sizeof addresses / sizeof addresses[0]));
    tcase_add_test(tc, any_address_is_known);
    tcase_add_test(tc, numbers_are_exact);
    tcase_add_test(tc, places_are_checked_by_their_prefix);
}

int main(void)
{
    return nacre_run_suite("netaddr", add, 30);
}
