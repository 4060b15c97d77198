#include "deliver.h"
#include "ops/reach.h"
#include "suite.h"
#include "tls_client.h"

#include <common/frame.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static char dir[64], file[96], place[128], why[512], asked[1024];
static const char *answer;
static size_t answer_len;
static int server;
static pthread_t thread;

/* One exchange: reads what comes until an empty line, answers, closes. */
static void *serve(void *arg)
{
    (void)arg;
    int fd = accept(server, NULL, NULL);
    size_t len = 0;
    ssize_t n;
    while (len < sizeof asked - 1 && (n = read(fd, asked + len, sizeof asked - 1 - len)) > 0) {
        len += (size_t)n;
        asked[len] = '\0';
        if (strstr(asked, "\r\n\r\n"))
            break;
    }
    if (answer_len)
        (void)send(fd, answer, answer_len, MSG_NOSIGNAL);
    (void)close(fd);
    if (answer_len == 0) /* then it may be TLS that is spoken here: asked again, and neither */
        (void)close(accept(server, NULL, NULL));
    return NULL;
}

static void begin(void)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    (void)snprintf(dir, sizeof dir, "/tmp/nacre-reach-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    (void)snprintf(file, sizeof file, "%s/s", dir);
    (void)snprintf(place, sizeof place, "unix:%s", file);
    (void)snprintf(a.sun_path, sizeof a.sun_path, "%s", file);
    server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(server, (struct sockaddr *)&a, sizeof a), 0);
    ck_assert_int_eq(listen(server, 4), 0);
}

static void end(void)
{
    (void)close(server);
    (void)unlink(file);
    (void)rmdir(dir);
}

static int get(const char *text, size_t len, char **body, size_t *body_len)
{
    answer = text;
    answer_len = len;
    asked[0] = '\0';
    ck_assert_int_eq(pthread_create(&thread, NULL, serve, NULL), 0);
    int rc = nacre_ops_get(place, "/health_check", body, body_len, why, sizeof why);
    (void)pthread_join(thread, NULL);
    return rc;
}

START_TEST(answers_good_and_bad)
{
    static const char good[] = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: x\r\n\r\n{\"a\":1}";
    static const char *const bad[] = {"",
                                      "HTTP/1.1 200 OK\r\n",
                                      "HTTP/2 200\r\n\r\n",
                                      "GET / HTTP/1.1\r\n\r\n",
                                      "HTTP/1.1 9x9 \r\n\r\n",
                                      "\r\n\r\n"};
    char *body = NULL, *huge = malloc(2 * NACRE_OPS_ANSWER);
    size_t len = 0;
    ck_assert_int_eq(get(good, sizeof good - 1, &body, &len), 503);
    ck_assert_uint_eq(len, 7);
    ck_assert_str_eq(body, "{\"a\":1}");
    ck_assert_ptr_nonnull(strstr(asked, "GET /health_check HTTP/1.1\r\nHost: "));
    for (size_t i = len; i < sizeof good; i++) /* the buffer has room for more */
        ck_assert_int_eq(body[i], 0);
    free(body);
    body = NULL;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_int_eq(get(bad[i], strlen(bad[i]), &body, &len), -EBADMSG);
    memset(huge, 'x', 2 * NACRE_OPS_ANSWER);
    ck_assert_int_eq(get(huge, 2 * NACRE_OPS_ANSWER, &body, &len), -EFBIG);
    ck_assert_ptr_null(body);
    free(huge);
}
END_TEST

/* Never silent, never done. Two at once, so that the test waits once. */
static void *drip(void *arg)
{
    int fds[2] = {accept(server, NULL, NULL), accept(server, NULL, NULL)};
    bool there[2] = {true, true};
    (void)arg;
    for (unsigned i = 0; (there[0] || there[1]) && i < 125; i++) {
        for (size_t k = 0; k < 2; k++)
            there[k] = there[k] && send(fds[k], &"HTTP/1.1 "[i % 9], 1, MSG_NOSIGNAL) == 1;
        (void)usleep(200000);
    }
    (void)close(fds[0]);
    (void)close(fds[1]);
    return NULL;
}

static void *deliver(void *arg)
{
    static char reason[512];
    *(int *)arg = nacre_deliver(place, (const uint8_t *)"x", 1, 0, reason, sizeof reason);
    return NULL;
}

START_TEST(an_answer_that_trickles_ends)
{
    pthread_t other;
    char *body = NULL;
    size_t len = 0;
    int delivered = 0;
    ck_assert_int_eq(pthread_create(&thread, NULL, drip, NULL), 0);
    ck_assert_int_eq(pthread_create(&other, NULL, deliver, &delivered), 0);
    ck_assert_int_eq(nacre_ops_get(place, "/health_check", &body, &len, why, sizeof why), -EAGAIN);
    ck_assert_ptr_nonnull(strstr(why, "no answer in time"));
    (void)pthread_join(other, NULL);
    (void)pthread_join(thread, NULL);
    ck_assert_int_eq(delivered, -EAGAIN);
}
END_TEST

/* A ServerHello of 16 KiB, a byte at a time. */
static void *drip_record(void *arg)
{
    static const char head[] = "\x16\x03\x03\x40\x00\x02\x00\x3f\xfc";
    const int fd = *(const int *)arg;
    ssize_t n = send(fd, head, sizeof head - 1, MSG_NOSIGNAL);
    for (int i = 0; i < 400 && n > 0; i++) {
        (void)usleep(10000);
        n = send(fd, "\x03", 1, MSG_NOSIGNAL);
    }
    return NULL;
}

START_TEST(a_handshake_that_trickles_ends)
{
    int pair[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    struct nacre_tls_client *tls = nacre_tls_client_new(pair[0]);
    ck_assert_ptr_nonnull(tls);
    const uint64_t end_ns = nacre_monotonic_ns() + 200000000;
    nacre_tls_client_until(tls, end_ns);
    ck_assert_int_eq(pthread_create(&thread, NULL, drip_record, &pair[1]), 0);
    ck_assert_int_eq(nacre_tls_client_handshake(tls), -EAGAIN);
    ck_assert_uint_lt(nacre_monotonic_ns(), end_ns + 3000000000);
    nacre_tls_client_free(tls);
    (void)close(pair[0]);
    (void)pthread_join(thread, NULL);
    (void)close(pair[1]);
}
END_TEST

START_TEST(members_of_objects)
{
    static const char json[] =
        "{\"a\":{\"status\":\"inner\"},\"status\":\"ok\",\"n\":5,\"t\":true,\"z\":null,\"l\":[1]}";
    char out[8];
    ck_assert(nacre_ops_member(json, sizeof json - 1, "status", out, sizeof out));
    ck_assert_str_eq(out, "ok");
    ck_assert(nacre_ops_member(json, sizeof json - 1, "n", out, sizeof out));
    ck_assert_str_eq(out, "5");
    ck_assert(nacre_ops_member(json, sizeof json - 1, "t", out, sizeof out));
    ck_assert_str_eq(out, "true");
    static const char *const none[] = {"z", "l", "a", "missing", ""};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        ck_assert(!nacre_ops_member(json, sizeof json - 1, none[i], out, sizeof out));
    for (size_t cut = 0; cut < sizeof json - 1; cut++)
        ck_assert(!nacre_ops_member(json, cut, "status", out, sizeof out));
    ck_assert(!nacre_ops_member("[]", 2, "a", out, sizeof out));
    ck_assert(!nacre_ops_member("{\"a\":\"longer than eight\"}", 24, "a", out, sizeof out));
}
END_TEST

START_TEST(places)
{
    struct nacre_ops_slot slot = {.connect = "vsock:16"};
    char out[NACRE_OPS_PLACE_MAX + 16];
    nacre_ops_place(&slot, 7777, out);
    ck_assert_str_eq(out, "vsock:16:7777");
    (void)snprintf(slot.connect, sizeof slot.connect, "unix:/run/16.vsock");
    nacre_ops_place(&slot, 3000, out);
    ck_assert_str_eq(out, "unix:/run/16.vsock#3000");
    static const char *const good[] = {"unix:/a", "unix:/a#1", "vsock:16:7777", "tcp:127.0.0.1:1",
                                       "tcp:[::1]:80"};
    static const char *const bad[] = {"",
                                      "unix:",
                                      "unix:#1",
                                      "unix:/a#",
                                      "unix:/a#x",
                                      "vsock:16",
                                      "vsock::1",
                                      "vsock:16:",
                                      "vsock:4294967295:1",
                                      "tcp:localhost:1",
                                      "tcp:127.0.0.1:0",
                                      "tcp:::1:80",
                                      "/a"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        ck_assert_int_eq(nacre_deliver_check(good[i], why, sizeof why), 0);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_int_eq(nacre_deliver_check(bad[i], why, sizeof why), -EINVAL);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_test(tc, answers_good_and_bad);
    tcase_add_test(tc, an_answer_that_trickles_ends);
    tcase_add_test(tc, a_handshake_that_trickles_ends);
    tcase_add_test(tc, members_of_objects);
    tcase_add_test(tc, places);
}

int main(void)
{
    return nacre_run_suite("ops/reach", add, 90);
}
