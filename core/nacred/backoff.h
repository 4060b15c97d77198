/* backoff.h - when to restart a helper that died, or whether to. Pure: time comes from the caller. */
#ifndef NACRE_NACRED_BACKOFF_H
#define NACRE_NACRED_BACKOFF_H

#include <stdint.h>

struct nacre_backoff {
    uint64_t initial_ms, max_ms;
    uint64_t reset_ms;   /* up for so long: the count of deaths in a row starts anew */
    uint64_t stop_after; /* restarts in a row, then no more; 0: never */
    uint64_t in_row;     /* restarts since the last reset */
    uint64_t restarts;   /* ever */
};

/* The wait before the next restart, were the helper to die now without a reset. */
uint64_t nacre_backoff_wait_ms(const struct nacre_backoff *b);

/* The helper is alive and has been up for up_ms: after reset_ms its deaths no longer count. */
void nacre_backoff_lives(struct nacre_backoff *b, uint64_t up_ms);

/*
 * nacre_backoff_died - the helper died after having been up for up_ms (0 when it never got ready).
 * Returns the wait in milliseconds before it is started again, counted as a restart; or -1: leave it stopped.
 */
int64_t nacre_backoff_died(struct nacre_backoff *b, uint64_t up_ms);

#endif
