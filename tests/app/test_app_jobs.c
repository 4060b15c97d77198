/* test_app_jobs.c - the real nacre-app: calls that are jobs. */
#include "app_suite.h"

#include <unistd.h>

#define LONG "{\"payload\":{\"number\":60000}}" /* rounds of a millisecond */

static void expect_interrupted(uint32_t type, uint64_t id)
{
    ck_assert_uint_eq(type, NACRE_FRAME_FAILURE);
    const struct nacre_failure_frame *f = (const void *)d.in.head;
    ck_assert(f->id == id && f->status == 504);
    ck_assert(d.in.payload_len > 9 && memcmp(d.in.payload, "ended in ", 9) == 0);
}

/* The next FAILURE on lane 0 must be this job's, with this beginning; progress may come before it. */
static void interrupted(uint64_t id)
{
    uint32_t type;
    while ((type = driver_receive(&d, d.request[0])) == NACRE_FRAME_PROGRESS)
        continue;
    expect_interrupted(type, id);
}

/* The same, with a CANCEL by way of `lane` now and after every message of progress. */
static void interrupted_by(uint64_t id, uint32_t lane)
{
    uint32_t type;
    do {
        driver_cancel(&d, lane, id);
        type = driver_receive(&d, d.request[0]);
    } while (type == NACRE_FRAME_PROGRESS);
    expect_interrupted(type, id);
}

START_TEST(longer_than_the_route_allows)
{
    driver_start(&d, &s, 1, NULL);
    driver_request(&d, 0, 1, SAMPLE_WORK, NULL, 0, LONG, 60000);
    ck_assert_uint_eq(driver_receive(&d, d.request[0]),
                      NACRE_FRAME_FAILURE); /* after 400 ms, and no progress frame */
    driver_job(&d, 0, 2, SAMPLE_WORK, "{\"payload\":{\"number\":600}}", 60000);
    ck_assert_uint_eq(driver_receive(&d, d.result[0]), NACRE_FRAME_RESULT);
    ck_assert_uint_eq(((const struct nacre_result_frame *)(const void *)d.in.head)->ticket.id, 2);
    stop();
}
END_TEST

START_TEST(progress_is_told_and_not_too_often)
{
    driver_start(&d, &s, 1, NULL);
    uint64_t begin = nacre_monotonic_ns();
    driver_job(&d, 0, 1, SAMPLE_WORK, "{\"payload\":{\"number\":900}}", 60000);
    ck_assert_uint_eq(driver_receive(&d, d.result[0]), NACRE_FRAME_RESULT);
    uint64_t quarters = (nacre_monotonic_ns() - begin) / 250000000u, told = 0;
    uint32_t last = 0;
    while (!driver_silent(d.request[0], 0)) {
        ck_assert_uint_eq(driver_receive(&d, d.request[0]), NACRE_FRAME_PROGRESS);
        const struct nacre_progress_frame *p = (const void *)d.in.head;
        ck_assert(p->id == 1 && p->permille >= last && p->permille < 1000 && driver_text_is(&d, "round"));
        last = p->permille;
        told++;
    }
    ck_assert_msg(told >= 2 && told <= quarters + 1 && last > 0, "%llu messages in %llu quarters of a second",
                  (unsigned long long)told, (unsigned long long)quarters);
    stop();
}
END_TEST

START_TEST(cancelled)
{
    driver_start(&d, &s, 2, NULL);
    driver_job(&d, 0, 7, SAMPLE_WORK, LONG, 60000);
    driver_cancel(&d, 0, 8); /* no such job */
    driver_cancel(&d, 1, 0);
    ck_assert_uint_eq(driver_receive(&d, d.request[0]), NACRE_FRAME_PROGRESS);
    /* by way of another lane, and again, as nacre-http does: one that comes before all workers have begun is lost */
    interrupted_by(7, 1);
    /* the worker's next call is not mistaken for it */
    driver_job(&d, 0, 9, SAMPLE_WORK, "{\"payload\":{\"number\":3}}", 60000);
    ck_assert_uint_eq(driver_receive(&d, d.result[0]), NACRE_FRAME_RESULT);
    stop();
}
END_TEST

START_TEST(only_jobs_are_cancelled)
{
    driver_start(&d, &s, 1, NULL);
    driver_request(&d, 0, 7, SAMPLE_SLEEP, NULL, 0, "{\"payload\":{\"number\":300}}", 60000);
    (void)usleep(50000);
    driver_cancel(&d, 0, 7);
    ck_assert_uint_eq(driver_receive(&d, d.result[0]), NACRE_FRAME_RESULT);
    stop();
}
END_TEST

START_TEST(lost_with_nacre_http)
{
    driver_start(&d, &s, 1, NULL);
    driver_job(&d, 0, 7, SAMPLE_WORK, LONG, 600000);
    ck_assert_uint_eq(driver_receive(&d, d.request[0]), NACRE_FRAME_PROGRESS);
    driver_send_lane(&d, 0, false);
    ck_assert_uint_eq(driver_call(&d, SAMPLE_ECHO, "{\"payload\":{\"number\":5}}"), 0);
    /* if it still ran, the end would have to wait for it */
    uint64_t begin = nacre_monotonic_ns();
    stop();
    ck_assert_uint_lt(nacre_monotonic_ns() - begin, 15000000000u);
}
END_TEST

START_TEST(the_end_does_not_wait_for_jobs)
{
    driver_start(&d, &s, 1, NULL);
    driver_job(&d, 0, 7, SAMPLE_WORK, LONG, 600000);
    ck_assert_uint_eq(driver_receive(&d, d.request[0]), NACRE_FRAME_PROGRESS);
    uint64_t begin = nacre_monotonic_ns();
    driver_send_plain(&d, NACRE_FRAME_STOP, NULL);
    interrupted(7);
    ck_assert_int_eq(driver_end(&d), 0);
    ck_assert_uint_lt(nacre_monotonic_ns() - begin, 15000000000u);
}
END_TEST

/* All places for jobs taken, and still as many for calls as app.workers says. */
START_TEST(jobs_take_no_workers)
{
    s.config.app_workers = 1;
    s.config.jobs_concurrent = 2;
    driver_start(&d, &s, 1, NULL);
    driver_job(&d, 0, 1, SAMPLE_WORK, LONG, 600000);
    driver_job(&d, 0, 2, SAMPLE_WORK, LONG, 600000);
    (void)usleep(100000);
    driver_request(&d, 0, 3, SAMPLE_ECHO, NULL, 0, "{\"payload\":{\"number\":5}}", 60000);
    ck_assert_uint_eq(driver_receive(&d, d.result[0]), NACRE_FRAME_RESULT);
    stop();
}
END_TEST

/* A job that does not look at the time keeps its place for ever: the process goes instead. */
START_TEST(deaf_past_its_deadline)
{
    driver_start(&d, &s, 1, NULL);
    driver_job(&d, 0, 7, SAMPLE_SLEEP, LONG, 100);
    ck_assert_int_eq(driver_end(&d), 3);
    ck_assert(strstr(driver_log(&d), "workers are stuck"));
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, longer_than_the_route_allows);
    tcase_add_test(tc, progress_is_told_and_not_too_often);
    tcase_add_test(tc, cancelled);
    tcase_add_test(tc, only_jobs_are_cancelled);
    tcase_add_test(tc, lost_with_nacre_http);
    tcase_add_test(tc, the_end_does_not_wait_for_jobs);
    tcase_add_test(tc, jobs_take_no_workers);
    tcase_add_test(tc, deaf_past_its_deadline);
}

int main(void)
{
    return app_suite("app-jobs", add);
}
