#include "nacred/clock.h"
#include "suite.h"

#include <errno.h>

#define MS    UINT64_C(1000000)
#define S     UINT64_C(1000000000)
#define MAX   (1000 * MS)
#define EPOCH UINT64_C(1744038900000) /* ms at monotonic 0 */
#define RTT   (2 * MS)

/* A sample taken at `at` by an NSM whose clock is `shift_ms` away from EPOCH + monotonic. */
static int sample(struct nacre_clock *c, uint64_t at, int64_t shift_ms, uint64_t rtt)
{
    const struct nacre_clock_sample s = {at, at + rtt,
                                         EPOCH + (uint64_t)((int64_t)((at + rtt / 2) / MS) + shift_ms)};
    return nacre_clock_add(c, &s, MAX);
}

static bool valid(const struct nacre_clock *c, uint64_t at)
{
    return nacre_clock_read(c, at, MAX).valid;
}

START_TEST(knows_nothing_at_first)
{
    struct nacre_clock c = {0};
    struct nacre_clock_reading r = nacre_clock_read(&c, 5 * S, MAX);
    ck_assert(!r.valid);
    ck_assert_uint_eq(r.now_ms, 0);
}
END_TEST

START_TEST(first_sample_sets_time_and_bound)
{
    struct nacre_clock c = {0};
    ck_assert_int_eq(sample(&c, 10 * S, 0, RTT), NACRE_CLOCK_AGREED);
    struct nacre_clock_reading r = nacre_clock_read(&c, 10 * S + RTT / 2, MAX);
    ck_assert(r.valid);
    ck_assert_uint_eq(r.now_ms, EPOCH + 10001);
    ck_assert_uint_ge(r.error_ns, RTT / 2 + MS);
    ck_assert_uint_le(r.error_ns, RTT / 2 + MS + 1000);
    ck_assert_uint_eq(nacre_clock_read(&c, 10 * S + RTT / 2 + 1234 * MS, MAX).now_ms, EPOCH + 10001 + 1234);
}
END_TEST

START_TEST(bound_grows_by_200_ppm_until_it_is_too_large)
{
    struct nacre_clock c = {0};
    (void)sample(&c, 0, 0, RTT);
    uint64_t at = RTT / 2;
    uint64_t start = nacre_clock_read(&c, at, MAX).error_ns;
    uint64_t later = nacre_clock_read(&c, at + 1000 * S, MAX).error_ns;
    ck_assert_uint_ge(later - start, 200 * MS);
    ck_assert_uint_le(later - start, 200 * MS + 10);
    ck_assert(valid(&c, at + 4980 * S));
    ck_assert(!valid(&c, at + 5000 * S));
    ck_assert(nacre_clock_read(&c, at + 5000 * S, 2 * MAX).valid);
}
END_TEST

START_TEST(drift_inside_the_bounds_is_followed)
{
    struct nacre_clock c = {0};
    (void)sample(&c, 0, 0, RTT);
    int64_t shift = 0;
    for (uint64_t at = 60 * S; at < 3600 * S; at += 60 * S) {
        shift += 10; /* 166 ppm */
        ck_assert_int_eq(sample(&c, at, shift, RTT), NACRE_CLOCK_AGREED);
        uint64_t now = nacre_clock_read(&c, at + RTT / 2, MAX).now_ms;
        ck_assert_uint_eq(now, EPOCH + (at + RTT / 2) / MS + (uint64_t)shift);
    }
}
END_TEST

START_TEST(a_slow_answer_does_not_replace_a_better_one)
{
    struct nacre_clock c = {0};
    (void)sample(&c, 0, 0, RTT);
    uint64_t before = nacre_clock_read(&c, 60 * S, MAX).error_ns;
    ck_assert_int_eq(sample(&c, 59 * S, 300, 900 * MS), NACRE_CLOCK_AGREED);
    struct nacre_clock_reading r = nacre_clock_read(&c, 60 * S, MAX);
    ck_assert_uint_eq(r.error_ns, before);
    ck_assert_uint_eq(r.now_ms, EPOCH + 60000);
    /* long after, the same answer is the more exact one */
    ck_assert_int_eq(sample(&c, 4000 * S, 300, 900 * MS), NACRE_CLOCK_AGREED);
    ck_assert_uint_lt(nacre_clock_read(&c, 4001 * S, MAX).error_ns, 452 * MS);
}
END_TEST

START_TEST(useless_samples_change_nothing)
{
    struct nacre_clock c = {0};
    ck_assert_int_eq(sample(&c, 0, 0, 2500 * MS), -ERANGE);
    ck_assert(!valid(&c, 3 * S));
    (void)sample(&c, 10 * S, 0, RTT);
    struct nacre_clock before = c;
    const struct nacre_clock_sample bad[] = {
        {20 * S, 19 * S, EPOCH + 20000},         /* backwards */
        {20 * S, 20 * S, UINT64_MAX / 1000},     /* beyond what nanoseconds hold */
        {UINT64_MAX - 5, UINT64_MAX - 1, EPOCH}, /* no monotonic time */
        {20 * S, 22 * S, EPOCH + 21000},         /* half the round trip and 1 ms are more than a second */
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ck_assert_int_eq(nacre_clock_add(&c, &bad[i], MAX), -ERANGE);
        ck_assert_mem_eq(&c, &before, sizeof c);
    }
}
END_TEST

START_TEST(contradiction_stops_signing_until_the_old_line_is_confirmed)
{
    struct nacre_clock c = {0};
    (void)sample(&c, 0, 0, RTT);
    ck_assert_int_eq(sample(&c, 60 * S, 5000, RTT), NACRE_CLOCK_UNSURE);
    ck_assert(!valid(&c, 60 * S));
    ck_assert_int_eq(sample(&c, 61 * S, 0, RTT), NACRE_CLOCK_AGREED);
    ck_assert(valid(&c, 61 * S));
    ck_assert_uint_eq(nacre_clock_read(&c, 61 * S + RTT / 2, MAX).now_ms, EPOCH + 61001);
}
END_TEST

START_TEST(a_vague_sample_cannot_confirm_the_old_line)
{
    struct nacre_clock c = {0};
    (void)sample(&c, 0, 0, RTT);
    ck_assert_int_eq(sample(&c, 60 * S, 5000, RTT), NACRE_CLOCK_UNSURE);
    ck_assert_int_eq(sample(&c, 61 * S, 0, 10 * S), -ERANGE);
    ck_assert(!valid(&c, 72 * S));
}
END_TEST

START_TEST(three_in_agreement_replace_the_line)
{
    for (int sign = -1; sign <= 1; sign += 2) {
        struct nacre_clock c = {0};
        (void)sample(&c, 0, 0, RTT);
        ck_assert_int_eq(sample(&c, 60 * S, sign * 5000, RTT), NACRE_CLOCK_UNSURE);
        ck_assert_int_eq(sample(&c, 61 * S + 2 * MS, sign * 5000, RTT), NACRE_CLOCK_UNSURE);
        ck_assert(!valid(&c, 62 * S));
        ck_assert_int_eq(sample(&c, 62 * S + 4 * MS, sign * 5000, RTT), NACRE_CLOCK_REPLACED);
        ck_assert(valid(&c, 63 * S));
        ck_assert_uint_eq(nacre_clock_read(&c, 64 * S, MAX).now_ms, EPOCH + (uint64_t)(64000 + sign * 5000));
    }
}
END_TEST

START_TEST(samples_in_a_burst_count_once)
{
    struct nacre_clock c = {0};
    (void)sample(&c, 0, 0, RTT);
    for (uint64_t i = 0; i < 20; i++)
        ck_assert_int_eq(sample(&c, 60 * S + i * 10 * MS, 5000, RTT), NACRE_CLOCK_UNSURE);
    ck_assert(!valid(&c, 61 * S));
}
END_TEST

START_TEST(rivals_that_disagree_start_anew)
{
    struct nacre_clock c = {0};
    (void)sample(&c, 0, 0, RTT);
    for (int i = 0; i < 10; i++) /* a clock that jumps every second never convinces */
        ck_assert_int_eq(sample(&c, (uint64_t)(60 + 2 * i) * S, 5000 + 1000 * i, RTT), NACRE_CLOCK_UNSURE);
    ck_assert_int_eq(sample(&c, 82 * S, 14000, RTT), NACRE_CLOCK_UNSURE);
    ck_assert_int_eq(sample(&c, 84 * S, 14000, RTT), NACRE_CLOCK_REPLACED);
}
END_TEST

START_TEST(delay_widens_the_bound_by_half_the_round_trip)
{
    struct nacre_clock c = {0};
    (void)sample(&c, 0, 0, 600 * MS);
    ck_assert_uint_ge(nacre_clock_read(&c, 300 * MS, MAX).error_ns, 301 * MS);
    /* a better one that disagrees with the middle, but not beyond both bounds, is taken */
    ck_assert_int_eq(sample(&c, S, 299, RTT), NACRE_CLOCK_AGREED);
    ck_assert_uint_eq(nacre_clock_read(&c, S + RTT / 2, MAX).now_ms, EPOCH + 1001 + 299);
    ck_assert_uint_lt(nacre_clock_read(&c, S + RTT / 2, MAX).error_ns, 3 * MS);
}
END_TEST

START_TEST(times_out_of_range_are_not_valid)
{
    struct nacre_clock c = {0};
    const struct nacre_clock_sample s = {100 * S, 100 * S, 50000}; /* 1970 at monotonic 50 s */
    ck_assert_int_eq(nacre_clock_add(&c, &s, MAX), NACRE_CLOCK_AGREED);
    ck_assert(valid(&c, 100 * S));
    ck_assert(!valid(&c, 49 * S));
    ck_assert(!valid(&c, UINT64_MAX));
    /* two lines further apart than an integer is long still disagree */
    struct nacre_clock far = {.started = true, .line = {INT64_MIN + 5, 0, 0}};
    const struct nacre_clock_sample high = {0, 0, INT64_MAX / MS};
    ck_assert_int_eq(nacre_clock_add(&far, &high, MAX), NACRE_CLOCK_UNSURE);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, knows_nothing_at_first);
    tcase_add_test(tc, first_sample_sets_time_and_bound);
    tcase_add_test(tc, bound_grows_by_200_ppm_until_it_is_too_large);
    tcase_add_test(tc, drift_inside_the_bounds_is_followed);
    tcase_add_test(tc, a_slow_answer_does_not_replace_a_better_one);
    tcase_add_test(tc, useless_samples_change_nothing);
    tcase_add_test(tc, contradiction_stops_signing_until_the_old_line_is_confirmed);
    tcase_add_test(tc, a_vague_sample_cannot_confirm_the_old_line);
    tcase_add_test(tc, three_in_agreement_replace_the_line);
    tcase_add_test(tc, samples_in_a_burst_count_once);
    tcase_add_test(tc, rivals_that_disagree_start_anew);
    tcase_add_test(tc, delay_widens_the_bound_by_half_the_round_trip);
    tcase_add_test(tc, times_out_of_range_are_not_valid);
}

int main(void)
{
    return nacre_run_suite("nacred/clock", add, 10);
}
