#include "app/clock.h"
#include "suite.h"

#define S 1000000000u

START_TEST(offset_and_drift)
{
    struct nacre_app_clock c;
    uint64_t ms = 7;
    nacre_app_clock_init(&c, 1000);
    ck_assert(!nacre_app_clock_get(&c, 5 * S, &ms)); /* nothing was told yet */
    ck_assert_uint_eq(ms, 7);
    const struct nacre_time_frame t = {.offset_ns = 1744038900123456789, .error_ns = 2000000, .valid = 1};
    nacre_app_clock_set(&c, &t, 10 * (uint64_t)S);
    ck_assert(nacre_app_clock_get(&c, 11 * (uint64_t)S, &ms));
    ck_assert_uint_eq(ms, 1744038911123u);
    /* the bound grows by 200 ppm: 998 ms after 4,990 s */
    ck_assert(nacre_app_clock_get(&c, (10 + 4990) * (uint64_t)S, &ms));
    ms = 7;
    ck_assert(!nacre_app_clock_get(&c, (10 + 4991) * (uint64_t)S, &ms));
    ck_assert_uint_eq(ms, 7);
}
END_TEST

START_TEST(unsure)
{
    struct nacre_app_clock c;
    uint64_t ms = 7;
    nacre_app_clock_init(&c, 1000);
    struct nacre_time_frame t = {.offset_ns = 1744038900123456789, .error_ns = 2000000, .valid = 0};
    nacre_app_clock_set(&c, &t, S);
    ck_assert(!nacre_app_clock_get(&c, S, &ms));
    t.valid = 1;
    t.error_ns = 1000 * (uint64_t)1000000 + 1;
    nacre_app_clock_set(&c, &t, S);
    ck_assert(!nacre_app_clock_get(&c, S, &ms));
    t.error_ns = UINT64_MAX;
    nacre_app_clock_set(&c, &t, S);
    ck_assert(!nacre_app_clock_get(&c, UINT64_MAX / 2, &ms));
    t.error_ns = 0;
    t.offset_ns = -5 * (int64_t)S; /* before 1970 */
    nacre_app_clock_set(&c, &t, S);
    ck_assert(!nacre_app_clock_get(&c, S, &ms));
    t.offset_ns = INT64_MAX;
    nacre_app_clock_set(&c, &t, S);
    ck_assert(!nacre_app_clock_get(&c, S, &ms));
    ck_assert_uint_eq(ms, 7);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, offset_and_drift);
    tcase_add_test(tc, unsure);
}

int main(void)
{
    return nacre_run_suite("clock", add, 10);
}
