/* Connections whose answer is due, suspended or not: soon, late, many, and what others do meanwhile. */
#include "fake.h"
#include "sample.h"
#include "suite.h"

#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MANY 150u /* more than wait without being suspended */

static struct fake f;
static struct client c;
static struct nacre_config config;

static void setup(void)
{
    nacre_config_defaults(&config);
    fake_start(&f, &config);
    client_open(&c, f.port);
}

static void teardown(void)
{
    client_close(&c);
    fake_stop(&f);
}

static struct nacre_request_frame ask(struct client *from)
{
    client_post(from, "/process_data", "{}");
    return fake_request(&f, NULL);
}

static void one(unsigned ms, uint64_t temperature)
{
    struct nacre_request_frame r = ask(&c);
    (void)usleep(ms * 1000);
    fake_sign_weather(&f, &r, temperature);
    client_expect_weather(&c, temperature);
}

/* At once, a little later, after it was suspended; and soon again, when the lane takes its answers for slow ones. */
START_TEST(soon_and_late)
{
    static const unsigned ms[] = {0, 1, 5, 15, 19, 20, 21, 25, 40, 200, 0, 0, 0, 30, 1, 1};
    for (unsigned i = 0; i < sizeof ms / sizeof ms[0]; i++)
        one(ms[i], i);
    for (unsigned i = 0; i < 200; i++)
        one(0, 1000 + i);
}
END_TEST

START_TEST(more_than_are_kept_awake)
{
    struct client many[MANY];
    struct nacre_request_frame r[MANY];
    for (unsigned i = 0; i < MANY; i++)
        client_open(&many[i], f.port);
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < MANY; i++)
            r[i] = ask(&many[i]); /* one after the other: they are asked again many times */
        if (round == 1)
            (void)usleep(60000);
        for (unsigned i = MANY; i-- > 0;)
            fake_sign_weather(&f, &r[i], i);
        for (unsigned i = 0; i < MANY; i++)
            client_expect_weather(&many[i], i);
    }
    for (unsigned i = 0; i < MANY; i++)
        client_close(&many[i]);
}
END_TEST

/* libmicrohttpd's own word on what is left to do counts for nothing while a connection waits: nothing may depend on it. */
START_TEST(others_go_on_meanwhile)
{
    static char body[300000];
    struct client other;
    client_open(&other, f.port);
    memset(body, ' ', sizeof body - 1);
    for (unsigned round = 0; round < 20; round++) {
        struct nacre_request_frame waits = ask(&c);
        client_text(
            &other,
            "GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\nGET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n");
        client_expect(&other, 200, NULL);
        client_expect(&other, 200, NULL);
        struct answer large =
            exchange(&f, "GET /openapi.json HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        ck_assert_uint_eq(large.status, 200);
        answer_free(&large);
        client_post(&other, "/process_data", body); /* many pieces */
        struct nacre_request_frame r = fake_request(&f, NULL);
        ck_assert_uint_eq(f.inbox.payload_len, sizeof body - 1);
        fake_sign_weather(&f, &r, 7);
        client_expect_weather(&other, 7);
        fake_sign_weather(&f, &waits, 8);
        client_expect_weather(&c, 8);
    }
    client_close(&other);
}
END_TEST

/* Two requests at once on a connection: the second is begun when the first is answered, though nothing comes any more. */
START_TEST(pipelined)
{
    struct client other;
    client_open(&other, f.port);
    for (unsigned round = 0; round < 20; round++) {
        struct nacre_request_frame waits = ask(&other);
        client_post(&c, "/process_data", "{}");
        client_post(&c, "/process_data", "{}");
        struct nacre_request_frame r = fake_request(&f, NULL);
        fake_sign_weather(&f, &r, 1);
        client_expect_weather(&c, 1);
        r = fake_request(&f, NULL);
        fake_sign_weather(&f, &r, 2);
        client_expect_weather(&c, 2);
        fake_sign_weather(&f, &waits, 3);
        client_expect_weather(&other, 3);
    }
    client_close(&other);
}
END_TEST

/* Clients go away while they wait, before and after their answer is here; the next one is served as ever. */
START_TEST(gone_while_it_waits)
{
    for (unsigned i = 0; i < 60; i++) {
        struct client other;
        client_open(&other, f.port);
        struct nacre_request_frame r = ask(&other);
        const struct linger reset = {1, 0};
        if (i % 2)
            (void)setsockopt(other.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        if (i % 3 == 0)
            fake_sign_weather(&f, &r, i);
        client_close(&other);
        if (i % 3 == 1)
            (void)usleep(25000);
        if (i % 3)
            fake_sign_weather(&f, &r, i);
        one(0, i);
    }
}
END_TEST

/* CPU time of all threads of nacre-http, in nanoseconds: they have numbers that follow its own. */
static uint64_t cpu_ns(void)
{
    uint64_t sum = 0;
    for (int task = f.pid; task < f.pid + 100; task++) {
        char path[64], line[128];
        (void)snprintf(path, sizeof path, "/proc/%d/task/%d/schedstat", (int)f.pid, task);
        FILE *file = fopen(path, "re");
        if (!file)
            continue;
        if (fgets(line, sizeof line, file))
            sum += strtoull(line, NULL, 10);
        (void)fclose(file);
    }
    return sum;
}

/*
 * The client says that it sends no more: libmicrohttpd may take it for gone (docs/HTTP.md). Whatever it does, it is not asked
 * again and again, the connection ends, and the answer reaches nobody else.
 */
START_TEST(half_closed_while_it_waits)
{
    for (unsigned i = 0; i < 24; i++) {
        struct client other;
        client_open(&other, f.port);
        struct nacre_request_frame r = ask(&other);
        (void)usleep(i % 2 ? 30000 : 0);
        ck_assert_int_eq(shutdown(other.fd, SHUT_WR), 0);
        uint64_t before = cpu_ns();
        (void)usleep(i / 2 % 2 ? 100000 : 1000);
        uint64_t took = cpu_ns() - before;
        ck_assert_msg(took < 50000000u, "%llu ns", (unsigned long long)took);
        fake_sign_weather(&f, &r, i);
        one(0, 100 + i);
        while (recv(other.fd, (char[1024]){0}, 1024, 0) > 0)
            continue;
        client_close(&other);
    }
}
END_TEST

/* More behind a request than libmicrohttpd has room for: it is read when its turn comes, and costs nothing before. */
START_TEST(much_is_pipelined)
{
    static const char next[] =
        "GET / HTTP/1.1\r\nHost: x\r\nX-Fill: 0123456789012345678901234567890123456789\r\n\r\n";
    enum { BEHIND = 2000 };
    for (unsigned i = 0; i < 4; i++) {
        struct nacre_request_frame r = ask(&c);
        for (unsigned k = 0; k < BEHIND; k++)
            client_text(&c, next);
        uint64_t before = cpu_ns();
        (void)usleep(i % 2 ? 200000 : 5000);
        uint64_t took = cpu_ns() - before;
        ck_assert_msg(took < 100000000u, "%llu ns", (unsigned long long)took);
        fake_sign_weather(&f, &r, i);
        client_expect_weather(&c, i);
        for (unsigned k = 0; k < BEHIND; k++)
            client_expect(&c, 200, "Pong!");
    }
}
END_TEST

/* The old app's end may be noticed before the new one is: until then requests are refused. */
static void one_at_last(uint64_t temperature)
{
    for (;;) {
        client_post(&c, "/process_data", "{}");
        struct pollfd p[2] = {{c.fd, POLLIN, 0}, {f.app[0], POLLIN, 0}};
        ck_assert_int_gt(poll(p, 2, FAKE_WAIT_MS), 0);
        if (p[1].revents)
            break;
        client_expect(&c, 503, "{\"error\":\"the app is restarting\"}");
    }
    struct nacre_request_frame r = fake_request(&f, NULL);
    fake_sign_weather(&f, &r, temperature);
    client_expect_weather(&c, temperature);
}

START_TEST(the_app_goes_while_they_wait)
{
    for (unsigned i = 0; i < 20; i++) {
        (void)ask(&c);
        if (i % 2)
            (void)usleep(25000);
        fake_new_app(&f, 0);
        client_expect(&c, 503, "{\"error\":\"the app is restarting\"}");
        one_at_last(i);
    }
}
END_TEST

/* Stopped while one waits and another has just been answered: both hear. */
START_TEST(stopped_while_they_wait)
{
    struct client other;
    client_open(&other, f.port);
    struct nacre_request_frame first = ask(&c), second = ask(&other);
    fake_sign_weather(&f, &first, 1);
    struct nacre_plain_frame stop = {.head.type = NACRE_FRAME_STOP};
    ck_assert_int_eq(nacre_frame_send(f.control, &stop, NULL, 0, NULL, 0, NULL, 0), 0);
    fake_sign_weather(&f, &second, 2);
    client_expect_weather(&c, 1);
    client_expect_weather(&other, 2);
    client_close(&other);
}
END_TEST

/* One on a lane of its own, which has no work to do. */
static void open_on_lane(struct client *to, uint32_t wanted)
{
    for (;;) {
        uint32_t lane;
        client_open(to, f.port);
        client_post(to, "/process_data", "{}");
        struct nacre_request_frame r = fake_request(&f, &lane);
        fake_failure(&f, lane, r.ticket.id, 503, "no", 2);
        client_expect(to, 503, "{\"error\":\"no\"}");
        if (lane == wanted)
            return;
        client_close(to);
    }
}

/* A lane has ended, another still waits for an answer: what comes to the first now is not served, and stops nothing. */
START_TEST(asked_after_the_lane_has_ended)
{
    static const char *const requests[] = {
        "GET /get_attestation?nonce=00 HTTP/1.1\r\nHost: x\r\n\r\n",
        "POST /process_data HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}",
        "POST /process_data HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{",
    };
    const struct nacre_plain_frame stop = {.head.type = NACRE_FRAME_STOP};
    for (unsigned i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        struct client idle, busy;
        fake_stop(&f);
        fake_start_with(&f, &config, 2, 0);
        open_on_lane(&idle, 1);
        open_on_lane(&busy, 0);
        struct nacre_request_frame r = ask(&busy);
        ck_assert_int_eq(send(f.control, &stop, sizeof stop, 0), sizeof stop);
        (void)usleep(200000);
        client_text(&idle, requests[i]);
        fake_sign_weather(&f, &r, i);
        client_expect_weather(&busy, i);
        (void)client_closed(&idle, FAKE_WAIT_MS);
        client_close(&idle);
        client_close(&busy);
    }
}
END_TEST

/* Waiting is no work: not while a connection is kept awake, and not when it is suspended after all. */
START_TEST(waiting_does_not_spin)
{
    struct nacre_request_frame r = ask(&c);
    uint64_t before = cpu_ns();
    (void)usleep(500000);
    uint64_t took = cpu_ns() - before;
    ck_assert_uint_gt(before, 0);
    ck_assert_msg(took < 100000000u, "%llu ns of 500 ms", (unsigned long long)took);
    fake_sign_weather(&f, &r, 1);
    client_expect_weather(&c, 1);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, soon_and_late);
    tcase_add_test(tc, more_than_are_kept_awake);
    tcase_add_test(tc, others_go_on_meanwhile);
    tcase_add_test(tc, pipelined);
    tcase_add_test(tc, gone_while_it_waits);
    tcase_add_test(tc, half_closed_while_it_waits);
    tcase_add_test(tc, much_is_pipelined);
    tcase_add_test(tc, the_app_goes_while_they_wait);
    tcase_add_test(tc, stopped_while_they_wait);
    tcase_add_test(tc, asked_after_the_lane_has_ended);
    tcase_add_test(tc, waiting_does_not_spin);
}

int main(void)
{
    return nacre_run_suite("http wait", add, 120);
}
