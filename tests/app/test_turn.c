#include "app/turn.h"
#include "suite.h"

#include <stdint.h>
#include <time.h>

#define THREADS 8
#define ROUNDS  2000

static struct nacre_turn turn;
static atomic_int inside, rounds;

static void *take_and_give(void *arg)
{
    for (int i = 0; i < ROUNDS; i++) {
        nacre_turn_take(&turn, arg);
        ck_assert_int_eq(atomic_fetch_add(&inside, 1), 0); /* nobody else's turn at the same time */
        nacre_turn_take(&turn, arg);                       /* it still is: at once */
        (void)atomic_fetch_sub(&inside, 1);
        nacre_turn_give(&turn, arg);
        (void)atomic_fetch_add(&rounds, 1);
    }
    return NULL;
}

START_TEST(one_at_a_time)
{
    pthread_t threads[THREADS];
    char names[THREADS];
    nacre_turn_init(&turn);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, take_and_give, &names[i]), 0);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    ck_assert_int_eq(atomic_load(&rounds), THREADS * ROUNDS);
}
END_TEST

static void *wait_for_turn(void *arg)
{
    nacre_turn_take(&turn, arg);
    return NULL;
}

START_TEST(given_in_the_holders_place)
{
    pthread_t thread;
    struct timespec soon;
    char first, second;
    nacre_turn_init(&turn);
    nacre_turn_take(&turn, &first);
    ck_assert_int_eq(pthread_create(&thread, NULL, wait_for_turn, &second), 0);
    nacre_turn_give(&turn, &second); /* not its turn: nothing happens */
    (void)clock_gettime(CLOCK_REALTIME, &soon);
    soon.tv_nsec += 50000000;
    soon.tv_sec += soon.tv_nsec / 1000000000;
    soon.tv_nsec %= 1000000000;
    ck_assert_int_ne(pthread_timedjoin_np(thread, NULL, &soon), 0);
    nacre_turn_give(&turn, &first);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    nacre_turn_give(&turn, &first); /* had been taken away already */
    ck_assert_ptr_eq(atomic_load(&turn.holder), &second);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, one_at_a_time);
    tcase_add_test(tc, given_in_the_holders_place);
}

int main(void)
{
    return nacre_run_suite("turn", add, 30);
}
