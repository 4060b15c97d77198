#include "tree.h"

#include <errno.h>
#include <stdlib.h>

struct rank {
    const struct ml_task *task;
    struct ml_ranks *ranks;
    int err; /* only ever set to the one value */
};

/* Larger for larger numbers; one zero. */
static uint32_t key_of(float x)
{
    uint32_t bits;
    const float one_zero = x == 0 ? 0 : x;
    memcpy(&bits, &one_zero, sizeof bits);
    return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

/* By 8 bits at a time from the lowest, each time keeping the order of equals. Ends in `a`. */
static void sort(uint64_t *a, uint64_t *b, uint64_t n)
{
    for (unsigned shift = 32; shift < 64; shift += 8) {
        uint64_t at[257] = {0};
        for (uint64_t i = 0; i < n; i++)
            at[(a[i] >> shift & 255) + 1]++;
        for (unsigned i = 0; i < 256; i++)
            at[i + 1] += at[i];
        for (uint64_t i = 0; i < n; i++)
            b[at[a[i] >> shift & 255]++] = a[i];
        uint64_t *kept = a;
        a = b;
        b = kept;
    }
}

static void rank_column(void *ctx, uint64_t column)
{
    struct rank *r = ctx;
    const uint64_t n = r->ranks->rows;
    uint64_t *keys = malloc(2 * n * sizeof *keys), different = 1, at = 0;
    uint16_t *rank = r->ranks->rank + column * n;
    if (!keys) {
        __atomic_store_n(&r->err, -ENOMEM, __ATOMIC_RELAXED);
        return;
    }
    for (uint64_t i = 0; i < n; i++)
        keys[i] = (uint64_t)key_of(r->task->x[i * r->ranks->columns + column]) << 32 | i;
    sort(keys, keys + n, n);
    for (uint64_t i = 1; i < n; i++)
        different += keys[i] >> 32 != keys[i - 1] >> 32;
    /* more values than 16 bits can tell apart: neighbours share a rank */
    const uint64_t levels = different < 65536 ? different : 65536;
    for (uint64_t i = 0; i < n; i++) {
        at += i && keys[i] >> 32 != keys[i - 1] >> 32;
        rank[(uint32_t)keys[i]] = (uint16_t)(at * levels / different);
    }
    r->ranks->levels[column] = (uint32_t)levels;
    ml_task_free(keys, 2 * n * sizeof *keys);
}

double ml_ranks_room(const struct ml_task *task)
{
    return (double)task->n_train *
           (task->columns * sizeof(uint16_t) + 2.0 * sizeof(uint64_t) * ml_pool_threads(task->pool));
}

int ml_ranks_init(struct ml_ranks *ranks, const struct ml_task *task)
{
    struct rank r = {task, ranks, 0};
    *ranks = (struct ml_ranks){.rows = task->n_train, .columns = task->columns};
    ranks->rank = malloc(task->n_train * task->columns * sizeof *ranks->rank);
    ranks->levels = calloc(task->columns, sizeof *ranks->levels);
    if (!ranks->rank || !ranks->levels)
        return -ENOMEM;
    ml_pool_run(task->pool, task->columns, rank_column, &r);
    return r.err;
}

void ml_ranks_free(struct ml_ranks *ranks)
{
    ml_task_free(ranks->rank, ranks->rows * ranks->columns * sizeof *ranks->rank);
    free(ranks->levels);
}
