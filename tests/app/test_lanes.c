#include "app/lanes.h"
#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct nacre_lanes lanes;

static void setup(void)
{
    nacre_lanes_init(&lanes);
}

static void teardown(void)
{
    nacre_lanes_free(&lanes);
}

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

/* Our end, and the helper's in *theirs. */
static int made(int *theirs)
{
    int pair[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    *theirs = pair[1];
    return pair[0];
}

START_TEST(both_sockets)
{
    int request, result;
    int a = made(&request), b = made(&result);
    ck_assert_ptr_null(nacre_lanes_first(&lanes));
    ck_assert_int_eq(nacre_lanes_set(&lanes, 0, 1, request, result), 0);
    ck_assert_uint_eq(nacre_lanes_count(&lanes), 1);
    struct nacre_lane_pair *p = nacre_lanes_await(&lanes, 5, 0);
    ck_assert(p->request == request && p->result == result && p->generation > 0);
    nacre_lanes_release(p);
    ck_assert(is_open(request));
    (void)close(a);
    (void)close(b);
}
END_TEST

START_TEST(one_after_the_other)
{
    int request, result;
    int a = made(&request), b = made(&result);
    ck_assert_int_eq(nacre_lanes_set(&lanes, 1, 2, -1, result), 0);
    ck_assert_ptr_null(lanes.pairs[1]);
    ck_assert_int_eq(nacre_lanes_set(&lanes, 1, 2, request, -1), 0);
    ck_assert(lanes.pairs[1] && lanes.pairs[1]->request == request && lanes.pairs[1]->result == result);
    ck_assert_ptr_null(lanes.pairs[0]);
    (void)close(a);
    (void)close(b);
}
END_TEST

/* The pair in use stays open for who holds it, is at its end for who receives, and closes with its last user. */
START_TEST(replaced_while_in_use)
{
    int request, result, next;
    char byte;
    int a = made(&request), b = made(&result);
    ck_assert_int_eq(nacre_lanes_set(&lanes, 0, 1, request, result), 0);
    struct nacre_lane_pair *old = nacre_lanes_await(&lanes, 0, 0);
    int c = made(&next);
    ck_assert_int_eq(nacre_lanes_set(&lanes, 0, 1, next, -1), 0);
    ck_assert(is_open(request) && recv(request, &byte, 1, 0) == 0);
    struct nacre_lane_pair *now = nacre_lanes_await(&lanes, 0, old->generation);
    ck_assert(now->request == next && now->generation > old->generation);
    ck_assert_int_eq(send(old->result, "r", 1, 0), 1); /* the result socket is the same */
    ck_assert_int_eq(send(now->result, "s", 1, 0), 1);
    ck_assert(recv(b, &byte, 1, 0) == 1 && byte == 'r');
    ck_assert(recv(b, &byte, 1, 0) == 1 && byte == 's');
    nacre_lanes_release(old);
    ck_assert(!is_open(request));
    nacre_lanes_release(now);
    ck_assert(is_open(next));
    (void)close(a);
    (void)close(b);
    (void)close(c);
}
END_TEST

START_TEST(contradictions)
{
    int fd;
    int a = made(&fd);
    ck_assert_int_eq(nacre_lanes_set(&lanes, 0, 0, fd, -1), -EBADMSG);
    ck_assert(!is_open(fd)); /* taken over all the same */
    ck_assert_int_eq(nacre_lanes_set(&lanes, 0, NACRE_LANES_MAX + 1, -1, -1), -EBADMSG);
    ck_assert_int_eq(nacre_lanes_set(&lanes, 2, 2, -1, -1), -EBADMSG);
    ck_assert_int_eq(nacre_lanes_set(&lanes, 0, 2, -1, -1), 0);
    ck_assert_int_eq(nacre_lanes_set(&lanes, 0, 3, -1, -1), -EBADMSG);
    ck_assert_int_eq(nacre_lanes_set(&lanes, UINT32_MAX, 2, -1, -1), -EBADMSG);
    (void)close(a);
}
END_TEST

static void *await_thread(void *arg)
{
    struct nacre_lane_pair *p = nacre_lanes_await(&lanes, 0, *(const uint64_t *)arg);
    nacre_lanes_release(p);
    return p;
}

START_TEST(waits_and_stops)
{
    int request, result;
    int a = made(&request), b = made(&result);
    uint64_t any = 0;
    pthread_t t[4];
    void *got;
    char byte;
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&t[i], NULL, await_thread, &any), 0);
    ck_assert_int_eq(nacre_lanes_set(&lanes, 0, 1, request, result), 0);
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(pthread_join(t[i], &got), 0);
        ck_assert_ptr_nonnull(got);
    }
    uint64_t stale = lanes.pairs[0]->generation;
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&t[i], NULL, await_thread, &stale), 0);
    ck_assert_int_eq(send(a, "q", 1, 0), 1);
    nacre_lanes_stop(&lanes);
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(pthread_join(t[i], &got), 0);
        ck_assert_ptr_null(got);
    }
    /* what was queued is received, then it ends */
    ck_assert(recv(request, &byte, 1, 0) == 1 && byte == 'q');
    ck_assert_int_eq(recv(request, &byte, 1, 0), 0);
    (void)close(a);
    (void)close(b);
}
END_TEST

static void *count_thread(void *arg)
{
    *(uint32_t *)arg = nacre_lanes_count(&lanes);
    return NULL;
}

START_TEST(count_when_stopped)
{
    uint32_t n = 7;
    pthread_t t;
    ck_assert_int_eq(pthread_create(&t, NULL, count_thread, &n), 0);
    nacre_lanes_stop(&lanes);
    ck_assert_int_eq(pthread_join(t, NULL), 0);
    ck_assert_uint_eq(n, 0);
}
END_TEST

/* A lane whose socket has ended is lost once nobody has brought another in time; it is found again by one. */
START_TEST(lost_and_found)
{
    int request, result, again;
    int a = made(&request), b = made(&result), c = made(&again);
    ck_assert_int_eq(nacre_lanes_set(&lanes, 0, 1, request, result), 0);
    struct nacre_lane_pair *pair = nacre_lanes_first(&lanes);
    const uint64_t now = nacre_monotonic_ns(), second = 1000000000u;
    ck_assert(!nacre_lanes_lost(&lanes, now + 100 * second, second));
    nacre_lanes_ended(&lanes, 0, pair);
    ck_assert(!nacre_lanes_lost(&lanes, now, 10 * second));
    ck_assert(nacre_lanes_lost(&lanes, now + 100 * second, 10 * second));
    nacre_lanes_ended(&lanes, 3,
                      pair); /* another worker of the lane sees it later: the time is the first one's */
    ck_assert(nacre_lanes_lost(&lanes, now + 100 * second, 99 * second));
    ck_assert_int_eq(nacre_lanes_set(&lanes, 0, 1, again, -1), 0);
    ck_assert(!nacre_lanes_lost(&lanes, now + 100 * second, 10 * second));
    nacre_lanes_ended(&lanes, 0, pair); /* the old one, once more */
    ck_assert(!nacre_lanes_lost(&lanes, now + 100 * second, 10 * second));
    nacre_lanes_release(pair);
    (void)close(a);
    (void)close(b);
    (void)close(c);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, both_sockets);
    tcase_add_test(tc, one_after_the_other);
    tcase_add_test(tc, replaced_while_in_use);
    tcase_add_test(tc, contradictions);
    tcase_add_test(tc, waits_and_stops);
    tcase_add_test(tc, count_when_stopped);
    tcase_add_test(tc, lost_and_found);
}

int main(void)
{
    return nacre_run_suite("lanes", add, 30);
}
