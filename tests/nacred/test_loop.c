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
#include <sys/wait.h>
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

static void *watch(void *arg)
{
    (void)arg;
    for (int i = 0; i < 500; i++, (void)poll(NULL, 0, 10)) {
        (void)pthread_mutex_lock(&c.nsm.lock);
        bool both = c.nsm.own_wanted && !c.nsm.has_result;
        (void)pthread_mutex_unlock(&c.nsm.lock);
        if (both)
            _exit(0);
    }
    _exit(1);
}

/* A document of our own that was made before the key of HTTPS was known does not put off the one that names it. */
START_TEST(a_document_that_came_too_soon)
{
    int status = 0;
    pid_t pid = fork(); /* the loop ends with its process */
    if (pid == 0) {
        const uint64_t now = nacre_monotonic_ns(), one = 1;
        struct nacre_tls_frame f = {.head.type = NACRE_FRAME_TLS, .key = {1}};
        pthread_t thread;
        begin();
        (void)snprintf(c.manifest.config.http_tls, sizeof c.manifest.config.http_tls, "self-signed");
        c.nsm.has_result = true;
        c.nsm.result = (struct nacre_nsm_result){.time = {now, now + 1000, 1764000000000},
                                                 .answer = {.document_len = 3}};
        if (write(c.nsm.ready_fd, &one, sizeof one) != sizeof one ||
            nacre_frame_send(http, &f, "key", 3, NULL, 0, NULL, 0) < 0 ||
            pthread_create(&thread, NULL, watch, NULL) != 0)
            _exit(2);
        nacre_run(&c);
        _exit(3);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %d", status);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, a_document_that_came_too_soon);
}

int main(void)
{
    if (sodium_init() < 0)
        return 1;
    return nacre_run_suite("nacred/loop", add, 20);
}
