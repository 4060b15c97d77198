/*
 * logistic.c - logistic regression: -log of the right class's probability, summed over the rows, plus alpha / 2 times
 * the squares of the weights (not the biases); two classes have one line, more have one each.
 */
#include "descent.h"
#include "dot.h"
#include "linear.h"
#include "real.h"
#include "score.h"

#include <errno.h>
#include <stdlib.h>

#define ROWS   256u
#define BLOCK  64u /* features of the gradient that a thread sums */
#define LINES  64u /* lines that are summed at once */
#define ENOUGH 1e-4

struct fit {
    const struct ml_task *task;
    uint32_t lines;
    const double *w;  /* lines x (columns + 1): weights, then the bias */
    double *gradient; /* the same */
    double *miss;     /* rows x lines: probability less what it should be */
    double *loss;     /* of each row */
    uint8_t *right;
};

static void softmax(double *z, uint32_t n, uint32_t y, double *loss, uint8_t *right)
{
    uint32_t best = 0;
    double sum = 0;
    for (uint32_t k = 1; k < n; k++)
        best = z[k] > z[best] ? k : best;
    const double top = z[best], mine = z[y];
    for (uint32_t k = 0; k < n; k++)
        sum += z[k] = ml_exp(z[k] - top);
    for (uint32_t k = 0; k < n; k++)
        z[k] /= sum;
    *loss = ml_log(sum) - (mine - top);
    *right = best == y;
    z[y] -= 1;
}

static void row_of(const struct fit *f, uint64_t i)
{
    const struct ml_task *t = f->task;
    const size_t width = (size_t)t->columns + 1;
    double *z = f->miss + i * f->lines;
    for (uint32_t k = 0; k < f->lines; k++)
        z[k] = f->w[k * width + t->columns] + ml_dot(f->w + k * width, t->x + i * t->columns, t->columns);
    if (f->lines > 1) {
        softmax(z, f->lines, (uint32_t)t->y[i], &f->loss[i], &f->right[i]);
        return;
    }
    const double y = (double)t->y[i], size = z[0] < 0 ? -z[0] : z[0];
    f->loss[i] = ml_log(1 + ml_exp(-size)) + (z[0] > 0 ? z[0] : 0) - z[0] * y;
    f->right[i] = (z[0] > 0) == (y > 0.5);
    z[0] = ml_logistic(z[0]) - y;
}

static void forward(void *ctx, uint64_t piece)
{
    const struct fit *f = ctx;
    const uint64_t from = piece * ROWS, to = from + ROWS < f->task->n_train ? from + ROWS : f->task->n_train;
    if (ml_task_over(f->task)) /* what is left out is never looked at */
        return;
    for (uint64_t i = from; i < to; i++)
        row_of(f, i);
}

/* Some features of some lines: each number is one sum over the rows, in their order. */
static void sum_block(const struct fit *f, uint32_t from, uint32_t n, uint32_t line, uint32_t lines)
{
    const struct ml_task *t = f->task;
    const size_t width = (size_t)t->columns + 1;
    double sum[LINES][BLOCK];
    memset(sum, 0, sizeof sum);
    for (uint64_t i = 0; i < t->n_train; i++) {
        const float *x = t->x + i * t->columns + from;
        for (uint32_t k = 0; k < lines; k++) {
            const double miss = f->miss[i * f->lines + line + k];
            for (uint32_t j = 0; j < n; j++)
                sum[k][j] = ml_fma(miss, (double)x[j], sum[k][j]);
        }
    }
    for (uint32_t k = 0; k < lines; k++)
        for (uint32_t j = 0; j < n; j++)
            f->gradient[(line + k) * width + from + j] =
                ml_fma(t->config->alpha, f->w[(line + k) * width + from + j], sum[k][j]);
}

static void backward(void *ctx, uint64_t block)
{
    const struct fit *f = ctx;
    const uint32_t from = (uint32_t)block * BLOCK, left = f->task->columns - from;
    for (uint32_t line = 0; line < f->lines && !ml_task_over(f->task); line += LINES)
        sum_block(f, from, left < BLOCK ? left : BLOCK, line,
                  f->lines - line < LINES ? f->lines - line : LINES);
}

static double value(void *ctx, const double *w, double *gradient)
{
    struct fit *f = ctx;
    const struct ml_task *t = f->task;
    const size_t width = (size_t)t->columns + 1;
    double sum = 0, squares = 0;
    f->w = w;
    f->gradient = gradient;
    ml_pool_run(t->pool, (t->n_train + ROWS - 1) / ROWS, forward, f);
    ml_pool_run(t->pool, (t->columns + BLOCK - 1) / BLOCK, backward, f);
    for (uint64_t i = 0; i < t->n_train; i++)
        sum += f->loss[i];
    for (uint32_t k = 0; k < f->lines; k++) {
        double bias = 0;
        for (uint64_t i = 0; i < t->n_train; i++)
            bias += f->miss[i * f->lines + k];
        gradient[k * width + t->columns] = bias;
        for (uint32_t j = 0; j < t->columns; j++)
            squares = ml_fma(w[k * width + j], w[k * width + j], squares);
    }
    return sum + 0.5 * t->config->alpha * squares;
}

static int step(void *ctx, uint64_t steps, double found)
{
    const struct fit *f = ctx;
    const struct ml_task *t = f->task;
    uint64_t right = 0;
    for (uint64_t i = 0; i < t->n_train; i++)
        right += f->right[i];
    const struct ml_point point = {found / (double)t->n_train, 100.0 * (double)right / (double)t->n_train,
                                   (double)NAN, (double)NAN};
    int err = ml_task_note(t, &point);
    return err ? err : ml_task_report(t, steps, t->job->epochs, point.loss, point.accuracy);
}

static int save(const struct fit *f, const double *w)
{
    const struct ml_task *t = f->task;
    const size_t width = (size_t)t->columns + 1;
    double *weight = malloc((size_t)f->lines * t->columns * sizeof *weight);
    double *bias = malloc(f->lines * sizeof *bias);
    int err = weight && bias ? 0 : -ENOMEM;
    for (uint32_t k = 0; k < f->lines && !err; k++) {
        memcpy(weight + (size_t)k * t->columns, w + k * width, t->columns * sizeof *weight);
        bias[k] = w[k * width + t->columns];
    }
    if (!err)
        err = ml_lines_save(t->model, weight, bias, f->lines, t->columns);
    free(weight);
    free(bias);
    return err;
}

static int train(const struct ml_task *task)
{
    struct fit f = {.task = task, .lines = task->classes == 2 ? 1 : task->classes};
    const size_t n = (size_t)f.lines * (task->columns + 1);
    /* what row_of() and value() keep of each row; the memory of the descent */
    const double room =
        (double)task->n_train * (f.lines * sizeof(double) + 9.0) + 26.0 * (double)n * sizeof(double);
    int err = ml_task_room(task, room);
    if (err)
        return err;
    double *w = calloc(n, sizeof *w);
    f.miss = calloc(task->n_train * f.lines, sizeof *f.miss);
    f.loss = calloc(task->n_train, sizeof *f.loss);
    f.right = calloc(task->n_train, 1);
    err = w && f.miss && f.loss && f.right ? 0 : -ENOMEM;
    const struct ml_descent d = {&f, n, value, step, task->job->epochs, ENOUGH};
    if (!err)
        err = ml_descend(&d, w);
    if (!err)
        err = save(&f, w);
    ml_task_free(w, n * sizeof *w);
    ml_task_free(f.miss, task->n_train * f.lines * sizeof *f.miss);
    ml_task_free(f.loss, task->n_train * sizeof *f.loss);
    free(f.right);
    return err;
}

static uint32_t outputs(const struct ml_model *model, uint32_t columns, enum ml_meaning *meaning)
{
    struct ml_lines lines;
    if (!ml_lines_of(model, columns, &lines))
        return 0;
    *meaning = lines.n == 1 ? ML_PROBABILITY : ML_PROBABILITIES;
    return lines.n;
}

static int scores(const struct ml_scoring *s)
{
    struct ml_lines lines;
    if (!ml_lines_of(s->model, s->columns, &lines))
        return 0;
    ml_lines_apply(&lines, s);
    for (uint64_t i = 0; i < s->rows; i++) {
        float *z = s->out + i * lines.n;
        double sum = 0;
        if (lines.n == 1) {
            z[0] = (float)ml_logistic((double)z[0]);
            continue;
        }
        const double top = (double)z[ml_score_best(z, lines.n)];
        for (uint32_t k = 0; k < lines.n; k++) {
            z[k] = (float)ml_exp((double)z[k] - top);
            sum += (double)z[k];
        }
        for (uint32_t k = 0; k < lines.n; k++)
            z[k] = (float)((double)z[k] / sum);
    }
    return 0;
}

const struct ml_kind ml_kind_logistic = {train, outputs, scores, false};
