#include "pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#define SPINS 2000 /* about as long as a step of a small network takes; then sleep */

struct ml_pool {
    uint32_t threads; /* with the caller's */
    pthread_t ids[ML_THREADS_MAX];
    pthread_mutex_t lock;
    pthread_cond_t go, done;
    atomic_uint round;         /* one more for each run */
    atomic_uint working;       /* helpers that have not finished this round */
    atomic_uint_fast64_t next; /* piece to be taken */
    atomic_bool ending;
    uint64_t n;
    void (*work)(void *ctx, uint64_t i);
    void *ctx;
};

static void pause_a_little(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

static void take_pieces(struct ml_pool *pool)
{
    for (;;) {
        const uint64_t i = atomic_fetch_add(&pool->next, 1);
        if (i >= pool->n)
            return;
        pool->work(pool->ctx, i);
    }
}

static void await_round(struct ml_pool *pool, unsigned seen)
{
    for (int i = 0; i < SPINS; i++) {
        if (atomic_load(&pool->round) != seen)
            return;
        pause_a_little();
    }
    (void)pthread_mutex_lock(&pool->lock);
    while (atomic_load(&pool->round) == seen)
        (void)pthread_cond_wait(&pool->go, &pool->lock);
    (void)pthread_mutex_unlock(&pool->lock);
}

static void *help(void *arg)
{
    struct ml_pool *pool = arg;
    unsigned seen = 0;
    for (;;) {
        await_round(pool, seen);
        seen++;
        if (atomic_load(&pool->ending))
            return NULL;
        take_pieces(pool);
        if (atomic_fetch_sub(&pool->working, 1) == 1) {
            (void)pthread_mutex_lock(&pool->lock);
            (void)pthread_cond_signal(&pool->done);
            (void)pthread_mutex_unlock(&pool->lock);
        }
    }
}

static void begin_round(struct ml_pool *pool)
{
    (void)pthread_mutex_lock(&pool->lock);
    atomic_fetch_add(&pool->round, 1);
    (void)pthread_cond_broadcast(&pool->go);
    (void)pthread_mutex_unlock(&pool->lock);
}

static uint32_t cpus(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return 1;
    const int n = CPU_COUNT(&set);
    return n < 1 ? 1 : (uint32_t)n;
}

struct ml_pool *ml_pool_new(uint32_t threads)
{
    struct ml_pool *pool = calloc(1, sizeof *pool);
    if (!pool)
        return NULL;
    if (threads == 0)
        threads = cpus();
    if (threads > ML_THREADS_MAX)
        threads = ML_THREADS_MAX;
    (void)pthread_mutex_init(&pool->lock, NULL);
    (void)pthread_cond_init(&pool->go, NULL);
    (void)pthread_cond_init(&pool->done, NULL);
    pool->threads = 1;
    while (pool->threads < threads && pthread_create(&pool->ids[pool->threads], NULL, help, pool) == 0)
        pool->threads++;
    return pool;
}

void ml_pool_free(struct ml_pool *pool)
{
    if (!pool)
        return;
    atomic_store(&pool->ending, true);
    begin_round(pool);
    for (uint32_t i = 1; i < pool->threads; i++)
        (void)pthread_join(pool->ids[i], NULL);
    (void)pthread_cond_destroy(&pool->done);
    (void)pthread_cond_destroy(&pool->go);
    (void)pthread_mutex_destroy(&pool->lock);
    free(pool);
}

uint32_t ml_pool_threads(const struct ml_pool *pool)
{
    return pool->threads;
}

void ml_pool_run(struct ml_pool *pool, uint64_t n, void (*work)(void *ctx, uint64_t i), void *ctx)
{
    if (!pool || pool->threads == 1 || n < 2) {
        for (uint64_t i = 0; i < n; i++)
            work(ctx, i);
        return;
    }
    pool->n = n;
    pool->work = work;
    pool->ctx = ctx;
    atomic_store(&pool->next, 0);
    atomic_store(&pool->working, pool->threads - 1);
    begin_round(pool);
    take_pieces(pool);
    for (int i = 0; i < SPINS && atomic_load(&pool->working); i++)
        pause_a_little();
    (void)pthread_mutex_lock(&pool->lock);
    while (atomic_load(&pool->working))
        (void)pthread_cond_wait(&pool->done, &pool->lock);
    (void)pthread_mutex_unlock(&pool->lock);
}
