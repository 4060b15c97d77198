/*
 * kmeans.c - k-means: k-means++ (Arthur and Vassilvitskii), then Lloyd's steps until no row moves, several times; the
 * result with the least sum of squared distances stays. A cluster stands for the class that most of its rows have.
 */
#include "dot.h"
#include "rng.h"
#include "task.h"

#include <errno.h>
#include <stdlib.h>

#define ROWS  256u
#define BLOCK 32u /* features of the centres that a thread sums */

struct run {
    const struct ml_task *task;
    uint32_t k;
    float *centres;  /* k * columns */
    uint32_t *owner; /* of each row */
    float *distance; /* to it, squared */
    uint64_t *count; /* rows of each cluster */
    bool moved;      /* of the last assignment; only ever set to true by the pieces */
    int err;         /* only ever set by the pieces: rows are left without an owner then */
};

static void assign(void *ctx, uint64_t piece)
{
    struct run *r = ctx;
    const struct ml_task *t = r->task;
    const uint64_t from = piece * ROWS, to = from + ROWS < t->n_train ? from + ROWS : t->n_train;
    if (ml_task_over(t)) {
        __atomic_store_n(&r->err, -ECANCELED, __ATOMIC_RELAXED);
        return;
    }
    for (uint64_t i = from; i < to; i++) {
        uint32_t best = 0;
        float least = ml_distance(t->x + i * t->columns, r->centres, t->columns);
        for (uint32_t c = 1; c < r->k; c++) {
            const float d =
                ml_distance(t->x + i * t->columns, r->centres + (size_t)c * t->columns, t->columns);
            if (d < least) {
                least = d;
                best = c;
            }
        }
        if (r->owner[i] != best)
            __atomic_store_n(&r->moved, true, __ATOMIC_RELAXED);
        r->owner[i] = best;
        r->distance[i] = least;
    }
}

/* Some features of all centres: means over their rows. A cluster without rows stays where it is. */
static void centre_block(void *ctx, uint64_t block)
{
    const struct run *r = ctx;
    const struct ml_task *t = r->task;
    const uint32_t from = (uint32_t)block * BLOCK, left = t->columns - from, n = left < BLOCK ? left : BLOCK;
    for (uint32_t c = 0; c < r->k && !ml_task_over(t); c++) { /* what is left out is never looked at */
        double sum[BLOCK] = {0};
        for (uint64_t i = 0; i < t->n_train; i++)
            for (uint32_t j = 0; r->owner[i] == c && j < n; j++)
                sum[j] += (double)t->x[i * t->columns + from + j];
        for (uint32_t j = 0; r->count[c] && j < n; j++)
            r->centres[(size_t)c * t->columns + from + j] = (float)(sum[j] / (double)r->count[c]);
    }
}

/* Distances to the nearest of the centres there are. */
static void nearer(void *ctx, uint64_t piece)
{
    const struct run *r = ctx;
    const struct ml_task *t = r->task;
    const uint64_t from = piece * ROWS, to = from + ROWS < t->n_train ? from + ROWS : t->n_train;
    for (uint64_t i = from; i < to; i++) {
        const float d =
            ml_distance(t->x + i * t->columns, r->centres + (size_t)(r->k - 1) * t->columns, t->columns);
        if (r->k == 1 || d < r->distance[i])
            r->distance[i] = d;
    }
}

/* Each next centre is a row, likelier the further it is from those before. r->k grows to `k`. */
static void seed(struct run *r, uint32_t k, struct ml_rng *rng)
{
    const struct ml_task *t = r->task;
    uint64_t row = ml_rng_below(rng, t->n_train);
    for (r->k = 1;; r->k++) {
        double sum = 0, at;
        memcpy(r->centres + (size_t)(r->k - 1) * t->columns, t->x + row * t->columns,
               t->columns * sizeof(float));
        if (r->k == k)
            return;
        if (ml_task_over(t)) {
            r->err = -ECANCELED;
            return;
        }
        ml_pool_run(t->pool, (t->n_train + ROWS - 1) / ROWS, nearer, r);
        for (uint64_t i = 0; i < t->n_train; i++)
            sum += (double)r->distance[i];
        at = ml_rng_real(rng) * sum;
        for (row = 0; row + 1 < t->n_train && at >= (double)r->distance[row]; row++)
            at -= (double)r->distance[row];
    }
}

static double once(struct run *r, struct ml_rng *rng)
{
    const struct ml_task *t = r->task;
    const uint64_t pieces = (t->n_train + ROWS - 1) / ROWS;
    double sum = 0;
    seed(r, t->config->clusters, rng);
    for (uint64_t i = 0; i < t->n_train; i++)
        r->owner[i] = UINT32_MAX;
    for (uint64_t step = 0; step < t->job->epochs && !r->err; step++) {
        r->moved = false;
        ml_pool_run(t->pool, pieces, assign, r);
        if (!r->moved || r->err)
            break;
        memset(r->count, 0, r->k * sizeof *r->count);
        for (uint64_t i = 0; i < t->n_train; i++)
            r->count[r->owner[i]]++;
        ml_pool_run(t->pool, (t->columns + BLOCK - 1) / BLOCK, centre_block, r);
    }
    if (!r->err)
        ml_pool_run(t->pool, pieces, assign, r);
    for (uint64_t i = 0; i < t->n_train; i++)
        sum += (double)r->distance[i];
    return sum;
}

/* The class that most rows of each cluster have; the lower of equals. */
static int name_clusters(const struct run *r, int32_t *classes)
{
    const struct ml_task *t = r->task;
    uint64_t *votes = calloc((size_t)r->k * t->classes, sizeof *votes);
    if (!votes)
        return -ENOMEM;
    for (uint64_t i = 0; i < t->n_train; i++)
        votes[(size_t)r->owner[i] * t->classes + (uint32_t)t->y[i]]++;
    for (uint32_t c = 0; c < r->k; c++) {
        const uint64_t *v = votes + (size_t)c * t->classes;
        for (uint32_t j = 1; j < t->classes; j++)
            classes[c] = v[j] > v[classes[c]] ? (int32_t)j : classes[c];
    }
    free(votes);
    return 0;
}

static int search(struct run *r, float *best)
{
    const struct ml_task *t = r->task;
    struct ml_rng rng;
    double least = 0;
    int err = 0;
    ml_rng_begin(&rng, t->job->seed, ML_STREAM_CENTRES);
    for (uint32_t i = 0; i < t->config->restarts && !err; i++) {
        const double sum = once(r, &rng);
        if (r->err)
            return r->err;
        if (i == 0 || sum < least) {
            least = sum;
            memcpy(best, r->centres, (size_t)r->k * t->columns * sizeof *best);
        }
        err = ml_task_report(t, i + 1, t->config->restarts, least / (double)t->n_train, (double)NAN);
    }
    memcpy(r->centres, best, (size_t)r->k * t->columns * sizeof *best);
    if (!err)
        ml_pool_run(t->pool, (t->n_train + ROWS - 1) / ROWS, assign, r);
    return err ? err : r->err;
}

static int train(const struct ml_task *task)
{
    const uint32_t k = task->config->clusters;
    struct run r = {.task = task};
    if (k > task->n_train)
        return ml_task_refuse(task, "%u clusters of %llu rows", k, (unsigned long long)task->n_train);
    const double room = 2.0 * k * task->columns * sizeof(float) + 8.0 * (double)task->n_train;
    int err = ml_task_room(task, room);
    if (err)
        return err;
    float *best = ml_model_add(task->model, "kmeans.centres", ML_F32, k, task->columns);
    int32_t *classes = best ? ml_model_add(task->model, "kmeans.classes", ML_I32, k, 0) : NULL;
    r.centres = calloc((size_t)k * task->columns, sizeof *r.centres);
    r.owner = calloc(task->n_train, sizeof *r.owner);
    r.distance = calloc(task->n_train, sizeof *r.distance);
    r.count = calloc(k, sizeof *r.count);
    err = classes && r.centres && r.owner && r.distance && r.count ? 0 : -ENOMEM;
    if (!err)
        err = search(&r, best);
    if (!err)
        err = name_clusters(&r, classes);
    ml_task_free(r.centres, (size_t)k * task->columns * sizeof *r.centres);
    free(r.owner);
    ml_task_free(r.distance, task->n_train * sizeof *r.distance);
    free(r.count);
    return err;
}

static uint32_t outputs(const struct ml_model *model, uint32_t columns, enum ml_meaning *meaning)
{
    const struct ml_tensor *x = ml_model_find(model, "kmeans.centres"),
                           *y = ml_model_find(model, "kmeans.classes");
    if (!x || !y || x->dtype != ML_F32 || y->dtype != ML_I32 || x->n_dims != 2 || y->n_dims != 1 ||
        x->dims[1] != columns || x->dims[0] == 0 || x->dims[0] > UINT32_MAX || y->dims[0] != x->dims[0])
        return 0;
    *meaning = ML_CLUSTER;
    return 2;
}

static void score_piece(void *ctx, uint64_t piece)
{
    const struct ml_scoring *s = ctx;
    const struct ml_tensor *centres = ml_model_find(s->model, "kmeans.centres");
    const int32_t *classes = ml_model_find(s->model, "kmeans.classes")->data;
    const float *x = centres->data;
    const uint64_t from = piece * ROWS, to = from + ROWS < s->rows ? from + ROWS : s->rows;
    for (uint64_t i = from; i < to; i++) {
        float *out = s->out + 2 * i;
        out[0] = (float)classes[0]; /* also where every distance is too large for a float */
        out[1] = INFINITY;
        for (uint64_t c = 0; c < centres->dims[0]; c++) {
            const float d = ml_distance(s->x + i * s->columns, x + c * s->columns, s->columns);
            if (d < out[1]) {
                out[1] = d;
                out[0] = (float)classes[c];
            }
        }
    }
}

static int scores(const struct ml_scoring *s)
{
    ml_pool_run(s->pool, (s->rows + ROWS - 1) / ROWS, score_piece, (void *)(uintptr_t)s);
    return 0;
}

const struct ml_kind ml_kind_kmeans = {train, outputs, scores, false};
