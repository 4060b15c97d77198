/*
 * vec.h - eight floats at once. AVX2 and FMA where the compiler is told to use them, else one after another: the same
 * operations on the same numbers, so the same bits.
 */
#ifndef ML_VEC_H
#define ML_VEC_H

#if defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>

typedef __m256 ml_v8;

static inline ml_v8 ml_v8_load(const float *p)
{
    return _mm256_loadu_ps(p);
}
static inline void ml_v8_store(float *p, ml_v8 v)
{
    _mm256_storeu_ps(p, v);
}
static inline ml_v8 ml_v8_all(float x)
{
    return _mm256_set1_ps(x);
}
static inline ml_v8 ml_v8_sub(ml_v8 a, ml_v8 b)
{
    return _mm256_sub_ps(a, b);
}
static inline ml_v8 ml_v8_fma(ml_v8 a, ml_v8 b, ml_v8 c)
{
    return _mm256_fmadd_ps(a, b, c);
}
#else
typedef struct {
    float f[8];
} ml_v8;

#define ML_V8_EACH(EXPR)                                                                                     \
    ml_v8 r;                                                                                                 \
    for (int i = 0; i < 8; i++)                                                                              \
        r.f[i] = (EXPR);                                                                                     \
    return r

static inline ml_v8 ml_v8_load(const float *p)
{
    ML_V8_EACH(p[i]);
}
static inline void ml_v8_store(float *p, ml_v8 v)
{
    for (int i = 0; i < 8; i++)
        p[i] = v.f[i];
}
static inline ml_v8 ml_v8_all(float x)
{
    ML_V8_EACH(x);
}
static inline ml_v8 ml_v8_sub(ml_v8 a, ml_v8 b)
{
    ML_V8_EACH(a.f[i] - b.f[i]);
}
static inline ml_v8 ml_v8_fma(ml_v8 a, ml_v8 b, ml_v8 c)
{
    ML_V8_EACH(__builtin_fmaf(a.f[i], b.f[i], c.f[i]));
}
#endif

/* The eight in a fixed order of addition. */
static inline float ml_v8_sum(ml_v8 v)
{
    float f[8];
    ml_v8_store(f, v);
    return ((f[0] + f[4]) + (f[2] + f[6])) + ((f[1] + f[5]) + (f[3] + f[7]));
}

#endif
