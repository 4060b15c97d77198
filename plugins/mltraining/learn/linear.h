/* linear.h - what linear and logistic regression share: a weight for each feature and output, and a bias. */
#ifndef ML_LINEAR_H
#define ML_LINEAR_H

#include "task.h"

/* Tensors "linear.weight" (outputs x inputs) and "linear.bias" of a model; false when they do not fit. */
struct ml_lines {
    const double *weight, *bias;
    uint32_t n; /* outputs */
};
bool ml_lines_of(const struct ml_model *model, uint32_t columns, struct ml_lines *out);

/* Adds them. 0 or -ENOMEM. */
int ml_lines_save(struct ml_model *model, const double *weight, const double *bias, uint32_t outputs,
                  uint32_t columns);

/* out[i * n + k] = bias + weight . row, for each row. */
void ml_lines_apply(const struct ml_lines *lines, const struct ml_scoring *s);

/*
 * solve.c: w with A w = b for `n` right sides (b: size x n, becomes w), A symmetric, its lower triangle in rows of
 * `size`; changed. Where A has no full rank, weights of the features that others explain are 0. 0 or -ENOMEM.
 */
int ml_solve(double *a, uint32_t size, double *b, uint32_t n);

#endif
