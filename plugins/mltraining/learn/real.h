/*
 * real.h - the few functions of a real number that training needs, the same bits everywhere: a C library's differ
 * between versions and CPUs. In double precision, from exactly rounded operations in a fixed order (no contraction,
 * explicit fma); largest error seen against libm over the tests' range: 2 units in the last place for exp and log,
 * 4e-16 absolute for tanh and the logistic function.
 */
#ifndef ML_REAL_H
#define ML_REAL_H

#include <stdint.h>
#include <string.h>

static inline double ml_fma(double a, double b, double c)
{
    return __builtin_fma(a, b, c);
}

static inline double ml_sqrt(double x)
{
    return __builtin_sqrt(x);
}

/* To the nearest whole number, for |x| < 2^51. */
static inline double ml_round(double x)
{
    const double big = 0x1.8p52;
    return (x + big) - big;
}

static inline double ml_exp(double x)
{
    /* 1/13!, 1/12!, ..., 1/2! */
    static const double c[] = {1.6059043836821613e-10, 2.08767569878681e-09,   2.505210838544172e-08,
                               2.755731922398589e-07,  2.7557319223985893e-06, 2.48015873015873e-05,
                               1.984126984126984e-04,  1.388888888888889e-03,  8.333333333333333e-03,
                               4.1666666666666664e-02, 1.6666666666666666e-01, 0.5};
    const double low = x < -708.0 ? -708.0 : x, in = low > 709.0 ? 709.0 : low;
    const double k = ml_round(in * 1.4426950408889634);
    double r = ml_fma(-k, 6.93147180369123816490e-01, in), p = c[0];
    r = ml_fma(-k, 1.90821492927058770002e-10, r);
    for (int i = 1; i < 12; i++)
        p = ml_fma(p, r, c[i]);
    p = ml_fma(p * r, r, r);
    const uint64_t bits = (uint64_t)((int64_t)k + 1023) << 52;
    double scale;
    memcpy(&scale, &bits, sizeof scale);
    return ml_fma(p, scale, scale);
}

/* x > 0, normal and finite. */
static inline double ml_log(double x)
{
    uint64_t bits;
    double m;
    memcpy(&bits, &x, sizeof bits);
    int64_t e =
        (int64_t)((bits + (UINT64_C(0x3ff0000000000000) - UINT64_C(0x3fe6a09e00000000))) >> 52) - 1023;
    bits -= (uint64_t)e << 52;
    memcpy(&m, &bits, sizeof m);
    const double f = (m - 1.0) / (m + 1.0), s = f * f;
    double p = 1.0 / 23.0;
    for (int n = 21; n >= 3; n -= 2)
        p = ml_fma(p, s, 1.0 / n);
    const double t = 2.0 * f * s * p + (double)e * 1.90821492927058770002e-10;
    return ml_fma((double)e, 6.93147180369123816490e-01, 2.0 * f + t);
}

static inline double ml_logistic(double x)
{
    return 1.0 / (1.0 + ml_exp(-x));
}

static inline double ml_tanh(double x)
{
    return 1.0 - 2.0 / (ml_exp(2.0 * x) + 1.0);
}

#endif
