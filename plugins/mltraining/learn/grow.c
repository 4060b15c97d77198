#include "tree.h"

#include <errno.h>
#include <stdlib.h>

#define MANY   4096u /* rows of a node for which it is worth to ask whether the job shall end */
#define INSERT 24u   /* rows that are sorted by insertion */

struct best {
    double gain;
    int32_t feature;
    uint16_t rank; /* left: rank <= this */
};

struct grower {
    const struct ml_growth *g;
    struct ml_tree *tree;
    uint32_t *sorted, *spare; /* rows of a node by one feature's rank */
    uint32_t *count;          /* of each rank: 65537 */
    int64_t *left, *right;    /* rows of each class on either side */
    uint32_t *features;       /* in the order in which they are tried */
};

/* Rows of a node in the order of their ranks, equal ones as they stood. */
static const uint32_t *by_rank(struct grower *w, const uint32_t *rows, uint32_t n, const uint16_t *rank,
                               uint32_t levels)
{
    uint32_t *out = w->sorted;
    if (n <= INSERT) {
        for (uint32_t i = 0; i < n; i++) {
            uint32_t at = i;
            for (; at > 0 && rank[out[at - 1]] > rank[rows[i]]; at--)
                out[at] = out[at - 1];
            out[at] = rows[i];
        }
        return out;
    }
    const bool twice =
        levels > 4 * n && levels > 256; /* two passes of 8 bits are less than one over all levels */
    const uint32_t *from = rows;
    for (unsigned pass = 0; pass < (twice ? 2u : 1u); pass++) {
        const unsigned shift = 8 * pass, mask = twice ? 255 : 65535;
        const uint32_t most = twice ? 256 : levels;
        memset(w->count, 0, ((size_t)most + 1) * sizeof *w->count);
        for (uint32_t i = 0; i < n; i++)
            w->count[((unsigned)rank[from[i]] >> shift & mask) + 1]++;
        for (uint32_t i = 0; i < most; i++)
            w->count[i + 1] += w->count[i];
        for (uint32_t i = 0; i < n; i++)
            out[w->count[(unsigned)rank[from[i]] >> shift & mask]++] = from[i];
        from = out;
        out = w->spare;
    }
    return from;
}

static bool allowed(const struct grower *w, uint32_t left, uint32_t n)
{
    return left >= w->g->min_leaf && n - left >= w->g->min_leaf;
}

/* Every cut between two ranks: the sum over both sides of (rows of each class) squared by rows; more is purer. */
static void scan_classes(struct grower *w, const uint32_t *rows, uint32_t n, const uint16_t *rank,
                         int32_t feature, struct best *best)
{
    int64_t left_squares = 0, right_squares = 0;
    memset(w->left, 0, w->g->n_classes * sizeof *w->left);
    memset(w->right, 0, w->g->n_classes * sizeof *w->right);
    for (uint32_t i = 0; i < n; i++)
        w->right[w->g->classes[rows[i]]]++;
    for (uint32_t c = 0; c < w->g->n_classes; c++)
        right_squares += w->right[c] * w->right[c];
    for (uint32_t i = 0; i + 1 < n; i++) {
        const uint32_t c = w->g->classes[rows[i]];
        left_squares += 2 * w->left[c]++ + 1;
        right_squares -= 2 * w->right[c]-- - 1;
        if (rank[rows[i]] == rank[rows[i + 1]] || !allowed(w, i + 1, n))
            continue;
        const double gain = (double)left_squares / (i + 1) + (double)right_squares / (n - i - 1);
        if (gain > best->gain)
            *best = (struct best){gain, feature, rank[rows[i]]};
    }
}

/* The same for numbers: the sum over both sides of (their sum) squared by rows. */
static void scan_numbers(struct grower *w, const uint32_t *rows, uint32_t n, const uint16_t *rank,
                         int32_t feature, struct best *best)
{
    double all = 0, left = 0;
    for (uint32_t i = 0; i < n; i++)
        all += w->g->numbers[rows[i]];
    for (uint32_t i = 0; i + 1 < n; i++) {
        left += w->g->numbers[rows[i]];
        if (rank[rows[i]] == rank[rows[i + 1]] || !allowed(w, i + 1, n))
            continue;
        const double right = all - left;
        const double gain = left * left / (i + 1) + right * right / (n - i - 1);
        if (gain > best->gain)
            *best = (struct best){gain, feature, rank[rows[i]]};
    }
}

static bool same_rank(const uint32_t *rows, uint32_t n, const uint16_t *rank)
{
    for (uint32_t i = 1; i < n; i++) {
        if (rank[rows[i]] != rank[rows[0]])
            return false;
    }
    return true;
}

/* NOLINTBEGIN(clang-analyzer-unix.Malloc): what w holds, ml_tree_grow() frees */
static struct best find(struct grower *w, const uint32_t *rows, uint32_t n)
{
    const struct ml_ranks *r = w->g->ranks;
    struct best best = {-1, -1, 0};
    uint32_t tried = 0;
    for (uint32_t i = 0; i < r->columns && tried < w->g->max_features; i++) {
        if (w->g->rng) { /* the next of a random order, as far as it is needed */
            const uint32_t other = i + (uint32_t)ml_rng_below(w->g->rng, r->columns - i),
                           kept = w->features[i];
            w->features[i] = w->features[other];
            w->features[other] = kept;
        }
        const uint32_t feature = w->features[i];
        const uint16_t *rank = r->rank + feature * r->rows;
        if (same_rank(rows, n, rank))
            continue;
        tried++;
        const uint32_t *sorted = by_rank(w, rows, n, rank, r->levels[feature]);
        if (w->g->classes)
            scan_classes(w, sorted, n, rank, (int32_t)feature, &best);
        else
            scan_numbers(w, sorted, n, rank, (int32_t)feature, &best);
    }
    return best;
}

/* NOLINTEND(clang-analyzer-unix.Malloc) */

/* Nothing to be gained: all of one class, or all but the same number. */
static bool is_pure(const struct ml_growth *g, const uint32_t *rows, uint32_t n)
{
    double sum = 0, squares = 0;
    if (g->classes) {
        for (uint32_t i = 1; i < n; i++) {
            if (g->classes[rows[i]] != g->classes[rows[0]])
                return false;
        }
        return true;
    }
    for (uint32_t i = 0; i < n; i++)
        sum += g->numbers[rows[i]];
    sum /= n;
    for (uint32_t i = 0; i < n; i++)
        squares += (g->numbers[rows[i]] - sum) * (g->numbers[rows[i]] - sum);
    return squares <= 1e-15 * n;
}

static int32_t add_node(struct ml_tree *t, uint32_t from, uint32_t to)
{
    if (t->n == t->room) {
        const uint32_t room = t->room ? 2 * t->room : 64;
        struct ml_node *more = malloc(room * sizeof *more); /* realloc() would leave thresholds behind */
        if (!more)
            return -1;
        if (t->n)
            memcpy(more, t->nodes, t->n * sizeof *more);
        ml_task_free(t->nodes, t->n * sizeof *more);
        t->nodes = more;
        t->room = room;
    }
    t->nodes[t->n] = (struct ml_node){.feature = -1, .from = from, .to = to};
    return (int32_t)t->n++;
}

/* Rows of the left side first, both sides as they stood; the threshold lies midway between the two sides. */
static uint32_t part(struct grower *w, struct ml_node *node, const struct best *best)
{
    const struct ml_ranks *r = w->g->ranks;
    const uint16_t *rank = r->rank + (size_t)best->feature * r->rows;
    uint32_t *rows = w->g->rows, left = node->from, right = 0;
    float low = -INFINITY, high = INFINITY;
    for (uint32_t i = node->from; i < node->to; i++) {
        const float x = w->g->x[(size_t)rows[i] * r->columns + (size_t)best->feature];
        if (rank[rows[i]] <= best->rank) {
            low = x > low ? x : low;
            rows[left++] = rows[i];
        } else {
            high = x < high ? x : high;
            w->spare[right++] = rows[i];
        }
    }
    memcpy(rows + left, w->spare, right * sizeof *rows);
    node->feature = best->feature;
    node->threshold = (float)(((double)low + (double)high) / 2);
    if (!(node->threshold < high))
        node->threshold = low;
    return left;
}

/* One node and all below it. */
static int grow(struct grower *w, int32_t at, uint32_t depth)
{
    struct ml_node node = w->tree->nodes[at];
    const uint32_t n = node.to - node.from;
    const uint32_t *rows = w->g->rows + node.from;
    if (depth == w->g->max_depth || n < 2 * w->g->min_leaf || n < 2 || is_pure(w->g, rows, n))
        return 0;
    if (n >= MANY && ml_task_over(w->g->task))
        return -ECANCELED;
    const struct best best = find(w, rows, n);
    if (best.feature < 0)
        return 0;
    const uint32_t middle = part(w, &node, &best);
    node.left = add_node(w->tree, node.from, middle);
    int err = node.left < 0 ? -ENOMEM : grow(w, node.left, depth + 1);
    if (!err) {
        node.right = add_node(w->tree, middle, node.to);
        err = node.right < 0 ? -ENOMEM : grow(w, node.right, depth + 1);
    }
    w->tree->nodes[at] = node;
    return err;
}

int ml_tree_grow(struct ml_tree *tree, const struct ml_growth *g)
{
    struct grower w = {.g = g, .tree = tree};
    const uint32_t columns = g->ranks->columns;
    uint32_t levels = 256;
    for (uint32_t j = 0; j < columns; j++)
        levels = g->ranks->levels[j] > levels ? g->ranks->levels[j] : levels;
    *tree = (struct ml_tree){.n = 0};
    w.sorted = malloc(((size_t)g->n_rows + 1) * sizeof *w.sorted);
    w.spare = malloc(((size_t)g->n_rows + 1) * sizeof *w.spare);
    w.count = malloc(((size_t)levels + 1) * sizeof *w.count);
    w.left = calloc(g->n_classes + 1, sizeof *w.left);
    w.right = calloc(g->n_classes + 1, sizeof *w.right);
    w.features = malloc(((size_t)columns + 1) * sizeof *w.features);
    int err = w.sorted && w.spare && w.count && w.left && w.right && w.features ? 0 : -ENOMEM;
    for (uint32_t j = 0; j < columns && !err; j++)
        w.features[j] = j;
    if (!err)
        err = add_node(tree, 0, g->n_rows) < 0 ? -ENOMEM : grow(&w, 0, 0);
    free(w.sorted);
    free(w.spare);
    free(w.count);
    free(w.left);
    free(w.right);
    free(w.features);
    return err;
}

int ml_tree_count(const struct ml_task *task, const struct ml_tree *tree, uint32_t per_node, uint64_t *bytes)
{
    const uint64_t more = tree->n * (2 * sizeof(struct ml_node) + 3 * sizeof(float) * (uint64_t)per_node);
    const uint64_t most = task->job->memory;
    /* threads may refuse at once, so the reason is noted by who comes after them */
    return __atomic_add_fetch(bytes, more, __ATOMIC_RELAXED) > most && most ? -E2BIG : 0;
}

void ml_tree_free(struct ml_tree *tree)
{
    ml_task_free(tree->nodes, tree->n * sizeof *tree->nodes);
    tree->nodes = NULL;
}
