/* The main loop, with nacre-http and the NSM's thread played: what it does with what comes at the same time. */
#include "nacred/core.h"
#include "suite.h"

#include <fcntl.h>
#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

static struct nacre_core c;
static int http; /* the other end */

static void begin(void)
{
    int pair[2];
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = NACRE_EVENT(NACRE_ON_HTTP)};
    c = (struct nacre_core){
        .kill_at_ns = UINT64_MAX, .own_at_ns = UINT64_MAX, .nsm.ready_fd = eventfd(0, EFD_NONBLOCK)};
    nacre_config_defaults(&c.manifest.config);
    c.manifest.app = "app";
    nacre_broker_init(&c.broker);
    nacre_timekeeper_init(&c.time, 1000, false);
    ck_assert_int_eq(nacre_inbox_init(&c.inbox), 0);
    c.keys = nacre_keys_new();
    c.epoll = epoll_create1(EPOLL_CLOEXEC);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    ck_assert_int_eq(fcntl(pair[0], F_SETFL, O_NONBLOCK), 0);
    http = pair[1];
    nacre_helper_init(&c.http, "nacre-http", &c.manifest.config);
    nacre_helper_init(&c.app, "nacre-app", &c.manifest.config);
    c.http.pid = 1;
    c.http.control = pair[0];
    c.http.watched = EPOLLIN;
    c.secrets.settled = true;
    c.tick_at_ns = nacre_monotonic_ns() + 60000000000u;
    (void)pthread_mutex_init(&c.nsm.lock, NULL);
    (void)pthread_cond_init(&c.nsm.wake, NULL);
    ck_assert_int_eq(epoll_ctl(c.epoll, EPOLL_CTL_ADD, c.http.control, &event), 0);
}

static void *run(void *arg)
{
    nacre_run(arg);
    return NULL;
}

static bool own_is_wanted(void)
{
    (void)pthread_mutex_lock(&c.nsm.lock);
    bool wanted = c.nsm.own_wanted;
    (void)pthread_mutex_unlock(&c.nsm.lock);
    return wanted;
}

/* A document of our own that was made before the key of HTTPS was known does not put off the one that names it. */
START_TEST(a_document_that_came_too_soon)
{
    const uint64_t now = nacre_monotonic_ns(), one = 1;
    struct nacre_tls_frame f = {.head.type = NACRE_FRAME_TLS, .key = {1}};
    pthread_t thread;
    bool wanted = false;
    (void)snprintf(c.manifest.config.http_tls, sizeof c.manifest.config.http_tls, "self-signed");
    c.nsm.has_result = true;
    c.nsm.result =
        (struct nacre_nsm_result){.time = {now, now + 1000, 1764000000000}, .answer = {.document_len = 3}};
    ck_assert_int_eq(write(c.nsm.ready_fd, &one, sizeof one), sizeof one);
    ck_assert_int_eq(nacre_frame_send(http, &f, "key", 3, NULL, 0, NULL, 0), 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, run, &c), 0);
    for (int i = 0; i < 500 && !(wanted = own_is_wanted()); i++)
        (void)poll(NULL, 0, 10);
    ck_assert(wanted);
    (void)pthread_cancel(thread);
    (void)pthread_join(thread, NULL);
    ck_assert_uint_eq(c.document_len, 3); /* both have come */
}
END_TEST

static void end(void)
{
    nacre_tls_close(&c.tls);
    nacre_keys_free(c.keys);
    nacre_inbox_free(&c.inbox);
    const int fds[] = {http, c.http.control, c.epoll, c.nsm.ready_fd};
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++)
        (void)close(fds[i]);
}

static void add(TCase *tc)
{
    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_test(tc, a_document_that_came_too_soon);
}

int main(void)
{
    if (sodium_init() < 0)
        return 1;
    return nacre_run_suite("nacred/loop", add, 20);
}
