#include "nacred/backoff.h"
#include "suite.h"

static const struct nacre_backoff usual = {
    .initial_ms = 10, .max_ms = 100, .reset_ms = 5000, .stop_after = 0};

START_TEST(doubles_up_to_the_maximum)
{
    struct nacre_backoff b = usual;
    const int64_t expected[] = {10, 20, 40, 80, 100, 100, 100};
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        ck_assert_uint_eq(nacre_backoff_wait_ms(&b), (uint64_t)expected[i]);
        ck_assert_int_eq(nacre_backoff_died(&b, 4999), expected[i]);
        ck_assert_uint_eq(b.restarts, i + 1);
    }
}
END_TEST

START_TEST(begins_anew_after_a_long_life)
{
    struct nacre_backoff b = usual;
    ck_assert_int_eq(nacre_backoff_died(&b, 0), 10);
    ck_assert_int_eq(nacre_backoff_died(&b, 0), 20);
    ck_assert_int_eq(nacre_backoff_died(&b, 5000), 10);
    ck_assert_int_eq(nacre_backoff_died(&b, 0), 20);
    ck_assert_uint_eq(b.restarts, 4);
}
END_TEST

START_TEST(forgets_while_the_helper_lives)
{
    struct nacre_backoff b = usual;
    ck_assert_int_eq(nacre_backoff_died(&b, 0), 10);
    ck_assert_int_eq(nacre_backoff_died(&b, 0), 20);
    nacre_backoff_lives(&b, 4999);
    ck_assert_uint_eq(nacre_backoff_wait_ms(&b), 40);
    nacre_backoff_lives(&b, 5000);
    ck_assert_uint_eq(nacre_backoff_wait_ms(&b), 10);
    ck_assert_uint_eq(b.restarts, 2);
}
END_TEST

START_TEST(stops_where_the_configuration_says)
{
    struct nacre_backoff b = usual;
    b.stop_after = 2;
    ck_assert_int_eq(nacre_backoff_died(&b, 0), 10);
    ck_assert_int_eq(nacre_backoff_died(&b, 0), 20);
    ck_assert_int_eq(nacre_backoff_died(&b, 0), -1);
    ck_assert_int_eq(nacre_backoff_died(&b, 0), -1);
    ck_assert_uint_eq(b.restarts, 2);
}
END_TEST

START_TEST(a_long_life_postpones_the_stop)
{
    struct nacre_backoff b = usual;
    b.stop_after = 1;
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(nacre_backoff_died(&b, 6000), 10);
    ck_assert_int_eq(nacre_backoff_died(&b, 10), -1);
}
END_TEST

START_TEST(extreme_settings_do_not_wrap)
{
    struct nacre_backoff b = {.initial_ms = 0, .max_ms = 3600000, .reset_ms = 1};
    ck_assert_int_eq(nacre_backoff_died(&b, 0), 0);
    ck_assert_int_eq(nacre_backoff_died(&b, 0), 2);
    for (int i = 0; i < 100; i++)
        ck_assert_int_le(nacre_backoff_died(&b, 0), 3600000);
    ck_assert_int_eq(nacre_backoff_died(&b, 0), 3600000);
    b = (struct nacre_backoff){.initial_ms = 60000, .max_ms = 1, .reset_ms = 1};
    ck_assert_int_eq(nacre_backoff_died(&b, 0), 1);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, doubles_up_to_the_maximum);
    tcase_add_test(tc, begins_anew_after_a_long_life);
    tcase_add_test(tc, forgets_while_the_helper_lives);
    tcase_add_test(tc, stops_where_the_configuration_says);
    tcase_add_test(tc, a_long_life_postpones_the_stop);
    tcase_add_test(tc, extreme_settings_do_not_wrap);
}

int main(void)
{
    return nacre_run_suite("nacred/backoff", add, 10);
}
