/*
 * pool.h - a few threads that share out independent pieces of work. A piece never depends on how many threads there
 * are or on which of them does it; nothing is summed across pieces.
 */
#ifndef ML_POOL_H
#define ML_POOL_H

#include <stdint.h>

#define ML_THREADS_MAX 64u

struct ml_pool;

/* `threads` in all, the caller's included; 0: one for each CPU that we may use. NULL: no memory. Fewer when the system
 * gives no more. */
struct ml_pool *ml_pool_new(uint32_t threads);
void ml_pool_free(struct ml_pool *pool);
uint32_t ml_pool_threads(const struct ml_pool *pool);

/* work(ctx, i) for every i below n, in any order; returns when all are done. From one thread at a time. pool may be NULL. */
void ml_pool_run(struct ml_pool *pool, uint64_t n, void (*work)(void *ctx, uint64_t i), void *ctx);

#endif
