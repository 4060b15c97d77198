/* test_module.c - nacre-app around its fetch module: loading, the broker's descriptors, health checks. */
#include "driver.h"
#include "plugins/sample.h"
#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct driver d;
static struct driver_setup s;

static void setup(void)
{
    memset(&d, 0, sizeof d);
    driver_setup(&s);
    s.program = "tests/with-fake-module/bin/nacre-app";
    s.allow[0] = (struct nacre_endpoint_decl){.host = "a.example.org", .port = 443, .connect = "none"};
    s.allow[1] = (struct nacre_endpoint_decl){.host = "b.example.org", .port = 8443, .connect = "none"};
    s.n_allow = 2;
    (void)snprintf(s.config.egress_ca_file, sizeof s.config.egress_ca_file,
                   "%s/tests/with-fake-module/ca.pem", getenv("NACRE_OUT"));
    s.config.egress_check_interval_s = 3600;
}

static void teardown(void)
{
    driver_free(&d);
}

/* Answers the next CONNECT, which must be for `endpoint`: with a byte to read, or with an error. */
static void answer_connect(uint32_t endpoint, int32_t error, char byte)
{
    int pair[2];
    ck_assert_uint_eq(driver_receive(&d, d.control), NACRE_FRAME_CONNECT);
    const struct nacre_connect_frame *q = (const void *)d.in.head;
    ck_assert_uint_eq(q->endpoint, endpoint);
    struct nacre_connected_frame f = {.head.type = NACRE_FRAME_CONNECTED, .id = q->id, .error = error};
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    ck_assert_int_eq(send(pair[0], &byte, 1, 0), 1);
    ck_assert_int_eq(nacre_frame_send(d.control, &f, NULL, 0, NULL, 0, &pair[1], error ? 0 : 1), 0);
    (void)close(pair[0]);
    (void)close(pair[1]);
}

static struct nacre_health_frame health(void)
{
    ck_assert_uint_eq(driver_receive(&d, d.request[0]), NACRE_FRAME_HEALTH);
    return *(const struct nacre_health_frame *)(const void *)d.in.head;
}

/* The first round of checks: the first endpoint is well, the second is not. */
static void first_checks(void)
{
    answer_connect(0, 0, 'h');
    struct nacre_health_frame h = health();
    ck_assert(h.endpoint == 0 && h.ok == 1 && h.checked_ns > 0 && h.checked_ns <= nacre_monotonic_ns());
    answer_connect(1, EHOSTUNREACH, 0);
    h = health();
    ck_assert(h.endpoint == 1 && h.ok == 0 && h.checked_ns > 0);
}

static void stop(void)
{
    driver_send_plain(&d, NACRE_FRAME_STOP, NULL);
    ck_assert_int_eq(driver_end(&d), 0);
}

START_TEST(exchange)
{
    driver_start(&d, &s, 1, NULL);
    first_checks();
    driver_request(&d, 0, 1, SAMPLE_FETCH, NULL, 0, "{\"payload\":{\"text\":\"https://a.example.org/\"}}",
                   20000);
    answer_connect(0, 0, 'x');
    ck_assert_uint_eq(driver_receive(&d, d.result[0]), NACRE_FRAME_RESULT);
    static const uint8_t bcs[] = {0, 203, 0, 0, 0, 0, 0, 0, 0, 1, 'x'};
    ck_assert_uint_eq(d.in.payload_len, sizeof bcs);
    ck_assert_mem_eq(d.in.payload, bcs, sizeof bcs);
    stop();
    const char *log = driver_log(&d);
    ck_assert_msg(strstr(log, "fake: init ca=") && strstr(log, "allow=2"), "%s", log);
    /* one of the worker that fetched, one of the thread that checked; then, last, the module */
    const char *end = strstr(log, "fake: thread_end");
    ck_assert(end && strstr(end + 1, "fake: thread_end") && strstr(end, "fake: stop"));
    ck_assert(strstr(log, "event=\"endpoint is reachable\" host=a.example.org port=443"));
    ck_assert(strstr(log, "event=\"endpoint is not reachable\" host=b.example.org port=8443"));
}
END_TEST

START_TEST(failures)
{
    driver_start(&d, &s, 1, NULL);
    first_checks();
    driver_request(&d, 0, 1, SAMPLE_FETCH, NULL, 0, "{\"payload\":{\"text\":\"https://a.example.org/\"}}",
                   20000);
    answer_connect(0, ECONNREFUSED, 0);
    ck_assert_uint_eq(driver_receive(&d, d.request[0]), NACRE_FRAME_FAILURE);
    ck_assert(driver_text_is(&d, "connection failed: 111"));
    ck_assert_uint_eq(((const struct nacre_failure_frame *)(const void *)d.in.head)->status, 502);
    /* nobody answers: the request's own deadline ends it */
    driver_request(&d, 0, 2, SAMPLE_FETCH, NULL, 0, "{\"payload\":{\"text\":\"https://a.example.org/\"}}",
                   300);
    ck_assert_uint_eq(driver_receive(&d, d.control), NACRE_FRAME_CONNECT);
    ck_assert_uint_eq(driver_receive(&d, d.request[0]), NACRE_FRAME_FAILURE);
    ck_assert(driver_text_is(&d, "connection failed: 110"));
    ck_assert_uint_eq(driver_call(&d, SAMPLE_FETCH, "{\"payload\":{\"text\":\"https://x/memory\"}}"), 502);
    ck_assert(driver_text_is(&d, "no memory"));
    ck_assert_uint_eq(driver_call(&d, SAMPLE_FETCH, "{\"payload\":{\"text\":\"https://x/defaults\"}}"), 502);
    ck_assert(driver_text_is(&d, "GET 1048576 1 sink"));
    /* as a plugin that was built for 1.0 asks: what stands behind its struct is not looked at */
    ck_assert_uint_eq(
        driver_call(&d, SAMPLE_FETCH, "{\"payload\":{\"number\":88,\"text\":\"https://x/defaults\"}}"), 502);
    ck_assert(driver_text_is(&d, "GET 1048576 1"));
    ck_assert_uint_eq(driver_call(&d, SAMPLE_FETCH, "{\"payload\":{}}"), 500);
    ck_assert(driver_text_is(&d, "fetch: the URL is empty"));
    ck_assert_uint_eq(driver_call(&d, SAMPLE_FETCH, "{\"payload\":{\"number\":8,\"text\":\"https://x/\"}}"),
                      500);
    ck_assert(driver_text_is(&d, "fetch: struct sizes are 8 and 56, expected 88 and 56"));
    stop();
}
END_TEST

/* A restarted nacre-http is told what is known, without another check. */
START_TEST(successor_is_told)
{
    driver_start(&d, &s, 2, NULL);
    first_checks();
    driver_send_lane(&d, 0, false);
    struct nacre_health_frame first = health(), second = health();
    ck_assert(first.endpoint == 0 && first.ok == 1 && second.endpoint == 1 && second.ok == 0);
    ck_assert(driver_silent(d.control, 0));
    stop();
}
END_TEST

START_TEST(checked_again)
{
    s.config.egress_check_interval_s = 1;
    driver_start(&d, &s, 1, NULL);
    first_checks();
    answer_connect(0, EHOSTUNREACH, 0);
    ck_assert_uint_eq(health().ok, 0);
    answer_connect(1, 0, 'h');
    ck_assert_uint_eq(health().ok, 1);
    stop();
    const char *log = driver_log(&d);
    ck_assert(strstr(log, "event=\"endpoint is not reachable\" host=a.example.org"));
    ck_assert(strstr(log, "event=\"endpoint is reachable\" host=b.example.org"));
}
END_TEST

/* STOP while a check waits for a connection: the process ends all the same, and soon. */
START_TEST(stop_during_a_check)
{
    s.config.egress_connect_ms = 60000;
    driver_start(&d, &s, 1, NULL);
    ck_assert_uint_eq(driver_receive(&d, d.control), NACRE_FRAME_CONNECT);
    uint64_t begin = nacre_monotonic_ns();
    stop();
    ck_assert_uint_lt(nacre_monotonic_ns() - begin, 4000000000u);
}
END_TEST

static void refused(const char *text)
{
    driver_spawn(&d, &s, false);
    ck_assert_uint_eq(driver_receive(&d, d.control), NACRE_FRAME_FAILED);
    char got[1024];
    (void)snprintf(got, sizeof got, "%.*s", (int)d.in.payload_len, (const char *)d.in.payload);
    ck_assert_msg(strstr(got, text) != NULL, "%s", got);
    ck_assert_int_eq(driver_end(&d), 1);
    driver_free(&d);
}

START_TEST(ca_file)
{
    const char *out = getenv("NACRE_OUT");
    char *file = s.config.egress_ca_file;
    (void)snprintf(file, sizeof s.config.egress_ca_file, "/nowhere/ca.pem");
    refused("egress.ca_file /nowhere/ca.pem: No such file or directory");
    (void)snprintf(file, sizeof s.config.egress_ca_file, "%s/tests/with-fake-module/bad.pem", out);
    refused("the CA bundle of 9 bytes is bad");
    (void)snprintf(file, sizeof s.config.egress_ca_file, "%s/tests", out);
    refused("File too large");
    /* all endpoints have pins: there may be no bundle */
    s.allow[0].n_pins = s.allow[1].n_pins = 1;
    (void)snprintf(file, sizeof s.config.egress_ca_file, "/nowhere/ca.pem");
    driver_start(&d, &s, 1, NULL);
    ck_assert(strstr(driver_log(&d), "fake: init ca=0 allow=2"));
    stop();
    driver_free(&d);
    file[0] = '\0';
    driver_start(&d, &s, 1, NULL);
    stop();
}
END_TEST

/* The check of the plugin needs no module, and an app without an allow list neither. */
START_TEST(loaded_only_when_needed)
{
    driver_spawn(&d, &s, true);
    ck_assert_uint_eq(driver_receive(&d, d.control), NACRE_FRAME_READY);
    ck_assert_int_eq(driver_end(&d), 0);
    ck_assert_ptr_null(strstr(driver_log(&d), "fake: init"));
    driver_free(&d);
    s.n_allow = 0;
    driver_start(&d, &s, 1, NULL);
    stop();
    ck_assert_ptr_null(strstr(driver_log(&d), "fake: init"));
}
END_TEST

START_TEST(no_module)
{
    s.program = "tests/without-module/bin/nacre-app";
    refused("the fetch module cannot be loaded: ");
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, exchange);
    tcase_add_test(tc, failures);
    tcase_add_test(tc, successor_is_told);
    tcase_add_test(tc, checked_again);
    tcase_add_test(tc, stop_during_a_check);
    tcase_add_test(tc, ca_file);
    tcase_add_test(tc, loaded_only_when_needed);
    tcase_add_test(tc, no_module);
}

int main(void)
{
    return nacre_run_suite("module", add, 60);
}
