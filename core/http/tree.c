#include "tree.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define CONTEXT "nacre-batch-v1"

enum kind { KIND_LEAF, KIND_NODE, KIND_ROOT };

static void begin(crypto_hash_sha256_state *state, enum kind kind)
{
    uint8_t prefix[sizeof CONTEXT] = {(uint8_t)kind};
    memcpy(prefix + 1, CONTEXT, sizeof CONTEXT - 1);
    (void)crypto_hash_sha256_init(state);
    (void)crypto_hash_sha256_update(state, prefix, sizeof prefix);
}

void nacre_tree_leaf(uint8_t out[NACRE_TREE_HASH], const uint8_t *nonce, size_t len)
{
    crypto_hash_sha256_state state;
    const uint8_t size[2] = {(uint8_t)(len >> 8), (uint8_t)len};
    begin(&state, KIND_LEAF);
    (void)crypto_hash_sha256_update(&state, size, sizeof size);
    (void)crypto_hash_sha256_update(&state, nonce, len);
    (void)crypto_hash_sha256_final(&state, out);
}

static void hash_pair(uint8_t out[NACRE_TREE_HASH], const uint8_t pair[2][NACRE_TREE_HASH])
{
    crypto_hash_sha256_state state;
    begin(&state, KIND_NODE);
    (void)crypto_hash_sha256_update(&state, pair[0], sizeof(uint8_t[2][NACRE_TREE_HASH]));
    (void)crypto_hash_sha256_final(&state, out);
}

bool nacre_tree_build(struct nacre_tree *tree, const uint8_t (*leaves)[NACRE_TREE_HASH], uint32_t n)
{
    /* each level has at most one more than half of the one below */
    uint8_t(*level)[NACRE_TREE_HASH] = calloc(2 * (size_t)n + NACRE_TREE_DEPTH_MAX, NACRE_TREE_HASH);
    if (!level)
        return false;
    *tree = (struct nacre_tree){.n = n, .nodes = level};
    memcpy(level, leaves, (size_t)n * NACRE_TREE_HASH);
    while (n > 1) {
        uint8_t(*above)[NACRE_TREE_HASH] = level + n;
        for (uint32_t i = 0; i < n / 2; i++)
            hash_pair(above[i], (const uint8_t(*)[NACRE_TREE_HASH])level + (size_t)2 * i);
        if (n % 2)
            memcpy(above[n / 2], level[n - 1], NACRE_TREE_HASH);
        n = (n + 1) / 2;
        level = above;
    }
    return true;
}

void nacre_tree_free(struct nacre_tree *tree)
{
    free(tree->nodes);
    *tree = (struct nacre_tree){0};
}

void nacre_tree_root(uint8_t out[NACRE_TREE_HASH], const struct nacre_tree *tree)
{
    crypto_hash_sha256_state state;
    const uint8_t size[4] = {(uint8_t)(tree->n >> 24), (uint8_t)(tree->n >> 16), (uint8_t)(tree->n >> 8),
                             (uint8_t)tree->n};
    const uint8_t(*top)[NACRE_TREE_HASH] = (const uint8_t(*)[NACRE_TREE_HASH])tree->nodes;
    for (uint32_t n = tree->n; n > 1; n = (n + 1) / 2)
        top += n;
    begin(&state, KIND_ROOT);
    (void)crypto_hash_sha256_update(&state, size, sizeof size);
    (void)crypto_hash_sha256_update(&state, top[0], NACRE_TREE_HASH);
    (void)crypto_hash_sha256_final(&state, out);
}

uint32_t nacre_tree_path(const uint8_t *path[NACRE_TREE_DEPTH_MAX], const struct nacre_tree *tree,
                         uint32_t index)
{
    const uint8_t(*level)[NACRE_TREE_HASH] = (const uint8_t(*)[NACRE_TREE_HASH])tree->nodes;
    uint32_t depth = 0;
    for (uint32_t n = tree->n; n > 1; n = (n + 1) / 2) {
        uint32_t beside = index ^ 1;
        if (beside < n) /* else it goes up alone */
            path[depth++] = level[beside];
        level += n;
        index /= 2;
    }
    return depth;
}
