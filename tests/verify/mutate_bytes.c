/* Mutations that know nothing of what the bytes mean. */
#include <string.h>

#include "mutate.h"

/* splitmix64 (public domain, Vigna): small, and the same everywhere. */
uint64_t random_u64(struct random *random)
{
    random->state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = random->state;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

size_t random_below(struct random *random, size_t limit)
{
    return (size_t)(random_u64(random) % limit);
}

static void copy(const struct sample *one, struct mutant *mutant)
{
    memcpy(mutant->data, one->doc->bytes, one->doc->size);
    mutant->size = one->doc->size;
}

static bool differs(const struct sample *one, const struct mutant *mutant)
{
    return mutant->size != one->doc->size || memcmp(mutant->data, one->doc->bytes, mutant->size) != 0;
}

static bool flip_bits(struct random *random, const struct sample *one, const struct sample *other,
                      struct mutant *mutant)
{
    (void)other;
    copy(one, mutant);
    for (size_t n = 1 + random_below(random, 4); n > 0; n--) {
        mutant->data[random_below(random, mutant->size)] ^= (uint8_t)(1u << random_below(random, 8));
    }
    return differs(one, mutant);
}

static bool set_bytes(struct random *random, const struct sample *one, const struct sample *other,
                      struct mutant *mutant)
{
    static const uint8_t telling[] = {0x00, 0x01, 0x7f, 0x80, 0xff, 0x9f, 0xbf, 0x5f, 0xf6, 0x1b, 0x5b, 0x30};
    (void)other;
    copy(one, mutant);
    for (size_t n = 1 + random_below(random, 8); n > 0; n--) {
        mutant->data[random_below(random, mutant->size)] = telling[random_below(random, sizeof telling)];
    }
    return differs(one, mutant);
}

static bool truncate(struct random *random, const struct sample *one, const struct sample *other,
                     struct mutant *mutant)
{
    (void)other;
    copy(one, mutant);
    mutant->size = random_below(random, mutant->size);
    return true;
}

static bool append(struct random *random, const struct sample *one, const struct sample *other,
                   struct mutant *mutant)
{
    (void)other;
    copy(one, mutant);
    for (size_t n = 1 + random_below(random, 32); n > 0; n--) {
        mutant->data[mutant->size++] = (uint8_t)random_u64(random);
    }
    return true;
}

static bool append_document(struct random *random, const struct sample *one, const struct sample *other,
                            struct mutant *mutant)
{
    copy(one, mutant);
    size_t size = 1 + random_below(random, other->doc->size);
    memcpy(mutant->data + mutant->size, other->doc->bytes, size);
    mutant->size += size;
    return true;
}

static bool insert(struct random *random, const struct sample *one, const struct sample *other,
                   struct mutant *mutant)
{
    (void)other;
    copy(one, mutant);
    size_t at = random_below(random, mutant->size);
    size_t size = 1 + random_below(random, 16);
    memmove(mutant->data + at + size, mutant->data + at, mutant->size - at);
    for (size_t i = 0; i < size; i++) {
        mutant->data[at + i] = (uint8_t)random_u64(random);
    }
    mutant->size += size;
    return true;
}

static bool cut(struct random *random, const struct sample *one, const struct sample *other,
                struct mutant *mutant)
{
    (void)other;
    copy(one, mutant);
    size_t at = random_below(random, mutant->size);
    size_t size = 1 + random_below(random, mutant->size - at);
    memmove(mutant->data + at, mutant->data + at + size, mutant->size - at - size);
    mutant->size -= size;
    return true;
}

static bool move_block(struct random *random, const struct sample *one, const struct sample *other,
                       struct mutant *mutant)
{
    (void)other;
    copy(one, mutant);
    size_t size = 1 + random_below(random, 64);
    size_t from = random_below(random, mutant->size - size);
    size_t to = random_below(random, mutant->size - size);
    memcpy(mutant->data + to, one->doc->bytes + from, size);
    return differs(one, mutant);
}

/* The front of one document, the back of another. */
static bool cross(struct random *random, const struct sample *one, const struct sample *other,
                  struct mutant *mutant)
{
    copy(one, mutant);
    size_t at = 1 + random_below(random, one->doc->size - 1);
    size_t from = at < other->doc->size ? at : other->doc->size - 1;
    memcpy(mutant->data + at, other->doc->bytes + from, other->doc->size - from);
    mutant->size = at + other->doc->size - from;
    /* Two documents of one enclave begin alike: then the back of the other makes it the other. */
    return differs(one, mutant) && differs(other, mutant);
}

const struct mutation byte_mutations[] = {
    {"flip bits", flip_bits},
    {"set bytes", set_bytes},
    {"truncate", truncate},
    {"append bytes", append},
    {"append a document", append_document},
    {"insert bytes", insert},
    {"cut bytes", cut},
    {"move a block", move_block},
    {"cross two documents", cross},
};
const size_t byte_mutation_count = sizeof byte_mutations / sizeof byte_mutations[0];
