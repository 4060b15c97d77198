/* nacred and the app as they should not be: restarted, overloaded, slow, broken, in an attacker's hands. */
#include "fake.h"
#include "sample.h"
#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

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

static void restart(uint32_t n_lanes, unsigned options)
{
    client_close(&c);
    fake_stop(&f);
    fake_start_with(&f, &config, n_lanes, options);
    client_open(&c, f.port);
}

static void good_request(void)
{
    client_post(&c, "/process_data", "{}");
    struct nacre_request_frame r = fake_request(&f, NULL);
    fake_sign_weather(&f, &r, 5);
    client_expect_weather(&c, 5);
}

/* The same, when the old app's end may have been noticed before the new one: until then requests are refused. */
static void good_request_at_last(void)
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
    fake_sign_weather(&f, &r, 5);
    client_expect_weather(&c, 5);
}

static void expect_later(struct client *from, const char *body)
{
    struct answer a = client_answer(from, false);
    ck_assert_msg(a.status == 503 && strcmp(a.body, body) == 0, "%s%s", a.head, a.body);
    ck_assert_str_eq(answer_header(&a, "retry-after"), "1");
    answer_free(&a);
}

START_TEST(a_new_app)
{
    struct client other;
    client_open(&other, f.port);
    client_post(&c, "/process_data", "{}");
    struct nacre_request_frame r = fake_request(&f, NULL);
    client_post(&other, "/process_data", "{}");
    (void)fake_request(&f, NULL);
    int old = dup(f.app[0]); /* the old app's end stays open: only LANE tells */
    fake_new_app(&f, 0);
    expect_later(&c, "{\"error\":\"the app is restarting\"}");
    expect_later(&other, "{\"error\":\"the app is restarting\"}");
    fake_sign_weather(&f, &r, 1); /* signed just before the old app died; nobody waits any more */
    good_request();
    ck_assert_int_eq(recv(old, (char[8]){0}, 8, MSG_DONTWAIT), 0); /* our end of it is closed */
    (void)close(old);
    client_close(&other);
}
END_TEST

START_TEST(an_app_that_dies)
{
    client_post(&c, "/process_data", "{}");
    struct nacre_request_frame r = fake_request(&f, NULL);
    struct client other;
    client_open(&other, f.port);
    client_post(&other, "/process_data", "{}");
    (void)fake_request(&f, NULL);
    fake_sign_weather(&f, &r, 9); /* on its way when the app dies: not lost */
    (void)close(f.app[0]);
    f.app[0] = -1;
    expect_later(&other, "{\"error\":\"the app is restarting\"}");
    client_expect_weather(&c, 9);
    client_post(&c, "/process_data", "{}");
    expect_later(&c, "{\"error\":\"the app is restarting\"}");
    client_text(&c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    client_expect(&c, 200, "Pong!");
    fake_new_app(&f, 0);
    for (;;) { /* until the lane has its mail */
        client_post(&c, "/process_data", "{}");
        struct pollfd p[2] = {{f.app[0], POLLIN, 0}, {c.fd, POLLIN, 0}};
        ck_assert_int_gt(poll(p, 2, FAKE_WAIT_MS), 0);
        if (p[0].revents) {
            r = fake_request(&f, NULL);
            fake_sign_weather(&f, &r, 10);
            client_expect_weather(&c, 10);
            break;
        }
        expect_later(&c, "{\"error\":\"the app is restarting\"}");
    }
    good_request();
    client_close(&other);
}
END_TEST

START_TEST(before_there_is_an_app)
{
    restart(1, FAKE_DOWN);
    client_post(&c, "/process_data", "{}");
    expect_later(&c, "{\"error\":\"the app is starting\"}");
    client_text(&c, "GET /get_attestation HTTP/1.1\r\nHost: x\r\n\r\n");
    expect_later(&c, "{\"error\":\"there is no attestation document yet\"}");
}
END_TEST

START_TEST(errors_of_the_app)
{
    static const struct {
        uint32_t status, expected;
        const char *text;
        size_t len;
        const char *body;
    } errors[] = {
        {400, 400, "payload.location: expected string, got number", 45,
         "{\"error\":\"payload.location: expected string, got number\"}"},
        {418, 418, "teapot", 6, "{\"error\":\"teapot\"}"},
        {502, 502, "", 0, "{\"error\":\"no reason was given\"}"},
        {599, 599, "\xff\"\n", 3, "{\"error\":\"?\\\"\\n\"}"},
        {200, 500, "x", 1, "{\"error\":\"x\"}"},
        {0, 500, "x", 1, "{\"error\":\"x\"}"},
        {399, 500, "x", 1, "{\"error\":\"x\"}"},
        {600, 500, "x", 1, "{\"error\":\"x\"}"},
        {UINT32_MAX, 500, "x", 1, "{\"error\":\"x\"}"},
    };
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        client_post(&c, "/process_data", "{}");
        struct nacre_request_frame r = fake_request(&f, NULL);
        fake_failure(&f, 0, r.ticket.id, errors[i].status, errors[i].text, errors[i].len);
        client_expect(&c, errors[i].expected, errors[i].body);
    }
    for (uint32_t status = 429; status <= 503; status += 74) {
        client_post(&c, "/process_data", "{}");
        struct nacre_request_frame r = fake_request(&f, NULL);
        fake_failure(&f, 0, r.ticket.id, status, "later", 5);
        struct answer a = client_answer(&c, false);
        ck_assert_uint_eq(a.status, status);
        ck_assert_str_eq(answer_header(&a, "retry-after"), "1");
        answer_free(&a);
    }
}
END_TEST

START_TEST(wrong_ids_and_second_answers)
{
    client_post(&c, "/process_data", "{}");
    struct nacre_request_frame r = fake_request(&f, NULL), wrong = r;
    static const uint64_t guesses[] = {0, 1, UINT64_MAX};
    for (size_t i = 0; i < 3; i++)
        fake_failure(&f, 0, guesses[i], 500, "guess", 5);
    for (unsigned bit = 0; bit < 64; bit++) {
        fake_failure(&f, 0, r.ticket.id ^ 1ull << bit, 500, "guess", 5);
        wrong.ticket.id = r.ticket.id ^ 1ull << bit;
        fake_sign_weather(&f, &wrong, 1);
    }
    fake_sign_weather(&f, &r, 2);
    client_expect_weather(&c, 2);
    fake_sign_weather(&f, &r, 3);
    fake_failure(&f, 0, r.ticket.id, 500, "again", 5);
    good_request();
}
END_TEST

START_TEST(answers_that_do_not_fit)
{
    uint8_t bcs[64];
    size_t len = weather_bcs(bcs, sizeof bcs, "x", 1);
    client_post(&c, "/process_data", "{}");
    struct nacre_request_frame r = fake_request(&f, NULL);
    fake_answer(&f, 0, r.ticket.id, ROUTE_REGISTER, 200, bcs, len);
    client_expect(&c, 500, "{\"error\":\"the answer was for another route\"}");
    for (size_t cut = 0; cut < len; cut++) {
        client_post(&c, "/process_data", "{}");
        r = fake_request(&f, NULL);
        fake_answer(&f, 0, r.ticket.id, r.ticket.route, 200, bcs, cut);
        client_expect(&c, 500, "{\"error\":\"the signed response could not be shown\"}");
    }
    static const uint32_t odd[] = {0, 199, 201, 302, 600, UINT32_MAX};
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        client_post(&c, "/process_data", "{}");
        r = fake_request(&f, NULL);
        fake_answer(&f, 0, r.ticket.id, r.ticket.route, odd[i], "odd", 3);
        client_expect(&c, 500, "{\"error\":\"odd\"}");
    }
    good_request();
}
END_TEST

/* Messages of every type and none, with rubbish in them, from the app and (less likely) from nacred. */
static void send_rubbish(int fd)
{
    for (uint32_t type = 0; type < 40; type++) {
        uint8_t message[2048];
        struct nacre_frame_head head = {.type = type, .payload_len = type % 7};
        size_t len = nacre_frame_fixed_size(type) + type % 7;
        randombytes_buf(message, sizeof message);
        memcpy(message, &head, sizeof head);
        ck_assert_int_ge(send(fd, message, len < sizeof head ? sizeof head : len, MSG_NOSIGNAL), 0);
        head.in_fd = 1;
        memcpy(message, &head, sizeof head);
        ck_assert_int_ge(send(fd, message, 500, MSG_NOSIGNAL), 0);
        ck_assert_int_ge(send(fd, message, type + 1, MSG_NOSIGNAL), 0);
        (void)usleep(500); /* the queue is short */
    }
}

START_TEST(rubbish_frames)
{
    char text[4096];
    memset(text, 'x', sizeof text);
    send_rubbish(f.app[0]);
    send_rubbish(f.signer[0]);
    fake_failure(&f, 0, 1, 500, text, NACRE_FAILURE_TEXT + 1);
    good_request();
    struct nacre_health_frame health = {
        .head.type = NACRE_FRAME_HEALTH, .endpoint = 3, .ok = 1, .checked_ns = 1};
    const int extra = f.log; /* a descriptor that nobody asked for */
    ck_assert_int_eq(nacre_frame_send(f.app[0], &health, NULL, 0, NULL, 0, &extra, 1), 0);
    health.endpoint = UINT32_MAX;
    ck_assert_int_eq(nacre_frame_send(f.app[0], &health, NULL, 0, NULL, 0, NULL, 0), 0);
    health.endpoint = 2;
    ck_assert_int_eq(nacre_frame_send(f.app[0], &health, NULL, 0, NULL, 0, NULL, 0), 0);
    good_request();
    struct answer a =
        exchange(&f, "GET /health_check HTTP/1.1\r\nHost: x\r\n\r\n"); /* read before good_request's */
    ck_assert_ptr_nonnull(strstr(a.body, "\"other.example.org\":true"));
    ck_assert_ptr_nonnull(strstr(a.body, "\"api.example.com\":false"));
    answer_free(&a);
}
END_TEST

START_TEST(in_flight_limit)
{
    config.http_in_flight = 2;
    restart(1, 0);
    struct client two, three;
    client_open(&two, f.port);
    client_open(&three, f.port);
    client_post(&c, "/process_data", "{}");
    struct nacre_request_frame r = fake_request(&f, NULL);
    client_post(&two, "/process_data", "{}");
    struct nacre_request_frame second = fake_request(&f, NULL);
    client_post(&three, "/process_data", "{}");
    struct answer a = client_answer(&three, false);
    ck_assert_uint_eq(a.status, 503);
    ck_assert_str_eq(answer_header(&a, "retry-after"), "1");
    answer_free(&a);
    client_text(&three,
                "GET /health_check HTTP/1.1\r\nHost: x\r\n\r\n"); /* what needs no app is still served */
    a = client_answer(&three, false);
    answer_free(&a);
    fake_sign_weather(&f, &r, 1);
    client_expect_weather(&c, 1);
    client_post(&three, "/process_data", "{}");
    struct nacre_request_frame third = fake_request(&f, NULL);
    fake_sign_weather(&f, &third, 3);
    fake_sign_weather(&f, &second, 2);
    client_expect_weather(&three, 3);
    client_expect_weather(&two, 2);
    client_close(&two);
    client_close(&three);
}
END_TEST

START_TEST(connection_limits)
{
    struct client many[4];
    config.http_connections = 3;
    restart(1, 0);
    good_request();
    for (unsigned i = 0; i < 4; i++) {
        client_open(&many[i], f.port);
        client_text(&many[i], "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    }
    client_expect(&many[0], 200, "Pong!");
    client_expect(&many[1], 200, "Pong!");
    struct pollfd p = {many[2].fd, POLLIN, 0};
    ck_assert_int_eq(poll(&p, 1, 200), 0); /* in the queue of the socket, not accepted */
    client_close(&many[0]);
    client_close(&many[1]);
    client_expect(&many[2], 200, "Pong!");
    client_expect(&many[3], 200, "Pong!");
    client_close(&many[2]);
    client_close(&many[3]);

    config.http_connections = 100;
    config.http_connections_per_address = 2;
    restart(1, 0);
    good_request();
    client_open(&many[0], f.port);
    client_text(&many[0], "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    client_expect(&many[0], 200, "Pong!");
    client_open(&many[1], f.port);
    (void)client_closed(&many[1], 5000); /* one too many from this address */
    good_request();
    client_close(&many[0]);
    client_close(&many[1]);
}
END_TEST

/* More than the app's socket holds: the rest waits in line, in order, and none is lost. */
START_TEST(an_app_that_is_slow_to_read)
{
    enum { N = 120 };
    static struct client many[N];
    static char body[30000];
    memset(body, 'b', sizeof body - 1);
    for (unsigned i = 0; i < N; i++) {
        client_open(&many[i], f.port);
        (void)snprintf(body, sizeof body, "%05u", i);
        body[5] = 'b';
        client_post(&many[i], "/process_data", body);
    }
    (void)usleep(300000);
    for (unsigned i = 0; i < N; i++) {
        struct nacre_request_frame r = fake_request(&f, NULL);
        ck_assert_uint_eq(f.inbox.payload_len, sizeof body - 1);
        fake_sign_weather(&f, &r,
                          strtoul((const char[6]){(char)f.inbox.payload[0], (char)f.inbox.payload[1],
                                                  (char)f.inbox.payload[2], (char)f.inbox.payload[3],
                                                  (char)f.inbox.payload[4]},
                                  NULL, 10));
    }
    for (unsigned i = 0; i < N; i++) {
        client_expect_weather(&many[i], i);
        client_close(&many[i]);
    }
    good_request();
}
END_TEST

START_TEST(an_app_that_never_reads)
{
    enum { N = 120 };
    static struct client many[N];
    static char body[30000];
    memset(body, 'b', sizeof body - 1);
    for (unsigned i = 0; i < N; i++) {
        client_open(&many[i], f.port);
        client_post(&many[i], "/process_data", body);
    }
    (void)usleep(300000);
    fake_new_app(&f, 0); /* those that it had and those in line alike */
    for (unsigned i = 0; i < N; i++) {
        expect_later(&many[i], "{\"error\":\"the app is restarting\"}");
        client_close(&many[i]);
    }
    good_request_at_last();
}
END_TEST

START_TEST(stop_finishes_what_is_in_flight)
{
    client_post(&c, "/process_data", "{}");
    struct nacre_request_frame r = fake_request(&f, NULL);
    struct nacre_plain_frame stop = {.head.type = NACRE_FRAME_STOP};
    ck_assert_int_eq(nacre_frame_send(f.control, &stop, NULL, 0, NULL, 0, NULL, 0), 0);
    (void)usleep(100000);
    (void)close(f.app[0]); /* the app has stopped too, its last result is with nacred */
    f.app[0] = -1;
    (void)usleep(100000);
    fake_sign_weather(&f, &r, 4);
    struct answer a = client_answer(&c, false);
    ck_assert_uint_eq(a.status, 200);
    ck_assert_str_eq(answer_header(&a, "connection"), "close");
    answer_free(&a);
    ck_assert_int_eq(fake_wait(&f), 0);
    /* the listening socket is nacred's and lives: the next nacre-http finds this client waiting */
    struct client waiting;
    client_open(&waiting, f.port);
    client_close(&waiting);
    f.pid = -1;
}
END_TEST

START_TEST(stop_does_not_wait_for_ever)
{
    client_post(&c, "/process_data", "{}");
    (void)fake_request(&f, NULL);
    uint64_t before = nacre_monotonic_ns();
    struct nacre_plain_frame stop = {.head.type = NACRE_FRAME_STOP};
    ck_assert_int_eq(nacre_frame_send(f.control, &stop, NULL, 0, NULL, 0, NULL, 0), 0);
    ck_assert_int_eq(fake_wait(&f), 0);
    ck_assert_uint_lt(nacre_monotonic_ns() - before, 6000000000u);
    expect_later(&c, "{\"error\":\"the runtime is stopping\"}");
    f.pid = -1;
}
END_TEST

START_TEST(nothing_lives_without_nacred)
{
    (void)close(f.control);
    f.control = -1;
    ck_assert_int_ne(fake_wait(&f), 0);
    f.pid = -1;
}
END_TEST

START_TEST(the_process_is_confined)
{
    char path[64], text[4096] = "";
    (void)snprintf(path, sizeof path, "/proc/%d/status", (int)f.pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_gt(read(fd, text, sizeof text - 1), 0);
    (void)close(fd);
    ck_assert_ptr_nonnull(strstr(text, "NoNewPrivs:\t1"));
    ck_assert_ptr_nonnull(strstr(text, "Seccomp:\t2"));
}
END_TEST

static void last_words(void)
{
    client_close(&c); /* these tests have ended the program themselves */
}

/* The largest message there is, again and again: clients have their turn in between. */
START_TEST(large_words_of_the_app_hold_nobody_up)
{
    const struct nacre_prepared_frame large = {
        .head = {.type = NACRE_FRAME_PREPARED, .in_fd = 1, .payload_len = NACRE_PAYLOAD_MAX}};
    int unread = 0, file = memfd_create("large", MFD_CLOEXEC);
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = {{0}};
    struct iovec iov = {(void *)(uintptr_t)&large, sizeof large};
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    struct cmsghdr *c0 = CMSG_FIRSTHDR(&msg);
    *c0 = (struct cmsghdr){CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
    memcpy(CMSG_DATA(c0), &file, sizeof file);
    ck_assert_int_eq(ftruncate(file, NACRE_PAYLOAD_MAX), 0);
    ck_assert_int_eq(kill(f.pid, SIGSTOP), 0); /* it finds all of it at once */
    client_text(&c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    for (unsigned i = 0; i < 100; i++)
        ck_assert_int_eq(sendmsg(f.app[0], &msg, MSG_DONTWAIT), sizeof large);
    ck_assert_int_eq(kill(f.pid, SIGCONT), 0);
    client_expect(&c, 200, "Pong!");
    ck_assert_int_eq(ioctl(f.app[0], SIOCOUTQ, &unread), 0);
    ck_assert_int_gt(unread, 0);
    (void)close(file);
    good_request();
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, large_words_of_the_app_hold_nobody_up);
    tcase_add_test(tc, a_new_app);
    tcase_add_test(tc, an_app_that_dies);
    tcase_add_test(tc, before_there_is_an_app);
    tcase_add_test(tc, errors_of_the_app);
    tcase_add_test(tc, wrong_ids_and_second_answers);
    tcase_add_test(tc, answers_that_do_not_fit);
    tcase_add_test(tc, rubbish_frames);
    tcase_add_test(tc, in_flight_limit);
    tcase_add_test(tc, connection_limits);
    tcase_add_test(tc, an_app_that_is_slow_to_read);
    tcase_add_test(tc, an_app_that_never_reads);
    tcase_add_test(tc, the_process_is_confined);
}

static void add_endings(TCase *tc)
{
    tcase_add_checked_fixture(tc, setup, last_words);
    tcase_add_test(tc, stop_finishes_what_is_in_flight);
    tcase_add_test(tc, stop_does_not_wait_for_ever);
    tcase_add_test(tc, nothing_lives_without_nacred);
}

int main(void)
{
    int first = nacre_run_suite("http peers", add, 60);
    int second = nacre_run_suite("http endings", add_endings, 60);
    return first ? first : second;
}
