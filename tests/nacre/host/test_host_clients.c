#include "host/clients.h"

#include <arpa/inet.h>
#include <string.h>

#include "suite.h"

static struct sockaddr_storage address_of(const char *text)
{
    struct sockaddr_storage out = {0};
    if (strchr(text, ':')) {
        struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)&out;
        v6->sin6_family = AF_INET6;
        ck_assert_int_eq(inet_pton(AF_INET6, text, &v6->sin6_addr), 1);
    } else {
        struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)&out;
        v4->sin_family = AF_INET;
        ck_assert_int_eq(inet_pton(AF_INET, text, &v4->sin_addr), 1);
    }
    return out;
}

static enum nacre_hd_verdict admit(struct nacre_hd_clients *c, const char *text,
                                   const struct nacre_hd_client_limits *limits, uint64_t now,
                                   struct nacre_hd_client **out)
{
    struct sockaddr_storage address = address_of(text);
    return nacre_hd_clients_admit(c, (struct sockaddr *)(void *)&address, limits, now, out);
}

START_TEST(bucket_refills_at_its_rate_and_no_further)
{
    struct nacre_hd_bucket b = {3000, 1000};
    for (int i = 0; i < 3; i++)
        ck_assert_uint_eq(nacre_hd_bucket_take(&b, 10, 3, 1000), 1);
    ck_assert_uint_eq(nacre_hd_bucket_take(&b, 10, 3, 1000), 0);
    ck_assert_uint_eq(nacre_hd_bucket_take(&b, 10, 3, 1099), 0);
    ck_assert_uint_eq(nacre_hd_bucket_take(&b, 10, 3, 1100), 1);
    ck_assert_uint_eq(nacre_hd_bucket_take(&b, 10, 3, 1100), 0);
    for (int i = 0; i < 3; i++)
        ck_assert_uint_eq(nacre_hd_bucket_take(&b, 10, 3, 900000), 1);
    ck_assert_uint_eq(nacre_hd_bucket_take(&b, 10, 3, 900000), 0);
    /* Time that runs backwards, and very much of it. */
    ck_assert_uint_eq(nacre_hd_bucket_take(&b, 10, 3, 1), 0);
    ck_assert_uint_eq(nacre_hd_bucket_take(&b, 1000000, 1000000, UINT64_MAX), 1);
}
END_TEST

START_TEST(each_address_has_its_own_limit)
{
    const struct nacre_hd_client_limits limits = {2, 0, 1};
    struct nacre_hd_clients c;
    struct nacre_hd_client *one = NULL, *two = NULL, *other = NULL, *more = NULL;
    ck_assert_int_eq(nacre_hd_clients_init(&c), 0);
    ck_assert_int_eq(admit(&c, "192.0.2.1", &limits, 1, &one), NACRE_HD_ADMITTED);
    ck_assert_int_eq(admit(&c, "192.0.2.1", &limits, 1, &two), NACRE_HD_ADMITTED);
    ck_assert_int_eq(admit(&c, "192.0.2.1", &limits, 1, &more), NACRE_HD_TOO_MANY);
    ck_assert_int_eq(admit(&c, "::ffff:192.0.2.1", &limits, 1, &more), NACRE_HD_TOO_MANY);
    ck_assert_int_eq(admit(&c, "192.0.2.2", &limits, 1, &other), NACRE_HD_ADMITTED);
    ck_assert_ptr_eq(one, two);
    ck_assert_ptr_ne(one, other);
    ck_assert_ptr_null(more);
    nacre_hd_clients_left(one);
    ck_assert_int_eq(admit(&c, "192.0.2.1", &limits, 1, &more), NACRE_HD_ADMITTED);
    nacre_hd_clients_free(&c);
}
END_TEST

START_TEST(a_v6_network_is_one_client)
{
    const struct nacre_hd_client_limits limits = {1, 0, 1};
    struct nacre_hd_clients c;
    struct nacre_hd_client *one = NULL;
    ck_assert_int_eq(nacre_hd_clients_init(&c), 0);
    ck_assert_int_eq(admit(&c, "2001:db8:0:1::1", &limits, 1, &one), NACRE_HD_ADMITTED);
    ck_assert_int_eq(admit(&c, "2001:db8:0:1:ffff::9", &limits, 1, &one), NACRE_HD_TOO_MANY);
    ck_assert_int_eq(admit(&c, "2001:db8:0:2::1", &limits, 1, &one), NACRE_HD_ADMITTED);
    nacre_hd_clients_free(&c);
}
END_TEST

START_TEST(too_fast_is_told_and_does_not_count_as_open)
{
    const struct nacre_hd_client_limits limits = {0, 1, 2};
    struct nacre_hd_clients c;
    struct nacre_hd_client *one = NULL;
    ck_assert_int_eq(nacre_hd_clients_init(&c), 0);
    ck_assert_int_eq(admit(&c, "192.0.2.1", &limits, 5000, &one), NACRE_HD_ADMITTED);
    ck_assert_int_eq(admit(&c, "192.0.2.1", &limits, 5000, &one), NACRE_HD_ADMITTED);
    ck_assert_int_eq(admit(&c, "192.0.2.1", &limits, 5000, &one), NACRE_HD_TOO_FAST);
    ck_assert_uint_eq(one->connections, 2);
    ck_assert_int_eq(admit(&c, "192.0.2.1", &limits, 6000, &one), NACRE_HD_ADMITTED);
    nacre_hd_clients_free(&c);
}
END_TEST

/* Who comes from very many addresses fills no memory, and pushes out nobody who is connected. */
START_TEST(the_table_is_bounded_and_forgets)
{
    const struct nacre_hd_client_limits limits = {1, 1, 1};
    struct nacre_hd_clients c;
    struct nacre_hd_client *kept = NULL, *one = NULL;
    ck_assert_int_eq(nacre_hd_clients_init(&c), 0);
    ck_assert_int_eq(admit(&c, "198.51.100.1", &limits, 0, &kept), NACRE_HD_ADMITTED);
    unsigned refused = 0;
    for (uint32_t i = 0; i < 3 * NACRE_HD_CLIENTS_MAX / 2; i++) {
        struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr = {htonl(0x0a000000u + i)}};
        if (nacre_hd_clients_admit(&c, (struct sockaddr *)(void *)&v4, &limits, 1, &one) == NACRE_HD_ADMITTED)
            nacre_hd_clients_left(one);
        else
            refused++;
    }
    ck_assert_uint_le(c.n, NACRE_HD_CLIENTS_MAX);
    ck_assert_uint_gt(refused, 0);
    /* Two seconds later their buckets are full again, so they are forgotten as others come. */
    refused = 0;
    for (uint32_t i = 0; i + 1 < NACRE_HD_CLIENTS_MAX; i++) {
        struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr = {htonl(0x0b000000u + i)}};
        if (nacre_hd_clients_admit(&c, (struct sockaddr *)(void *)&v4, &limits, 2001, &one) ==
            NACRE_HD_ADMITTED)
            nacre_hd_clients_left(one);
        else
            refused++;
    }
    ck_assert_uint_eq(refused, 0);
    ck_assert_uint_eq(kept->connections, 1);
    ck_assert_int_eq(admit(&c, "198.51.100.1", &limits, 9000, &one), NACRE_HD_TOO_MANY);
    nacre_hd_clients_free(&c);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, bucket_refills_at_its_rate_and_no_further);
    tcase_add_test(tc, each_address_has_its_own_limit);
    tcase_add_test(tc, a_v6_network_is_one_client);
    tcase_add_test(tc, too_fast_is_told_and_does_not_count_as_open);
    tcase_add_test(tc, the_table_is_bounded_and_forgets);
}

int main(void)
{
    return nacre_run_suite("host_clients", add, 60);
}
