#include "scratch.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define ALIGN       16u
#define FURTHER_MIN (256u * 1024u)

struct nacre_scratch_block {
    struct nacre_scratch_block *next;
    size_t size; /* bytes mapped, with this header */
    size_t used; /* bytes, with this header; set when another block takes over */
    size_t reserved;
};

_Static_assert(sizeof(struct nacre_scratch_block) % ALIGN == 0, "what follows the header is aligned");

static size_t rounded(uint64_t size)
{
    return size ? ((size_t)size + ALIGN - 1) & ~(size_t)(ALIGN - 1) : ALIGN;
}

static void *map(size_t size)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

static void use_first(struct nacre_scratch *s)
{
    s->base = s->at = s->first;
    s->end = s->first + NACRE_SCRATCH_FIRST;
    s->held = NACRE_SCRATCH_FIRST;
    s->first_used = 0;
}

int nacre_scratch_init(struct nacre_scratch *s, size_t limit)
{
    uint8_t *first = map(NACRE_SCRATCH_FIRST);
    if (!first)
        return -ENOMEM;
    memset(s, 0, sizeof *s);
    s->first = first;
    s->limit = limit < NACRE_SCRATCH_FIRST ? NACRE_SCRATCH_FIRST : limit;
    use_first(s);
    return 0;
}

/* Remembers how far the block in use was filled: that much is wiped later. */
static void close_block(struct nacre_scratch *s)
{
    if (s->further)
        s->further->used = (size_t)(s->at - (uint8_t *)s->further);
    else
        s->first_used = (size_t)(s->at - s->first);
}

/* A further block with room for `need` bytes; doubled each time, so that a growing call makes few of them. */
static int add_block(struct nacre_scratch *s, size_t need)
{
    const size_t page = 4096;
    size_t left = s->limit - s->held;
    size_t least, size = s->held > FURTHER_MIN ? s->held : FURTHER_MIN;
    if (__builtin_add_overflow(need, sizeof(struct nacre_scratch_block) + page - 1, &least))
        return -ENOMEM;
    least &= ~(page - 1);
    if (size < least)
        size = least;
    if (size > left)
        size = left & ~(page - 1);
    if (size < least)
        return -ENOMEM;
    struct nacre_scratch_block *b = map(size);
    if (!b)
        return -ENOMEM;
    close_block(s);
    b->size = size;
    b->next = s->further;
    s->further = b;
    s->held += size;
    s->base = s->at = (uint8_t *)(b + 1);
    s->end = (uint8_t *)b + size;
    return 0;
}

void *nacre_scratch_alloc(struct nacre_scratch *s, uint64_t size)
{
    if (size > SIZE_MAX / 2)
        return NULL;
    size_t need = rounded(size);
    if ((size_t)(s->end - s->at) < need && add_block(s, need) < 0)
        return NULL;
    void *p = s->at;
    s->at += need;
    return p;
}

void *nacre_scratch_grow(struct nacre_scratch *s, void *p, uint64_t old_size, uint64_t new_size)
{
    if (new_size > SIZE_MAX / 2)
        return NULL;
    uint8_t *bytes = p;
    size_t had = rounded(old_size), wants = rounded(new_size);
    if (p && bytes >= s->base && bytes + had == s->at && (size_t)(s->end - bytes) >= wants) {
        s->at = bytes + wants;
        return p;
    }
    void *moved = nacre_scratch_alloc(s, new_size);
    if (moved && p)
        memcpy(moved, p, (size_t)old_size);
    return moved;
}

void nacre_scratch_reset(struct nacre_scratch *s)
{
    close_block(s);
    while (s->further) {
        struct nacre_scratch_block *b = s->further;
        size_t size = b->size;
        s->further = b->next;
        explicit_bzero(b, b->used);
        (void)munmap(b, size);
    }
    explicit_bzero(s->first, s->first_used);
    use_first(s);
}

void nacre_scratch_free(struct nacre_scratch *s)
{
    if (!s->first)
        return;
    nacre_scratch_reset(s);
    (void)munmap(s->first, NACRE_SCRATCH_FIRST);
    memset(s, 0, sizeof *s);
}
