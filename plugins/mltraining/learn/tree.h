/* tree.h - binary decision trees: how they are grown, kept and asked. */
#ifndef ML_TREE_H
#define ML_TREE_H

#include "rng.h"
#include "task.h"

/* ---- ranks.c: the values of each feature by their order, once for all trees --------------------------------- */

struct ml_ranks {
    uint16_t *rank;   /* columns * rows, feature by feature; equal values have equal ranks */
    uint32_t *levels; /* different ranks of each feature */
    uint64_t rows;
    uint32_t columns;
};
/* 0 or -ENOMEM. */
int ml_ranks_init(struct ml_ranks *ranks, const struct ml_task *task);
/* Bytes of them, with what it takes to make them. */
double ml_ranks_room(const struct ml_task *task);
void ml_ranks_free(struct ml_ranks *ranks);

/* ---- grow.c ---------------------------------------------------------------------------------------------------- */

struct ml_node {
    int32_t feature; /* -1: a leaf */
    float threshold; /* left: value <= threshold */
    int32_t left, right;
    uint32_t from, to; /* while growing: its rows */
};

struct ml_tree {
    struct ml_node *nodes; /* owned; children stand behind their parent */
    uint32_t n, room;
};

struct ml_growth {
    const struct ml_task *task; /* that may end meanwhile */
    const struct ml_ranks *ranks;
    const float *x;
    const uint32_t *classes; /* of each row: the purer the better (Gini); or */
    const double *numbers;   /* of each row: the closer to each other the better (variance) */
    uint32_t n_classes;
    uint32_t max_depth, min_leaf;
    uint32_t max_features; /* tried for a split, not counting those that are the same in all rows */
    struct ml_rng *rng;    /* which; NULL: all of them, in their order */
    uint32_t *rows;        /* to grow from, may repeat; their order changes: each leaf's stand together */
    uint32_t n_rows;
};

/* 0, -ENOMEM or -ECANCELED. */
int ml_tree_grow(struct ml_tree *tree, const struct ml_growth *growth);
void ml_tree_free(struct ml_tree *tree);
/*
 * Counts a grown tree of `per_node` values to *bytes, which threads share: nodes and values, and the copies that saving
 * makes. 0 or -E2BIG.
 */
int ml_tree_count(const struct ml_task *task, const struct ml_tree *tree, uint32_t per_node, uint64_t *bytes);

/* ---- forest.c: trees as tensors ------------------------------------------------------------------------------ */

struct ml_trees {
    const int32_t *start, *feature, *left, *right;
    const float *threshold, *value;
    uint32_t n;      /* trees */
    uint32_t values; /* of a leaf */
};
/* False when the tensors do not fit each other or rows of this width. */
bool ml_trees_of(const struct ml_model *model, uint32_t columns, struct ml_trees *out);
/* Adds them; values: for all nodes of all trees, one after another. 0 or -ENOMEM. */
int ml_trees_save(struct ml_model *model, const struct ml_tree *trees, uint32_t n, const float *values,
                  uint32_t per_node);
/* The values of the leaf that a row comes to. */
const float *ml_trees_ask(const struct ml_trees *trees, uint32_t tree, const float *row);

#endif
