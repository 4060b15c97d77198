#include "common/frame.h"
#include "nacred/address.h"
#include "nacred/broker.h"
#include "support.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>

#define TAG (UINT64_C(5) << 32)
#define MS  UINT64_C(1000000)

static struct nacre_manifest manifest;
static struct nacre_broker broker;
static struct {
    int calls, error, fd; /* fd: a copy */
    uint64_t id;
} last;
static char addresses[3][64];
static struct nacre_endpoint_decl allow[6] = {
    {.host = "none.example", .port = 443, .connect = "none"},
    {.host = "vsock.example", .port = 443, .connect = ""},
    {.host = "open.example", .port = 443, .connect = addresses[0]},
    {.host = "closed.example", .port = 443, .connect = addresses[1]},
    {.host = "silent.example", .port = 443, .connect = addresses[2]},
    {.host = "name.example", .port = 443, .connect = "tcp:localhost:80"},
};
enum { NONE, VSOCK, OPEN, CLOSED, SILENT, NAME, N_ALLOW };
static int open_listener, silent_listener, backlog[4];

static void done(void *arg, uint64_t id, int fd, int error)
{
    ck_assert_ptr_eq(arg, &last);
    last.calls++;
    last.id = id;
    last.error = error;
    if (last.fd >= 0)
        (void)close(last.fd);
    last.fd = fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
}

/* A listener on loopback with this backlog, its address written to text. */
static int listener(char text[64], int queue)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    ck_assert_int_eq(listen(fd, queue), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    (void)snprintf(text, 64, "tcp:127.0.0.1:%u", ntohs(a.sin_port));
    return fd;
}

static void begin(void)
{
    struct nacre_config config;
    struct nacre_sockaddr a;
    nacre_config_defaults(&config);
    config.egress_connect_ms = 300;
    open_listener = listener(addresses[0], 16);
    (void)close(listener(addresses[1], 1));
    silent_listener = listener(addresses[2], 0);
    ck_assert_int_eq(nacre_sockaddr_parse(&a, addresses[2], 0), 0);
    for (int i = 0; i < 4; i++) { /* once the queue is full, connects hang */
        backlog[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        (void)connect(backlog[i], &a.u.any, a.len);
    }
    load_manifest(&manifest, &weather_plugin, &config, allow, N_ALLOW);
    last.calls = 0;
    last.fd = -1;
    broker = (struct nacre_broker){
        .manifest = &manifest, .epoll = epoll_create1(EPOLL_CLOEXEC), .tag = TAG, .done = done, .arg = &last};
    nacre_broker_init(&broker);
}

static void end(void)
{
    nacre_broker_reset(&broker);
    (void)close(broker.epoll);
    (void)close(open_listener);
    (void)close(silent_listener);
    for (int i = 0; i < 4; i++)
        (void)close(backlog[i]);
    if (last.fd >= 0)
        (void)close(last.fd);
    nacre_manifest_free(&manifest);
}

/* One turn of a main loop. */
static bool turn(int wait_ms)
{
    struct epoll_event event;
    if (epoll_wait(broker.epoll, &event, 1, wait_ms) != 1)
        return false;
    ck_assert_uint_eq(event.data.u64 >> 32, TAG >> 32);
    nacre_broker_event(&broker, (uint32_t)event.data.u64);
    return true;
}

static void connect_now(uint64_t id, uint32_t endpoint)
{
    nacre_broker_connect(&broker, id, endpoint, nacre_monotonic_ns());
}

START_TEST(connects_by_index)
{
    char byte = 0;
    connect_now(7, OPEN);
    ck_assert_int_eq(last.calls, 0);
    ck_assert(turn(2000));
    ck_assert_int_eq(last.calls, 1);
    ck_assert_uint_eq(last.id, 7);
    ck_assert_int_eq(last.error, 0);
    int peer = accept(open_listener, NULL, NULL);
    ck_assert_int_eq(write(last.fd, "x", 1), 1);
    ck_assert_int_eq(read(peer, &byte, 1), 1);
    ck_assert_int_eq(byte, 'x');
    ck_assert_uint_eq(broker.in_flight, 0);
    ck_assert(!turn(50)); /* what was passed on is watched no more */
    (void)close(peer);
}
END_TEST

START_TEST(refuses_what_is_not_on_the_list)
{
    static const uint32_t beyond[] = {N_ALLOW, N_ALLOW + 1, 1000, INT32_MAX, UINT32_MAX};
    for (size_t i = 0; i < sizeof beyond / sizeof beyond[0]; i++) {
        connect_now(i, beyond[i]);
        ck_assert_int_eq(last.calls, (int)i + 1);
        ck_assert_int_eq(last.error, EACCES);
        ck_assert_int_eq(last.fd, -1);
    }
    connect_now(1, NONE);
    ck_assert_int_eq(last.error, EHOSTUNREACH);
    connect_now(1, NAME); /* nacred resolves no names */
    ck_assert_int_eq(last.error, EHOSTUNREACH);
    ck_assert_uint_eq(broker.in_flight, 0);
}
END_TEST

START_TEST(a_refused_connection_is_told)
{
    connect_now(3, CLOSED);
    if (last.calls == 0)
        ck_assert(turn(2000));
    ck_assert_int_eq(last.calls, 1);
    ck_assert_int_eq(last.error, ECONNREFUSED);
    ck_assert_int_eq(last.fd, -1);
}
END_TEST

START_TEST(silence_ends_at_the_deadline)
{
    uint64_t now = nacre_monotonic_ns();
    connect_now(4, SILENT);
    ck_assert_uint_eq(broker.in_flight, 1);
    ck_assert_uint_ge(nacre_broker_expire(&broker, now), now + 300 * MS);
    ck_assert_int_eq(last.calls, 0);
    ck_assert_uint_eq(nacre_broker_expire(&broker, now + 10000 * MS), UINT64_MAX);
    ck_assert_int_eq(last.calls, 1);
    ck_assert_int_eq(last.error, ETIMEDOUT);
    ck_assert_uint_eq(broker.in_flight, 0);
}
END_TEST

START_TEST(vsock_goes_to_the_parent)
{
    connect_now(5, VSOCK); /* there is no parent here: any error will do, a hang will not */
    if (last.calls == 0)
        (void)turn(500);
    (void)nacre_broker_expire(&broker, nacre_monotonic_ns() + 10000 * MS);
    ck_assert_int_eq(last.calls, 1);
    ck_assert_int_ne(last.error, 0);
}
END_TEST

START_TEST(in_flight_is_bounded_and_reset_forgets)
{
    size_t before = open_fds();
    for (uint64_t i = 0; i < NACRE_BROKER_MAX; i++)
        connect_now(i, SILENT);
    ck_assert_int_eq(last.calls, 0);
    ck_assert_uint_eq(broker.in_flight, NACRE_BROKER_MAX);
    connect_now(999, OPEN);
    ck_assert_int_eq(last.calls, 1);
    ck_assert_int_eq(last.error, EAGAIN);
    ck_assert_uint_eq(last.id, 999);
    nacre_broker_reset(&broker);
    ck_assert_int_eq(last.calls, 1);
    ck_assert_uint_eq(open_fds(), before);
    connect_now(1000, OPEN);
    ck_assert(turn(2000));
    ck_assert_int_eq(last.error, 0);
}
END_TEST

START_TEST(events_for_free_slots_are_nothing)
{
    nacre_broker_event(&broker, 0);
    nacre_broker_event(&broker, NACRE_BROKER_MAX);
    nacre_broker_event(&broker, UINT32_MAX);
    ck_assert_int_eq(last.calls, 0);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_test(tc, connects_by_index);
    tcase_add_test(tc, refuses_what_is_not_on_the_list);
    tcase_add_test(tc, a_refused_connection_is_told);
    tcase_add_test(tc, silence_ends_at_the_deadline);
    tcase_add_test(tc, vsock_goes_to_the_parent);
    tcase_add_test(tc, in_flight_is_bounded_and_reset_forgets);
    tcase_add_test(tc, events_for_free_slots_are_nothing);
}

int main(void)
{
    return nacre_run_suite("nacred/broker", add, 20);
}
