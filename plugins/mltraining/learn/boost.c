/*
 * boost.c - gradient-boosted trees (Friedman 2001): each tree fits what the ones before have left, a step of Newton's in
 * each leaf. Two classes have one sum of trees, more have one each.
 */
#include "real.h"
#include "score.h"
#include "tree.h"

#include <errno.h>
#include <stdlib.h>

#define ROWS 256u

struct run {
    const struct ml_task *task;
    struct ml_ranks ranks;
    uint32_t sums;  /* trees of a round */
    double *raw;    /* sums * rows: what the trees so far say, sum by sum */
    double *rest;   /* the same: what they have left */
    double *curve;  /* p (1 - p) */
    uint32_t *rows; /* sums * rows: scratch of each tree */
    struct ml_tree *trees;
    float **values;
    uint64_t round;
    uint64_t bytes; /* taken so far, about */
    int err;        /* only ever set */
};

/* What is left of each row, from what the trees say; the loss so far and the rows that are right. */
static double rest_of(struct run *r, uint64_t *right)
{
    const struct ml_task *t = r->task;
    const uint64_t n = t->n_train;
    double loss = 0, z[4096];
    for (uint64_t i = 0; i < n; i++) {
        const uint32_t y = t->classes ? (uint32_t)t->y[i] : 0;
        if (t->classes == 0) {
            r->rest[i] = (double)t->y[i] - r->raw[i];
            r->curve[i] = 1;
            loss += r->rest[i] * r->rest[i];
        } else if (r->sums == 1) {
            const double p = ml_logistic(r->raw[i]), of_y = y ? p : 1 - p;
            r->rest[i] = (double)y - p;
            r->curve[i] = p * (1 - p);
            loss -= ml_log(of_y < 1e-15 ? 1e-15 : of_y);
            *right += (r->raw[i] > 0) == (y == 1);
        } else {
            double top = r->raw[i], sum = 0;
            uint32_t best = 0;
            for (uint32_t k = 1; k < r->sums; k++) {
                if (r->raw[k * n + i] > top) {
                    top = r->raw[k * n + i];
                    best = k;
                }
            }
            for (uint32_t k = 0; k < r->sums; k++)
                sum += z[k] = ml_exp(r->raw[k * n + i] - top);
            for (uint32_t k = 0; k < r->sums; k++) {
                const double p = z[k] / sum;
                r->rest[k * n + i] = (k == y ? 1.0 : 0.0) - p;
                r->curve[k * n + i] = p * (1 - p);
            }
            loss -= ml_log(z[y] / sum < 1e-15 ? 1e-15 : z[y] / sum);
            *right += best == y;
        }
    }
    return loss / (double)n;
}

/* Newton's step over the rows of a leaf, made smaller. */
static double leaf_value(const struct run *r, uint32_t k, const struct ml_node *leaf, const uint32_t *rows)
{
    const uint64_t n = r->task->n_train;
    double rest = 0, curve = 0;
    for (uint32_t i = leaf->from; i < leaf->to; i++) {
        rest += r->rest[k * n + rows[i]];
        curve += r->curve[k * n + rows[i]];
    }
    if (curve < 1e-150)
        return 0;
    const double share = r->sums > 1 ? (double)(r->sums - 1) / r->sums : 1;
    return r->task->config->shrinkage * share * rest / curve;
}

static int grow_one(struct run *r, uint32_t k)
{
    const struct ml_task *t = r->task;
    const uint64_t n = t->n_train, at = r->round * r->sums + k;
    struct ml_rng rng;
    uint32_t *rows = r->rows + k * n;
    const bool some = t->config->max_features && t->config->max_features < t->columns;
    ml_rng_begin(&rng, t->job->seed, ML_STREAM_TREE + at);
    for (uint64_t i = 0; i < n; i++)
        rows[i] = (uint32_t)i;
    const struct ml_growth growth = {.task = t,
                                     .ranks = &r->ranks,
                                     .x = t->x,
                                     .numbers = r->rest + k * n,
                                     .max_depth = t->config->max_depth,
                                     .min_leaf = t->config->min_leaf,
                                     .max_features = some ? t->config->max_features : t->columns,
                                     .rng = some ? &rng : NULL,
                                     .rows = rows,
                                     .n_rows = (uint32_t)n};
    int err = ml_tree_grow(&r->trees[at], &growth);
    if (!err)
        err = ml_tree_count(t, &r->trees[at], 1, &r->bytes);
    if (err)
        return err;
    float *values = r->values[at] = calloc(r->trees[at].n, sizeof *values);
    for (uint32_t i = 0; values && i < r->trees[at].n; i++) {
        const struct ml_node *node = &r->trees[at].nodes[i];
        if (node->feature >= 0)
            continue;
        values[i] = (float)leaf_value(r, k, node, rows);
        for (uint32_t j = node->from; j < node->to; j++)
            r->raw[k * n + rows[j]] += (double)values[i];
    }
    return values ? 0 : -ENOMEM;
}

static void grow_piece(void *ctx, uint64_t k)
{
    struct run *r = ctx;
    const int err = grow_one(r, (uint32_t)k);
    if (err)
        __atomic_store_n(&r->err, err, __ATOMIC_RELAXED);
}

/* What is said before the first tree: the mean, or the logarithms of the classes' shares. */
static int begin(struct run *r)
{
    const struct ml_task *t = r->task;
    double *base = ml_model_add(t->model, "boost.base", ML_F64, r->sums, 0);
    if (!base)
        return -ENOMEM;
    for (uint64_t i = 0; i < t->n_train; i++) {
        if (r->sums > 1)
            base[(uint32_t)t->y[i]] += 1;
        else
            base[0] += (double)t->y[i];
    }
    for (uint32_t k = 0; k < r->sums; k++) {
        const double share = base[k] / (double)t->n_train, least = 1e-10;
        const double p = share < least ? least : share > 1 - least ? 1 - least : share;
        base[k] = t->classes == 0 ? share : r->sums > 1 ? ml_log(p) : ml_log(p / (1 - p));
        for (uint64_t i = 0; i < t->n_train; i++)
            r->raw[k * t->n_train + i] = base[k];
    }
    return ml_ranks_init(&r->ranks, t);
}

static int rounds(struct run *r)
{
    const struct ml_task *t = r->task;
    int err = 0;
    for (r->round = 0; r->round < t->config->trees && !err; r->round++) {
        uint64_t right = 0;
        const double loss = rest_of(r, &right);
        const struct ml_point point = {loss,
                                       t->classes ? 100.0 * (double)right / (double)t->n_train : (double)NAN,
                                       (double)NAN, (double)NAN};
        ml_pool_run(t->pool, r->sums, grow_piece, r);
        err = r->err == -E2BIG ? ml_task_room(t, (double)r->bytes) : r->err;
        if (!err)
            err = ml_task_note(t, &point);
        if (!err)
            err = ml_task_report(t, r->round + 1, t->config->trees, point.loss, point.accuracy);
    }
    return err;
}

static int save(const struct run *r)
{
    const uint32_t trees = r->task->config->trees * r->sums;
    size_t nodes = 0, at = 0;
    for (uint32_t i = 0; i < trees; i++)
        nodes += r->trees[i].n;
    float *values = malloc((nodes + 1) * sizeof *values);
    if (!values)
        return -ENOMEM;
    for (uint32_t i = 0; i < trees; i++) {
        memcpy(values + at, r->values[i], r->trees[i].n * sizeof *values);
        at += r->trees[i].n;
    }
    int err = ml_trees_save(r->task->model, r->trees, trees, values, 1);
    ml_task_free(values, nodes * sizeof *values);
    return err;
}

static int train(const struct ml_task *task)
{
    struct run r = {.task = task, .sums = task->classes > 2 ? task->classes : 1};
    const size_t trees = (size_t)task->config->trees * r.sums, cells = (size_t)task->n_train * r.sums;
    const double room = (double)cells * (3 * sizeof(double) + sizeof(uint32_t)) +
                        (double)trees * (sizeof *r.trees + sizeof *r.values) + ml_ranks_room(task);
    int err = ml_task_room(task, room);
    if (err)
        return err;
    r.bytes = (uint64_t)room;
    r.raw = malloc(cells * sizeof *r.raw);
    r.rest = malloc(cells * sizeof *r.rest);
    r.curve = malloc(cells * sizeof *r.curve);
    r.rows = malloc(cells * sizeof *r.rows);
    r.trees = calloc(trees, sizeof *r.trees);
    r.values = calloc(trees, sizeof *r.values);
    err = r.raw && r.rest && r.curve && r.rows && r.trees && r.values ? begin(&r) : -ENOMEM;
    if (!err)
        err = rounds(&r);
    if (!err)
        err = save(&r);
    for (size_t i = 0; i < trees && r.trees && r.values; i++) {
        ml_task_free(r.values[i], r.trees[i].n * sizeof *r.values[i]);
        ml_tree_free(&r.trees[i]);
    }
    ml_ranks_free(&r.ranks);
    ml_task_free(r.raw, cells * sizeof *r.raw);
    ml_task_free(r.rest, cells * sizeof *r.rest);
    ml_task_free(r.curve, cells * sizeof *r.curve);
    free(r.rows);
    free(r.trees);
    free(r.values);
    return err;
}

static const struct ml_tensor *base_of(const struct ml_model *model)
{
    const struct ml_tensor *b = ml_model_find(model, "boost.base");
    return b && b->dtype == ML_F64 && b->n_dims == 1 && b->dims[0] > 0 && b->dims[0] <= 4096 ? b : NULL;
}

static uint32_t outputs(const struct ml_model *model, uint32_t columns, enum ml_meaning *meaning)
{
    const struct ml_tensor *base = base_of(model);
    const char *classes = ml_model_says(model, "classes");
    struct ml_trees trees;
    if (!base || !classes || !ml_trees_of(model, columns, &trees) || trees.values != 1 ||
        trees.n % base->dims[0])
        return 0;
    *meaning = base->dims[0] > 1           ? ML_PROBABILITIES
               : strcmp(classes, "0") == 0 ? ML_REGRESSION
                                           : ML_PROBABILITY;
    return (uint32_t)base->dims[0];
}

struct apply {
    const struct ml_scoring *s;
    struct ml_trees trees;
    const double *base;
    uint32_t sums;
    bool number;
};

static void row_of(const struct apply *a, const float *x, float *out)
{
    double z[4096], sum = 0, top;
    memcpy(z, a->base, a->sums * sizeof *z);
    for (uint32_t t = 0; t < a->trees.n; t++)
        z[t % a->sums] += (double)*ml_trees_ask(&a->trees, t, x);
    if (a->sums == 1) {
        *out = (float)(a->number ? z[0] : ml_logistic(z[0]));
        return;
    }
    top = z[0];
    for (uint32_t k = 1; k < a->sums; k++)
        top = z[k] > top ? z[k] : top;
    for (uint32_t k = 0; k < a->sums; k++)
        sum += z[k] = ml_exp(z[k] - top);
    for (uint32_t k = 0; k < a->sums; k++)
        out[k] = (float)(z[k] / sum);
}

static void score_piece(void *ctx, uint64_t piece)
{
    const struct apply *a = ctx;
    const uint64_t from = piece * ROWS, to = from + ROWS < a->s->rows ? from + ROWS : a->s->rows;
    for (uint64_t i = from; i < to; i++)
        row_of(a, a->s->x + i * a->s->columns, a->s->out + i * a->sums);
}

static int scores(const struct ml_scoring *s)
{
    const struct ml_tensor *base = base_of(s->model);
    struct apply a = {.s = s, .base = base->data, .sums = (uint32_t)base->dims[0]};
    enum ml_meaning meaning = ML_REGRESSION;
    if (outputs(s->model, s->columns, &meaning) == 0 || !ml_trees_of(s->model, s->columns, &a.trees))
        return 0;
    a.number = meaning == ML_REGRESSION;
    ml_pool_run(s->pool, (s->rows + ROWS - 1) / ROWS, score_piece, &a);
    return 0;
}

const struct ml_kind ml_kind_boost = {train, outputs, scores, true};
