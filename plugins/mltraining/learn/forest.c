/* forest.c - a decision tree, and many of them on random rows and features, whose shares are averaged. */
#include "real.h"
#include "tree.h"

#include <errno.h>
#include <stdlib.h>

#define ROUND 16u /* trees between two reports; the same for any number of threads */
#define ROWS  256u

struct run {
    const struct ml_task *task;
    struct ml_ranks ranks;
    uint32_t *classes;
    double *numbers;
    struct ml_tree *trees;
    float **values; /* of each tree's nodes */
    uint32_t per_node, max_features, first;
    uint64_t bytes; /* taken so far, about */
    int err;        /* only ever set */
};

/* Shares of the classes, or the mean. */
static void value_of(const struct run *r, const uint32_t *rows, uint32_t n, float *out)
{
    double sum = 0;
    if (r->numbers) {
        for (uint32_t i = 0; i < n; i++)
            sum += r->numbers[rows[i]];
        *out = (float)(sum / n);
        return;
    }
    for (uint32_t i = 0; i < n; i++)
        out[r->classes[rows[i]]]++;
    for (uint32_t c = 0; c < r->per_node; c++)
        out[c] = (float)((double)out[c] / n);
}

static int grow_one(struct run *r, uint64_t number, uint32_t *rows)
{
    const struct ml_task *t = r->task;
    const uint32_t n = (uint32_t)t->n_train;
    const bool forest = t->config->algorithm == ML_FOREST;
    struct ml_rng rng;
    ml_rng_begin(&rng, t->job->seed, ML_STREAM_TREE + number);
    for (uint32_t i = 0; i < n; i++)
        rows[i] = forest ? (uint32_t)ml_rng_below(&rng, n) : i;
    const struct ml_growth growth = {.task = t,
                                     .ranks = &r->ranks,
                                     .x = t->x,
                                     .classes = r->classes,
                                     .numbers = r->numbers,
                                     .n_classes = t->classes,
                                     .max_depth = t->config->max_depth,
                                     .min_leaf = t->config->min_leaf,
                                     .max_features = r->max_features,
                                     .rng = r->max_features < t->columns ? &rng : NULL,
                                     .rows = rows,
                                     .n_rows = n};
    struct ml_tree *tree = &r->trees[number];
    int err = ml_tree_grow(tree, &growth);
    if (!err)
        err = ml_tree_count(t, tree, r->per_node, &r->bytes);
    if (err)
        return err;
    float *values = r->values[number] = calloc((size_t)tree->n * r->per_node, sizeof *values);
    for (uint32_t i = 0; values && i < tree->n; i++) {
        const struct ml_node *node = &tree->nodes[i];
        if (node->feature < 0)
            value_of(r, rows + node->from, node->to - node->from, values + (size_t)i * r->per_node);
    }
    return values ? 0 : -ENOMEM;
}

static void grow_piece(void *ctx, uint64_t i)
{
    struct run *r = ctx;
    const int over = ml_task_over(r->task);
    uint32_t *rows = over ? NULL : malloc(r->task->n_train * sizeof *rows);
    const int err = over ? over : rows ? grow_one(r, r->first + i, rows) : -ENOMEM;
    if (err)
        __atomic_store_n(&r->err, err, __ATOMIC_RELAXED);
    free(rows);
}

static int grow_all(struct run *r, uint32_t trees)
{
    int err = 0;
    for (r->first = 0; r->first < trees && !err; r->first += ROUND) {
        const uint32_t n = trees - r->first < ROUND ? trees - r->first : ROUND;
        ml_pool_run(r->task->pool, n, grow_piece, r);
        err = r->err == -E2BIG ? ml_task_room(r->task, (double)r->bytes) : r->err;
        if (!err)
            err = ml_task_report(r->task, r->first + n, trees, (double)NAN, (double)NAN);
    }
    return err;
}

static int save(const struct run *r, uint32_t trees)
{
    size_t nodes = 0, at = 0;
    for (uint32_t i = 0; i < trees; i++)
        nodes += r->trees[i].n;
    float *values = malloc((nodes * r->per_node + 1) * sizeof *values);
    if (!values)
        return -ENOMEM;
    for (uint32_t i = 0; i < trees; i++) {
        memcpy(values + at, r->values[i], (size_t)r->trees[i].n * r->per_node * sizeof *values);
        at += (size_t)r->trees[i].n * r->per_node;
    }
    int err = ml_trees_save(r->task->model, r->trees, trees, values, r->per_node);
    ml_task_free(values, nodes * r->per_node * sizeof *values);
    return err;
}

static int targets(struct run *r)
{
    const struct ml_task *t = r->task;
    if (t->classes)
        r->classes = malloc(t->n_train * sizeof *r->classes);
    else
        r->numbers = malloc(t->n_train * sizeof *r->numbers);
    if (!r->classes && !r->numbers)
        return -ENOMEM;
    for (uint64_t i = 0; i < t->n_train; i++) {
        if (t->classes)
            r->classes[i] = (uint32_t)t->y[i];
        else
            r->numbers[i] = (double)t->y[i];
    }
    return ml_ranks_init(&r->ranks, t);
}

static int train(const struct ml_task *task)
{
    struct run r = {.task = task, .per_node = task->classes ? task->classes : 1};
    const bool forest = task->config->algorithm == ML_FOREST;
    const uint32_t trees = forest ? task->config->trees : 1;
    r.max_features = task->config->max_features;
    if (r.max_features == 0) /* of a forest that fits numbers: all, as is usual */
        r.max_features = forest && task->classes ? (uint32_t)ml_sqrt(task->columns) : task->columns;
    const double room =
        ml_ranks_room(task) +
        (double)task->n_train * (sizeof(double) + 3.0 * sizeof(uint32_t) * ml_pool_threads(task->pool));
    int err = ml_task_room(task, room);
    if (err)
        return err;
    r.bytes = (uint64_t)room;
    r.trees = calloc(trees, sizeof *r.trees);
    r.values = calloc(trees, sizeof *r.values);
    err = r.trees && r.values ? targets(&r) : -ENOMEM;
    if (!err)
        err = grow_all(&r, trees);
    if (!err)
        err = save(&r, trees);
    for (uint32_t i = 0; i < trees && r.trees && r.values; i++) {
        ml_task_free(r.values[i], (size_t)r.trees[i].n * r.per_node * sizeof *r.values[i]);
        ml_tree_free(&r.trees[i]);
    }
    ml_ranks_free(&r.ranks);
    ml_task_free(r.classes, task->n_train * sizeof *r.classes);
    ml_task_free(r.numbers, task->n_train * sizeof *r.numbers);
    free(r.trees);
    free(r.values);
    return err;
}

static uint32_t outputs(const struct ml_model *model, uint32_t columns, enum ml_meaning *meaning)
{
    struct ml_trees trees;
    if (!ml_trees_of(model, columns, &trees))
        return 0;
    *meaning = trees.values == 1 ? ML_REGRESSION : ML_PROBABILITIES;
    return trees.values;
}

struct apply {
    const struct ml_scoring *s;
    struct ml_trees trees;
};

static void score_piece(void *ctx, uint64_t piece)
{
    const struct apply *a = ctx;
    const struct ml_scoring *s = a->s;
    const uint32_t n = a->trees.values;
    const uint64_t from = piece * ROWS, to = from + ROWS < s->rows ? from + ROWS : s->rows;
    for (uint64_t i = from; i < to; i++) {
        float *out = s->out + i * n;
        memset(out, 0, n * sizeof *out);
        for (uint32_t t = 0; t < a->trees.n; t++) {
            const float *value = ml_trees_ask(&a->trees, t, s->x + i * s->columns);
            for (uint32_t c = 0; c < n; c++)
                out[c] += value[c];
        }
        for (uint32_t c = 0; c < n; c++)
            out[c] /= (float)a->trees.n;
    }
}

static int scores(const struct ml_scoring *s)
{
    struct apply a = {.s = s};
    if (ml_trees_of(s->model, s->columns, &a.trees))
        ml_pool_run(s->pool, (s->rows + ROWS - 1) / ROWS, score_piece, &a);
    return 0;
}

const struct ml_kind ml_kind_tree = {train, outputs, scores, true};
