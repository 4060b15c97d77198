/* bayes.c - Gaussian naive Bayes: each feature normally distributed within a class, and on its own. */
#include "real.h"
#include "task.h"

#include <errno.h>
#include <stdlib.h>

#define ROWS  256u
#define SMALL 1e-9 /* of the largest variance of a feature: added to all, so that none is zero */
#define TAU   6.283185307179586

struct fit {
    const struct ml_task *task;
    const double *count;
    double *mean, *variance; /* classes * columns */
    double *spread;          /* of each feature over all classes */
};

static void learn_column(void *ctx, uint64_t j)
{
    const struct fit *f = ctx;
    const struct ml_task *t = f->task;
    double mean = 0, spread = 0;
    for (uint64_t i = 0; i < t->n_train; i++) {
        const double x = (double)t->x[i * t->columns + j];
        f->mean[(uint32_t)t->y[i] * t->columns + j] += x;
        mean += x;
    }
    for (uint32_t c = 0; c < t->classes; c++)
        if (f->count[c] > 0)
            f->mean[c * t->columns + j] /= f->count[c];
    mean /= (double)t->n_train;
    for (uint64_t i = 0; i < t->n_train; i++) {
        const uint32_t c = (uint32_t)t->y[i];
        const double x = (double)t->x[i * t->columns + j], d = x - f->mean[c * t->columns + j];
        f->variance[c * t->columns + j] = ml_fma(d, d, f->variance[c * t->columns + j]);
        spread = ml_fma(x - mean, x - mean, spread);
    }
    f->spread[j] = spread / (double)t->n_train;
}

static int train(const struct ml_task *task)
{
    const uint32_t classes = task->classes, columns = task->columns;
    struct ml_model *m = task->model;
    const int no_room = ml_task_room(task, 2.0 * classes * columns * sizeof(double));
    if (no_room)
        return no_room;
    double *prior = ml_model_add(m, "bayes.prior", ML_F64, classes, 0), largest = 0;
    struct fit f = {task, NULL, NULL, NULL, calloc(columns, sizeof(double))};
    double *count = calloc(classes, sizeof *count);
    f.mean = ml_model_add(m, "bayes.mean", ML_F64, classes, columns);
    f.variance = ml_model_add(m, "bayes.variance", ML_F64, classes, columns);
    f.count = count;
    if (!prior || !f.mean || !f.variance || !f.spread || !count) {
        free(count);
        free(f.spread);
        return -ENOMEM;
    }
    for (uint64_t i = 0; i < task->n_train; i++)
        count[(uint32_t)task->y[i]]++;
    ml_pool_run(task->pool, columns, learn_column, &f);
    for (uint32_t j = 0; j < columns; j++)
        largest = f.spread[j] > largest ? f.spread[j] : largest;
    for (uint32_t c = 0; c < classes; c++) {
        prior[c] = count[c] / (double)task->n_train;
        for (uint32_t j = 0; j < columns; j++) {
            double *v = &f.variance[(size_t)c * columns + j];
            *v = (count[c] > 0 ? *v / count[c] : 1) + (largest > 0 ? SMALL * largest : SMALL);
        }
    }
    free(count);
    free(f.spread);
    return ml_task_report(task, 1, 1, (double)NAN, (double)NAN);
}

static uint32_t outputs(const struct ml_model *model, uint32_t columns, enum ml_meaning *meaning)
{
    const struct ml_tensor *p = ml_model_find(model, "bayes.prior"), *m = ml_model_find(model, "bayes.mean"),
                           *v = ml_model_find(model, "bayes.variance");
    if (!p || !m || !v || p->dtype != ML_F64 || m->dtype != ML_F64 || v->dtype != ML_F64 || p->n_dims != 1 ||
        m->n_dims != 2 || v->n_dims != 2 || p->dims[0] == 0 || p->dims[0] > 65536 ||
        m->dims[0] != p->dims[0] || v->dims[0] != p->dims[0] || m->dims[1] != columns ||
        v->dims[1] != columns)
        return 0;
    *meaning = ML_PROBABILITIES;
    return (uint32_t)p->dims[0];
}

struct apply {
    const struct ml_scoring *s;
    const double *prior, *mean, *variance;
    double *constant; /* of each class: all of the logarithm that no row changes */
    uint32_t classes;
};

static void row_of(const struct apply *a, const float *x, float *out)
{
    const uint32_t columns = a->s->columns;
    double top = -(double)INFINITY, sum = 0;
    for (uint32_t c = 0; c < a->classes; c++) {
        double log = a->constant[c];
        for (uint32_t j = 0; j < columns && a->prior[c] > 0; j++) {
            const double d = (double)x[j] - a->mean[(size_t)c * columns + j];
            log -= 0.5 * d * d / a->variance[(size_t)c * columns + j];
        }
        /* a class without rows cannot be; a float holds what is far below the others */
        out[c] = a->prior[c] > 0 ? (float)log : -INFINITY;
        top = (double)out[c] > top ? (double)out[c] : top;
    }
    for (uint32_t c = 0; c < a->classes; c++) {
        out[c] = out[c] > -INFINITY ? (float)ml_exp((double)out[c] - top) : 0;
        sum += (double)out[c];
    }
    for (uint32_t c = 0; c < a->classes; c++)
        out[c] = (float)((double)out[c] / sum);
}

static void score_piece(void *ctx, uint64_t piece)
{
    const struct apply *a = ctx;
    const uint64_t from = piece * ROWS, to = from + ROWS < a->s->rows ? from + ROWS : a->s->rows;
    for (uint64_t i = from; i < to; i++)
        row_of(a, a->s->x + i * a->s->columns, a->s->out + i * a->classes);
}

static int scores(const struct ml_scoring *s)
{
    const struct ml_tensor *prior = ml_model_find(s->model, "bayes.prior");
    struct apply a = {s,
                      prior->data,
                      ml_model_find(s->model, "bayes.mean")->data,
                      ml_model_find(s->model, "bayes.variance")->data,
                      calloc(prior->dims[0], sizeof(double)),
                      (uint32_t)prior->dims[0]};
    if (!a.constant)
        return -ENOMEM;
    for (uint32_t c = 0; c < a.classes; c++) {
        a.constant[c] = a.prior[c] > 0 ? ml_log(a.prior[c]) : 0;
        for (uint32_t j = 0; j < s->columns; j++)
            a.constant[c] -= 0.5 * ml_log(TAU * a.variance[(size_t)c * s->columns + j]);
    }
    ml_pool_run(s->pool, (s->rows + ROWS - 1) / ROWS, score_piece, &a);
    free(a.constant);
    return 0;
}

const struct ml_kind ml_kind_bayes = {train, outputs, scores, false};
