/* Upstreams that misbehave, brokers that fail, limits. After each the module must still work. */
#include "fetch_support.h"
#include "suite.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct upstream up;

static void open_one(const char *const *args)
{
    upstream_start(&up, args);
    const struct endpoint e[] = {{.host = "one.example", .up = &up}};
    fetch_setup(e, 1, up.ca);
    fetch_confine();
}

static void close_one(void)
{
    fetch_teardown();
    upstream_stop(&up);
}

static const char *const http1[] = {"--host", "one.example", NULL};
static const char *const http2[] = {"--host", "one.example", "--http2", NULL};

static void still_works(void)
{
    struct call c;
    call_get(&c, "https://one.example/echo");
    call_free(&c);
}

struct fault {
    const char *path;
    int32_t status;
    const char *text;
};

static void expect_faults(const struct fault *faults, size_t n, uint32_t timeout_ms)
{
    for (size_t i = 0; i < n; i++) {
        struct call c;
        char url[128];
        (void)snprintf(url, sizeof url, "https://one.example%s", faults[i].path);
        call_init(&c, "GET", url);
        c.request.timeout_ms = timeout_ms;
        uint64_t before = now_ms();
        call_run(&c);
        ck_assert_uint_lt(now_ms() - before, timeout_ms + 1000);
        ck_failed(&c, faults[i].status, faults[i].text);
        call_free(&c);
        still_works();
    }
}

START_TEST(faults_over_http1)
{
    static const struct fault faults[] = {
        {"/fault/reset", 502, "upstream one.example: "},
        {"/fault/close", 502, "upstream one.example: "},
        {"/fault/cut", 502, "upstream one.example: "},
        {"/fault/garbage", 502, "upstream one.example: "},
        {"/fault/huge", 502, "the reply's body is larger than 1048576 bytes"},
        {"/fault/huge-header", 502, "headers are more than 65536 bytes or 256 lines"},
        {"/headers/70000", 502, "headers are more than 65536 bytes or 256 lines"},
        {"/size/1048577", 502, "the reply's body is larger than 1048576 bytes"},
        {"/chunked/1048577", 502, "the reply's body is larger than 1048576 bytes"},
    };
    open_one(http1);
    expect_faults(faults, sizeof faults / sizeof faults[0], 5000);
    close_one();
}
END_TEST

START_TEST(faults_over_http2)
{
    static const struct fault faults[] = {
        {"/fault/reset", 502, "upstream one.example: "},
        {"/fault/close", 502, "upstream one.example: "},
        {"/headers/70000", 502, "headers are more than 65536 bytes or 256 lines"},
        {"/size/1048577", 502, "the reply's body is larger than 1048576 bytes"},
    };
    open_one(http2);
    expect_faults(faults, sizeof faults / sizeof faults[0], 5000);
    close_one();
}
END_TEST

START_TEST(time_runs_out)
{
    static const struct fault faults[] = {
        {"/fault/slow", 504, "upstream one.example: no complete reply in time"},
        {"/fault/trickle", 504, "no complete reply in time"}};
    open_one(http1);
    expect_faults(faults, 2, 1200);
    close_one();
}
END_TEST

/* A job that was cancelled, or the end of the process. */
START_TEST(nobody_waits_any_more)
{
    struct call c;
    open_one(http1);
    call_init(&c, "GET", _i ? "https://one.example/fault/slow" : "https://one.example/fault/trickle");
    c.request.timeout_ms = 30000;
    const uint64_t begin = now_ms();
    c.gone_ms = begin + 300;
    call_run(&c);
    ck_failed(&c, 504, "upstream one.example: no complete reply in time");
    ck_assert_uint_lt(now_ms() - begin, 15000);
    call_free(&c);
    still_works();
    close_one();
}
END_TEST

START_TEST(handshakes_that_fail)
{
    static const char *const names[] = {"hang", "garbage", "reset"};
    static const int32_t statuses[] = {504, 502, 502};
    const char *const args[] = {"--host", "one.example", "--handshake", names[_i], NULL};
    struct call c;
    open_one(args);
    call_init(&c, "GET", "https://one.example/");
    c.request.timeout_ms = 1000;
    call_run(&c);
    ck_failed(&c, statuses[_i], "upstream one.example: ");
    call_free(&c);
    close_one();
}
END_TEST

START_TEST(broker_errors)
{
    static const struct {
        int error;
        int32_t status;
        const char *text;
    } cases[] = {{-ECONNREFUSED, 502, "upstream one.example: cannot connect: Connection refused"},
                 {-EHOSTUNREACH, 502, "cannot connect: No route to host"},
                 {-ETIMEDOUT, 504, "cannot connect: Connection timed out"},
                 {-EPIPE, 502, "cannot connect: Broken pipe"},
                 {-EAGAIN, 502, "cannot connect: Resource temporarily unavailable"}};
    upstream_start(&up, http1);
    const struct endpoint e[] = {
        {.host = "one.example", .up = &up, .way = BROKER_ERROR, .error = cases[_i].error}};
    fetch_setup(e, 1, up.ca);
    fetch_confine();
    for (int i = 0; i < 3; i++) {
        struct call c;
        call_init(&c, "GET", "https://one.example/");
        call_run(&c);
        ck_failed(&c, cases[_i].status, cases[_i].text);
        call_free(&c);
    }
    ck_assert_uint_eq(broker_requests(), 3);
    close_one();
}
END_TEST

static bool only_has(const struct nacre_bytes *body, uint8_t byte)
{
    for (uint64_t i = 0; i < body->len; i++) {
        if (body->ptr[i] != byte)
            return false;
    }
    return true;
}

START_TEST(bodies_up_to_the_limit)
{
    static const char *const pages[] = {"size", "chunked"};
    static const uint64_t sizes[] = {0, 1, 4095, 4096, 4097, 16384, 100000, 1048576};
    open_one(_i ? http2 : http1);
    for (size_t p = 0; p < 2; p++) {
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            struct call c;
            char url[128];
            (void)snprintf(url, sizeof url, "https://one.example/%s/%llu", pages[p],
                           (unsigned long long)sizes[i]);
            call_init(&c, "GET", url);
            c.request.max_reply = sizes[i] ? sizes[i] : 1;
            call_run(&c);
            ck_assert_msg(c.status == 0, "%s: %s", url, c.text);
            ck_assert_uint_eq(c.reply.body.len, sizes[i]);
            ck_assert(only_has(&c.reply.body, p ? 'y' : 'x'));
            call_free(&c);
            if (sizes[i] < 2)
                continue;
            call_init(&c, "GET", url);
            c.request.max_reply = sizes[i] - 1;
            call_run(&c);
            ck_failed(&c, 502, "the reply's body is larger than");
            call_free(&c);
        }
    }
    close_one();
}
END_TEST

struct sunk {
    struct call *call;
    uint64_t len;
    uint64_t stop_at; /* bytes after which no more is taken */
    unsigned pieces;
    bool good;
};

static int32_t sink(void *ctx, const uint8_t *data, uint64_t len)
{
    struct sunk *s = ctx;
    const struct nacre_bytes piece = {data, len};
    ck_assert_uint_ge(len, 1);
    s->good = s->good && only_has(&piece, 'x');
    s->len += len;
    s->pieces++;
    if (s->len < s->stop_at)
        return 0;
    s->call->failed = 422; /* as nacre_fail() notes it */
    return 422;
}

static void sink_run(struct call *c, struct sunk *s, const char *url, uint64_t max)
{
    call_init(c, "GET", url);
    *s = (struct sunk){.call = c, .stop_at = UINT64_MAX, .good = true};
    c->request.max_reply = max;
    c->request.sink = sink;
    c->request.sink_ctx = s;
}

START_TEST(bodies_for_a_sink)
{
    struct call c;
    struct sunk s;
    open_one(_i ? http2 : http1);
    sink_run(&c, &s, "https://one.example/size/1048576", 1048576);
    c.alloc_left = 65536; /* headers; not the body */
    call_run(&c);
    ck_assert_msg(c.status == 0, "%s", c.text);
    ck_assert_uint_eq(s.len, 1048576);
    ck_assert(s.good && s.pieces > 1);
    ck_assert_uint_eq(c.reply.body.len, 0);
    call_free(&c);

    sink_run(&c, &s, "https://one.example/size/100000", 99999);
    call_run(&c);
    ck_failed(&c, 502, "the reply's body is larger than 99999 bytes");
    ck_assert_uint_le(s.len, 99999);
    call_free(&c);

    sink_run(&c, &s, "https://one.example/size/100000", 100000);
    s.stop_at = 5;
    call_run(&c);
    ck_assert_int_eq(c.status, 422);
    ck_assert_uint_eq(s.pieces, 1);
    call_free(&c);

    sink_run(&c, &s, "https://one.example/status/404", 100000); /* its text is the reply's, not the sink's */
    call_run(&c);
    ck_assert_int_eq(c.status, 0);
    ck_assert_uint_eq(c.reply.status, 404);
    ck_assert_uint_eq(s.pieces, 0);
    call_free(&c);
    still_works();
    close_one();
}
END_TEST

/* Fetches from within a fetch, once. */
static int32_t fetching_sink(void *ctx, const uint8_t *data, uint64_t len)
{
    struct sunk *s = ctx;
    (void)data;
    s->len += len;
    if (s->pieces++ == 0) {
        call_init(s->call, "GET", "https://one.example/size/10");
        call_run(s->call);
    }
    return 0;
}

START_TEST(a_sink_does_not_fetch)
{
    struct call c, inner;
    struct sunk s;
    open_one(_i ? http2 : http1);
    sink_run(&c, &s, "https://one.example/size/100000", 100000);
    c.request.sink = fetching_sink;
    s.call = &inner;
    call_run(&c);
    ck_assert_msg(c.status == 0, "%s", c.text);
    ck_assert_uint_eq(s.len, 100000);
    ck_assert_int_eq(inner.status, 500);
    ck_assert_str_eq(inner.text, "fetch: a sink cannot begin another one");
    call_free(&inner);
    call_free(&c);
    still_works();
    close_one();
}
END_TEST

START_TEST(memory_of_the_call_runs_out)
{
    struct call c;
    open_one(http1);
    call_init(&c, "GET", "https://one.example/size/5000");
    c.alloc_left = 4096;
    call_run(&c);
    ck_failed(&c, 502, "the reply does not fit into the call's memory");
    call_free(&c);
    call_init(&c, "GET", "https://one.example/size/5000");
    c.alloc_left = 0;
    call_run(&c);
    ck_failed(&c, 502, "the reply does not fit into the call's memory");
    call_free(&c);
    still_works();
    close_one();
}
END_TEST

/* The server closes a kept connection when the request is on it: a GET is sent again, a POST is not. */
START_TEST(posts_are_not_repeated)
{
    static const struct {
        const char *method;
        unsigned connections;
        long requests; /* seen by the server, with the first GET and the final one */
    } cases[] = {{"GET", 2, 4}, {"POST", 1, 3}, {"PATCH", 1, 3}, {"PUT", 2, 4}};
    struct call c;
    open_one(http1);
    still_works();
    ck_assert_uint_eq(broker_requests(), 1);
    call_init(&c, cases[_i].method, "https://one.example/fault/close");
    call_run(&c);
    ck_failed(&c, 502, cases[_i].connections == 1 ? "is not sent twice" : "upstream one.example: ");
    call_free(&c);
    ck_assert_uint_eq(broker_requests(), cases[_i].connections);
    call_get(&c, "https://one.example/stats");
    ck_assert_int_eq(body_number(&c, "requests"), cases[_i].requests);
    call_free(&c);
    close_one();
}
END_TEST

/* A server that leaves between two requests: nothing was sent on the dead connection, so even a POST goes on. */
START_TEST(dead_connections_are_noticed)
{
    struct call c;
    open_one(_i ? http2 : http1);
    for (int i = 0; i < 3; i++) {
        call_get(&c, "https://one.example/fault/leave");
        call_free(&c);
        (void)usleep(200000);
        call_init(&c, "POST", "https://one.example/echo");
        call_run(&c);
        ck_assert_msg(c.status == 0, "%s", c.text);
        call_free(&c);
    }
    ck_assert_uint_eq(broker_requests(), 4);
    close_one();
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, faults_over_http1);
    tcase_add_test(tc, faults_over_http2);
    tcase_add_test(tc, time_runs_out);
    tcase_add_loop_test(tc, nobody_waits_any_more, 0, 2);
    tcase_add_loop_test(tc, handshakes_that_fail, 0, 3);
    tcase_add_loop_test(tc, broker_errors, 0, 5);
    tcase_add_loop_test(tc, bodies_up_to_the_limit, 0, 2);
    tcase_add_loop_test(tc, bodies_for_a_sink, 0, 2);
    tcase_add_loop_test(tc, a_sink_does_not_fetch, 0, 2);
    tcase_add_test(tc, memory_of_the_call_runs_out);
    tcase_add_loop_test(tc, posts_are_not_repeated, 0, 4);
    tcase_add_loop_test(tc, dead_connections_are_noticed, 0, 2);
}

int main(void)
{
    return nacre_run_suite("fetch_faults", add, 60);
}
