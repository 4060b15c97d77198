/*
 * scratch.h - memory that lives as long as one call. One per worker: the first block stays with it, so that a
 * small call allocates nothing; further blocks are mapped as needed and given back after the call. Everything
 * handed out is wiped when the call ends, which is also what makes the next call's memory zero.
 */
#ifndef NACRE_APP_SCRATCH_H
#define NACRE_APP_SCRATCH_H

#include <stddef.h>
#include <stdint.h>

#define NACRE_SCRATCH_FIRST 65536u /* bytes of the first block */

struct nacre_scratch_block; /* a further block; begins with its own size */

struct nacre_scratch {
    uint8_t *first;                      /* NACRE_SCRATCH_FIRST bytes */
    size_t first_used;                   /* of the first block, once a further one is in use */
    struct nacre_scratch_block *further; /* newest first */
    uint8_t *base, *at, *end;            /* the block in use */
    size_t held;                         /* bytes of all blocks */
    size_t limit;                        /* held never exceeds it */
};

/* `limit`: bytes, at least NACRE_SCRATCH_FIRST. 0 or -ENOMEM. For one thread at a time. */
int nacre_scratch_init(struct nacre_scratch *s, size_t limit);

/* `size` zeroed bytes (0 is served like 1), aligned to 16, owned by the scratch; NULL past the limit. */
void *nacre_scratch_alloc(struct nacre_scratch *s, uint64_t size);

/*
 * More room for what was allocated: `old_size` and `new_size` in bytes, new_size not less. Stays in place
 * when it was the last allocation and there is room, else moves; the added bytes are zero. NULL past the
 * limit (p stays valid).
 */
void *nacre_scratch_grow(struct nacre_scratch *s, void *p, uint64_t old_size, uint64_t new_size);

/* Ends the call: wipes what was handed out and gives further blocks back. */
void nacre_scratch_reset(struct nacre_scratch *s);

/* Accepts a zeroed struct. */
void nacre_scratch_free(struct nacre_scratch *s);

#endif
