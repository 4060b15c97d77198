#include "scale.h"

#include "real.h"

#include <errno.h>
#include <stdlib.h>

#define BLOCK 64u   /* columns that a thread sums */
#define ROWS  1024u /* rows that a thread scales */

struct learn {
    const float *x;
    uint64_t rows;
    uint32_t columns;
    float *mean, *scale;
};

/* Two passes over the rows, in their order; the second about the mean, so that nothing cancels. */
static void learn_block(void *ctx, uint64_t i)
{
    const struct learn *l = ctx;
    const uint32_t from = (uint32_t)i * BLOCK, n = l->columns - from < BLOCK ? l->columns - from : BLOCK;
    double sum[BLOCK] = {0}, squares[BLOCK] = {0};
    for (uint64_t r = 0; r < l->rows; r++)
        for (uint32_t j = 0; j < n; j++)
            sum[j] += (double)l->x[r * l->columns + from + j];
    for (uint32_t j = 0; j < n; j++)
        sum[j] /= (double)l->rows;
    for (uint64_t r = 0; r < l->rows; r++) {
        for (uint32_t j = 0; j < n; j++) {
            const double d = (double)l->x[r * l->columns + from + j] - sum[j];
            squares[j] += d * d;
        }
    }
    for (uint32_t j = 0; j < n; j++) {
        const double deviation = ml_sqrt(squares[j] / (double)l->rows);
        l->mean[from + j] = (float)sum[j];
        l->scale[from + j] = deviation > 1e-12 * (1 + (sum[j] < 0 ? -sum[j] : sum[j])) ? (float)deviation : 1;
    }
}

int ml_scale_learn(struct ml_model *model, struct ml_pool *pool, const float *x, uint64_t rows,
                   uint32_t columns)
{
    struct learn l = {x, rows, columns, ml_model_add(model, "input.mean", ML_F32, columns, 0),
                      ml_model_add(model, "input.scale", ML_F32, columns, 0)};
    if (!l.mean || !l.scale)
        return -ENOMEM;
    ml_pool_run(pool, (columns + BLOCK - 1) / BLOCK, learn_block, &l);
    return 0;
}

struct apply {
    const float *x, *mean, *scale;
    float *out;
    uint64_t rows;
    uint32_t columns;
};

static void apply_rows(void *ctx, uint64_t i)
{
    const struct apply *a = ctx;
    const uint64_t from = i * ROWS, to = from + ROWS < a->rows ? from + ROWS : a->rows;
    for (uint64_t r = from; r < to; r++) {
        const float *x = a->x + r * a->columns;
        float *out = a->out + r * a->columns;
        for (uint32_t j = 0; j < a->columns; j++)
            out[j] = a->mean ? (x[j] - a->mean[j]) / a->scale[j] : x[j];
    }
}

void ml_scale_apply(const struct ml_model *model, struct ml_pool *pool, const float *x, uint64_t rows,
                    uint32_t columns, float *out)
{
    const struct ml_tensor *mean = ml_model_find(model, "input.mean"),
                           *scale = ml_model_find(model, "input.scale");
    struct apply a = {x, NULL, NULL, out, rows, columns};
    if (mean && scale) {
        a.mean = mean->data;
        a.scale = scale->data;
    } else if (out == x) {
        return;
    }
    ml_pool_run(pool, (rows + ROWS - 1) / ROWS, apply_rows, &a);
}
