/* The tree over a batch's nonces, beside vectors that Python's hashlib made (tests/independent/nacre_batch.py). */
#include "http/tree.h"

#include "common/digest.h"
#include "suite.h"

#include <stdio.h>
#include <stdlib.h>

#define NONCE_MAX 512u

static uint8_t leaves[1000][NACRE_TREE_HASH];

struct vector {
    unsigned size, index;
    uint8_t nonce[NONCE_MAX], root[NACRE_TREE_HASH], path[NACRE_TREE_DEPTH_MAX][NACRE_TREE_HASH];
    size_t nonce_len;
    uint32_t depth;
};

static size_t unhex(uint8_t *out, size_t max, const char *text)
{
    size_t len = strcmp(text, "-") == 0 ? 0 : strlen(text) / 2;
    ck_assert_uint_le(len, max);
    if (len)
        ck_assert_int_eq(nacre_unhex(out, len, text, 2 * len), 0);
    return len;
}

static bool next(FILE *file, struct vector *v)
{
    static char size[8], index[8], nonce[2 * NONCE_MAX + 1], root[65], path[16 * 64 + 1];
    if (fscanf(file, "%7s %7s %1024s %64s %1024s", size, index, nonce, root, path) != 5)
        return false;
    v->size = (unsigned)strtoul(size, NULL, 10);
    v->index = (unsigned)strtoul(index, NULL, 10);
    v->nonce_len = unhex(v->nonce, sizeof v->nonce, nonce);
    ck_assert_uint_eq(unhex(v->root, sizeof v->root, root), sizeof v->root);
    v->depth = (uint32_t)(unhex(v->path[0], sizeof v->path, path) / NACRE_TREE_HASH);
    return true;
}

static void make_leaves(struct vector *all, unsigned n, unsigned size)
{
    for (unsigned i = 0; i < size; i++) {
        const uint8_t by_rule[2] = {(uint8_t)(i >> 8), (uint8_t)i};
        if (size <= 9)
            nacre_tree_leaf(leaves[i], all[i].nonce, all[i].nonce_len);
        else
            nacre_tree_leaf(leaves[i], by_rule, sizeof by_rule);
    }
    for (unsigned i = 0; i < n; i++) {
        uint8_t leaf[NACRE_TREE_HASH];
        nacre_tree_leaf(leaf, all[i].nonce, all[i].nonce_len);
        ck_assert_mem_eq(leaves[all[i].index], leaf, sizeof leaf);
    }
}

/* All vectors of one size. */
static void compare(struct vector *all, unsigned n)
{
    struct nacre_tree tree;
    uint8_t root[NACRE_TREE_HASH];
    unsigned size = all[0].size;
    ck_assert_uint_eq(n, size <= 9 ? size : 8);
    make_leaves(all, n, size);
    ck_assert(nacre_tree_build(&tree, (const uint8_t(*)[NACRE_TREE_HASH])leaves, size));
    nacre_tree_root(root, &tree);
    for (unsigned i = 0; i < n; i++) {
        const uint8_t *path[NACRE_TREE_DEPTH_MAX];
        ck_assert_mem_eq(root, all[i].root, sizeof root);
        ck_assert_uint_eq(nacre_tree_path(path, &tree, all[i].index), all[i].depth);
        for (unsigned k = 0; k < all[i].depth; k++)
            ck_assert_mem_eq(path[k], all[i].path[k], NACRE_TREE_HASH);
    }
    nacre_tree_free(&tree);
}

START_TEST(vectors)
{
    static struct vector v, all[9];
    FILE *file = fopen(BATCH_VECTORS, "re");
    unsigned trees = 0, n = 0;
    ck_assert_ptr_nonnull(file);
    bool more = next(file, &v);
    while (more) {
        all[n++] = v;
        more = next(file, &v);
        if (more && v.size == all[0].size)
            continue;
        compare(all, n);
        trees++;
        n = 0;
    }
    (void)fclose(file);
    ck_assert_uint_eq(trees, 18);
}
END_TEST

START_TEST(the_largest_is_sixteen_deep)
{
    uint8_t(*many)[NACRE_TREE_HASH] = calloc(NACRE_TREE_LEAVES_MAX, NACRE_TREE_HASH);
    const uint8_t *path[NACRE_TREE_DEPTH_MAX];
    struct nacre_tree tree;
    ck_assert_ptr_nonnull(many);
    for (uint32_t i = 0; i < NACRE_TREE_LEAVES_MAX; i++)
        memcpy(many[i], &i, sizeof i);
    ck_assert(nacre_tree_build(&tree, (const uint8_t(*)[NACRE_TREE_HASH])many, NACRE_TREE_LEAVES_MAX));
    ck_assert_uint_eq(nacre_tree_path(path, &tree, NACRE_TREE_LEAVES_MAX - 1), NACRE_TREE_DEPTH_MAX);
    ck_assert_mem_eq(path[0], many[NACRE_TREE_LEAVES_MAX - 2], NACRE_TREE_HASH);
    nacre_tree_free(&tree);
    ck_assert(nacre_tree_build(&tree, (const uint8_t(*)[NACRE_TREE_HASH])many, NACRE_TREE_LEAVES_MAX - 1));
    ck_assert_uint_eq(nacre_tree_path(path, &tree, NACRE_TREE_LEAVES_MAX - 2), NACRE_TREE_DEPTH_MAX - 1);
    nacre_tree_free(&tree);
    free(many);
}
END_TEST

/* Length and kind are part of every hash: none of these may meet. */
START_TEST(nothing_is_taken_for_another)
{
    uint8_t hash[6][NACRE_TREE_HASH], zero[2 * NACRE_TREE_HASH] = {0};
    struct nacre_tree one, two;
    nacre_tree_leaf(hash[0], zero, 0);
    nacre_tree_leaf(hash[1], zero, 1);
    nacre_tree_leaf(hash[2], zero, 32);
    nacre_tree_leaf(hash[3], zero, 64);
    ck_assert(nacre_tree_build(&one, (const uint8_t(*)[NACRE_TREE_HASH])zero, 1));
    ck_assert(nacre_tree_build(&two, (const uint8_t(*)[NACRE_TREE_HASH])zero, 2));
    nacre_tree_root(hash[4], &one);
    nacre_tree_root(hash[5], &two);
    for (unsigned i = 0; i < 6; i++)
        for (unsigned k = 0; k < i; k++)
            ck_assert_mem_ne(hash[i], hash[k], NACRE_TREE_HASH);
    ck_assert_mem_ne(two.nodes[2], hash[3], NACRE_TREE_HASH);
    nacre_tree_free(&one);
    nacre_tree_free(&two);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, vectors);
    tcase_add_test(tc, the_largest_is_sixteen_deep);
    tcase_add_test(tc, nothing_is_taken_for_another);
}

int main(void)
{
    return nacre_run_suite("http tree", add, 60);
}
