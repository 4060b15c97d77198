/*
 * memory.h - the allocator that libcurl is given: what it frees is wiped first, because URLs, headers and bodies
 * carry keys and prompts.
 */
#ifndef NACRE_FETCH_MEMORY_H
#define NACRE_FETCH_MEMORY_H

#include <stddef.h>

/* As the functions of the C library, in memory that fetch_free() wipes. */
void *fetch_malloc(size_t size);
void *fetch_calloc(size_t n, size_t size);
void *fetch_realloc(void *p, size_t size);
char *fetch_strdup(const char *z);
void fetch_free(void *p);

#endif
