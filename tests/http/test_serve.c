/* Good requests, from the client's socket to the app's and back. */
#include "fake.h"
#include "sample.h"
#include "suite.h"

#include <sodium.h>
#include <stdio.h>
#include <unistd.h>

static struct fake f;
static struct client c;

static void setup(void)
{
    fake_start(&f, NULL);
    client_open(&c, f.port);
}

static void teardown(void)
{
    client_close(&c);
    fake_stop(&f);
}

/* Answers a request as the app and nacred would. */
static void sign(uint32_t lane, const struct nacre_request_frame *r, const char *location,
                 uint64_t temperature)
{
    uint8_t bcs[256];
    size_t len = weather_bcs(bcs, sizeof bcs, location, temperature);
    fake_answer(&f, lane, r->ticket.id, r->ticket.route, 200, bcs, len);
}

static void expect_weather(struct client *from, const char *location, uint64_t temperature)
{
    char json[600];
    weather_json(json, sizeof json, location, temperature);
    client_expect(from, 200, json);
}

static void expect_payload(const char *text, size_t len)
{
    ck_assert_msg(f.inbox.payload_len == len && (len == 0 || memcmp(f.inbox.payload, text, len) == 0), "%.*s",
                  (int)f.inbox.payload_len, (const char *)f.inbox.payload);
}

START_TEST(one_request)
{
    char id[32];
    client_post(&c, "/process_data", "{\"payload\":1}");
    struct nacre_request_frame r = fake_request(&f, NULL);
    ck_assert_uint_eq(r.ticket.route, ROUTE_PROCESS);
    ck_assert_uint_eq(r.params_len, 0);
    expect_payload("{\"payload\":1}", 13);
    sign(0, &r, "San Francisco", 13);
    struct answer a = client_answer(&c, false);
    char want[600];
    weather_json(want, sizeof want, "San Francisco", 13);
    ck_assert_str_eq(a.body, want);
    ck_assert_str_eq(answer_header(&a, "content-type"), "application/json");
    ck_assert_str_eq(answer_header(&a, "access-control-allow-origin"), "*");
    (void)snprintf(id, sizeof id, "%016llx", (unsigned long long)r.ticket.id);
    ck_assert_str_eq(answer_header(&a, "x-request-id"), id);
    ck_assert_ptr_null(answer_header(&a, "date"));
    ck_assert_ptr_null(answer_header(&a, "retry-after"));
    answer_free(&a);
}
END_TEST

START_TEST(keep_alive_and_ids)
{
    uint64_t last = 0;
    for (uint64_t i = 0; i < 200; i++) {
        char body[64];
        (void)snprintf(body, sizeof body, "{\"n\":%llu}", (unsigned long long)i);
        client_post(&c, "/process_data", body);
        struct nacre_request_frame r = fake_request(&f, NULL);
        expect_payload(body, strlen(body));
        ck_assert_uint_ne(r.ticket.id, last);
        last = r.ticket.id;
        sign(0, &r, "x", i);
        expect_weather(&c, "x", i);
    }
}
END_TEST

START_TEST(pipelining_keeps_the_order)
{
    client_text(&c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
                    "POST /process_data HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"
                    "GET /item/5/five HTTP/1.1\r\nHost: x\r\n\r\n"
                    "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    client_expect(&c, 200, "Pong!");
    struct nacre_request_frame r = fake_request(&f, NULL);
    ck_assert_uint_eq(r.ticket.route, ROUTE_PROCESS);
    fake_silence(&f, 0, 50); /* the next one waits for this one's answer */
    sign(0, &r, "first", 1);
    expect_weather(&c, "first", 1);
    r = fake_request(&f, NULL);
    ck_assert_uint_eq(r.ticket.route, ROUTE_ITEM);
    sign(0, &r, "second", 2);
    expect_weather(&c, "second", 2);
    client_expect(&c, 200, "Pong!");
}
END_TEST

START_TEST(path_parameters)
{
    client_text(&c, "GET /item/7/a%20b?x=y&attest_not=1 HTTP/1.1\r\nHost: x\r\n\r\n");
    struct nacre_request_frame r = fake_request(&f, NULL);
    ck_assert_uint_eq(r.ticket.route, ROUTE_ITEM);
    ck_assert_uint_eq(r.params_len, 8);
    expect_payload("\x01\0"
                   "7"
                   "\x03\0"
                   "a b",
                   8);
    sign(0, &r, "x", 0);
    expect_weather(&c, "x", 0);
    client_post(&c, "/mainnet/register-agent", "{}");
    r = fake_request(&f, NULL);
    ck_assert_uint_eq(r.ticket.route, ROUTE_REGISTER);
    ck_assert_uint_eq(r.params_len, 9);
    expect_payload("\x07\0mainnet{}", 11);
    fake_answer(&f, 0, r.ticket.id, ROUTE_REGISTER, 400, "no", 2);
    client_expect(&c, 400, "{\"error\":\"no\"}");
}
END_TEST

START_TEST(a_body_in_pieces)
{
    client_text(&c, "POST /process_data HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n01");
    (void)usleep(30000);
    client_text(&c, "234567");
    fake_silence(&f, 0, 50);
    client_text(&c, "89");
    struct nacre_request_frame r = fake_request(&f, NULL);
    expect_payload("0123456789", 10);
    sign(0, &r, "x", 0);
    expect_weather(&c, "x", 0);
}
END_TEST

/* A chunked request is its connection's last: what follows is not read, and a new connection is needed. */
static void expect_end(void)
{
    (void)client_closed(&c, 5000);
    client_close(&c);
    client_open(&c, f.port);
}

START_TEST(chunked)
{
    client_text(&c,
                "POST /process_data HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n");
    fake_silence(&f, 0, 50);
    client_text(&c, "0A\r\n56789abcde\r\n0\r\nX-Trailer: 1\r\n\r\nGET /item/1/x HTTP/1.1\r\nHost: x\r\n\r\n");
    struct nacre_request_frame r = fake_request(&f, NULL);
    expect_payload("0123456789abcde", 15);
    sign(0, &r, "x", 0);
    expect_weather(&c, "x", 0);
    fake_silence(&f, 0, 50);
    expect_end();
    client_text(&c, "POST /process_data HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    r = fake_request(&f, NULL);
    expect_payload("", 0);
    sign(0, &r, "x", 0);
    expect_weather(&c, "x", 0);
}
END_TEST

static void large_body(size_t size, bool in_chunks)
{
    char head[256], end[] = "\r\n0\r\n\r\n";
    char *body = malloc(size);
    ck_assert_ptr_nonnull(body);
    randombytes_buf(body, size);
    if (in_chunks)
        (void)snprintf(head, sizeof head,
                       "POST /process_data HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n%zx\r\n",
                       size);
    else
        (void)snprintf(head, sizeof head,
                       "POST /process_data HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n", size);
    client_text(&c, head);
    client_send(&c, body, size);
    if (in_chunks)
        client_text(&c, end);
    struct nacre_request_frame r = fake_request(&f, NULL);
    expect_payload(body, size);
    free(body);
    sign(0, &r, "x", 0);
    expect_weather(&c, "x", 0);
    if (in_chunks)
        expect_end();
}

START_TEST(bodies_of_all_sizes)
{
    static const size_t sizes[] = {1, 4095, 8192, 16384, 32767, 32768, 32769, 100000, 1048576};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        large_body(sizes[i], false);
        large_body(sizes[i], true);
    }
}
END_TEST

static void large_answer(size_t size)
{
    uint8_t *bcs = malloc(size + 20);
    char *location = malloc(size + 1), *want = malloc(size + 600);
    ck_assert(bcs && location && want);
    memset(location, 'l', size);
    location[size] = '\0';
    client_post(&c, "/process_data", "{}");
    struct nacre_request_frame r = fake_request(&f, NULL);
    fake_answer(&f, 0, r.ticket.id, r.ticket.route, 200, bcs, weather_bcs(bcs, size + 20, location, 1));
    weather_json(want, size + 600, location, 1);
    client_expect(&c, 200, want);
    free(bcs);
    free(location);
    free(want);
}

START_TEST(answers_of_all_sizes)
{
    static const size_t sizes[] = {0, 3000, 16384, 30000, 60000, 300000, 1000000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        large_answer(sizes[i]);
}
END_TEST

START_TEST(answers_over_vsock)
{
    client_close(&c);
    fake_stop(&f);
    fake_start_with(&f, NULL, 1, FAKE_VSOCK);
    client_open(&c, f.port);
    static const size_t sizes[] = {0, 16000, 16384, 17000, 300000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        large_answer(sizes[i]);
}
END_TEST

/* Kernels in the field corrupt a write of more than 32 KiB to vsock. Without the setting such writes are made. */
START_TEST(no_large_write_on_vsock)
{
    static const size_t sizes[] = {0, 15000, 15300, 16000, 32000, 33000, 60000, 300000};
    const size_t n = sizeof sizes / sizeof sizes[0];
    for (unsigned vsock = 0; vsock < 2; vsock++) {
        client_close(&c);
        fake_stop(&f);
        fake_start_with(&f, NULL, 1, FAKE_PACKETS | (vsock ? FAKE_VSOCK : 0));
        client_open_packets(&c, &f);
        for (size_t i = 0; i < (vsock ? n : n - 1); i++) /* such a socket takes no write of that size */
            large_answer(sizes[i]);
        if (vsock)
            ck_assert_uint_le(c.largest, 32768);
        else
            ck_assert_uint_gt(c.largest, 32768);
    }
}
END_TEST

START_TEST(many_at_once_answered_backwards)
{
    enum { N = 100 };
    static struct client many[N];
    static struct nacre_request_frame r[N];
    for (unsigned i = 0; i < N; i++) {
        client_open(&many[i], f.port);
        char body[32];
        (void)snprintf(body, sizeof body, "%u", i);
        client_post(&many[i], "/process_data", body);
        r[i] = fake_request(&f, NULL);
        expect_payload(body, strlen(body));
    }
    for (unsigned i = N; i-- > 0;)
        sign(0, &r[i], "n", i);
    for (unsigned i = 0; i < N; i++) {
        expect_weather(&many[i], "n", i);
        client_close(&many[i]);
    }
}
END_TEST

START_TEST(two_lanes)
{
    enum { N = 40 };
    static struct client many[N];
    unsigned on[FAKE_LANES] = {0};
    client_close(&c);
    fake_stop(&f);
    fake_start_with(&f, NULL, 2, 0);
    client_open(&c, f.port);
    for (unsigned i = 0; i < N; i++) {
        uint32_t lane;
        client_open(&many[i], f.port);
        client_post(&many[i], "/process_data", "{}");
        struct nacre_request_frame r = fake_request(&f, &lane);
        on[lane]++;
        sign(lane, &r, "n", i);
        expect_weather(&many[i], "n", i);
    }
    for (unsigned i = 0; i < N; i++)
        client_close(&many[i]);
    ck_assert(on[0] > 0 && on[1] > 0); /* the chance of one side only is 2^-39 */
}
END_TEST

START_TEST(builtins)
{
    struct answer a = exchange(&f, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    ck_assert_uint_eq(a.status, 200);
    ck_assert_str_eq(a.body, "Pong!");
    ck_assert_str_eq(answer_header(&a, "content-type"), "text/plain; charset=utf-8");
    ck_assert_uint_eq(strlen(answer_header(&a, "x-request-id")), 16);
    answer_free(&a);
    a = exchange(&f, "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
    ck_assert_uint_eq(a.status, 200);
    ck_assert_str_eq(answer_header(&a, "content-length"), "5");
    answer_free(&a);
    a = exchange(&f, "GET /health_check HTTP/1.1\r\nHost: x\r\n\r\n");
    ck_assert_uint_eq(a.status, 503);
    ck_assert_ptr_nonnull(strstr(a.body, "\"status\":\"starting\""));
    answer_free(&a);
    struct nacre_state_frame state = {.key_ready = 1, .clock_ok = 1, .app_state = NACRE_HELPER_UP};
    fake_state(&f, &state);
    for (int i = 0; i < 500; i++) { /* it is another thread's turn first */
        a = exchange(&f, "GET /health_check HTTP/1.1\r\nHost: x\r\n\r\n");
        if (a.status == 200)
            break;
        answer_free(&a);
        (void)usleep(10000);
    }
    ck_assert_uint_eq(a.status, 200);
    ck_assert_ptr_nonnull(strstr(a.body, "\"status\":\"ok\""));
    answer_free(&a);
    a = exchange(&f, "GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n");
    ck_assert_uint_eq(a.status, 200);
    ck_assert_ptr_nonnull(strstr(a.body, "/{network}/register-agent"));
    answer_free(&a);
}
END_TEST

START_TEST(cors)
{
    struct answer a = exchange(&f, "OPTIONS /process_data HTTP/1.1\r\nHost: x\r\nOrigin: https://a.b\r\n"
                                   "Access-Control-Request-Method: POST\r\n\r\n");
    ck_assert_uint_eq(a.status, 204);
    ck_assert_str_eq(answer_header(&a, "access-control-allow-origin"), "*");
    ck_assert_ptr_nonnull(strstr(answer_header(&a, "access-control-allow-methods"), "POST"));
    ck_assert_ptr_nonnull(strstr(answer_header(&a, "access-control-allow-headers"), "*"));
    ck_assert_ptr_nonnull(strstr(answer_header(&a, "access-control-allow-headers"), "Authorization"));
    ck_assert_str_eq(answer_header(&a, "access-control-max-age"), "86400");
    ck_assert_str_eq(answer_header(&a, "allow"), "POST, PUT, OPTIONS");
    answer_free(&a);
    a = exchange(&f, "GET / HTTP/1.1\r\nHost: x\r\nOrigin: https://a.b\r\n\r\n");
    ck_assert_str_eq(answer_header(&a, "access-control-expose-headers"),
                     "X-Request-Id, Retry-After, Location, Preference-Applied");
    answer_free(&a);
    a = exchange(&f, "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n");
    ck_assert_uint_eq(a.status, 204);
    answer_free(&a);

    client_close(&c);
    fake_stop(&f);
    struct nacre_config config;
    nacre_config_defaults(&config);
    (void)snprintf(config.http_cors_origin, sizeof config.http_cors_origin, "https://app.example");
    fake_start(&f, &config);
    client_open(&c, f.port);
    a = exchange(&f, "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n");
    ck_assert_str_eq(answer_header(&a, "access-control-allow-origin"), "https://app.example");
    answer_free(&a);
}
END_TEST

START_TEST(metrics_on_their_own_listener)
{
    struct client admin;
    struct answer a = exchange(&f, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    ck_assert_uint_eq(a.status, 404);
    answer_free(&a);
    client_open(&admin, f.admin_port);
    client_text(&admin, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    a = client_answer(&admin, false);
    ck_assert_uint_eq(a.status, 200);
    ck_assert_ptr_nonnull(
        strstr(a.body, "nacre_http_requests_total{method=\"\",route=\"none\",status=\"404\"} 1\n"));
    answer_free(&a);
    client_text(&admin, "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}");
    client_expect(&admin, 405, NULL);
    client_text(&admin, "GET /process_data HTTP/1.1\r\nHost: x\r\n\r\n");
    client_expect(&admin, 404, "{\"error\":\"no such route\"}");
    client_close(&admin);
}
END_TEST

START_TEST(the_log_has_ids_and_no_data)
{
    char id[32];
    client_text(&c, "POST /process_data?attest_secret=hunter2 HTTP/1.1\r\nHost: x\r\nContent-Length: "
                    "9\r\n\r\n\"hunter3\"");
    struct nacre_request_frame r = fake_request(&f, NULL);
    sign(0, &r, "hunter4", 0);
    expect_weather(&c, "hunter4", 0);
    client_text(&c, "GET /item/1/hunter5 HTTP/1.1\r\nHost: x\r\nAuthorization: hunter6\r\n\r\n");
    struct nacre_request_frame second = fake_request(&f, NULL);
    fake_answer(&f, 0, second.ticket.id, second.ticket.route, 500, "why", 3);
    client_expect(&c, 500, "{\"error\":\"why\"}");
    char *log = fake_log(&f);
    (void)snprintf(id, sizeof id, "req=%016llx", (unsigned long long)r.ticket.id);
    ck_assert_msg(strstr(log, id) && strstr(log, "route=/process_data") && strstr(log, "status=200"), "%s",
                  log);
    ck_assert_msg(strstr(log, "route=/item/{id}/{name}") && strstr(log, "status=500"), "%s", log);
    ck_assert_msg(!strstr(log, "hunter"), "%s", log);
    free(log);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, one_request);
    tcase_add_test(tc, keep_alive_and_ids);
    tcase_add_test(tc, pipelining_keeps_the_order);
    tcase_add_test(tc, path_parameters);
    tcase_add_test(tc, a_body_in_pieces);
    tcase_add_test(tc, chunked);
    tcase_add_test(tc, bodies_of_all_sizes);
    tcase_add_test(tc, answers_of_all_sizes);
    tcase_add_test(tc, answers_over_vsock);
    tcase_add_test(tc, no_large_write_on_vsock);
    tcase_add_test(tc, many_at_once_answered_backwards);
    tcase_add_test(tc, two_lanes);
    tcase_add_test(tc, builtins);
    tcase_add_test(tc, cors);
    tcase_add_test(tc, metrics_on_their_own_listener);
    tcase_add_test(tc, the_log_has_ids_and_no_data);
}

int main(void)
{
    return nacre_run_suite("http serve", add, 60);
}
