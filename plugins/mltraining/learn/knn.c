/* knn.c - k-nearest neighbours: the model is the training rows themselves. Equally near ones: the earlier row. */
#include "dot.h"
#include "task.h"

#include <errno.h>
#include <stdlib.h>

#define QUERIES 8u /* rows for which the training rows are gone through once */
#define K_MAX   1024u

static int train(const struct ml_task *task)
{
    char text[16];
    /* the model; its file, that with its card, and that sealed are two at a time, in place of the data */
    const int no_room = ml_task_room(task, (double)task->n_train * (task->columns + 1.0) * sizeof(float));
    if (no_room)
        return no_room;
    float *x = ml_model_add(task->model, "knn.x", ML_F32, task->n_train, task->columns);
    float *y = x ? ml_model_add(task->model, "knn.y", ML_F32, task->n_train, 0) : NULL;
    if (!y)
        return -ENOMEM;
    memcpy(x, task->x, task->n_train * task->columns * sizeof *x);
    memcpy(y, task->y, task->n_train * sizeof *y);
    (void)snprintf(text, sizeof text, "%u", task->config->neighbours);
    int err = ml_model_text(task->model, "neighbours", text);
    return err ? err : ml_task_report(task, 1, 1, (double)NAN, (double)NAN);
}

struct rows {
    const float *x, *y;
    uint64_t n;
    uint32_t k, classes;
};

static uint32_t number_of(const struct ml_model *model, const char *name, uint32_t most)
{
    const char *text = ml_model_says(model, name);
    const unsigned long n = text ? strtoul(text, NULL, 10) : most + 1ul;
    return n > most ? most + 1 : (uint32_t)n;
}

static bool rows_of(const struct ml_model *model, uint32_t columns, struct rows *out)
{
    const struct ml_tensor *x = ml_model_find(model, "knn.x"), *y = ml_model_find(model, "knn.y");
    const uint32_t k = number_of(model, "neighbours", K_MAX), classes = number_of(model, "classes", 4096);
    if (!x || !y || x->dtype != ML_F32 || y->dtype != ML_F32 || x->n_dims != 2 || y->n_dims != 1 ||
        x->dims[1] != columns || x->dims[0] != y->dims[0] || x->dims[0] == 0 || k == 0 || k > K_MAX ||
        classes > 4096)
        return false;
    *out = (struct rows){x->data, y->data, x->dims[0], k > x->dims[0] ? (uint32_t)x->dims[0] : k, classes};
    return true;
}

struct near {
    float distance[K_MAX];
    uint64_t row[K_MAX];
    uint32_t n;
};

/* Keeps the k nearest in their order; rows come in theirs, so that of equal ones the earlier stays before. */
static void offer(struct near *near, uint32_t k, float distance, uint64_t row)
{
    if (near->n == k && !(distance < near->distance[k - 1]))
        return;
    uint32_t at = near->n < k ? near->n++ : k - 1;
    for (; at > 0 && distance < near->distance[at - 1]; at--) {
        near->distance[at] = near->distance[at - 1];
        near->row[at] = near->row[at - 1];
    }
    near->distance[at] = distance;
    near->row[at] = row;
}

struct search {
    const struct ml_scoring *s;
    struct rows rows;
    int err; /* only ever set */
};

static void conclude(const struct rows *r, const struct near *near, float *out)
{
    const float share = 1.0f / (float)near->n;
    if (r->classes == 0) {
        double sum = 0;
        for (uint32_t i = 0; i < near->n; i++)
            sum += (double)r->y[near->row[i]];
        *out = (float)(sum / near->n);
        return;
    }
    uint32_t votes[4096] = {0};
    for (uint32_t i = 0; i < near->n; i++) {
        const float y = r->y[near->row[i]];
        if (y >= 0 && y < (float)r->classes)
            votes[(uint32_t)y]++;
    }
    for (uint32_t c = 0; c < r->classes; c++)
        out[c] = (float)votes[c] * share;
}

static void search_piece(void *ctx, uint64_t piece)
{
    struct search *q = ctx;
    const struct ml_scoring *s = q->s;
    const uint64_t from = piece * QUERIES, n = s->rows - from < QUERIES ? s->rows - from : QUERIES;
    const uint32_t outputs = q->rows.classes ? q->rows.classes : 1;
    const int over = s->task ? ml_task_over(s->task) : 0;
    struct near *near = over ? NULL : calloc(QUERIES, sizeof *near);
    if (!near) {
        __atomic_store_n(&q->err, over ? over : -ENOMEM, __ATOMIC_RELAXED);
        return;
    }
    for (uint64_t t = 0; t < q->rows.n; t++)
        for (uint64_t i = 0; i < n; i++)
            offer(&near[i], q->rows.k,
                  ml_distance(q->rows.x + t * s->columns, s->x + (from + i) * s->columns, s->columns), t);
    for (uint64_t i = 0; i < n; i++)
        conclude(&q->rows, &near[i], s->out + (from + i) * outputs);
    free(near);
}

static uint32_t outputs(const struct ml_model *model, uint32_t columns, enum ml_meaning *meaning)
{
    struct rows rows;
    if (!rows_of(model, columns, &rows))
        return 0;
    *meaning = rows.classes ? ML_PROBABILITIES : ML_REGRESSION;
    return rows.classes ? rows.classes : 1;
}

static int scores(const struct ml_scoring *s)
{
    struct search q = {.s = s};
    if (!rows_of(s->model, s->columns, &q.rows))
        return 0;
    ml_pool_run(s->pool, (s->rows + QUERIES - 1) / QUERIES, search_piece, &q);
    return q.err;
}

const struct ml_kind ml_kind_knn = {train, outputs, scores, false};
