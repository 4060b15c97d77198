#include "memory.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

void *fetch_malloc(size_t size)
{
    return malloc(size);
}

void *fetch_calloc(size_t n, size_t size)
{
    return calloc(n, size);
}

/* Never in place: what realloc() leaves behind could not be wiped. */
void *fetch_realloc(void *p, size_t size)
{
    size_t had = p ? malloc_usable_size(p) : 0;
    if (had && size <= had && size >= had / 2)
        return p;
    void *moved = malloc(size);
    if (moved && p) {
        memcpy(moved, p, had < size ? had : size);
        fetch_free(p);
    }
    return moved;
}

char *fetch_strdup(const char *z)
{
    return strdup(z);
}

void fetch_free(void *p)
{
    if (p)
        explicit_bzero(p, malloc_usable_size(p));
    free(p);
}
