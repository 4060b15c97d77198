#include "gemm.h"

#include "vec.h"

#include <string.h>

#define TALL  6u      /* rows of a tile: 12 sums, 2 of b and 1 of a fill the 16 registers */
#define WIDE  16u     /* columns of a tile */
#define DEEP  256u    /* of one pass: a packed strip of b is 16 KiB, half of the smallest first-level cache */
#define SMALL 200000u /* multiply-adds below which waking threads costs more than it brings */

#define INLINE __attribute__((always_inline)) static inline

/* `rows` is a constant where this is expanded, so that the sums stay in registers. */
INLINE void tile(size_t rows, size_t depth, const float *a, size_t row, size_t col, const float *strip,
                 float *c, size_t ldc)
{
    ml_v8 sum[TALL][2];
    for (size_t i = 0; i < rows; i++) {
        sum[i][0] = ml_v8_load(c + i * ldc);
        sum[i][1] = ml_v8_load(c + i * ldc + 8);
    }
    for (size_t k = 0; k < depth; k++) {
        const ml_v8 b0 = ml_v8_load(strip + k * WIDE), b1 = ml_v8_load(strip + k * WIDE + 8);
        for (size_t i = 0; i < rows; i++) {
            const ml_v8 x = ml_v8_all(a[i * row + k * col]);
            sum[i][0] = ml_v8_fma(x, b0, sum[i][0]);
            sum[i][1] = ml_v8_fma(x, b1, sum[i][1]);
        }
    }
    for (size_t i = 0; i < rows; i++) {
        ml_v8_store(c + i * ldc, sum[i][0]);
        ml_v8_store(c + i * ldc + 8, sum[i][1]);
    }
}

static void tile_rows(size_t rows, size_t depth, const float *a, size_t row, size_t col, const float *strip,
                      float *c, size_t ldc)
{
    switch (rows) {
    case 6:
        tile(6, depth, a, row, col, strip, c, ldc);
        break;
    case 5:
        tile(5, depth, a, row, col, strip, c, ldc);
        break;
    case 4:
        tile(4, depth, a, row, col, strip, c, ldc);
        break;
    case 3:
        tile(3, depth, a, row, col, strip, c, ldc);
        break;
    case 2:
        tile(2, depth, a, row, col, strip, c, ldc);
        break;
    default:
        tile(1, depth, a, row, col, strip, c, ldc);
        break;
    }
}

/* A tile at the right edge: its columns past the edge are zeros, in a copy. */
static void tile_edge(size_t rows, size_t columns, size_t depth, const float *a, size_t row, size_t col,
                      const float *strip, float *c, size_t ldc)
{
    float copy[TALL * WIDE] = {0};
    for (size_t i = 0; i < rows; i++)
        memcpy(copy + i * WIDE, c + i * ldc, columns * sizeof *c);
    tile_rows(rows, depth, a, row, col, strip, copy, WIDE);
    for (size_t i = 0; i < rows; i++)
        memcpy(c + i * ldc, copy + i * WIDE, columns * sizeof *c);
}

/* The strip of b at column j, k0 onwards, one row of WIDE after another; columns past the edge are zeros. */
static void pack(float *strip, const struct ml_gemm *g, size_t k0, size_t depth, size_t j, size_t columns)
{
    const float *b = g->b + k0 * g->b_row + j * g->b_col;
    if (columns < WIDE)
        memset(strip, 0, depth * WIDE * sizeof *strip);
    for (size_t k = 0; k < depth; k++) {
        if (g->b_col == 1)
            memcpy(strip + k * WIDE, b + k * g->b_row, columns * sizeof *b);
        else
            for (size_t i = 0; i < columns; i++)
                strip[k * WIDE + i] = b[k * g->b_row + i * g->b_col];
    }
}

/* Rows from..to of the columns of one strip. */
static void strip_product(const struct ml_gemm *g, size_t j, size_t from, size_t to)
{
    _Alignas(64) float strip[DEEP * WIDE];
    const size_t columns = g->n - j < WIDE ? g->n - j : WIDE;
    for (size_t k = 0; k < g->depth; k += DEEP) {
        const size_t depth = g->depth - k < DEEP ? g->depth - k : DEEP;
        pack(strip, g, k, depth, j, columns);
        for (size_t i = from; i < to; i += TALL) {
            const size_t rows = to - i < TALL ? to - i : TALL;
            const float *a = g->a + i * g->a_row + k * g->a_col;
            float *c = g->c + i * g->ldc + j;
            if (columns == WIDE)
                tile_rows(rows, depth, a, g->a_row, g->a_col, strip, c, g->ldc);
            else
                tile_edge(rows, columns, depth, a, g->a_row, g->a_col, strip, c, g->ldc);
        }
    }
}

struct share {
    const struct ml_gemm *g;
    size_t parts; /* of the rows */
};

/* Pieces: strip by strip, each in `parts` parts. */
static void piece(void *ctx, uint64_t i)
{
    const struct share *s = ctx;
    const size_t part = (size_t)i % s->parts, tiles = (s->g->m + TALL - 1) / TALL;
    size_t from = tiles * part / s->parts * TALL, to = tiles * (part + 1) / s->parts * TALL;
    if (to > s->g->m)
        to = s->g->m;
    if (from < to)
        strip_product(s->g, (size_t)i / s->parts * WIDE, from, to);
}

void ml_gemm(struct ml_pool *pool, const struct ml_gemm *product)
{
    const size_t strips = (product->n + WIDE - 1) / WIDE;
    struct share s = {product, 1};
    if (!pool || product->m * product->n * product->depth < SMALL) {
        for (size_t i = 0; i < strips; i++)
            piece(&s, i);
        return;
    }
    if (strips < ml_pool_threads(pool))
        s.parts = ml_pool_threads(pool);
    ml_pool_run(pool, strips * s.parts, piece, &s);
}
