#include "score.h"

#include "real.h"
#include "scale.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>

#define ROWS  4096u /* scored at once */
#define LEAST 1e-15 /* probability, in a logarithm */

uint32_t ml_score_best(const float *scores, uint32_t n)
{
    uint32_t best = 0;
    for (uint32_t j = 1; j < n; j++)
        best = scores[j] > scores[best] ? j : best;
    return best;
}

/* The class, or the number. */
static float verdict(enum ml_meaning meaning, const float *scores, uint32_t n)
{
    switch (meaning) {
    case ML_PROBABILITIES:
    case ML_VOTES:
        return (float)ml_score_best(scores, n);
    case ML_PROBABILITY:
        return scores[0] > 0.5f ? 1 : 0;
    default:
        return scores[0];
    }
}

/* No number stays none: a logarithm made of bits would make one of it. */
static double surprise(double probability)
{
    if (probability != probability)
        return probability;
    return -ml_log(probability < LEAST ? LEAST : probability);
}

static double loss_of(enum ml_meaning meaning, const float *scores, uint32_t n, float y)
{
    double sum = 0;
    switch (meaning) {
    case ML_PROBABILITIES:
        return y < (float)n ? surprise((double)scores[(uint32_t)y]) : surprise(0);
    case ML_PROBABILITY:
        return surprise(y > 0.5f ? (double)scores[0] : 1.0 - (double)scores[0]);
    case ML_VOTES:
        for (uint32_t j = 0; j < n; j++) {
            const double d = (double)scores[j] - (y == (float)j ? 1.0 : -1.0);
            sum += d * d;
        }
        return sum / n;
    case ML_CLUSTER:
        return (double)scores[1];
    default:
        sum = (double)scores[0] - (double)y;
        return sum * sum;
    }
}

static const struct ml_kind *kind_of(const struct ml_model *model, uint32_t columns, enum ml_meaning *meaning,
                                     uint32_t *outputs, char *why)
{
    const char *name = ml_model_says(model, "algorithm");
    const struct ml_tensor *mean = ml_model_find(model, "input.mean"),
                           *scale = ml_model_find(model, "input.scale");
    const struct ml_kind *kind = NULL;
    for (int a = 0; name && a < ML_ALGORITHMS; a++) {
        if (strcmp(name, ml_algorithm_names[a]) == 0)
            kind = ml_kind_of((enum ml_algorithm)a);
    }
    *outputs = kind ? kind->outputs(model, columns, meaning) : 0;
    if (!mean != !scale || (mean && (mean->dtype != ML_F32 || scale->dtype != ML_F32 ||
                                     ml_tensor_count(mean) != columns || ml_tensor_count(scale) != columns)))
        *outputs = 0;
    if (!kind)
        (void)snprintf(why, ML_WHY, "the model's algorithm is not known: %.32s", name ? name : "none");
    else if (*outputs == 0)
        (void)snprintf(why, ML_WHY, "the model's tensors do not fit each other or rows of %u features",
                       columns);
    return *outputs ? kind : NULL;
}

/* Both of a constant: R squared is 0 then, whatever is said. */
static double r_squared(double errors, double sum, double squares, double n)
{
    const double spread = squares - sum * sum / n;
    return spread > 0 ? 100.0 * (1.0 - errors / spread) : 0;
}

int ml_score_measure(struct ml_scoring *s, const float *y, struct ml_metrics *out)
{
    enum ml_meaning meaning = ML_REGRESSION;
    uint32_t n = 0;
    struct ml_scoring part = *s;
    double loss = 0, sum = 0, squares = 0;
    uint64_t right = 0;
    int err = 0;
    const struct ml_kind *kind = kind_of(s->model, s->columns, &meaning, &n, s->why);
    if (!kind)
        return -EINVAL;
    *out = (struct ml_metrics){.rows = s->rows};
    if (s->rows == 0)
        return 0;
    part.out = malloc((size_t)ROWS * n * sizeof(float));
    if (!part.out)
        return -ENOMEM;
    for (uint64_t at = 0; at < s->rows && !err; at += ROWS) {
        part.x = s->x + at * s->columns;
        part.rows = s->rows - at < ROWS ? s->rows - at : ROWS;
        err = s->task ? ml_task_over(s->task) : 0;
        if (!err)
            err = kind->scores(&part);
        for (uint64_t i = 0; i < part.rows && !err; i++) {
            const float label = y[at + i];
            loss += loss_of(meaning, part.out + i * n, n, label);
            right += verdict(meaning, part.out + i * n, n) == label;
            sum += (double)label;
            squares += (double)label * (double)label;
        }
    }
    sodium_memzero(part.out, (size_t)ROWS * n * sizeof(float));
    free(part.out);
    const double rows = (double)s->rows;
    out->loss = loss / rows;
    out->accuracy =
        meaning == ML_REGRESSION ? r_squared(loss, sum, squares, rows) : 100.0 * (double)right / rows;
    return err;
}

/* Scaled copies of rows, a part at a time; `each` is given every part. */
struct parts {
    const struct ml_model *model;
    const float *x;
    uint64_t rows;
    uint32_t columns;
};

static float *scaled(const struct parts *p, uint64_t at, uint64_t rows)
{
    float *x = malloc(rows * p->columns * sizeof(float));
    if (x)
        ml_scale_apply(p->model, NULL, p->x + at * p->columns, rows, p->columns, x);
    return x;
}

int ml_predict(const struct ml_model *model, const float *x, uint64_t rows, uint32_t columns, float *out,
               char why[ML_WHY])
{
    enum ml_meaning meaning = ML_REGRESSION;
    uint32_t n = 0;
    const struct parts p = {model, x, rows, columns};
    const struct ml_kind *kind = kind_of(model, columns, &meaning, &n, why);
    int err = 0;
    if (!kind)
        return -EINVAL;
    float *scores = malloc((size_t)ROWS * n * sizeof(float));
    for (uint64_t at = 0; at < rows && !err; at += ROWS) {
        struct ml_scoring s = {model,   NULL,   NULL, rows - at < ROWS ? rows - at : ROWS,
                               columns, scores, why,  NULL};
        float *part = scores ? scaled(&p, at, s.rows) : NULL;
        s.x = part;
        err = part ? kind->scores(&s) : -ENOMEM;
        for (uint64_t i = 0; i < s.rows && !err; i++)
            out[at + i] = verdict(meaning, scores + i * n, n);
        free(part);
    }
    free(scores);
    return err;
}

int ml_evaluate(const struct ml_model *model, const struct ml_data *data, struct ml_metrics *out,
                char why[ML_WHY])
{
    const struct parts p = {model, data->x, data->rows, data->columns};
    if (data->rows == 0) {
        *out = (struct ml_metrics){.rows = 0};
        return 0;
    }
    float *x = scaled(&p, 0, data->rows);
    struct ml_scoring s = {model, NULL, x, data->rows, data->columns, NULL, why, NULL};
    int err = x ? ml_score_measure(&s, data->y, out) : -ENOMEM;
    if (x)
        sodium_memzero(x, data->rows * data->columns * sizeof(float));
    free(x);
    return err;
}
