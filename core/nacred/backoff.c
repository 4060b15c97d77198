#include "backoff.h"

uint64_t nacre_backoff_wait_ms(const struct nacre_backoff *b)
{
    uint64_t wait = b->initial_ms < b->max_ms ? b->initial_ms : b->max_ms;
    if (b->in_row > 0 && wait == 0)
        wait = 1; /* twice nothing is nothing: an initial wait of 0 is for the first restart only */
    for (uint64_t i = 0; i < b->in_row && wait < b->max_ms; i++)
        wait = wait > b->max_ms / 2 ? b->max_ms : wait * 2;
    return wait;
}

void nacre_backoff_lives(struct nacre_backoff *b, uint64_t up_ms)
{
    if (up_ms >= b->reset_ms)
        b->in_row = 0;
}

int64_t nacre_backoff_died(struct nacre_backoff *b, uint64_t up_ms)
{
    nacre_backoff_lives(b, up_ms);
    if (b->stop_after > 0 && b->in_row >= b->stop_after)
        return -1;
    uint64_t wait = nacre_backoff_wait_ms(b);
    b->in_row++;
    b->restarts++;
    return (int64_t)wait;
}
