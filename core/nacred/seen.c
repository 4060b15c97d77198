#include "seen.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

int nacre_seen_init(struct nacre_seen *seen, uint64_t max, uint64_t keep_ms)
{
    *seen = (struct nacre_seen){.max = (uint32_t)max, .slots = 1, .keep_ms = keep_ms};
    while (seen->slots < 2 * max)
        seen->slots *= 2;
    randombytes_buf(seen->hash_key, sizeof seen->hash_key);
    seen->now.at = calloc(seen->slots, sizeof *seen->now.at);
    seen->before.at = calloc(seen->slots, sizeof *seen->before.at);
    if (seen->now.at && seen->before.at)
        return 0;
    nacre_seen_free(seen);
    return -ENOMEM;
}

void nacre_seen_free(struct nacre_seen *seen)
{
    free(seen->now.at);
    free(seen->before.at);
    *seen = (struct nacre_seen){0};
}

uint64_t nacre_seen_time(struct nacre_seen *seen, uint64_t now_ms)
{
    if (now_ms > seen->latest_ms)
        seen->latest_ms = now_ms;
    return seen->latest_ms;
}

static void empty(const struct nacre_seen *seen, struct nacre_seen_generation *g)
{
    if (g->used)
        memset(g->at, 0, seen->slots * sizeof *g->at);
    g->used = 0;
}

/* A generation is begun anew once the last one has run for as long as anything in the one before it must be kept. */
static void turn_over(struct nacre_seen *seen, uint64_t now_ms)
{
    const uint64_t age = now_ms - seen->began_ms;
    if (age <= seen->keep_ms)
        return;
    const struct nacre_seen_generation old = seen->before;
    seen->before = seen->now;
    seen->now = old;
    empty(seen, &seen->now);
    if (age > 2 * seen->keep_ms)
        empty(seen, &seen->before);
    seen->began_ms = now_ms;
}

/* Where the hash stands, or the free place where it would. There always is one: at most half of them are used. */
static uint8_t *find(const struct nacre_seen *seen, const struct nacre_seen_generation *g,
                     const uint8_t hash[16])
{
    uint32_t at;
    memcpy(&at, hash, sizeof at);
    for (;; at++) {
        uint8_t *slot = g->at[at & (seen->slots - 1)];
        if (memcmp(slot, hash, 16) == 0 || sodium_is_zero(slot, 16))
            return slot;
    }
}

int nacre_seen_add(struct nacre_seen *seen, const uint8_t sender[32], uint64_t now_ms)
{
    uint8_t hash[16];
    now_ms = nacre_seen_time(seen, now_ms);
    turn_over(seen, now_ms);
    /* keyed, so that nobody can make senders that fall on one place */
    (void)crypto_shorthash_siphashx24(hash, sender, 32, seen->hash_key);
    hash[15] |= 1; /* never all zero */
    uint8_t *slot = find(seen, &seen->now, hash);
    if (!sodium_is_zero(slot, 16) || !sodium_is_zero(find(seen, &seen->before, hash), 16))
        return -EEXIST;
    if (seen->now.used == seen->max)
        return -ENOSPC;
    memcpy(slot, hash, 16);
    seen->now.used++;
    return 0;
}
