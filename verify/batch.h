/* The way from a nonce to the root that stands for many. */
#ifndef NACRE_VFY_BATCH_H
#define NACRE_VFY_BATCH_H

#include "report.h"

/* What a policy keeps of a nacre_verify_batch. */
struct nacre_vfy_batch {
    bool expected;
    uint64_t size, index;
    size_t path_size; /* bytes that were given */
    size_t depth;     /* hashes that size and index ask for; SIZE_MAX when they cannot be */
    uint8_t root[NACRE_VERIFY_BATCH_HASH]; /* only if the path is right */
};

/* Whether as many hashes were given as size and index ask for. */
bool nacre_vfy_batch_fits(const struct nacre_vfy_batch *batch);

/* Check "batch", then "nonce": the root against the document's. */
void nacre_vfy_check_batch(const struct nacre_vfy_batch *batch, const nacre_verify_doc *doc,
                           struct nacre_verify_report *report);

/* Fills *out. OK, E_ARGUMENT or E_MEMORY. */
int nacre_vfy_batch_take(struct nacre_vfy_batch *out, const nacre_verify_batch *batch,
                         nacre_verify_error *error);

#endif
