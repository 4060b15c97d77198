/*
 * metrics.h - counters. Each lane writes its own and nobody else's, without locks; the admin listener adds them up.
 * Text form: Prometheus exposition format 0.0.4.
 */
#ifndef NACRE_HTTP_METRICS_H
#define NACRE_HTTP_METRICS_H

#include <stdatomic.h>
#include <stdint.h>

#define NACRE_METRIC_STATUSES 203u /* 200, 204, 400 to 599, 202 */
#define NACRE_METRIC_BUCKETS  16u  /* of the latency histogram, the last without a bound */

/* One row a route: the manifest's, then the builtins, then everything else. */
struct nacre_metrics {
    uint32_t n_rows;
    _Atomic uint64_t *answers;    /* n_rows * NACRE_METRIC_STATUSES */
    _Atomic uint64_t *buckets;    /* n_rows * NACRE_METRIC_BUCKETS */
    _Atomic uint64_t *sum_us;     /* n_rows */
    _Atomic uint64_t connections; /* open now */
    _Atomic uint64_t accepted;
    _Atomic uint64_t aborted;    /* the client went away before its answer */
    _Atomic uint64_t timed_out;  /* connections cut because the client was too slow */
    _Atomic uint64_t late;       /* answers and errors for requests that no longer wait */
    _Atomic uint64_t bad_frames; /* messages that fit no request, or are out of form */
};

/* 0 or -ENOMEM. */
int nacre_metrics_init(struct nacre_metrics *m, uint32_t n_rows);
void nacre_metrics_free(struct nacre_metrics *m);

/* Only the lane that owns the counter calls this: a plain load and store, no locked instruction. */
static inline void nacre_count(_Atomic uint64_t *counter, uint64_t more)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + more,
                          memory_order_relaxed);
}

static inline uint64_t nacre_counted(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

/* One answer of a row: its status and how long it took. */
void nacre_metrics_answer(struct nacre_metrics *m, uint32_t row, uint32_t status, uint64_t took_us);

struct nacre_shared;
struct nacre_json_out;

/* Appends all metrics as text. Any thread. */
void nacre_metrics_write(struct nacre_shared *shared, struct nacre_json_out *out);

#endif
