/*
 * gemm.h - products of matrices of floats. Every element of a result is one chain of fused multiply-adds, k from 0
 * upwards, begun from what stands there: how the work is cut into blocks and threads cannot be seen in the result.
 */
#ifndef ML_GEMM_H
#define ML_GEMM_H

#include "pool.h"

#include <stddef.h>

/*
 * c[i * ldc + j] += sum over k of a[i * a_row + k * a_col] * b[k * b_row + j * b_col], for i < m, j < n, k < depth.
 * (row, col) = (width, 1) is a matrix as it stands, (1, width) its transpose.
 */
struct ml_gemm {
    size_t m, n, depth;
    const float *a;
    size_t a_row, a_col;
    const float *b;
    size_t b_row, b_col;
    float *c;
    size_t ldc;
};

/* pool may be NULL. */
void ml_gemm(struct ml_pool *pool, const struct ml_gemm *product);

#endif
