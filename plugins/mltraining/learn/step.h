/* step.h - one step of an optimiser over all numbers of a net. */
#ifndef ML_STEP_H
#define ML_STEP_H

#include "config.h"
#include "pool.h"

struct ml_step {
    enum ml_optimizer optimizer;
    double rate, momentum, decay;
    double beta1_power, beta2_power; /* of Adam: beta to the power of the steps so far */
    size_t n;
    float *first, *second; /* owned, n each: mean and squares of the gradients, or the velocity of SGD */
};

/* 0 or -ENOMEM. */
int ml_step_init(struct ml_step *step, const struct ml_config *config, double rate, size_t n);
void ml_step_free(struct ml_step *step);

/* Moves `values` against `gradient`; the latter is changed by the decay. */
void ml_step_take(struct ml_step *step, struct ml_pool *pool, float *values, float *gradient);

#endif
