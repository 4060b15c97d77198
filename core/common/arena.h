/* arena.h - memory that is freed all at once: what a parsed manifest consists of. Not for secrets. */
#ifndef NACRE_COMMON_ARENA_H
#define NACRE_COMMON_ARENA_H

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct nacre_arena_block {
    struct nacre_arena_block *next;
    max_align_t data[];
};

struct nacre_arena {
    struct nacre_arena_block *blocks;
};

/* n * size zeroed bytes, aligned for anything; NULL when memory is out. */
static inline void *nacre_arena_alloc(struct nacre_arena *a, size_t n, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(n, size, &bytes) ||
        __builtin_add_overflow(bytes, sizeof(struct nacre_arena_block), &bytes))
        return NULL;
    struct nacre_arena_block *b = calloc(1, bytes);
    if (!b)
        return NULL;
    b->next = a->blocks;
    a->blocks = b;
    return b->data;
}

static inline void nacre_arena_free(struct nacre_arena *a)
{
    while (a && a->blocks) {
        struct nacre_arena_block *next = a->blocks->next;
        free(a->blocks);
        a->blocks = next;
    }
}

#endif
