/*
 * Requests that get no answer of the app: early refusals, bad framing, slow and vanishing clients.
 *
 * What libmicrohttpd answers by itself, with an HTML page of its own and before this program hears of the request: a
 * head that does not fit (431, 414, 413), a request line or chunk that is none (400, or it just closes), HTTP/1.1
 * without Host (400), another HTTP version (505). Those tests state what both of its versions do and no more.
 */
#include "fake.h"
#include "sample.h"
#include "suite.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static struct fake f;
static struct client c;
static struct nacre_config config;

static void setup(void)
{
    nacre_config_defaults(&config);
    config.http_idle_s = 1;
    config.http_header_bytes = 8192;
    fake_start(&f, &config);
    client_open(&c, f.port);
}

/* At the end of every test a good request must still be served: nothing crashed, nothing hangs. */
static void teardown(void)
{
    char json[600];
    uint8_t bcs[64];
    client_close(&c);
    client_open(&c, f.port);
    client_post(&c, "/process_data", "last");
    struct nacre_request_frame r = fake_request(&f, NULL);
    ck_assert_msg(f.inbox.payload_len == 4 && memcmp(f.inbox.payload, "last", 4) == 0,
                  "an earlier request was dispatched");
    fake_answer(&f, 0, r.ticket.id, r.ticket.route, 200, bcs, weather_bcs(bcs, sizeof bcs, "x", 1));
    weather_json(json, sizeof json, "x", 1);
    client_expect(&c, 200, json);
    client_close(&c);
    fake_stop(&f);
}

START_TEST(errors_keep_the_connection)
{
    client_text(&c, "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n");
    client_expect(&c, 404, "{\"error\":\"no such route\"}");
    client_text(&c, "DELETE /process_data HTTP/1.1\r\nHost: x\r\n\r\n");
    struct answer a = client_answer(&c, false);
    ck_assert_uint_eq(a.status, 405);
    ck_assert_str_eq(answer_header(&a, "allow"), "POST, PUT, OPTIONS");
    ck_assert_str_eq(answer_header(&a, "content-type"), "application/json");
    ck_assert_str_eq(answer_header(&a, "access-control-allow-origin"), "*");
    ck_assert_uint_eq(strlen(answer_header(&a, "x-request-id")), 16);
    answer_free(&a);
    client_text(&c, "POST /process_data HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: "
                    "5\r\n\r\nhello");
    client_expect(&c, 415, NULL);
    client_text(&c, "GET /item/..%2f/x HTTP/1.1\r\nHost: x\r\n\r\n");
    client_expect(&c, 400, NULL);
    client_text(&c, "GET //process_data HTTP/1.1\r\nHost: x\r\n\r\n");
    client_expect(&c, 400, NULL);
    client_text(&c, "GET /item/1/x HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}");
    client_expect(&c, 400, "{\"error\":\"a GET request takes no body\"}");
    client_text(&c, "BREW /process_data HTTP/1.1\r\nHost: x\r\n\r\n");
    client_expect(&c, 405, NULL);
    client_text(&c, "POST /small HTTP/1.1\r\nHost: x\r\nContent-Length: 65\r\n\r\n");
    for (int i = 0; i < 65; i++)
        client_text(&c, "x");
    client_expect(&c, 413, "{\"error\":\"bytes of body: 65, at most 64\"}");
    client_text(&c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    client_expect(&c, 200, "Pong!");
    fake_silence(&f, 0, 20);
}
END_TEST

START_TEST(too_large_is_said_before_the_body_is_sent)
{
    client_text(&c, "POST /process_data HTTP/1.1\r\nHost: x\r\nContent-Length: 10485760\r\n\r\n");
    client_expect(&c, 413, "{\"error\":\"bytes of body: 10485760, at most 1048576\"}");
    (void)client_closed(&c, 3000);
}
END_TEST

START_TEST(expect_100)
{
    client_text(&c, "POST /small HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 100\r\n\r\n");
    client_expect(&c, 413, NULL);
    client_close(&c);
    client_open(&c, f.port);
    client_text(&c,
                "POST /nothing HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 100\r\n\r\n");
    client_expect(&c, 404, NULL);
    client_close(&c);
    client_open(&c, f.port);
    client_text(&c, "POST /small HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    struct pollfd p = {c.fd, POLLIN, 0};
    ck_assert_int_eq(poll(&p, 1, FAKE_WAIT_MS), 1); /* "100 Continue" */
    client_text(&c, "{}");
    struct nacre_request_frame r = fake_request(&f, NULL);
    fake_failure(&f, 0, r.ticket.id, 422, "no", 2);
    client_expect(&c, 422, "{\"error\":\"no\"}");
}
END_TEST

/* The client sends everything before it reads: the answer must not be lost to a reset. */
static void send_ten_mib(const char *head, bool chunked)
{
    static char block[65536];
    client_text(&c, head);
    for (size_t sent = 0; sent < 10u * 1024 * 1024; sent += sizeof block) {
        if (chunked)
            client_text(&c, "10000\r\n");
        client_send(&c, block, sizeof block);
        if (chunked)
            client_text(&c, "\r\n");
    }
}

START_TEST(ten_mib)
{
    send_ten_mib("POST /process_data HTTP/1.1\r\nHost: x\r\nContent-Length: 10485760\r\n\r\n", false);
    client_expect(&c, 413, NULL);
    client_close(&c);
    client_open(&c, f.port);
    send_ten_mib("POST /process_data HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", true);
    struct answer a = client_answer(&c, false);
    ck_assert_uint_eq(a.status, 413);
    ck_assert_str_eq(answer_header(&a, "connection"), "close");
    ck_assert_ptr_nonnull(strstr(a.body, "at most 1048576"));
    answer_free(&a);
    client_close(&c);
    client_open(&c, f.port);
    send_ten_mib("POST /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 10485760\r\n\r\n", false);
    client_expect(&c, 404, NULL);
}
END_TEST

START_TEST(ambiguous_framing_ends_the_connection)
{
    static const char *const heads[] = {
        "POST /process_data HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: "
        "chunked\r\n\r\n0\r\n\r\n",
        "POST /process_data HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        "POST /process_data HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n",
        "POST /process_data HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: "
        "x\r\n\r\n0\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        client_text(&c, heads[i]);
        client_text(&c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); /* must not be taken for a request */
        struct answer a = client_answer(&c, false);
        ck_assert_msg(a.status == 400 || a.status == 501, "%zu: %s", i, a.head);
        ck_assert_msg(!strstr(a.body, "Pong"), "%s", a.body);
        answer_free(&a);
        (void)client_closed(&c, 3000);
        client_close(&c);
        client_open(&c, f.port);
    }
    fake_silence(&f, 0, 20);
}
END_TEST

/* Sends, then closes or shuts; nothing may reach the app (teardown looks). */
static void send_and_leave(const char *text, bool half)
{
    client_text(&c, text);
    (void)usleep(20000);
    if (half) {
        ck_assert_int_eq(shutdown(c.fd, SHUT_WR), 0);
        (void)usleep(20000);
    }
    client_close(&c);
    client_open(&c, f.port);
}

START_TEST(bodies_cut_short_are_never_dispatched)
{
    static const char *const cut[] = {
        "POST /process_data HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n012345678",
        "POST /process_data HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n",
        "POST /process_data HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n",
        "POST /process_data HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n0\r\n",
        "POST /process_data HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n0123",
        "POST /process_data HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST /process_data HTTP/1.1\r\nHost: x\r\nContent-Le",
        "POST /proc",
        "",
    };
    for (size_t i = 0; i < sizeof cut / sizeof cut[0]; i++) {
        send_and_leave(cut[i], false);
        send_and_leave(cut[i], true);
    }
    fake_silence(&f, 0, 20);
}
END_TEST

START_TEST(bad_chunks)
{
    static const char *const chunks[] = {
        "zz\r\n", "-5\r\nabcde\r\n", "5\r\nabcdeX\r\n", "fffffffffffffffff\r\n", "\r\n", " 5\r\nabcde\r\n"};
    for (size_t i = 0; i < sizeof chunks / sizeof chunks[0]; i++) {
        client_text(&c, "POST /process_data HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
        client_text(&c, chunks[i]);
        struct answer a = client_answer(&c, false); /* libmicrohttpd's own page */
        ck_assert_msg(a.status == 400 || a.status == 413, "%zu: %s", i, a.head);
        answer_free(&a);
        client_close(&c);
        client_open(&c, f.port);
    }
    fake_silence(&f, 0, 20);
}
END_TEST

/* libmicrohttpd 1.0.1 takes the end of the line for data and then refuses the chunk; 0.9.75 reads it right. */
START_TEST(chunk_extensions)
{
    client_text(&c, "POST /process_data HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                    "5;a=b\r\n01234\r\n0\r\n\r\n");
    struct pollfd p[2] = {{f.app[0], POLLIN, 0}, {c.fd, POLLIN, 0}};
    ck_assert_int_gt(poll(p, 2, FAKE_WAIT_MS), 0);
    if (p[0].revents) {
        struct nacre_request_frame r = fake_request(&f, NULL);
        ck_assert(f.inbox.payload_len == 5 && memcmp(f.inbox.payload, "01234", 5) == 0);
        fake_failure(&f, 0, r.ticket.id, 400, "no", 2);
    }
    client_expect(&c, 400, NULL);
}
END_TEST

START_TEST(heads_past_the_limit)
{
    char line[4096];
    memset(line, 'a', sizeof line - 1);
    line[sizeof line - 1] = '\0';
    client_text(&c, "GET / HTTP/1.1\r\nHost: x\r\nX-Long: ");
    for (int i = 0; i < 5; i++)
        client_text(&c, line);
    client_text(&c, "\r\n\r\n");
    struct answer a = client_answer(&c, false);
    ck_assert_msg(a.status == 431 || a.status == 413, "%s", a.head);
    answer_free(&a);
    client_close(&c);
    client_open(&c, f.port);
    client_text(&c, "GET /");
    for (int i = 0; i < 5; i++)
        client_text(&c, line);
    client_text(&c, " HTTP/1.1\r\nHost: x\r\n\r\n");
    a = client_answer(&c, false);
    ck_assert_msg(a.status == 414 || a.status == 413, "%s", a.head);
    answer_free(&a);
}
END_TEST

START_TEST(other_protocol_errors)
{
    static const struct {
        const char *text;
        unsigned status;                        /* 0: closed without a word is also right */
    } bad[] = {{"GET / HTTP/1.1\r\n\r\n", 400}, /* no Host */
               {"GET / HTTP/3.0\r\nHost: x\r\n\r\n", 505},
               {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 0}, /* TLS */
               {"hello\r\n\r\n", 0},
               {"GET / HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n", 400}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char got[64] = "";
        unsigned status = 0;
        client_text(&c, bad[i].text);
        ssize_t n = recv(c.fd, got, sizeof got - 1, 0);
        ck_assert_msg(n >= 0, "%zu: %d", i, errno);
        if (strncmp(got, "HTTP/1.", 7) == 0)
            status = (unsigned)strtoul(got + 9, NULL, 10);
        ck_assert_msg(status == bad[i].status || (bad[i].status == 0 && (n == 0 || status >= 400)), "%zu: %s",
                      i, got);
        client_close(&c);
        client_open(&c, f.port);
    }
    client_send(&c, "GET /\0x HTTP/1.1\r\nHost: x\r\n\r\n", 29); /* a NUL is no way round the router */
    char got[64];
    ck_assert_int_ge(recv(c.fd, got, sizeof got, 0), 0);
}
END_TEST

START_TEST(a_head_that_trickles_in)
{
    uint64_t before = nacre_monotonic_ns();
    static const char head[] =
        "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    struct pollfd p = {c.fd, POLLIN, 0};
    size_t i = 0;
    while (poll(&p, 1, 100) == 0) { /* a byte every 100 ms: never idle for a second */
        ck_assert_uint_lt(i, sizeof head - 1);
        ck_assert_int_eq(send(c.fd, &head[i++], 1, MSG_NOSIGNAL), 1);
    }
    uint64_t ms = (nacre_monotonic_ns() - before) / 1000000u;
    ck_assert_msg(ms >= 900 && ms < 3000, "cut after %llu ms", (unsigned long long)ms);
    char rest[8];
    ck_assert_int_le(recv(c.fd, rest, sizeof rest, 0), 0);
}
END_TEST

START_TEST(an_idle_connection)
{
    client_text(&c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    client_expect(&c, 200, "Pong!");
    unsigned ms = client_closed(&c, 5000);
    ck_assert_msg(ms >= 900 && ms < 3000, "%u", ms);
}
END_TEST

START_TEST(a_body_that_does_not_come)
{
    client_text(&c, "POST /small HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n012");
    uint64_t before = nacre_monotonic_ns();
    client_expect(&c, 408, "{\"error\":\"the body did not come in time\"}");
    uint64_t ms = (nacre_monotonic_ns() - before) / 1000000u;
    ck_assert_msg(ms >= 250 && ms < 2000, "%llu", (unsigned long long)ms);
    (void)client_closed(&c, 3000);
}
END_TEST

START_TEST(no_answer_in_time)
{
    client_post(&c, "/small", "{}");
    struct nacre_request_frame r = fake_request(&f, NULL);
    uint64_t before = nacre_monotonic_ns();
    struct answer a = client_answer(&c, false);
    uint64_t ms = (nacre_monotonic_ns() - before) / 1000000u;
    ck_assert_uint_eq(a.status, 504);
    ck_assert_msg(ms < 2000, "%llu", (unsigned long long)ms);
    ck_assert_ptr_nonnull(strstr(a.body, "at most 300"));
    answer_free(&a);
    /* the answer comes after all: for nobody */
    uint8_t bcs[64];
    fake_answer(&f, 0, r.ticket.id, r.ticket.route, 200, bcs, weather_bcs(bcs, sizeof bcs, "late", 1));
    client_text(&c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    client_expect(&c, 200, "Pong!");
}
END_TEST

static unsigned open_descriptors(void)
{
    char path[64];
    unsigned n = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/fd", (int)f.pid);
    DIR *d = opendir(path);
    if (!d)
        return 0; /* not ours to look at when we are not root: the process is not dumpable */
    while (readdir(d))
        n++;
    (void)closedir(d);
    return n;
}

START_TEST(clients_that_go_away_leave_nothing)
{
    unsigned before = open_descriptors();
    for (int round = 0; round < 60; round++) {
        client_post(&c, "/process_data", "{}");
        struct nacre_request_frame r = fake_request(&f, NULL);
        client_close(&c); /* while the app is at it */
        uint8_t bcs[64];
        if (round % 3 == 0)
            fake_answer(&f, 0, r.ticket.id, r.ticket.route, 200, bcs, weather_bcs(bcs, sizeof bcs, "x", 1));
        else if (round % 3 == 1)
            fake_failure(&f, 0, r.ticket.id, 500, "x", 1);
        else
            fake_failure(&f, 0, r.ticket.id, 500, "x", 1), fake_failure(&f, 0, r.ticket.id, 500, "x", 1);
        client_open(&c, f.port);
    }
    client_close(&c);
    client_open(&c, f.port);
    struct answer a = {0};
    for (int i = 0; i < 200; i++) { /* until the last one is tidied away */
        struct client admin;
        client_open(&admin, f.admin_port);
        client_text(&admin, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
        a = client_answer(&admin, false);
        client_close(&admin);
        if (strstr(a.body, "nacre_http_in_flight 0\n") && strstr(a.body, "nacre_http_connections 1\n"))
            break;
        answer_free(&a);
        (void)usleep(10000);
    }
    ck_assert_ptr_nonnull(a.body);
    answer_free(&a);
    for (int i = 0; i < 300 && open_descriptors() > before; i++)
        (void)usleep(10000);
    ck_assert_uint_le(open_descriptors(), before);
}
END_TEST

START_TEST(garbage)
{
    for (int round = 0; round < 300; round++) {
        unsigned char rubbish[2048];
        size_t len = 1 + randombytes_uniform(sizeof rubbish);
        randombytes_buf(rubbish, len);
        if (round % 2)
            memcpy(rubbish, "GET / HTTP/1.1\r\nHost: x\r\n", len < 25 ? len : 25);
        (void)send(c.fd, rubbish, len, MSG_NOSIGNAL);
        client_close(&c);
        client_open(&c, f.port);
    }
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, errors_keep_the_connection);
    tcase_add_test(tc, too_large_is_said_before_the_body_is_sent);
    tcase_add_test(tc, expect_100);
    tcase_add_test(tc, ten_mib);
    tcase_add_test(tc, ambiguous_framing_ends_the_connection);
    tcase_add_test(tc, bodies_cut_short_are_never_dispatched);
    tcase_add_test(tc, bad_chunks);
    tcase_add_test(tc, chunk_extensions);
    tcase_add_test(tc, heads_past_the_limit);
    tcase_add_test(tc, other_protocol_errors);
    tcase_add_test(tc, a_head_that_trickles_in);
    tcase_add_test(tc, an_idle_connection);
    tcase_add_test(tc, a_body_that_does_not_come);
    tcase_add_test(tc, no_answer_in_time);
    tcase_add_test(tc, clients_that_go_away_leave_nothing);
    tcase_add_test(tc, garbage);
}

int main(void)
{
    return nacre_run_suite("http refuse", add, 60);
}
