/* test_app_requests.c - the real nacre-app: requests, and what comes of them. */
#include "app_suite.h"

#include <stdio.h>

START_TEST(request_and_result)
{
    driver_start(&d, &s, 1, NULL);
    ck_assert_uint_eq(driver_call(&d, SAMPLE_ECHO,
                                  "{\"intent\":\"ProcessData\",\"payload\":{\"text\":\"h\\u00e9\",\"number\":"
                                  "6211533809644153000,\"data\":[1,2,255]}}"),
                      0);
    const struct nacre_result_frame *r = (const void *)d.in.head;
    ck_assert_uint_eq(r->timestamp_ms, 0);
    static const uint8_t bcs[] = {3,    'h',  0xc3, 0xa9, 0xa8, 0x19, 0x94, 0xb2,
                                  0xe2, 0xaa, 0x33, 0x56, 3,    1,    2,    255};
    ck_assert_uint_eq(d.in.payload_len, sizeof bcs);
    struct sample_answer a = answer();
    ck_assert(nacre_str_is(a.text, "h\xc3\xa9") && a.number == 6211533809644153000u && a.data.len == 3);
    stop();
    ck_assert(strstr(driver_log(&d), "sample: stop() was called"));
}
END_TEST

START_TEST(path_parameters)
{
    static const char params[] = "\x07\0testnet\x05\0\x31\x32\x33\x34\x35";
    static const char bad_number[] = "\x07\0testnet\x03\0-12";
    static const char bad_text[] = "\x02\0\xff\xfe\x01\0\x31";
    static const char *const broken[] = {"", "\x07\0test", "\x07\0testnet", "\x07\0testnet\x01\0\x31x"};
    static const size_t broken_len[] = {0, 6, 9, 13};
    driver_start(&d, &s, 1, NULL);
    driver_request(&d, 0, 1, SAMPLE_ITEM, params, sizeof params - 1, "", 5000);
    ck_assert_uint_eq(driver_receive(&d, d.result[0]), NACRE_FRAME_RESULT);
    struct sample_answer a = answer();
    ck_assert(nacre_str_is(a.text, "testnet") && a.number == 12345);
    driver_request(&d, 0, 2, SAMPLE_ITEM, bad_number, sizeof bad_number - 1, "", 5000);
    ck_assert_uint_eq(driver_receive(&d, d.request[0]), NACRE_FRAME_FAILURE);
    ck_assert(driver_text_is(&d, "id: expected u32, got a negative number"));
    driver_request(&d, 0, 3, SAMPLE_ITEM, bad_text, sizeof bad_text - 1, "", 5000);
    ck_assert_uint_eq(driver_receive(&d, d.request[0]), NACRE_FRAME_FAILURE);
    ck_assert(driver_text_is(&d, "network: expected string, got invalid UTF-8"));
    for (size_t i = 0; i < 4; i++) { /* nothing a client can send: nacre-http's fault, or worse */
        driver_request(&d, 0, 4, SAMPLE_ITEM, broken[i], broken_len[i], "", 5000);
        ck_assert_uint_eq(driver_receive(&d, d.request[0]), NACRE_FRAME_FAILURE);
        ck_assert_uint_eq(((const struct nacre_failure_frame *)(const void *)d.in.head)->status, 500);
    }
    /* a body beside a route without body fields must still be JSON */
    driver_request(&d, 0, 5, SAMPLE_ITEM, params, sizeof params - 1, "{\"x\":1}", 5000);
    ck_assert_uint_eq(driver_receive(&d, d.result[0]), NACRE_FRAME_RESULT);
    driver_request(&d, 0, 6, SAMPLE_ITEM, params, sizeof params - 1, "x", 5000);
    ck_assert_uint_eq(driver_receive(&d, d.request[0]), NACRE_FRAME_FAILURE);
    stop();
}
END_TEST

START_TEST(bad_bodies)
{
    driver_start(&d, &s, 1, NULL);
    fails(SAMPLE_ECHO, "", 400, "body: text ends too early (byte 0)");
    fails(SAMPLE_ECHO, "{\"payload\":{\"text\":\"x\"", 400, "body: text ends too early (byte 22)");
    fails(SAMPLE_ECHO, "{\"payload\":{\"text\":7}}", 400, "payload.text: expected string, got number");
    fails(SAMPLE_ECHO, "{\"payload\":{\"number\":18446744073709551616}}", 400,
          "payload.number: expected u64, got a number above 18446744073709551615");
    fails(SAMPLE_ECHO, "{\"payload\":{},\"payload\":{}}", 400, "payload: duplicate key");
    fails(SAMPLE_ECHO, "{}", 400, "payload: missing");
    fails(SAMPLE_SMALL, "{\"payload\":{\"text\":\"                                                      \"}}",
          413, "the request is too large");
    ck_assert_uint_eq(driver_call(&d, SAMPLE_SMALL, "{\"payload\":{}}"), 0);
    /* a vector that needs more than the scratch memory: 64 KiB is the least a configuration can say */
    stop();
    driver_free(&d);
    s.config.app_scratch_bytes = 65536;
    driver_start(&d, &s, 1, NULL);
    const size_t cap = 300000;
    char *body = malloc(cap);
    ck_assert_ptr_nonnull(body);
    size_t len = (size_t)snprintf(body, cap, "{\"payload\":{\"data\":[0");
    while (len + 8 < cap)
        len += (size_t)snprintf(body + len, cap - len, ",0");
    (void)snprintf(body + len, cap - len, "]}}");
    fails(SAMPLE_ECHO, body, 413, "payload.data: needs more memory than app.scratch_bytes allows");
    free(body);
    stop();
}
END_TEST

START_TEST(failures)
{
    driver_start(&d, &s, 1, NULL);
    fails(SAMPLE_FAIL, "{\"payload\":{\"number\":429,\"text\":\"slow down\"}}", 429, "slow down");
    fails(SAMPLE_FAIL, "{\"payload\":{\"number\":418}}", 418, "the request was refused");
    fails(SAMPLE_FAIL, "{\"payload\":{\"number\":599,\"text\":\"\"}}", 599, "internal error");
    fails(SAMPLE_FAIL, "{\"payload\":{\"number\":200,\"text\":\"secret\"}}", 500, "internal error");
    fails(SAMPLE_FAIL, "{\"payload\":{\"number\":4294967295,\"text\":\"secret\"}}", 500, "internal error");
    fails(SAMPLE_RECOVERED, "{\"payload\":{}}", 404, "not found");
    fails(SAMPLE_BAD_TEXT, "{\"payload\":{}}", 500, "the app's response does not fit its declared type");
    const char *log = driver_log(&d);
    ck_assert_msg(strstr(log, "text: text is not valid UTF-8"), "%s", log);
    ck_assert_msg(strstr(log, "returned=200") && strstr(log, "returned=-1"), "%s", log);
    ck_assert_msg(!strstr(log, "secret"), "%s", log);
    /* cut at 512 bytes, and never in a character */
    char body[2000] = "{\"payload\":{\"number\":400,\"text\":\"x";
    while (strlen(body) < 1500)
        (void)strncat(body, "\xc3\xa9", sizeof body - strlen(body) - 1);
    (void)strncat(body, "\"}}", sizeof body - strlen(body) - 1);
    ck_assert_uint_eq(driver_call(&d, SAMPLE_FAIL, body), 400);
    ck_assert_uint_eq(d.in.payload_len, 511);
    stop();
}
END_TEST

START_TEST(large_answers)
{
    char body[100];
    s.config.app_response_bytes = 200000;
    driver_start(&d, &s, 1, NULL);
    for (uint32_t size = 0; size < 190000; size += size / 2 + 9000) { /* inline and by memfd */
        (void)snprintf(body, sizeof body, "{\"payload\":{\"number\":%u}}", size);
        ck_assert_uint_eq(driver_call(&d, SAMPLE_LARGE, body), 0);
        struct sample_answer a = answer();
        ck_assert_uint_eq(a.data.len, size);
        for (uint32_t i = 0; i < size; i++)
            ck_assert_uint_eq(a.data.ptr[i], 0x5a);
    }
    fails(SAMPLE_LARGE, "{\"payload\":{\"number\":200000}}", 500,
          "the app's response does not fit its declared type");
    fails(SAMPLE_LARGE, "{\"payload\":{\"number\":99999999999}}", 413, "no memory for 99999999999 bytes");
    ck_assert_uint_eq(driver_call(&d, SAMPLE_LARGE, "{\"payload\":{\"number\":3}}"), 0);
    stop();
}
END_TEST

START_TEST(memory_is_wiped_between_calls)
{
    s.config.app_workers = 1;
    s.config.jobs_concurrent = 0; /* a job's worker could take a call */
    driver_start(&d, &s, 1, NULL);
    for (int i = 0; i < 10; i++) {
        ck_assert_uint_eq(driver_call(&d, SAMPLE_LEFTOVER, "{\"payload\":{\"number\":20000}}"), 0);
        struct sample_answer a = answer();
        ck_assert_uint_eq(a.number, 0);
        ck_assert(nacre_str_is(a.text, i ? "same" : "other")); /* the test has looked where the bytes were */
    }
    stop();
}
END_TEST

START_TEST(deadlines)
{
    driver_start(&d, &s, 1, NULL);
    /* past: nobody waits for it */
    driver_request(&d, 0, 1, SAMPLE_ECHO, NULL, 0, "{\"payload\":{}}", -10);
    ck_assert(driver_silent(d.result[0], 200) && driver_silent(d.request[0], 0));
    /* the route's own deadline is shorter than what the ticket says */
    ck_assert_uint_eq(driver_call(&d, SAMPLE_SLEEP, "{\"payload\":{\"number\":0}}"), 0);
    struct sample_answer a = answer();
    ck_assert(a.number > 0 && a.number <= 400);
    stop();
}
END_TEST

START_TEST(timestamps)
{
    driver_start(&d, &s, 1, NULL);
    ck_assert_uint_eq(driver_call(&d, SAMPLE_STAMP, "{\"payload\":{\"number\":1744038900000}}"), 0);
    ck_assert_uint_eq(((const struct nacre_result_frame *)(const void *)d.in.head)->timestamp_ms,
                      1744038900000u);
    fails(SAMPLE_STAMP, "{\"payload\":{}}", 500, "internal error");
    ck_assert(strstr(driver_log(&d), "handler set no timestamp"));
    fails(SAMPLE_STAMP_REFUSED, "{\"payload\":{\"number\":1744038900000}}", 500,
          "the route's timestamp is not the app's to set");
    stop();
}
END_TEST

START_TEST(many_lanes_and_workers)
{
    s.config.app_workers = 1; /* each lane has one all the same */
    driver_start(&d, &s, 3, NULL);
    for (uint64_t i = 0; i < 300; i++)
        driver_request(&d, (uint32_t)(i % 3), i + 1, SAMPLE_ECHO, NULL, 0, "{\"payload\":{\"number\":5}}",
                       60000);
    for (uint32_t lane = 0; lane < 3; lane++) {
        bool seen[301] = {false};
        for (int i = 0; i < 100; i++) {
            ck_assert_uint_eq(driver_receive(&d, d.result[lane]), NACRE_FRAME_RESULT);
            uint64_t id = ((const struct nacre_result_frame *)(const void *)d.in.head)->ticket.id;
            ck_assert(id >= 1 && id <= 300 && (id - 1) % 3 == lane && !seen[id]);
            seen[id] = true;
        }
    }
    stop();
}
END_TEST

START_TEST(handlers_run_concurrently)
{
    driver_start(&d, &s, 1, NULL);
    uint64_t begin = nacre_monotonic_ns();
    for (uint64_t i = 1; i <= 4; i++)
        driver_request(&d, 0, i, SAMPLE_SLEEP, NULL, 0, "{\"payload\":{\"number\":350}}", 60000);
    for (int i = 0; i < 4; i++)
        ck_assert_uint_eq(driver_receive(&d, d.result[0]), NACRE_FRAME_RESULT);
    ck_assert_uint_lt(nacre_monotonic_ns() - begin, 1000000000u);
    stop();
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, request_and_result);
    tcase_add_test(tc, path_parameters);
    tcase_add_test(tc, bad_bodies);
    tcase_add_test(tc, failures);
    tcase_add_test(tc, large_answers);
    tcase_add_test(tc, memory_is_wiped_between_calls);
    tcase_add_test(tc, deadlines);
    tcase_add_test(tc, timestamps);
    tcase_add_test(tc, many_lanes_and_workers);
    tcase_add_test(tc, handlers_run_concurrently);
}

int main(void)
{
    return app_suite("app-requests", add);
}
