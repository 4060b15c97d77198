/*
 * seen.h - senders of sealed requests whose keys were given out, so that none is given out twice. Bounded, and never
 * forgets early: two generations, each for as long as an envelope can stay fresh after it came; the older one goes as a
 * whole. It lives in nacred because it has to outlive a crash of nacre-app. Main thread.
 */
#ifndef NACRE_NACRED_SEEN_H
#define NACRE_NACRED_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nacre_seen_generation {
    uint8_t (*at)[16]; /* keyed hashes of senders; all zero: free */
    uint32_t used;
};

struct nacre_seen {
    struct nacre_seen_generation now, before;
    uint32_t max;       /* in one generation */
    uint32_t slots;     /* a power of two, at least twice as many */
    uint64_t keep_ms;   /* how long one is kept at least */
    uint64_t began_ms;  /* of this generation */
    uint64_t latest_ms; /* the trusted time never goes back here */
    uint8_t hash_key[16];
};

/* 0 or -ENOMEM. Memory is touched only as it is used. */
int nacre_seen_init(struct nacre_seen *seen, uint64_t max, uint64_t keep_ms);
void nacre_seen_free(struct nacre_seen *seen);

/*
 * nacre_seen_time - the time to judge by: now_ms, or a later one that was judged by before. What has once been too old
 * stays so, whatever the clock does.
 */
uint64_t nacre_seen_time(struct nacre_seen *seen, uint64_t now_ms);

/* Remembers a sender. 0; -EEXIST when it is known, -ENOSPC when there is no room: then nothing was remembered. */
int nacre_seen_add(struct nacre_seen *seen, const uint8_t sender[32], uint64_t now_ms);

#endif
