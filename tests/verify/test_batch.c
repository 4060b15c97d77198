/*
 * Shared documents: the way from a nonce to the root, beside vectors that Python's hashlib made
 * (tests/independent/nacre_batch.py), and everything about it that can be wrong.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "mutate.h"
#include "policy.h"
#include "support.h"
#include "text.h"

#define HASH         NACRE_VERIFY_BATCH_HASH
#define MUTANTS      20000u
#define VECTORS_MAX  200u
#define SEED         UINT64_C(0x6261746368)
#define VERIFIED_DOC "good.cbor"

struct vector {
    nacre_verify_batch batch;
    uint8_t nonce[NACRE_VERIFY_NONCE_MAX];
    uint8_t path[NACRE_VERIFY_BATCH_DEPTH * HASH];
    uint8_t root[HASH];
};

static struct vector vectors[VECTORS_MAX];
static size_t vector_count;

static size_t from_hex(const char *text, uint8_t *out, size_t max)
{
    size_t size = strcmp(text, "-") == 0 ? 0 : strlen(text) / 2;
    ck_assert_uint_le(size, max);
    ck_assert(size == 0 || nacre_vfy_unhex(text, size, out));
    return size;
}

static void load(void)
{
    static char size[8], index[8], nonce[2 * NACRE_VERIFY_NONCE_MAX + 1], root[2 * HASH + 1],
        path[2 * NACRE_VERIFY_BATCH_DEPTH * HASH + 1];
    FILE *file = fopen(BATCH_VECTORS, "re");
    ck_assert_ptr_nonnull(file);
    for (vector_count = 0; fscanf(file, "%7s %7s %1024s %64s %1024s", size, index, nonce, root, path) == 5;
         vector_count++) {
        ck_assert_uint_lt(vector_count, VECTORS_MAX);
        struct vector *v = &vectors[vector_count];
        ck_assert_uint_eq(from_hex(root, v->root, HASH), HASH);
        v->batch = (nacre_verify_batch){.struct_size = sizeof v->batch,
                                        .nonce = v->nonce,
                                        .nonce_size = from_hex(nonce, v->nonce, sizeof v->nonce),
                                        .size = strtoul(size, NULL, 10),
                                        .index = strtoul(index, NULL, 10),
                                        .path = v->path,
                                        .path_size = from_hex(path, v->path, sizeof v->path)};
    }
    (void)fclose(file);
    ck_assert_uint_gt(vector_count, 100);
}

/* Whether this leads to that root. An exact copy of the path, so that ASan sees the first byte read past its end. */
static bool leads(const nacre_verify_batch *batch, const uint8_t *root)
{
    uint8_t found[HASH];
    nacre_verify_batch copy = *batch;
    uint8_t *path = malloc(batch->path_size > 0 ? batch->path_size : 1);
    ck_assert_ptr_nonnull(path);
    if (batch->path_size > 0) {
        memcpy(path, batch->path, batch->path_size);
    }
    copy.path = path;
    int r = nacre_verify_batch_root(&copy, found, NULL);
    free(path);
    ck_assert(r == NACRE_VERIFY_OK || r == NACRE_VERIFY_REFUSED);
    return r == NACRE_VERIFY_OK && memcmp(found, root, HASH) == 0;
}

START_TEST(vectors_lead_to_their_root)
{
    load();
    for (size_t i = 0; i < vector_count; i++) {
        ck_assert_msg(leads(&vectors[i].batch, vectors[i].root), "vector %zu", i);
    }
}
END_TEST

static bool same_nonce(const struct vector *one, const struct vector *two)
{
    return one->batch.nonce_size == two->batch.nonce_size &&
           memcmp(one->nonce, two->nonce, one->batch.nonce_size) == 0;
}

/* Every other size and index, every other vector's path: none leads to the same root. */
START_TEST(lies_lead_elsewhere)
{
    load();
    for (size_t i = 0; i < vector_count; i++) {
        const struct vector *v = &vectors[i];
        nacre_verify_batch lie = v->batch;
        for (uint64_t size = 0; size <= 1030; size++) {
            for (uint64_t index = v->batch.index > 1 ? v->batch.index - 2 : 0; index < v->batch.index + 3;
                 index++) {
                lie.size = size;
                lie.index = index;
                ck_assert(leads(&lie, v->root) == (size == v->batch.size && index == v->batch.index));
            }
        }
        for (size_t k = 0; k < vector_count; k++) {
            lie = vectors[k].batch;
            ck_assert(leads(&lie, v->root) == (vectors[k].batch.size == v->batch.size));
            lie.nonce = v->nonce; /* my nonce in another's place */
            lie.nonce_size = v->batch.nonce_size;
            ck_assert(leads(&lie, vectors[k].root) == same_nonce(v, &vectors[k]));
        }
    }
}
END_TEST

START_TEST(paths_of_a_wrong_length)
{
    uint8_t long_path[(NACRE_VERIFY_BATCH_DEPTH + 2) * HASH] = {0};
    load();
    for (size_t i = 0; i < vector_count; i++) {
        nacre_verify_batch lie = vectors[i].batch;
        memcpy(long_path, vectors[i].path, sizeof vectors[i].path);
        lie.path = long_path;
        for (size_t size = 0; size <= sizeof long_path; size++) {
            lie.path_size = size;
            ck_assert(leads(&lie, vectors[i].root) == (size == vectors[i].batch.path_size));
        }
    }
}
END_TEST

START_TEST(out_of_range)
{
    static const uint64_t pairs[][2] = {{0, 0},          {1, 1},          {5, 5},
                                        {65537, 0},      {65537, 65536},  {1ull << 32, 0},
                                        {UINT64_MAX, 0}, {4, UINT64_MAX}, {1, 1ull << 32}};
    uint8_t path[NACRE_VERIFY_BATCH_DEPTH * HASH] = {0}, root[HASH], nonce[1] = {1};
    nacre_verify_error error;
    nacre_verify_batch batch = {.struct_size = sizeof batch,
                                .nonce = nonce,
                                .nonce_size = 1,
                                .size = 65536,
                                .index = 65535,
                                .path = path};
    batch.path_size = sizeof path;
    ck_assert_int_eq(nacre_verify_batch_root(&batch, root, NULL), NACRE_VERIFY_OK); /* the deepest there is */
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        for (batch.path_size = 0; batch.path_size <= sizeof path; batch.path_size += HASH) {
            batch.size = pairs[i][0];
            batch.index = pairs[i][1];
            ck_assert_int_eq(nacre_verify_batch_root(&batch, root, &error), NACRE_VERIFY_REFUSED);
            ck_assert_ptr_nonnull(strstr(error.text, "a place below a size"));
        }
    }
}
END_TEST

START_TEST(arguments)
{
    uint8_t root[HASH], bytes[NACRE_VERIFY_NONCE_MAX + 1] = {0};
    const nacre_verify_batch good = {.struct_size = sizeof good, .nonce = bytes, .nonce_size = 1, .size = 1};
    nacre_verify_batch bad[] = {good, good, good, good, good};
    bad[0].struct_size--;
    bad[1].nonce = NULL;
    bad[2].nonce_size = 0;
    bad[3].nonce_size = sizeof bytes;
    bad[4].path_size = HASH;
    nacre_verify_policy *policy = nacre_verify_policy_new();
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        nacre_verify_error error = {.text = ""};
        ck_assert_int_eq(nacre_verify_batch_root(&bad[i], root, &error), NACRE_VERIFY_E_ARGUMENT);
        ck_assert_int_eq(nacre_verify_policy_expect_batch(policy, &bad[i], &error), NACRE_VERIFY_E_ARGUMENT);
        ck_assert(error.text[0] != '\0' && !policy->batch.expected);
    }
    ck_assert_int_eq(nacre_verify_batch_root(NULL, root, NULL), NACRE_VERIFY_E_ARGUMENT);
    bad[0] = good;
    bad[0].struct_size += 8; /* of a later version */
    ck_assert_int_eq(nacre_verify_batch_root(&bad[0], root, NULL), NACRE_VERIFY_OK);
    bad[0].nonce_size = NACRE_VERIFY_NONCE_MAX;
    ck_assert_int_eq(nacre_verify_batch_root(&bad[0], root, NULL), NACRE_VERIFY_OK);
    nacre_verify_policy_free(policy);
}
END_TEST

static void flip(struct random *random, uint8_t *bytes, size_t size)
{
    bytes[random_below(random, size)] ^= (uint8_t)(1u << random_below(random, 8));
}

static void swap_hashes(struct random *random, struct vector *v)
{
    uint8_t keep[HASH];
    size_t count = v->batch.path_size / HASH;
    uint8_t *one = v->path + HASH * random_below(random, count),
            *two = v->path + HASH * random_below(random, count);
    memcpy(keep, one, HASH);
    memmove(one, two, HASH);
    memcpy(two, keep, HASH);
}

/* Changes one thing about it, in its bytes or numbers. */
static void mutate(struct random *random, struct vector *v)
{
    switch (random_below(random, 7)) {
    case 0:
        flip(random, v->nonce, v->batch.nonce_size);
        break;
    case 1:
        if (v->batch.path_size > 0) {
            flip(random, v->path, v->batch.path_size);
        }
        break;
    case 2:
        v->batch.nonce_size = 1 + random_below(random, NACRE_VERIFY_NONCE_MAX);
        break;
    case 3:
        v->batch.path_size = random_below(random, sizeof v->path + 1);
        break;
    case 4:
        v->batch.size = random_u64(random) >> random_below(random, 64);
        break;
    case 5:
        v->batch.index = random_u64(random) >> random_below(random, 64);
        break;
    default:
        if (v->batch.path_size >= HASH) {
            swap_hashes(random, v);
        }
        break;
    }
}

static bool same(const struct vector *one, const struct vector *two)
{
    return one->batch.size == two->batch.size && one->batch.index == two->batch.index &&
           same_nonce(one, two) && one->batch.path_size == two->batch.path_size &&
           memcmp(one->path, two->path, one->batch.path_size) == 0;
}

START_TEST(mutants)
{
    struct random random = {.state = SEED};
    size_t made = 0;
    load();
    while (made < MUTANTS) {
        const struct vector *one = &vectors[random_below(&random, vector_count)];
        struct vector v = *one;
        v.batch.nonce = v.nonce;
        v.batch.path = v.path;
        for (size_t n = 1 + random_below(&random, 2); n > 0; n--) {
            mutate(&random, &v);
        }
        if (!same(&v, one)) {
            ck_assert_msg(!leads(&v.batch, one->root), "mutant %zu", made);
            made++;
        }
    }
}
END_TEST

/* A document whose nonce is none of these roots: the checks say what and why. */
START_TEST(judged_with_the_document)
{
    struct case_line line = {.allow_debug = false};
    size_t size = 0;
    nacre_verify_report *report = NULL;
    nacre_verify_error error;
    (void)snprintf(line.root, sizeof line.root, "root.pem");
    uint8_t *document = read_file(VERIFIED_DOC, &size);
    nacre_verify_policy *policy = policy_of(&line);
    nacre_verify_policy_at_document(policy);
    load();
    nacre_verify_batch batch = vectors[20].batch;
    ck_assert_int_eq(nacre_verify_policy_expect_batch(policy, &batch, &error), NACRE_VERIFY_OK);
    ck_assert_int_eq(nacre_verify_document(document, size, policy, &report, &error), NACRE_VERIFY_REFUSED);
    ck_assert_int_eq(find_check(report, "batch")->passed, 1);
    ck_assert_str_eq(first_failure(report)->name, "nonce");
    nacre_verify_report_free(report);
    batch.path_size -= HASH;
    ck_assert_int_eq(nacre_verify_policy_expect_batch(policy, &batch, &error), NACRE_VERIFY_OK);
    ck_assert_int_eq(nacre_verify_document(document, size, policy, &report, &error), NACRE_VERIFY_REFUSED);
    ck_assert_str_eq(first_failure(report)->name, "batch");
    ck_assert_ptr_null(find_check(report, "nonce"));
    nacre_verify_report_free(report);
    /* the last call counts */
    ck_assert_int_eq(nacre_verify_policy_expect_nonce(policy, (const uint8_t *)"nonce", 5, &error),
                     NACRE_VERIFY_OK);
    ck_assert_int_eq(nacre_verify_document(document, size, policy, NULL, &error), NACRE_VERIFY_OK);
    ck_assert_int_eq(nacre_verify_policy_expect_batch(policy, &batch, &error), NACRE_VERIFY_OK);
    ck_assert_int_eq(nacre_verify_document(document, size, policy, NULL, &error), NACRE_VERIFY_REFUSED);
    nacre_verify_policy_free(policy);
    free(document);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("batch");
    TCase *tc = tcase_create("all");
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, vectors_lead_to_their_root);
    tcase_add_test(tc, lies_lead_elsewhere);
    tcase_add_test(tc, paths_of_a_wrong_length);
    tcase_add_test(tc, out_of_range);
    tcase_add_test(tc, arguments);
    tcase_add_test(tc, mutants);
    tcase_add_test(tc, judged_with_the_document);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
