/*
 * linear.c - linear and ridge regression by the normal equations of the centred features. Classes are fitted as one
 * number each, 1 for the right class and -1 for others; the highest wins.
 */
#include "linear.h"

#include "dot.h"
#include "real.h"

#include <errno.h>
#include <stdlib.h>

#define BLOCK       8u /* rows of the Gram matrix that a thread sums */
#define ROWS        256u
#define COLUMNS_MAX 8192u /* features: the matrix is 512 MiB then */

struct fit {
    const struct ml_task *task;
    uint32_t outputs;
    double *mean;     /* of each feature */
    double *y_mean;   /* of each output */
    double *gram;     /* columns x columns, lower triangle */
    double *products; /* columns x outputs: of features and outputs */
};

static double target(const struct fit *f, uint64_t row, uint32_t k)
{
    const float y = f->task->y[row];
    return f->task->classes ? (y == (float)k ? 1.0 : -1.0) : (double)y;
}

static void mean_of(void *ctx, uint64_t j)
{
    const struct fit *f = ctx;
    const struct ml_task *t = f->task;
    double sum = 0;
    for (uint64_t i = 0; i < t->n_train; i++)
        sum += (double)t->x[i * t->columns + j];
    f->mean[j] = sum / (double)t->n_train;
}

static void y_means(struct fit *f)
{
    for (uint32_t k = 0; k < f->outputs; k++) {
        double sum = 0;
        for (uint64_t i = 0; i < f->task->n_train; i++)
            sum += target(f, i, k);
        f->y_mean[k] = sum / (double)f->task->n_train;
    }
}

/* A block of rows of both matrices; each of their numbers is one sum over the rows of the data, in their order. */
static void gram_block(void *ctx, uint64_t block)
{
    const struct fit *f = ctx;
    const struct ml_task *t = f->task;
    const size_t d = t->columns, from = block * BLOCK, to = from + BLOCK < d ? from + BLOCK : d;
    if (ml_task_over(t))
        return;
    for (uint64_t r = 0; r < t->n_train; r++) {
        const float *x = t->x + r * d;
        for (size_t i = from; i < to; i++) {
            const double xi = (double)x[i] - f->mean[i];
            double *restrict row = f->gram + i * d;
            const double *restrict mean = f->mean;
            for (size_t j = 0; j <= i; j++)
                row[j] = ml_fma(xi, (double)x[j] - mean[j], row[j]);
            for (uint32_t k = 0; k < f->outputs; k++)
                f->products[i * f->outputs + k] =
                    ml_fma(xi, target(f, r, k) - f->y_mean[k], f->products[i * f->outputs + k]);
        }
    }
}

static int solve(struct fit *f)
{
    const struct ml_task *t = f->task;
    const size_t d = t->columns;
    double *weight = calloc(d * f->outputs, sizeof *weight), *bias = calloc(f->outputs, sizeof *bias);
    int err = weight && bias ? 0 : -ENOMEM;
    if (!err && t->config->algorithm == ML_RIDGE)
        for (size_t j = 0; j < d; j++)
            f->gram[j * d + j] += t->config->alpha;
    if (!err)
        err = ml_solve(f->gram, t->columns, f->products, f->outputs);
    for (uint32_t k = 0; !err && k < f->outputs; k++) {
        bias[k] = f->y_mean[k];
        for (size_t j = 0; j < d; j++) {
            weight[k * d + j] = f->products[j * f->outputs + k];
            bias[k] = ml_fma(-weight[k * d + j], f->mean[j], bias[k]);
        }
    }
    if (!err)
        err = ml_lines_save(t->model, weight, bias, f->outputs, t->columns);
    ml_task_free(weight, d * f->outputs * sizeof *weight);
    ml_task_free(bias, f->outputs * sizeof *bias);
    return err;
}

static int train(const struct ml_task *task)
{
    const size_t d = task->columns;
    struct fit f = {.task = task, .outputs = task->classes ? task->classes : 1};
    if (task->columns > COLUMNS_MAX)
        return ml_task_refuse(task, "%u features, at most %u for this algorithm", task->columns, COLUMNS_MAX);
    int err = ml_task_room(task, sizeof(double) * (double)d * ((double)d + 3.0 * f.outputs));
    if (err)
        return err;
    f.mean = calloc(d, sizeof(double));
    f.y_mean = calloc(f.outputs, sizeof(double));
    f.gram = calloc(d * d, sizeof(double));
    f.products = calloc(d * f.outputs, sizeof(double));
    err = f.mean && f.y_mean && f.gram && f.products ? 0 : -ENOMEM;
    if (!err) {
        ml_pool_run(task->pool, d, mean_of, &f);
        y_means(&f);
        ml_pool_run(task->pool, (d + BLOCK - 1) / BLOCK, gram_block, &f);
        err = ml_task_over(task); /* rows may have been left out for it */
    }
    if (!err)
        err = solve(&f);
    if (!err)
        err = ml_task_report(task, 1, 1, (double)NAN, (double)NAN);
    ml_task_free(f.mean, d * sizeof(double));
    ml_task_free(f.y_mean, f.outputs * sizeof(double));
    ml_task_free(f.gram, d * d * sizeof(double));
    ml_task_free(f.products, d * f.outputs * sizeof(double));
    return err;
}

int ml_lines_save(struct ml_model *model, const double *weight, const double *bias, uint32_t outputs,
                  uint32_t columns)
{
    double *w = ml_model_add(model, "linear.weight", ML_F64, outputs, columns);
    double *b = w ? ml_model_add(model, "linear.bias", ML_F64, outputs, 0) : NULL;
    if (!b)
        return -ENOMEM;
    memcpy(w, weight, (size_t)outputs * columns * sizeof *w);
    memcpy(b, bias, outputs * sizeof *b);
    return 0;
}

bool ml_lines_of(const struct ml_model *model, uint32_t columns, struct ml_lines *out)
{
    const struct ml_tensor *w = ml_model_find(model, "linear.weight"),
                           *b = ml_model_find(model, "linear.bias");
    if (!w || !b || w->dtype != ML_F64 || b->dtype != ML_F64 || w->n_dims != 2 || b->n_dims != 1 ||
        w->dims[1] != columns || w->dims[0] == 0 || w->dims[0] > 65536 || b->dims[0] != w->dims[0])
        return false;
    *out = (struct ml_lines){w->data, b->data, (uint32_t)w->dims[0]};
    return true;
}

struct apply {
    const struct ml_lines *lines;
    const struct ml_scoring *s;
};

static void apply_rows(void *ctx, uint64_t piece)
{
    const struct apply *a = ctx;
    const struct ml_scoring *s = a->s;
    const uint64_t from = piece * ROWS, to = from + ROWS < s->rows ? from + ROWS : s->rows;
    for (uint64_t i = from; i < to; i++)
        for (uint32_t k = 0; k < a->lines->n; k++)
            s->out[i * a->lines->n + k] =
                (float)(a->lines->bias[k] +
                        ml_dot(a->lines->weight + (size_t)k * s->columns, s->x + i * s->columns, s->columns));
}

void ml_lines_apply(const struct ml_lines *lines, const struct ml_scoring *s)
{
    struct apply a = {lines, s};
    ml_pool_run(s->pool, (s->rows + ROWS - 1) / ROWS, apply_rows, &a);
}

static uint32_t outputs(const struct ml_model *model, uint32_t columns, enum ml_meaning *meaning)
{
    struct ml_lines lines;
    if (!ml_lines_of(model, columns, &lines))
        return 0;
    *meaning = lines.n == 1 ? ML_REGRESSION : ML_VOTES;
    return lines.n;
}

static int scores(const struct ml_scoring *s)
{
    struct ml_lines lines;
    if (ml_lines_of(s->model, s->columns, &lines))
        ml_lines_apply(&lines, s);
    return 0;
}

const struct ml_kind ml_kind_linear = {train, outputs, scores, false};
