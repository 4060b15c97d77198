#include "host/enclaves.h"

#include "suite.h"

static struct nacre_hd_enclave three[3];

static void reset(void)
{
    for (size_t i = 0; i < 3; i++)
        three[i] =
            (struct nacre_hd_enclave){.next = i < 2 ? &three[i + 1] : NULL, .health = NACRE_HD_HEALTHY};
}

START_TEST(fewest_connections_wins)
{
    uint32_t turn = 0;
    reset();
    three[0].connections = 5;
    three[1].connections = 4;
    three[2].connections = 6;
    for (int i = 0; i < 7; i++)
        ck_assert_ptr_eq(nacre_hd_choose(three, NULL, &turn), &three[1]);
}
END_TEST

START_TEST(equals_take_turns)
{
    uint32_t turn = UINT32_MAX - 4;
    unsigned got[3] = {0};
    reset();
    for (int i = 0; i < 300; i++)
        got[nacre_hd_choose(three, NULL, &turn) - three]++;
    for (size_t i = 0; i < 3; i++)
        ck_assert_uint_ge(got[i], 98);
}
END_TEST

START_TEST(load_evens_out)
{
    uint32_t turn = 0;
    reset();
    three[0].connections = 50;
    for (int i = 0; i < 100; i++)
        nacre_hd_choose(three, NULL, &turn)->connections++;
    for (size_t i = 0; i < 3; i++)
        ck_assert_uint_eq(three[i].connections, 50);
}
END_TEST

START_TEST(unwell_draining_and_removed_get_nothing)
{
    uint32_t turn = 0;
    reset();
    three[0].health = NACRE_HD_UNHEALTHY;
    three[1].config.drain = true;
    three[2].connections = 1000;
    for (int i = 0; i < 5; i++)
        ck_assert_ptr_eq(nacre_hd_choose(three, NULL, &turn), &three[2]);
    three[2].removed = true;
    ck_assert_ptr_null(nacre_hd_choose(three, NULL, &turn));
    ck_assert_ptr_null(nacre_hd_choose(NULL, NULL, &turn));
}
END_TEST

START_TEST(unknown_comes_after_healthy)
{
    uint32_t turn = 0;
    reset();
    three[0].health = three[1].health = NACRE_HD_UNKNOWN;
    three[2].connections = 9;
    ck_assert_ptr_eq(nacre_hd_choose(three, NULL, &turn), &three[2]);
    three[2].health = NACRE_HD_UNHEALTHY;
    ck_assert_ptr_nonnull(nacre_hd_choose(three, NULL, &turn));
}
END_TEST

START_TEST(the_one_that_failed_is_tried_last)
{
    uint32_t turn = 0;
    reset();
    three[1].connections = 7;
    three[2].connections = 7;
    ck_assert_ptr_ne(nacre_hd_choose(three, &three[0], &turn), &three[0]);
    three[1].health = three[2].health = NACRE_HD_UNHEALTHY;
    ck_assert_ptr_eq(nacre_hd_choose(three, &three[0], &turn), &three[0]);
}
END_TEST

START_TEST(health_changes_after_enough_in_a_row)
{
    struct nacre_hd_enclave e = {0};
    ck_assert(!nacre_hd_judge(&e, false, 3, 2));
    ck_assert(!nacre_hd_judge(&e, false, 3, 2));
    ck_assert(!nacre_hd_judge(&e, true, 3, 2));
    ck_assert_int_eq(e.health, NACRE_HD_UNKNOWN);
    ck_assert(nacre_hd_judge(&e, true, 3, 2));
    ck_assert_int_eq(e.health, NACRE_HD_HEALTHY);
    ck_assert(!nacre_hd_judge(&e, true, 3, 2));
    ck_assert(!nacre_hd_judge(&e, false, 3, 2));
    ck_assert(!nacre_hd_judge(&e, false, 3, 2));
    ck_assert(nacre_hd_judge(&e, false, 3, 2));
    ck_assert_int_eq(e.health, NACRE_HD_UNHEALTHY);
    ck_assert(!nacre_hd_judge(&e, false, 3, 2));
    ck_assert_str_eq(nacre_hd_health_name(e.health), "unhealthy");
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, fewest_connections_wins);
    tcase_add_test(tc, equals_take_turns);
    tcase_add_test(tc, load_evens_out);
    tcase_add_test(tc, unwell_draining_and_removed_get_nothing);
    tcase_add_test(tc, unknown_comes_after_healthy);
    tcase_add_test(tc, the_one_that_failed_is_tried_last);
    tcase_add_test(tc, health_changes_after_enough_in_a_row);
}

int main(void)
{
    return nacre_run_suite("host_enclaves", add, 30);
}
