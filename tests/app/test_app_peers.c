/* test_app_peers.c - the real nacre-app: peers that die, hostile ones, and the end. */
#include "app_suite.h"

#include <errno.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static int open_descriptors(void)
{
    char path[64];
    int n = 0;
    for (int fd = 0; fd < 1024; fd++) {
        (void)snprintf(path, sizeof path, "/proc/%d/fd/%d", d.pid, fd);
        n += access(path, F_OK) == 0;
    }
    return n;
}

START_TEST(http_restarts)
{
    driver_start(&d, &s, 2, NULL);
    ck_assert_uint_eq(driver_call(&d, SAMPLE_ECHO, "{\"payload\":{}}"), 0);
    const int before = open_descriptors();
    for (int round = 0; round < 20; round++) {
        /* asleep in a handler while its nacre-http goes away: the result still goes to the signer */
        driver_request(&d, 0, 77, SAMPLE_SLEEP, NULL, 0, "{\"payload\":{\"number\":20}}", 60000);
        (void)usleep(5000);
        driver_send_lane(&d, 0, false);
        driver_send_lane(&d, 1, false);
        ck_assert_uint_eq(driver_receive(&d, d.result[0]), NACRE_FRAME_RESULT);
        ck_assert_uint_eq(driver_call(&d, SAMPLE_ECHO, "{\"payload\":{}}"), 0);
        driver_request(&d, 1, 5, SAMPLE_ECHO, NULL, 0, "{\"payload\":{}}", 60000);
        ck_assert_uint_eq(driver_receive(&d, d.result[1]), NACRE_FRAME_RESULT);
    }
    ck_assert_int_eq(open_descriptors(), before);
    stop();
}
END_TEST

/* The old socket stays open at its other end: nothing of the dead peer is served any more. */
START_TEST(stale_lane_is_dead)
{
    driver_start(&d, &s, 1, NULL);
    int old = dup(d.request[0]);
    driver_send_lane(&d, 0, false);
    ck_assert_uint_eq(driver_call(&d, SAMPLE_ECHO, "{\"payload\":{}}"), 0);
    int saved = d.request[0];
    d.request[0] = old;
    struct nacre_request_frame f = {.head.type = NACRE_FRAME_REQUEST, .ticket.route = SAMPLE_ECHO};
    f.ticket.deadline_ns = UINT64_MAX;
    ck_assert_int_eq(nacre_frame_send(old, &f, "{\"payload\":{}}", 14, NULL, 0, NULL, 0), -EPIPE);
    d.request[0] = saved;
    (void)close(old);
    ck_assert(driver_silent(d.result[0], 100));
    stop();
}
END_TEST

START_TEST(hostile_requests)
{
    uint8_t noise[4096];
    driver_start(&d, &s, 1, NULL);
    /* out of form: noise of all lengths, wrong types, wrong lengths, routes that do not exist */
    for (size_t len = 1; len < 200; len++) {
        randombytes_buf(noise, len);
        ck_assert_int_eq(send(d.request[0], noise, len, MSG_NOSIGNAL), (ssize_t)len);
    }
    for (uint32_t type = 0; type < 40; type++) {
        struct nacre_request_frame f = {.head.type = type, .head.payload_len = 0};
        if (type != NACRE_FRAME_REQUEST)
            (void)send(d.request[0], &f, sizeof f, MSG_NOSIGNAL);
    }
    struct nacre_request_frame f = {.head.type = NACRE_FRAME_REQUEST};
    f.ticket.deadline_ns = UINT64_MAX;
    f.head.payload_len = UINT64_MAX;
    (void)send(d.request[0], &f, sizeof f, MSG_NOSIGNAL);
    f.head.payload_len = 0;
    f.head.in_fd = 1;
    (void)send(d.request[0], &f, sizeof f, MSG_NOSIGNAL);
    f.head.in_fd = 0;
    f.params_len = 1;
    (void)send(d.request[0], &f, sizeof f, MSG_NOSIGNAL);
    f.params_len = UINT32_MAX;
    (void)send(d.request[0], &f, sizeof f, MSG_NOSIGNAL);
    f.params_len = 0;
    f.ticket.route = NACRE_ROUTES_MAX;
    (void)send(d.request[0], &f, sizeof f, MSG_NOSIGNAL);
    f.ticket.route = UINT32_MAX;
    (void)send(d.request[0], &f, sizeof f, MSG_NOSIGNAL);
    /* params where the route has none */
    driver_request(&d, 0, 9, SAMPLE_ECHO, "\x01\0x", 3, "{\"payload\":{}}", 5000);
    ck_assert_uint_eq(driver_receive(&d, d.request[0]), NACRE_FRAME_FAILURE);
    ck_assert(driver_text_is(&d, "the path parameters are out of form"));
    ck_assert(driver_silent(d.result[0], 100) && driver_silent(d.request[0], 0));
    ck_assert_uint_eq(driver_call(&d, SAMPLE_ECHO, "{\"payload\":{}}"), 0);
    stop();
}
END_TEST

START_TEST(strange_control_messages)
{
    driver_start(&d, &s, 1, NULL);
    uint8_t noise[300];
    for (size_t len = 1; len < sizeof noise; len += 7) {
        randombytes_buf(noise, len);
        ck_assert_int_eq(send(d.control, noise, len, MSG_NOSIGNAL), (ssize_t)len);
    }
    struct nacre_lane_frame lane = {.head.type = NACRE_FRAME_LANE, .lane = 5, .n_lanes = 2, .what = 3};
    ck_assert_int_eq(nacre_frame_send(d.control, &lane, NULL, 0, NULL, 0, NULL, 0), 0);
    lane.lane = 0;
    lane.n_lanes = 1; /* promises two descriptors and brings none */
    ck_assert_int_eq(nacre_frame_send(d.control, &lane, NULL, 0, NULL, 0, NULL, 0), 0);
    struct nacre_connected_frame late = {.head.type = NACRE_FRAME_CONNECTED, .id = 12345};
    ck_assert_int_eq(nacre_frame_send(d.control, &late, NULL, 0, NULL, 0, &d.log, 1), 0);
    struct nacre_box_key_frame key = {.head.type = NACRE_FRAME_BOX_KEY, .id = 0};
    ck_assert_int_eq(nacre_frame_send(d.control, &key, NULL, 0, NULL, 0, NULL, 0), 0);
    driver_send_plain(&d, NACRE_FRAME_READY, NULL);
    driver_send_plain(&d, NACRE_FRAME_SECRETS, "{\"API_KEY\":\"other\"}");
    ck_assert_uint_eq(driver_call(&d, SAMPLE_SECRET, "{\"payload\":{\"text\":\"API_KEY\"}}"), 0);
    ck_assert(nacre_str_is(answer().text, "sesame"));
    stop();
}
END_TEST

START_TEST(crash_is_an_end)
{
    driver_start(&d, &s, 1, NULL);
    driver_request(&d, 0, 1, SAMPLE_CRASH, NULL, 0, "{\"payload\":{}}", 5000);
    int status = driver_end(&d);
    ck_assert_int_eq(status, 128 + SIGABRT);
    ck_assert_uint_eq(driver_receive(&d, d.request[0]), 0);
}
END_TEST

START_TEST(stop_lets_calls_finish)
{
    driver_start(&d, &s, 1, NULL);
    driver_request(&d, 0, 1, SAMPLE_SLEEP, NULL, 0, "{\"payload\":{\"number\":300}}", 60000);
    (void)usleep(50000);
    driver_send_plain(&d, NACRE_FRAME_STOP, NULL);
    ck_assert_uint_eq(driver_receive(&d, d.result[0]), NACRE_FRAME_RESULT);
    ck_assert_int_eq(driver_end(&d), 0);
    ck_assert(strstr(driver_log(&d), "sample: stop() was called"));
}
END_TEST

/* One late handler is logged, once; when nobody is left, the process ends and says why. */
START_TEST(watchdog)
{
    s.config.jobs_concurrent = 0; /* no more workers than app.workers */
    driver_start(&d, &s, 1, NULL);
    driver_request(&d, 0, 0x51, SAMPLE_SLEEP, NULL, 0, "{\"payload\":{\"number\":3500}}", 60000);
    ck_assert_uint_eq(driver_receive(&d, d.result[0]), NACRE_FRAME_RESULT);
    const char *log = driver_log(&d);
    const char *late = strstr(log, "event=\"handler is past its deadline\" req=0000000000000051");
    ck_assert_msg(late != NULL, "%s", log);
    ck_assert_ptr_null(strstr(strchr(late, 10), "past its deadline"));
    for (uint64_t i = 0; i < 4; i++)
        driver_request(&d, 0, 0x60 + i, SAMPLE_SLEEP, NULL, 0, "{\"payload\":{\"number\":60000}}", 60000);
    ck_assert_int_eq(driver_end(&d), 3);
    ck_assert(strstr(driver_log(&d), "workers are stuck"));
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, http_restarts);
    tcase_add_test(tc, stale_lane_is_dead);
    tcase_add_test(tc, hostile_requests);
    tcase_add_test(tc, strange_control_messages);
    tcase_add_test(tc, crash_is_an_end);
    tcase_add_test(tc, stop_lets_calls_finish);
    tcase_add_test(tc, watchdog);
}

int main(void)
{
    return app_suite("app-peers", add);
}
