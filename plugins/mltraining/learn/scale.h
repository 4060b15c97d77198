/* scale.h - columns of mean 0 and deviation 1, learned on the training rows, kept in the model. */
#ifndef ML_SCALE_H
#define ML_SCALE_H

#include "model.h"
#include "pool.h"

/* Adds "input.mean" and "input.scale" to the model. 0 or -ENOMEM. */
int ml_scale_learn(struct ml_model *model, struct ml_pool *pool, const float *x, uint64_t rows,
                   uint32_t columns);

/* out may be x. Nothing is done, and out is x's copy, when the model has no scale. */
void ml_scale_apply(const struct ml_model *model, struct ml_pool *pool, const float *x, uint64_t rows,
                    uint32_t columns, float *out);

#endif
