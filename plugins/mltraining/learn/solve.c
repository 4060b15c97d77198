#include "linear.h"
#include "real.h"

#include <errno.h>
#include <stdlib.h>

#define RANK 1e-11 /* pivots below this share of the largest are nothing but rounding */

static void swap(double *a, double *b)
{
    const double kept = *a;
    *a = *b;
    *b = kept;
}

/* Rows and columns p and k of a symmetric matrix of which the lower triangle is kept; k < p. */
static void exchange(double *a, size_t size, size_t k, size_t p)
{
    for (size_t j = 0; j < k; j++)
        swap(&a[k * size + j], &a[p * size + j]);
    swap(&a[k * size + k], &a[p * size + p]);
    for (size_t i = k + 1; i < p; i++)
        swap(&a[i * size + k], &a[p * size + i]);
    for (size_t i = p + 1; i < size; i++)
        swap(&a[i * size + k], &a[i * size + p]);
}

/* Cholesky with the largest pivot first. Returns the rank. */
static size_t factor(double *a, size_t size, uint32_t *order, double *column)
{
    double first = 0;
    for (size_t k = 0; k < size; k++) {
        size_t p = k;
        for (size_t i = k + 1; i < size; i++)
            p = a[i * size + i] > a[p * size + p] ? i : p;
        if (k == 0)
            first = a[p * size + p];
        if (!(a[p * size + p] > first * RANK))
            return k;
        if (p != k) {
            const uint32_t kept = order[k];
            exchange(a, size, k, p);
            order[k] = order[p];
            order[p] = kept;
        }
        const double pivot = ml_sqrt(a[k * size + k]);
        a[k * size + k] = pivot;
        for (size_t i = k + 1; i < size; i++)
            column[i] = a[i * size + k] /= pivot;
        for (size_t i = k + 1; i < size; i++) {
            const double by = column[i];
            double *row = a + i * size;
            for (size_t j = k + 1; j <= i; j++)
                row[j] = ml_fma(-by, column[j], row[j]);
        }
    }
    return size;
}

int ml_solve(double *a, uint32_t size, double *b, uint32_t n)
{
    uint32_t *order = malloc(size * sizeof *order);
    double *column = malloc(size * sizeof *column), *z = malloc(size * sizeof *z);
    int err = order && column && z ? 0 : -ENOMEM;
    for (uint32_t i = 0; !err && i < size; i++)
        order[i] = i;
    const size_t rank = err ? 0 : factor(a, size, order, column);
    for (uint32_t k = 0; !err && k < n; k++) {
        for (size_t i = 0; i < rank; i++) {
            double v = b[(size_t)order[i] * n + k];
            for (size_t j = 0; j < i; j++)
                v = ml_fma(-a[i * size + j], z[j], v);
            z[i] = v / a[i * size + i];
        }
        for (size_t i = rank; i-- > 0;) {
            double v = z[i];
            for (size_t j = i + 1; j < rank; j++)
                v = ml_fma(-a[j * size + i], z[j], v);
            z[i] = v / a[i * size + i];
        }
        for (size_t i = 0; i < size; i++)
            b[(size_t)order[i] * n + k] = i < rank ? z[i] : 0;
    }
    free(order);
    free(column);
    free(z);
    return err;
}
