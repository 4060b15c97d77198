/* trees.c - grown trees as tensors, and back. */
#include "tree.h"

#include <errno.h>

int ml_trees_save(struct ml_model *model, const struct ml_tree *trees, uint32_t n, const float *values,
                  uint32_t per_node)
{
    uint64_t nodes = 0, at = 0;
    for (uint32_t i = 0; i < n; i++)
        nodes += trees[i].n;
    if (nodes > INT32_MAX)
        return -ENOMEM;
    int32_t *start = ml_model_add(model, "trees.start", ML_I32, (uint64_t)n + 1, 0);
    int32_t *feature = ml_model_add(model, "trees.feature", ML_I32, nodes, 0);
    float *threshold = ml_model_add(model, "trees.threshold", ML_F32, nodes, 0);
    int32_t *left = ml_model_add(model, "trees.left", ML_I32, nodes, 0);
    int32_t *right = ml_model_add(model, "trees.right", ML_I32, nodes, 0);
    float *value = ml_model_add(model, "trees.value", ML_F32, nodes, per_node);
    if (!start || !feature || !threshold || !left || !right || !value)
        return -ENOMEM;
    memcpy(value, values, nodes * per_node * sizeof *value);
    for (uint32_t i = 0; i < n; i++) {
        start[i] = (int32_t)at;
        for (uint32_t k = 0; k < trees[i].n; k++, at++) {
            const struct ml_node *node = &trees[i].nodes[k];
            feature[at] = node->feature;
            threshold[at] = node->threshold;
            left[at] = node->left;
            right[at] = node->right;
        }
    }
    start[n] = (int32_t)at;
    return 0;
}

static const void *tensor(const struct ml_model *model, const char *name, enum ml_dtype dtype, uint64_t n)
{
    const struct ml_tensor *t = ml_model_find(model, name);
    return t && t->dtype == dtype && t->n_dims == 1 && t->dims[0] == n ? t->data : NULL;
}

/* Children stand behind their parent and within their tree: every walk ends. */
static bool is_sound(const struct ml_trees *t, uint64_t nodes, uint32_t columns)
{
    if (t->start[0] != 0 || (uint64_t)(uint32_t)t->start[t->n] != nodes || t->start[t->n] < 0)
        return false;
    for (uint32_t i = 0; i < t->n; i++) {
        const int64_t from = t->start[i], n = (int64_t)t->start[i + 1] - from;
        if (n < 1 || from < 0 || (uint64_t)(from + n) > nodes)
            return false;
        for (int64_t k = 0; k < n; k++) {
            const int64_t feature = t->feature[from + k], left = t->left[from + k],
                          right = t->right[from + k];
            if (feature >= 0 && (feature >= columns || left <= k || left >= n || right <= k || right >= n))
                return false;
        }
    }
    return true;
}

bool ml_trees_of(const struct ml_model *model, uint32_t columns, struct ml_trees *out)
{
    const struct ml_tensor *start = ml_model_find(model, "trees.start"),
                           *value = ml_model_find(model, "trees.value");
    if (!start || start->dtype != ML_I32 || start->n_dims != 1 || start->dims[0] < 2 ||
        start->dims[0] > INT32_MAX || !value || value->dtype != ML_F32 || value->n_dims != 2 ||
        value->dims[1] > 65536 || value->dims[0] > INT32_MAX)
        return false;
    const uint64_t nodes = value->dims[0];
    *out = (struct ml_trees){.start = start->data,
                             .feature = tensor(model, "trees.feature", ML_I32, nodes),
                             .left = tensor(model, "trees.left", ML_I32, nodes),
                             .right = tensor(model, "trees.right", ML_I32, nodes),
                             .threshold = tensor(model, "trees.threshold", ML_F32, nodes),
                             .value = value->data,
                             .n = (uint32_t)start->dims[0] - 1,
                             .values = (uint32_t)value->dims[1]};
    return out->feature && out->left && out->right && out->threshold && is_sound(out, nodes, columns);
}

const float *ml_trees_ask(const struct ml_trees *trees, uint32_t tree, const float *row)
{
    const int32_t from = trees->start[tree];
    int32_t at = 0;
    while (trees->feature[from + at] >= 0)
        at = row[trees->feature[from + at]] <= trees->threshold[from + at] ? trees->left[from + at]
                                                                           : trees->right[from + at];
    return trees->value + (size_t)(from + at) * trees->values;
}
