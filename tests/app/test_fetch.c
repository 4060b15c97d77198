/* What a well-behaved upstream gives, and what it is asked for, over HTTP/1.1 and HTTP/2. */
#include "fetch_support.h"
#include "suite.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct upstream one, two; /* HTTP/1.1; HTTP/2 as well */

static void start(void)
{
    static const char *const args[] = {"--host", "one.example", "--host", "two.example", NULL};
    static const char *const args2[] = {"--host", "one.example", "--host", "two.example", "--http2", NULL};
    upstream_start(&one, args);
    upstream_start(&two, args2);
}

static void stop(void)
{
    upstream_stop(&one);
    upstream_stop(&two);
}

/* one.example at `up`, confined. */
static void open_one(const struct upstream *up)
{
    const struct endpoint e[] = {{.host = "one.example", .up = up}};
    start();
    fetch_setup(e, 1, up->ca);
    fetch_confine();
}

static void close_one(void)
{
    fetch_teardown();
    stop();
}

static void expect_echo(const char *version)
{
    struct call c;
    char expected[64];
    call_get(&c, "https://one.example/echo?q=a%20b");
    (void)snprintf(expected, sizeof expected, "\"version\":\"%s\"", version);
    ck_assert(body_has(&c, expected));
    ck_assert(body_has(&c, "\"method\":\"GET\",\"target\":\"/echo?q=a%20b\""));
    ck_assert(body_has(&c, "[\"Host\",\"one.example\"]"));
    ck_assert(!body_has(&c, "ccept-")); /* no encodings that nobody would undo */
    const struct nacre_header *type = find_field(c.reply.headers, c.reply.n_headers, "content-type");
    ck_assert_ptr_nonnull(type);
    ck_assert(nacre_str_is(type->value, "application/json"));
    ck_assert_uint_eq(c.reply.n_trailers, 0);
    call_free(&c);
}

START_TEST(gets_over_http1)
{
    open_one(&one);
    expect_echo("HTTP/1.1");
    close_one();
}
END_TEST

START_TEST(gets_over_http2)
{
    open_one(&two);
    expect_echo("HTTP/2");
    close_one();
}
END_TEST

START_TEST(http2_or_nothing)
{
    struct call c;
    const struct endpoint e[] = {{.host = "one.example", .up = &one}, {.host = "two.example", .up = &two}};
    start();
    fetch_setup(e, 2, one.ca);
    fetch_confine();
    call_init(&c, "POST", "https://one.example/echo");
    c.request.http_version = NACRE_HTTP_2;
    call_run(&c);
    ck_failed(&c, 502, "upstream one.example: does not offer HTTP/2");
    call_free(&c);
    call_get(&c, "https://one.example/stats");
    ck_assert_int_eq(body_number(&c, "requests"), 1); /* nothing was sent before it was known */
    call_free(&c);
    close_one();
}
END_TEST

START_TEST(http2_where_it_is_demanded)
{
    struct call c;
    open_one(&two);
    call_init(&c, "POST", "https://one.example/echo");
    c.request.http_version = NACRE_HTTP_2;
    call_header(&c, "TE", "trailers");
    call_header(&c, "Content-Type", "application/grpc");
    call_run(&c);
    ck_assert_msg(c.status == 0, "%s", c.text);
    ck_assert(body_has(&c, "\"version\":\"HTTP/2\""));
    ck_assert(body_has(&c, "[\"te\",\"trailers\"]"));
    ck_assert(body_has(&c, "[\"content-type\",\"application/grpc\"]"));
    call_free(&c);
    close_one();
}
END_TEST

static void expect_method(const char *method, const char *body, const char *sha256)
{
    struct call c;
    char expected[64];
    call_init(&c, method, "https://one.example/echo");
    if (body)
        call_body(&c, body);
    call_header(&c, "X-Note", "  kept as it is  ");
    call_header(&c, "X-Empty", "");
    call_run(&c);
    ck_assert_msg(c.status == 0, "%s: %s", method, c.text);
    ck_assert_uint_eq(c.reply.status, 200);
    (void)snprintf(expected, sizeof expected, "\"method\":\"%s\"", method);
    ck_assert_msg(body_has(&c, expected), "%.*s", (int)c.reply.body.len, (const char *)c.reply.body.ptr);
    ck_assert(body_has(&c, "ote\",\"kept as it is\"]"));
    ck_assert(body_has(&c, "mpty\",\"\"]"));
    ck_assert(!body_has(&c, "ype\"") && !body_has(&c, "xpect"));
    ck_assert_int_eq(body_number(&c, "length"), body ? (long)strlen(body) : 0);
    ck_assert(body_has(&c, sha256));
    call_free(&c);
}

static void expect_methods(void)
{
    static const char none[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    static const char abc[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    expect_method("GET", NULL, none);
    expect_method("POST", NULL, none);
    expect_method("POST", "abc", abc);
    expect_method("PUT", "abc", abc);
    expect_method("PUT", NULL, none);
    expect_method("PATCH", "abc", abc);
    expect_method("DELETE", NULL, none);
    expect_method("DELETE", "abc", abc);
    expect_method("OPTIONS", NULL, none);
}

START_TEST(methods_and_bodies_http1)
{
    open_one(&one);
    expect_methods();
    close_one();
}
END_TEST

START_TEST(methods_and_bodies_http2)
{
    open_one(&two);
    expect_methods();
    close_one();
}
END_TEST

/* A body larger than any window or buffer on the way. */
static void expect_upload(const char *path, size_t len)
{
    struct call c;
    char url[64];
    char *body = malloc(len + 1);
    ck_assert_ptr_nonnull(body);
    memset(body, 'u', len);
    body[len] = '\0';
    (void)snprintf(url, sizeof url, "https://one.example/%s", path);
    call_init(&c, "POST", url);
    c.request.timeout_ms = 20000;
    call_body(&c, body);
    call_run(&c);
    ck_assert_msg(c.status == 0, "%s", c.text);
    ck_assert_uint_eq(c.reply.status, 200);
    if (strcmp(path, "early") != 0)
        ck_assert_int_eq(body_number(&c, "length"), (long)len);
    call_free(&c);
    free(body);
}

START_TEST(large_uploads)
{
    open_one(_i ? &two : &one);
    expect_upload("echo", 70000);
    expect_upload("echo", 1u << 20);
    expect_upload("echo", 10u << 20);
    close_one();
}
END_TEST

/* The answer is complete before the request is. */
START_TEST(early_answers)
{
    open_one(&two);
    for (int i = 0; i < 10; i++) {
        expect_upload("early", 2);
        expect_upload("early", 1000);
        expect_upload("early", 60000);
    }
    close_one();
}
END_TEST

/* Its announced length is not held against the limit: there is no body. */
START_TEST(head_has_no_body)
{
    struct call c;
    open_one(&one);
    call_init(&c, "HEAD", "https://one.example/size/2000000");
    call_run(&c);
    ck_assert_int_eq(c.status, 0);
    ck_assert_uint_eq(c.reply.status, 200);
    ck_assert_uint_eq(c.reply.body.len, 0);
    const struct nacre_header *length = find_field(c.reply.headers, c.reply.n_headers, "content-length");
    ck_assert(length && nacre_str_is(length->value, "2000000"));
    call_free(&c);
    close_one();
}
END_TEST

static void expect_trailers(void)
{
    struct call c;
    call_get(&c, "https://one.example/trailers");
    ck_assert_uint_eq(c.reply.body.len, 10);
    ck_assert_uint_eq(c.reply.n_trailers, 2);
    ck_assert(nacre_str_is(c.reply.trailers[0].name, "grpc-status"));
    ck_assert(nacre_str_is(c.reply.trailers[0].value, "5"));
    ck_assert(nacre_str_is(c.reply.trailers[1].name, "grpc-message"));
    ck_assert(nacre_str_is(c.reply.trailers[1].value, "not found"));
    ck_assert_ptr_null(find_field(c.reply.headers, c.reply.n_headers, "grpc-status"));
    call_free(&c);
}

START_TEST(trailers_http1)
{
    open_one(&one);
    expect_trailers();
    close_one();
}
END_TEST

START_TEST(trailers_http2)
{
    open_one(&two);
    expect_trailers();
    close_one();
}
END_TEST

/* Every status is a reply, and a redirect goes nowhere by itself. */
START_TEST(statuses_and_redirects)
{
    static const uint32_t statuses[] = {200, 201, 400, 403, 404, 429, 500, 503};
    struct call c;
    char url[64];
    open_one(&one);
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        (void)snprintf(url, sizeof url, "https://one.example/status/%u", statuses[i]);
        call_init(&c, "GET", url);
        call_run(&c);
        ck_assert_int_eq(c.status, 0);
        ck_assert_uint_eq(c.reply.status, statuses[i]);
        ck_assert_int_eq(body_number(&c, "status"), (long)statuses[i]);
        call_free(&c);
    }
    static const char *const targets[] = {"https://one.example/echo", "https://evil.example/",
                                          "http://one.example/", "file:///etc/passwd"};
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        (void)snprintf(url, sizeof url, "https://one.example/redirect?to=%s", targets[i]);
        call_init(&c, "GET", url);
        call_run(&c);
        ck_assert_int_eq(c.status, 0);
        ck_assert_uint_eq(c.reply.status, 302);
        const struct nacre_header *to = find_field(c.reply.headers, c.reply.n_headers, "location");
        ck_assert(to && nacre_str_is(to->value, targets[i]));
        call_free(&c);
    }
    call_get(&c, "https://one.example/stats");
    ck_assert_int_eq(body_number(&c, "requests"), 13);
    ck_assert_int_eq(body_number(&c, "connections"), 1);
    call_free(&c);
    ck_assert_uint_eq(broker_requests(), 1);
    close_one();
}
END_TEST

static void expect_reuse(void)
{
    struct call c;
    for (int i = 0; i < 20; i++) {
        call_get(&c, "https://one.example/size/100000");
        ck_assert_uint_eq(c.reply.body.len, 100000);
        call_free(&c);
    }
    call_get(&c, "https://one.example/stats");
    ck_assert_int_eq(body_number(&c, "requests"), 21);
    ck_assert_int_eq(body_number(&c, "connections"), 1);
    call_free(&c);
}

START_TEST(keeps_a_connection_http1)
{
    open_one(&one);
    expect_reuse();
    close_one();
}
END_TEST

START_TEST(keeps_a_connection_http2)
{
    open_one(&two);
    expect_reuse();
    close_one();
}
END_TEST

/* Calls from many threads, but never two at once: one connection is enough, whichever thread made it. */
static void *get_once(void *arg)
{
    struct call *c = arg;
    call_init(c, "GET", "https://one.example/stats");
    call_run(c);
    return NULL;
}

START_TEST(keeps_a_connection_over_threads)
{
    struct call c;
    pthread_t thread;
    start();
    const struct endpoint e[] = {{.host = "one.example", .up = &one}};
    fetch_setup(e, 1, one.ca);
    fetch_confine();
    for (int i = 1; i <= 8; i++) {
        ck_assert_int_eq(pthread_create(&thread, NULL, get_once, &c), 0);
        ck_assert_int_eq(pthread_join(thread, NULL), 0);
        ck_assert_msg(c.status == 0, "%s", c.text);
        ck_assert_int_eq(body_number(&c, "requests"), i);
        ck_assert_int_eq(body_number(&c, "connections"), 1);
        call_free(&c);
    }
    ck_assert_uint_eq(broker_requests(), 1);
    close_one();
}
END_TEST

/* The broker hands over connections that stand. libcurl 7.88 does not see that by itself: each cost 50 ms once. */
START_TEST(connections_begin_at_once)
{
    uint64_t best = UINT64_MAX;
    char why[256];
    open_one(&one);
    for (int i = 0; i < 20; i++) {
        uint64_t before = now_ms();
        ck_assert_msg(check_endpoint(0, why, sizeof why) == 0, "%s", why);
        uint64_t took = now_ms() - before;
        if (took < best)
            best = took;
    }
    ck_assert_uint_lt(best, 45);
    close_one();
}
END_TEST

/* One certificate for both names: RFC 9113 would allow one connection for both, the allow list does not. */
START_TEST(does_not_share_connections_between_hosts)
{
    struct call c;
    const struct endpoint e[] = {{.host = "one.example", .up = &two}, {.host = "two.example", .up = &two}};
    start();
    fetch_setup(e, 2, two.ca);
    fetch_confine();
    for (int i = 0; i < 3; i++) {
        call_get(&c, "https://one.example/echo");
        ck_assert(body_has(&c, "[\"Host\",\"one.example\"]"));
        call_free(&c);
        call_get(&c, "https://two.example/echo");
        ck_assert(body_has(&c, "[\"Host\",\"two.example\"]"));
        call_free(&c);
    }
    call_get(&c, "https://two.example/stats");
    ck_assert_int_eq(body_number(&c, "connections"), 2);
    call_free(&c);
    ck_assert_uint_eq(broker_requests(), 2);
    close_one();
}
END_TEST

/* The descriptor need not be of TCP: in an enclave it is a vsock stream. */
START_TEST(works_on_other_stream_sockets)
{
    struct call c;
    start();
    const struct endpoint e[] = {{.host = "one.example", .up = &two, .way = BROKER_RELAY}};
    fetch_setup(e, 1, two.ca);
    fetch_confine();
    for (int i = 0; i < 3; i++) {
        call_get(&c, "https://one.example/size/300000");
        ck_assert_uint_eq(c.reply.body.len, 300000);
        call_free(&c);
    }
    ck_assert_uint_eq(broker_requests(), 1);
    close_one();
}
END_TEST

START_TEST(other_ports_when_listed)
{
    struct call c;
    start();
    const struct endpoint e[] = {{.host = "one.example", .listed_port = 8443, .up = &one}};
    fetch_setup(e, 1, one.ca);
    fetch_confine();
    call_get(&c, "https://one.example:8443/echo");
    ck_assert(body_has(&c, "[\"Host\",\"one.example:8443\"]"));
    call_free(&c);
    call_init(&c, "GET", "https://one.example/echo");
    call_run(&c);
    ck_failed(&c, 500, "one.example:443 is not on the allow list");
    call_free(&c);
    close_one();
}
END_TEST

START_TEST(refuses_before_it_connects)
{
    struct call c;
    open_one(&one);
    call_init(&c, "GET", "https://evil.example/?key=hidden");
    call_run(&c);
    ck_failed(&c, 500, "fetch: evil.example:443 is not on the allow list");
    ck_assert_ptr_null(strstr(c.text, "hidden"));
    call_free(&c);
    call_init(&c, "GET", "https://one.example@evil.example/");
    call_run(&c);
    ck_failed(&c, 500, "not a URL of the form");
    call_free(&c);
    call_init(&c, "GET", "https://one.example/");
    call_header(&c, "Host", "evil.example");
    call_run(&c);
    ck_failed(&c, 500, "header Host is not the app's to set");
    call_free(&c);
    ck_assert_uint_eq(broker_requests(), 0);
    close_one();
}
END_TEST

/* Neither a proxy nor a file of session keys that somebody names in the environment. */
START_TEST(environment_is_ignored)
{
    static const char *const names[] = {"https_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy", "http_proxy"};
    char log[64];
    int fd = memfd_create("keys", 0);
    ck_assert_int_ge(fd, 0);
    (void)snprintf(log, sizeof log, "/proc/self/fd/%d", fd);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        ck_assert_int_eq(setenv(names[i], "http://127.0.0.1:9", 1), 0);
    ck_assert_int_eq(setenv("SSLKEYLOGFILE", log, 1), 0);
    ck_assert_int_eq(setenv("SSL_CERT_FILE", "/nonexistent", 1), 0);
    open_one(&one);
    expect_echo("HTTP/1.1");
    close_one();
    ck_assert_int_eq(lseek(fd, 0, SEEK_END), 0);
    (void)close(fd);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, gets_over_http1);
    tcase_add_test(tc, gets_over_http2);
    tcase_add_test(tc, http2_or_nothing);
    tcase_add_test(tc, http2_where_it_is_demanded);
    tcase_add_test(tc, methods_and_bodies_http1);
    tcase_add_test(tc, methods_and_bodies_http2);
    tcase_add_loop_test(tc, large_uploads, 0, 2);
    tcase_add_test(tc, early_answers);
    tcase_add_test(tc, head_has_no_body);
    tcase_add_test(tc, trailers_http1);
    tcase_add_test(tc, trailers_http2);
    tcase_add_test(tc, statuses_and_redirects);
    tcase_add_test(tc, keeps_a_connection_http1);
    tcase_add_test(tc, keeps_a_connection_http2);
    tcase_add_test(tc, keeps_a_connection_over_threads);
    tcase_add_test(tc, connections_begin_at_once);
    tcase_add_test(tc, does_not_share_connections_between_hosts);
    tcase_add_test(tc, works_on_other_stream_sockets);
    tcase_add_test(tc, other_ports_when_listed);
    tcase_add_test(tc, refuses_before_it_connects);
    tcase_add_test(tc, environment_is_ignored);
}

int main(void)
{
    return nacre_run_suite("fetch", add, 30);
}
