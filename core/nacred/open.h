/*
 * open.h - the keys of sealed requests (docs/SEALED.md): who gets one, for which request, and that once.
 */
#ifndef NACRE_NACRED_OPEN_H
#define NACRE_NACRED_OPEN_H

#include "clock.h"
#include "common/config.h"
#include "common/frame.h"
#include "key.h"
#include "seen.h"

struct nacre_opening {
    struct nacre_seen seen;
    uint64_t window_ms, skew_ms;
};

/* 0 or -ENOMEM. Main thread, as all here. */
int nacre_opening_init(struct nacre_opening *o, const struct nacre_config *config);
void nacre_opening_free(struct nacre_opening *o);

/*
 * nacre_open_key - the key of the sealed request that `f` asks for, when nacre-http received it (its pass and ticket are
 * under ticket_key, and the deadline has not passed), when it is fresh, and when its sender is new. Else a negative
 * errno, see struct nacre_open_frame. A sender counts as seen before its key leaves, whatever becomes of the request.
 */
int nacre_open_key(struct nacre_opening *o, uint8_t key[32], const struct nacre_open_frame *f,
                   const struct nacre_keys *keys, const uint8_t ticket_key[16],
                   const struct nacre_clock_reading *now);

#endif
