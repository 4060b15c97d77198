#include "batch.h"

#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include "text.h"

/* In front of everything that is hashed, behind a byte for what it is. */
static const char context[] = "nacre-batch-v1";

enum kind { KIND_LEAF, KIND_NODE, KIND_ROOT };

static bool digest(uint8_t *out, enum kind kind, const uint8_t *first, size_t first_size,
                   const uint8_t *second, size_t second_size)
{
    const uint8_t byte = (uint8_t)kind;
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    bool good = md != NULL && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1 &&
                EVP_DigestUpdate(md, &byte, 1) == 1 &&
                EVP_DigestUpdate(md, context, sizeof context - 1) == 1 &&
                EVP_DigestUpdate(md, first, first_size) == 1 &&
                EVP_DigestUpdate(md, second, second_size) == 1 && EVP_DigestFinal_ex(md, out, NULL) == 1;
    EVP_MD_CTX_free(md);
    return good;
}

/* How many hashes lie beside the way up: none where a last node of a level has no partner. */
static size_t depth_of(uint64_t index, uint64_t size)
{
    size_t depth = 0;
    if (size > NACRE_VERIFY_BATCH_MAX || index >= size) {
        return SIZE_MAX;
    }
    for (; size > 1; size = (size + 1) / 2, index /= 2) {
        depth += (index ^ 1) < size;
    }
    return depth;
}

static bool climb(uint8_t *hash, const nacre_verify_batch *batch)
{
    const uint8_t *beside = batch->path;
    uint64_t index = batch->index;
    bool good = true;
    for (uint64_t size = batch->size; size > 1 && good; size = (size + 1) / 2, index /= 2) {
        if ((index ^ 1) >= size) {
            continue;
        }
        bool left = index % 2 == 0;
        good = digest(hash, KIND_NODE, left ? hash : beside, NACRE_VERIFY_BATCH_HASH, left ? beside : hash,
                      NACRE_VERIFY_BATCH_HASH);
        beside += NACRE_VERIFY_BATCH_HASH;
    }
    return good;
}

static bool compute(uint8_t *root, const nacre_verify_batch *batch)
{
    const uint8_t nonce_size[2] = {(uint8_t)(batch->nonce_size >> 8), (uint8_t)batch->nonce_size};
    const uint8_t size[4] = {(uint8_t)(batch->size >> 24), (uint8_t)(batch->size >> 16),
                             (uint8_t)(batch->size >> 8), (uint8_t)batch->size};
    return digest(root, KIND_LEAF, nonce_size, sizeof nonce_size, batch->nonce, batch->nonce_size) &&
           climb(root, batch) && digest(root, KIND_ROOT, size, sizeof size, root, NACRE_VERIFY_BATCH_HASH);
}

bool nacre_vfy_batch_fits(const struct nacre_vfy_batch *batch)
{
    return batch->depth != SIZE_MAX && batch->path_size == batch->depth * NACRE_VERIFY_BATCH_HASH;
}

int nacre_vfy_batch_take(struct nacre_vfy_batch *out, const nacre_verify_batch *batch,
                         nacre_verify_error *error)
{
    if (batch == NULL || batch->struct_size < sizeof *batch) {
        return nacre_vfy_fail(error, NACRE_VERIFY_E_ARGUMENT, "no batch, or a struct_size below %zu bytes",
                              sizeof *batch);
    }
    if (batch->nonce == NULL || batch->nonce_size == 0 || batch->nonce_size > NACRE_VERIFY_NONCE_MAX) {
        return nacre_vfy_fail(error, NACRE_VERIFY_E_ARGUMENT, "the nonce has %zu bytes, expected 1 to %u",
                              batch->nonce != NULL ? batch->nonce_size : 0, NACRE_VERIFY_NONCE_MAX);
    }
    if (batch->path == NULL && batch->path_size > 0) {
        return nacre_vfy_fail(error, NACRE_VERIFY_E_ARGUMENT, "the path of %zu bytes is no bytes",
                              batch->path_size);
    }
    struct nacre_vfy_batch taken = {.expected = true,
                                    .size = batch->size,
                                    .index = batch->index,
                                    .path_size = batch->path_size,
                                    .depth = depth_of(batch->index, batch->size)};
    if (nacre_vfy_batch_fits(&taken) && !compute(taken.root, batch)) {
        return nacre_vfy_fail(error, NACRE_VERIFY_E_MEMORY, "out of memory");
    }
    *out = taken;
    return NACRE_VERIFY_OK;
}

static void describe(const struct nacre_vfy_batch *batch, char *text, size_t size)
{
    if (batch->depth == SIZE_MAX) {
        (void)snprintf(text, size, "a place below a size of 1 to %u", NACRE_VERIFY_BATCH_MAX);
    } else {
        (void)snprintf(text, size, "%zu hashes, %zu bytes of path", batch->depth,
                       batch->depth * NACRE_VERIFY_BATCH_HASH);
    }
}

void nacre_vfy_check_batch(const struct nacre_vfy_batch *batch, const nacre_verify_doc *doc,
                           struct nacre_verify_report *report)
{
    char expected[128];
    const nacre_verify_bytes root = {.data = batch->root, .size = sizeof batch->root};
    describe(batch, expected, sizeof expected);
    bool fits = nacre_vfy_check(report, "batch", nacre_vfy_batch_fits(batch), expected,
                                "%zu bytes of path from place %llu of %llu", batch->path_size,
                                (unsigned long long)batch->index, (unsigned long long)batch->size);
    if (fits) {
        (void)nacre_vfy_check_bytes(report, "nonce", root, nacre_verify_doc_nonce(doc));
    }
}

int nacre_verify_batch_root(const nacre_verify_batch *batch, uint8_t *root, nacre_verify_error *error)
{
    struct nacre_vfy_batch taken = {.expected = false};
    int r = nacre_vfy_batch_take(&taken, batch, error);
    if (r != NACRE_VERIFY_OK) {
        return r;
    }
    if (!nacre_vfy_batch_fits(&taken)) {
        char expected[128];
        describe(&taken, expected, sizeof expected);
        return nacre_vfy_fail(
            error, NACRE_VERIFY_REFUSED, "expected %s, got %zu bytes from place %llu of %llu", expected,
            batch->path_size, (unsigned long long)batch->index, (unsigned long long)batch->size);
    }
    memcpy(root, taken.root, sizeof taken.root);
    return NACRE_VERIFY_OK;
}
