#include "app/pending.h"
#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct nacre_pending pending;
static struct nacre_inbox in;
static int core; /* nacred's end */

static void setup(void)
{
    int pair[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    core = pair[0];
    nacre_pending_init(&pending, pair[1]);
    ck_assert_int_eq(nacre_inbox_init(&in), 0);
}

static void teardown(void)
{
    nacre_inbox_free(&in);
    (void)close(core);
    (void)close(pending.control);
}

struct question {
    pthread_t thread;
    uint32_t endpoint;
    uint32_t timeout_ms;
    int got;
    uint8_t key[32];
};

static void *connect_thread(void *arg)
{
    struct question *q = arg;
    q->got = nacre_ask_connect(&pending, q->endpoint, q->timeout_ms);
    return NULL;
}

static void *box_thread(void *arg)
{
    struct question *q = arg;
    uint8_t sender[32];
    memset(sender, (int)q->endpoint, sizeof sender);
    q->got = nacre_ask_box_key(&pending, sender, q->timeout_ms, q->key);
    return NULL;
}

static void ask(struct question *q, void *(*run)(void *))
{
    ck_assert_int_eq(pthread_create(&q->thread, NULL, run, q), 0);
}

static void join(struct question *q)
{
    ck_assert_int_eq(pthread_join(q->thread, NULL), 0);
}

/* The id of the next question, whose type must be `type`. */
static uint64_t question(uint32_t type)
{
    ck_assert_int_eq(nacre_frame_receive(core, &in, 0, false), 1);
    ck_assert_uint_eq(in.head->type, type);
    return ((const struct nacre_connect_frame *)(const void *)in.head)->id;
}

static bool nothing_waits(void)
{
    for (size_t i = 0; i < NACRE_PENDING_MAX; i++)
        if (pending.slots[i].id)
            return false;
    return true;
}

START_TEST(connected)
{
    struct question q = {.endpoint = 3, .timeout_ms = 10000};
    int pipes[2];
    ck_assert_int_eq(pipe(pipes), 0);
    ask(&q, connect_thread);
    uint64_t id = question(NACRE_FRAME_CONNECT);
    ck_assert_uint_eq(((const struct nacre_connect_frame *)(const void *)in.head)->endpoint, 3);
    nacre_pending_connected(&pending, id, 0, pipes[0]);
    join(&q);
    ck_assert_int_eq(q.got, pipes[0]);
    ck_assert(fcntl(q.got, F_GETFL) & O_NONBLOCK);
    ck_assert(nothing_waits());
    (void)close(pipes[0]);
    (void)close(pipes[1]);
}
END_TEST

START_TEST(refused)
{
    struct question q = {.timeout_ms = 10000};
    ask(&q, connect_thread);
    nacre_pending_connected(&pending, question(NACRE_FRAME_CONNECT), EHOSTUNREACH, -1);
    join(&q);
    ck_assert_int_eq(q.got, -EHOSTUNREACH);
    /* an answer that says it is connected, and brings nothing */
    ask(&q, connect_thread);
    nacre_pending_connected(&pending, question(NACRE_FRAME_CONNECT), 0, -1);
    join(&q);
    ck_assert_int_eq(q.got, -EPROTO);
    ask(&q, connect_thread);
    nacre_pending_connected(&pending, question(NACRE_FRAME_CONNECT), -5, -1);
    join(&q);
    ck_assert_int_eq(q.got, -EPROTO);
    ck_assert(nothing_waits());
}
END_TEST

START_TEST(late_answer)
{
    struct question q = {.timeout_ms = 50};
    int pipes[2];
    ck_assert_int_eq(pipe(pipes), 0);
    ask(&q, connect_thread);
    uint64_t id = question(NACRE_FRAME_CONNECT);
    join(&q);
    ck_assert_int_eq(q.got, -ETIMEDOUT);
    nacre_pending_connected(&pending, id, 0, pipes[0]);
    ck_assert_int_lt(fcntl(pipes[0], F_GETFD), 0); /* closed: nobody else would */
    ck_assert(nothing_waits());
    (void)close(pipes[1]);
}
END_TEST

/* A BOX_KEY does not answer a CONNECT, an unknown id answers nobody. */
START_TEST(other_answers)
{
    struct question q = {.timeout_ms = 300};
    uint8_t key[32] = {1};
    ask(&q, connect_thread);
    uint64_t id = question(NACRE_FRAME_CONNECT);
    nacre_pending_box_key(&pending, id, 0, key);
    nacre_pending_connected(&pending, id + 1, 0, -1);
    nacre_pending_connected(&pending, 0, 0, -1);
    join(&q);
    ck_assert_int_eq(q.got, -ETIMEDOUT);
}
END_TEST

START_TEST(box_keys)
{
    struct question q[8] = {{.timeout_ms = 0}};
    uint64_t ids[8];
    uint8_t key[32];
    for (uint32_t i = 0; i < 8; i++) {
        q[i].endpoint = i;
        q[i].timeout_ms = 10000;
        ask(&q[i], box_thread);
        ids[i] = question(NACRE_FRAME_BOX);
        ck_assert_uint_eq(((const struct nacre_box_frame *)(const void *)in.head)->sender[31], i);
    }
    for (uint32_t i = 8; i-- > 0;) { /* in another order than asked */
        memset(key, (int)(100 + i), sizeof key);
        nacre_pending_box_key(&pending, ids[i], i == 5 ? EINVAL : 0, key);
    }
    for (uint32_t i = 0; i < 8; i++) {
        join(&q[i]);
        ck_assert_int_eq(q[i].got, i == 5 ? -EINVAL : 0);
        ck_assert_uint_eq(q[i].key[31], i == 5 ? 0 : 100 + i);
    }
    ck_assert(nothing_waits());
    static const struct nacre_pending_slot zero;
    for (size_t i = 0; i < NACRE_PENDING_MAX; i++) /* keys are wiped where they waited */
        ck_assert_mem_eq(&pending.slots[i].key, &zero.key, sizeof zero.key);
}
END_TEST

START_TEST(core_is_gone)
{
    struct question q = {.timeout_ms = 10000};
    ask(&q, connect_thread);
    (void)question(NACRE_FRAME_CONNECT);
    nacre_pending_close(&pending);
    join(&q);
    ck_assert_int_eq(q.got, -EPIPE);
    ck_assert_int_eq(nacre_ask_connect(&pending, 0, 1000), -EPIPE);
}
END_TEST

START_TEST(cannot_ask)
{
    (void)shutdown(core, SHUT_RDWR);
    ck_assert_int_eq(nacre_ask_connect(&pending, 0, 1000), -EPIPE);
    ck_assert(nothing_waits());
    for (size_t i = 0; i < NACRE_PENDING_MAX; i++)
        pending.slots[i].id = i + 1000;
    ck_assert_int_eq(nacre_ask_connect(&pending, 0, 1000), -EAGAIN);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, connected);
    tcase_add_test(tc, refused);
    tcase_add_test(tc, late_answer);
    tcase_add_test(tc, other_answers);
    tcase_add_test(tc, box_keys);
    tcase_add_test(tc, core_is_gone);
    tcase_add_test(tc, cannot_ask);
}

int main(void)
{
    return nacre_run_suite("pending", add, 30);
}
