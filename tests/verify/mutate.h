/* Damaged documents, from a seed. Every mutant differs from the document it was made of, in meaning or in bytes. */
#ifndef NACRE_TESTS_VERIFY_MUTATE_H
#define NACRE_TESTS_VERIFY_MUTATE_H

#include <stdbool.h>

#include "doc.h"

#define MUTANT_MAX  (2 * NACRE_VERIFY_DOCUMENT_MAX)
#define ENTRIES_MAX 16u

/* A document and where its parts are. */
struct sample {
    const nacre_verify_doc *doc;
    nacre_verify_bytes entry[ENTRIES_MAX]; /* key and value together */
    nacre_verify_bytes value[ENTRIES_MAX];
    size_t entries;
    bool indefinite;
};

struct mutant {
    uint8_t data[MUTANT_MAX];
    size_t size;
};

struct random {
    uint64_t state;
};

uint64_t random_u64(struct random *random);
size_t random_below(struct random *random, size_t limit);

/* Finds the parts. The sample borrows the document. */
struct sample sample_of(const nacre_verify_doc *doc);

struct mutation {
    const char *name;
    /* `other` is a second document to take parts from. False when this one came out unchanged. */
    bool (*mutate)(struct random *random, const struct sample *one, const struct sample *other,
                   struct mutant *mutant);
};

/* mutate_parts.c: of the parts of a document. mutate_bytes.c: of its bytes. */
extern const struct mutation byte_mutations[];
extern const size_t byte_mutation_count;
extern const struct mutation part_mutations[];
extern const size_t part_mutation_count;

#endif
