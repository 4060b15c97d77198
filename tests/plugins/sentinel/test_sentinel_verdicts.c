/* One evaluation for all who ask at once, the same verdict for who asks later, and memory that stays within its bound. */
#include "sentinel_host.h"
#include "suite.h"

#include <common/frame.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>
#include <verdicts.h>

#define MANY 24

static struct sentinel_verdicts *verdicts;

static void setup(void)
{
    verdicts = sentinel_verdicts_new(1u << 20);
    ck_assert_ptr_nonnull(verdicts);
}

static void teardown(void)
{
    sentinel_verdicts_free(verdicts);
}

static void make_key(uint8_t key[SENTINEL_KEY_LEN], uint32_t n)
{
    memset(key, 0, SENTINEL_KEY_LEN);
    memcpy(key + 1, &n, sizeof n);
}

static struct sentinel_verdict make(const char *text, uint8_t score)
{
    struct sentinel_verdict v = {.nonce = 7, .success = 1, .score = score};
    memset(v.attacker, 0xaa, sizeof v.attacker);
    memset(v.message_hash, 0xbb, sizeof v.message_hash);
    v.agent_id = nacre_str("38");
    v.agent_response = nacre_str(text);
    v.jury_response = nacre_str("");
    v.fun_response = nacre_str("fun");
    return v;
}

static void ck_same(const struct sentinel_verdict *a, const struct sentinel_verdict *b)
{
    ck_assert_uint_eq(a->nonce, b->nonce);
    ck_assert_uint_eq(a->success, b->success);
    ck_assert_uint_eq(a->score, b->score);
    ck_assert_mem_eq(a->attacker, b->attacker, 32);
    ck_assert_mem_eq(a->message_hash, b->message_hash, 32);
    ck_assert_uint_eq(a->agent_response.len, b->agent_response.len);
    ck_assert_mem_eq(a->agent_response.ptr, b->agent_response.ptr, a->agent_response.len);
    ck_assert(nacre_str_is(a->agent_id, "38") && nacre_str_is(a->fun_response, "fun") &&
              a->jury_response.len == 0);
}

static enum sentinel_turn enter(uint32_t n, uint64_t remaining_ms, struct sentinel_verdict *v,
                                int32_t *status)
{
    struct sentinel_host h;
    uint8_t key[SENTINEL_KEY_LEN];
    sentinel_host_init(&h, remaining_ms);
    make_key(key, n);
    enum sentinel_turn turn = sentinel_verdicts_enter(verdicts, &h.call, key, v, status);
    sentinel_host_free(&h); /* the texts go with it */
    return turn;
}

static void settle(uint32_t n, const struct sentinel_verdict *v, int32_t status)
{
    uint8_t key[SENTINEL_KEY_LEN];
    make_key(key, n);
    sentinel_verdicts_settle(verdicts, key, v, status);
}

START_TEST(first_verdict_stands)
{
    struct sentinel_host h;
    uint8_t key[SENTINEL_KEY_LEN], other[SENTINEL_KEY_LEN];
    struct sentinel_verdict first = make("no", 10), second = make("yes", 90), got;
    int32_t status = 0;
    sentinel_host_init(&h, 1000);
    make_key(key, 1);
    memcpy(other, key, sizeof other);
    other[0] = 1; /* the same id on the other network is another object */
    ck_assert_int_eq(sentinel_verdicts_look(verdicts, &h.call, key, &got), SENTINEL_NONE);
    ck_assert_int_eq(sentinel_verdicts_enter(verdicts, &h.call, key, &got, &status), SENTINEL_LEAD);
    ck_assert_int_eq(sentinel_verdicts_look(verdicts, &h.call, key, &got), SENTINEL_NONE);
    settle(1, &first, 0);
    settle(1, &second, 0); /* whoever settles without leading changes nothing */
    ck_assert_int_eq(sentinel_verdicts_look(verdicts, &h.call, key, &got), SENTINEL_HELD);
    ck_same(&got, &first);
    ck_assert_int_eq(sentinel_verdicts_enter(verdicts, &h.call, key, &got, &status), SENTINEL_HELD);
    ck_same(&got, &first);
    ck_assert_int_eq(sentinel_verdicts_look(verdicts, &h.call, other, &got), SENTINEL_NONE);
    sentinel_host_free(&h);
}
END_TEST

START_TEST(a_failure_is_not_held)
{
    struct sentinel_verdict v = make("x", 1), got;
    int32_t status = 0;
    ck_assert_int_eq(enter(1, 1000, &got, &status), SENTINEL_LEAD);
    settle(1, NULL, 502);
    ck_assert_int_eq(enter(1, 1000, &got, &status), SENTINEL_LEAD);
    settle(1, &v, 0);
    ck_assert_int_eq(enter(1, 1000, &got, &status), SENTINEL_HELD);
}
END_TEST

/* ---- Threads ---------------------------------------------------------------------------------------------- */

struct caller {
    pthread_t thread;
    uint32_t n;
    uint64_t remaining_ms, took_ms;
    enum sentinel_turn turn;
    int32_t status;
    uint8_t score;
};

static atomic_int evaluations;
static useconds_t evaluation_us;
static int32_t outcome; /* of evaluations; 0: a verdict */

static void *ask(void *arg)
{
    struct caller *c = arg;
    struct sentinel_host h;
    struct sentinel_verdict v;
    uint8_t key[SENTINEL_KEY_LEN];
    const uint64_t began = nacre_monotonic_ns();
    sentinel_host_init(&h, c->remaining_ms);
    make_key(key, c->n);
    c->turn = sentinel_verdicts_enter(verdicts, &h.call, key, &v, &c->status);
    if (c->turn == SENTINEL_LEAD) {
        v = make("a text", (uint8_t)(atomic_fetch_add(&evaluations, 1) + 1));
        c->score = v.score;
        (void)usleep(evaluation_us);
        sentinel_verdicts_settle(verdicts, key, outcome ? NULL : &v, outcome);
    } else if (c->turn == SENTINEL_HELD) {
        c->score = v.score;
        if (!nacre_str_is(v.agent_response, "a text"))
            c->score = 0;
    }
    sentinel_host_free(&h);
    c->took_ms = (nacre_monotonic_ns() - began) / 1000000u;
    return NULL;
}

static void run(struct caller *callers, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ck_assert_int_eq(pthread_create(&callers[i].thread, NULL, ask, &callers[i]), 0);
    for (size_t i = 0; i < n; i++)
        ck_assert_int_eq(pthread_join(callers[i].thread, NULL), 0);
}

static unsigned count(const struct caller *callers, size_t n, enum sentinel_turn turn)
{
    unsigned found = 0;
    for (size_t i = 0; i < n; i++)
        found += callers[i].turn == turn;
    return found;
}

START_TEST(one_evaluation_for_all)
{
    struct caller callers[MANY] = {{0}};
    atomic_store(&evaluations, 0);
    evaluation_us = 200000;
    outcome = 0;
    for (size_t i = 0; i < MANY; i++)
        callers[i].remaining_ms = 30000;
    run(callers, MANY);
    ck_assert_int_eq(atomic_load(&evaluations), 1);
    ck_assert_uint_eq(count(callers, MANY, SENTINEL_LEAD), 1);
    ck_assert_uint_eq(count(callers, MANY, SENTINEL_HELD), MANY - 1);
    for (size_t i = 0; i < MANY; i++)
        ck_assert_uint_eq(callers[i].score, 1);
}
END_TEST

START_TEST(all_who_wait_learn_of_a_failure)
{
    struct caller callers[MANY] = {{0}};
    atomic_store(&evaluations, 0);
    evaluation_us = 1000000; /* long enough for all to have come */
    outcome = 504;
    for (size_t i = 0; i < MANY; i++)
        callers[i].remaining_ms = 30000;
    run(callers, MANY);
    ck_assert_int_eq(atomic_load(&evaluations), 1);
    for (size_t i = 0; i < MANY; i++)
        ck_assert(callers[i].turn == SENTINEL_LEAD ||
                  (callers[i].turn == SENTINEL_FAILED && callers[i].status == 504));
    uint64_t held, bytes;
    sentinel_verdicts_count(verdicts, &held, &bytes);
    ck_assert_uint_eq(held + bytes, 0);
}
END_TEST

START_TEST(a_deadline_of_ones_own)
{
    struct sentinel_verdict v = make("a text", 1), got;
    struct caller callers[2] = {{.remaining_ms = 100}, {.remaining_ms = 30000}};
    int32_t status;
    ck_assert_int_eq(enter(0, 1000, &got, &status), SENTINEL_LEAD);
    ck_assert_int_eq(pthread_create(&callers[1].thread, NULL, ask, &callers[1]), 0);
    ck_assert_int_eq(pthread_create(&callers[0].thread, NULL, ask, &callers[0]), 0);
    ck_assert_int_eq(pthread_join(callers[0].thread, NULL), 0);
    ck_assert_int_eq(callers[0].turn, SENTINEL_LATE);
    ck_assert_uint_ge(callers[0].took_ms, 99);
    ck_assert_int_eq(enter(0, 0, &got, &status), SENTINEL_LATE);
    settle(0, &v, 0);
    ck_assert_int_eq(pthread_join(callers[1].thread, NULL), 0);
    ck_assert_int_eq(callers[1].turn, SENTINEL_HELD);
}
END_TEST

START_TEST(a_crowd_is_turned_away)
{
    struct caller callers[SENTINEL_WAITERS_MAX + 4] = {{0}};
    const size_t n = sizeof callers / sizeof callers[0];
    struct sentinel_verdict got;
    int32_t status;
    ck_assert_int_eq(enter(0, 1000, &got, &status), SENTINEL_LEAD);
    for (size_t i = 0; i < n; i++) {
        callers[i].remaining_ms = 2000;
        ck_assert_int_eq(pthread_create(&callers[i].thread, NULL, ask, &callers[i]), 0);
    }
    for (size_t i = 0; i < n; i++)
        ck_assert_int_eq(pthread_join(callers[i].thread, NULL), 0);
    ck_assert_uint_eq(count(callers, n, SENTINEL_CROWD), 4);
    ck_assert_uint_eq(count(callers, n, SENTINEL_LATE), SENTINEL_WAITERS_MAX);
    settle(0, NULL, 500);
}
END_TEST

/* Many objects, few verdicts' room, callers coming and going: for ThreadSanitizer and AddressSanitizer above all. */
static void *stir(void *arg)
{
    unsigned seed = *(unsigned *)arg;
    for (int i = 0; i < 400; i++) {
        seed = seed * 1103515245u + 12345u;
        struct caller c = {.n = seed >> 16 & 31, .remaining_ms = 5000};
        ask(&c);
        if (c.turn != SENTINEL_LEAD && c.turn != SENTINEL_HELD && c.turn != SENTINEL_FAILED)
            return arg;
    }
    return NULL;
}

START_TEST(stirred)
{
    pthread_t threads[8];
    unsigned seeds[8];
    teardown();
    verdicts = sentinel_verdicts_new(1500); /* about four */
    evaluation_us = 20;
    outcome = 0;
    for (unsigned i = 0; i < 8; i++) {
        seeds[i] = i;
        ck_assert_int_eq(pthread_create(&threads[i], NULL, stir, &seeds[i]), 0);
    }
    for (size_t i = 0; i < 8; i++) {
        void *bad = NULL;
        ck_assert_int_eq(pthread_join(threads[i], &bad), 0);
        ck_assert_ptr_null(bad);
    }
    uint64_t held, bytes;
    sentinel_verdicts_count(verdicts, &held, &bytes);
    ck_assert_uint_ge(held, 1);
}
END_TEST

/* ---- Memory ----------------------------------------------------------------------------------------------- */

START_TEST(oldest_is_forgotten)
{
    static char text[64000];
    struct sentinel_verdict v, got;
    uint64_t held, bytes;
    int32_t status;
    memset(text, 'x', sizeof text - 1);
    v = make(text, 1);
    for (uint32_t n = 0; n < 200; n++) {
        ck_assert_int_eq(enter(n, 1000, &got, &status), SENTINEL_LEAD);
        settle(n, &v, 0);
        sentinel_verdicts_count(verdicts, &held, &bytes);
        ck_assert_uint_le(bytes, 1u << 20);
    }
    ck_assert_uint_eq(held, (1u << 20) / (bytes / held));
    ck_assert_int_eq(enter(199, 1000, &got, &status), SENTINEL_HELD);
    ck_assert_int_eq(enter((uint32_t)(200 - held), 1000, &got, &status), SENTINEL_HELD);
    ck_assert_int_eq(enter((uint32_t)(199 - held), 1000, &got, &status), SENTINEL_LEAD);
    settle((uint32_t)(199 - held), NULL, 502);
}
END_TEST

/* One verdict larger than all the room there is: the newest is held all the same, until the next. */
START_TEST(newest_is_always_held)
{
    static char text[64000];
    struct sentinel_verdict v, got;
    uint64_t held, bytes;
    int32_t status;
    memset(text, 'x', sizeof text - 1);
    v = make(text, 1);
    teardown();
    verdicts = sentinel_verdicts_new(1);
    for (uint32_t n = 0; n < 3; n++) {
        ck_assert_int_eq(enter(n, 1000, &got, &status), SENTINEL_LEAD);
        settle(n, &v, 0);
        ck_assert_int_eq(enter(n, 1000, &got, &status), SENTINEL_HELD);
    }
    sentinel_verdicts_count(verdicts, &held, &bytes);
    ck_assert_uint_eq(held, 1);
}
END_TEST

START_TEST(no_memory_in_the_call)
{
    struct sentinel_host h;
    static char text[100000];
    struct sentinel_verdict v, got;
    uint8_t key[SENTINEL_KEY_LEN];
    int32_t status;
    memset(text, 'x', sizeof text - 1);
    v = make(text, 1);
    make_key(key, 0);
    ck_assert_int_eq(enter(0, 1000, &got, &status), SENTINEL_LEAD);
    settle(0, &v, 0);
    sentinel_host_init(&h, 1000);
    h.scratch.limit = NACRE_SCRATCH_FIRST;
    ck_assert_int_eq(sentinel_verdicts_look(verdicts, &h.call, key, &got), SENTINEL_MEMORY);
    ck_assert_int_eq(sentinel_verdicts_enter(verdicts, &h.call, key, &got, &status), SENTINEL_MEMORY);
    sentinel_host_free(&h);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, first_verdict_stands);
    tcase_add_test(tc, a_failure_is_not_held);
    tcase_add_test(tc, one_evaluation_for_all);
    tcase_add_test(tc, all_who_wait_learn_of_a_failure);
    tcase_add_test(tc, a_deadline_of_ones_own);
    tcase_add_test(tc, a_crowd_is_turned_away);
    tcase_add_test(tc, stirred);
    tcase_add_test(tc, oldest_is_forgotten);
    tcase_add_test(tc, newest_is_always_held);
    tcase_add_test(tc, no_memory_in_the_call);
}

int main(void)
{
    return nacre_run_suite("sentinel_verdicts", add, 100);
}
