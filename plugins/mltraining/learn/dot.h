/* dot.h - sums over a row of features in a fixed order, whatever the compiler makes of it. */
#ifndef ML_DOT_H
#define ML_DOT_H

#include "vec.h"

#include <stdint.h>

/* Eight sums side by side, then those in a fixed order, then the rest one by one. */
static inline double ml_dot(const double *w, const float *x, uint32_t n)
{
    double sum[8] = {0};
    uint32_t j = 0;
    for (; j + 8 <= n; j += 8)
        for (int l = 0; l < 8; l++)
            sum[l] = __builtin_fma(w[j + l], (double)x[j + l], sum[l]);
    double all = ((sum[0] + sum[4]) + (sum[2] + sum[6])) + ((sum[1] + sum[5]) + (sum[3] + sum[7]));
    for (; j < n; j++)
        all = __builtin_fma(w[j], (double)x[j], all);
    return all;
}

/* The square of the distance between two rows. */
static inline float ml_distance(const float *a, const float *b, uint32_t n)
{
    ml_v8 sum = ml_v8_all(0);
    uint32_t j = 0;
    for (; j + 8 <= n; j += 8) {
        const ml_v8 d = ml_v8_sub(ml_v8_load(a + j), ml_v8_load(b + j));
        sum = ml_v8_fma(d, d, sum);
    }
    float all = ml_v8_sum(sum);
    for (; j < n; j++) {
        const float d = a[j] - b[j];
        all = __builtin_fmaf(d, d, all);
    }
    return all;
}

#endif
