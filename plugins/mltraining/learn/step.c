#include "step.h"

#include "real.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>

#define BETA1   0.9
#define BETA2   0.999
#define EPSILON 1e-8f
#define PIECE   16384u /* numbers; 64 KiB of each array, a piece for a thread */

int ml_step_init(struct ml_step *step, const struct ml_config *config, double rate, size_t n)
{
    *step = (struct ml_step){.optimizer = config->optimizer,
                             .rate = rate,
                             .momentum = config->momentum,
                             .decay = config->weight_decay,
                             .beta1_power = 1,
                             .beta2_power = 1,
                             .n = n};
    step->first = calloc(n, sizeof(float));
    step->second = config->optimizer == ML_ADAM ? calloc(n, sizeof(float)) : NULL;
    if (step->first && (step->second || config->optimizer != ML_ADAM))
        return 0;
    ml_step_free(step);
    return -ENOMEM;
}

void ml_step_free(struct ml_step *step)
{
    if (step->first)
        sodium_memzero(step->first, step->n * sizeof(float));
    if (step->second)
        sodium_memzero(step->second, step->n * sizeof(float));
    free(step->first);
    free(step->second);
    step->first = step->second = NULL;
}

struct take {
    struct ml_step *step;
    float *restrict values, *restrict gradient;
    float rate, root;
};

static void adam(const struct take *t, size_t from, size_t to)
{
    float *restrict m = t->step->first, *restrict v = t->step->second, *restrict w = t->values;
    const float *restrict g = t->gradient;
    const float b1 = (float)BETA1, c1 = (float)(1 - BETA1), b2 = (float)BETA2, c2 = (float)(1 - BETA2);
    for (size_t i = from; i < to; i++) {
        m[i] = b1 * m[i] + c1 * g[i];
        v[i] = b2 * v[i] + c2 * (g[i] * g[i]);
        w[i] -= t->rate * m[i] / (__builtin_sqrtf(v[i]) * t->root + EPSILON);
    }
}

static void sgd(const struct take *t, size_t from, size_t to)
{
    float *restrict v = t->step->first, *restrict w = t->values;
    const float *restrict g = t->gradient;
    const float momentum = (float)t->step->momentum;
    for (size_t i = from; i < to; i++) {
        v[i] = momentum * v[i] - t->rate * g[i];
        w[i] += v[i];
    }
}

static void piece(void *ctx, uint64_t i)
{
    const struct take *t = ctx;
    const size_t from = (size_t)i * PIECE, to = from + PIECE < t->step->n ? from + PIECE : t->step->n;
    if (t->step->decay > 0) {
        const float decay = (float)t->step->decay;
        for (size_t k = from; k < to; k++)
            t->gradient[k] += decay * t->values[k];
    }
    if (t->step->optimizer == ML_ADAM)
        adam(t, from, to);
    else
        sgd(t, from, to);
}

void ml_step_take(struct ml_step *step, struct ml_pool *pool, float *values, float *gradient)
{
    struct take t = {step, values, gradient, (float)step->rate, 1};
    const size_t pieces = (step->n + PIECE - 1) / PIECE;
    if (step->optimizer == ML_ADAM) { /* Kingma and Ba, with the two corrections of the beginning */
        step->beta1_power *= BETA1;
        step->beta2_power *= BETA2;
        t.rate = (float)(step->rate / (1 - step->beta1_power));
        t.root = (float)(1.0 / ml_sqrt(1 - step->beta2_power));
    }
    ml_pool_run(pool, pieces, piece, &t);
}
