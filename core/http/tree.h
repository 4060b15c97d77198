/*
 * tree.h - the hash tree over the nonces of one batch, SHA-256. Its form is that of RFC 9162, section 2.1.1: pairs from the
 * left, a last one without a partner goes up as it is. Every hash begins with a byte for what it is and the words
 * "nacre-batch-v1", so that none can be taken for another, nor for one of another protocol. docs/VERIFYING.md, "Batches", has
 * the bytes.
 */
#ifndef NACRE_HTTP_TREE_H
#define NACRE_HTTP_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NACRE_TREE_HASH       32u
#define NACRE_TREE_DEPTH_MAX  16u /* hashes of a path */
#define NACRE_TREE_LEAVES_MAX (1u << NACRE_TREE_DEPTH_MAX)

struct nacre_tree {
    uint32_t n;                        /* leaves, not 0 */
    uint8_t (*nodes)[NACRE_TREE_HASH]; /* the leaves, then level after level up to the top; malloc'd */
};

/* The leaf of a nonce of at most 65535 bytes. */
void nacre_tree_leaf(uint8_t out[NACRE_TREE_HASH], const uint8_t *nonce, size_t len);

/*
 * nacre_tree_build - leaves[0..n), 1 to NACRE_TREE_LEAVES_MAX of them, are copied. False without memory.
 * Free with nacre_tree_free(), which accepts a zeroed struct.
 */
bool nacre_tree_build(struct nacre_tree *tree, const uint8_t (*leaves)[NACRE_TREE_HASH], uint32_t n);
void nacre_tree_free(struct nacre_tree *tree);

/* What the document carries: the top and the number of leaves, hashed once more. */
void nacre_tree_root(uint8_t out[NACRE_TREE_HASH], const struct nacre_tree *tree);

/* The hashes beside the way from leaf `index` to the top, from below. Returns how many there are. */
uint32_t nacre_tree_path(const uint8_t *path[NACRE_TREE_DEPTH_MAX], const struct nacre_tree *tree,
                         uint32_t index);

#endif
