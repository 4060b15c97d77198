#include "open.h"

#include <errno.h>
#include <sodium.h>

#define MS_PER_S 1000u

int nacre_opening_init(struct nacre_opening *o, const struct nacre_config *config)
{
    o->window_ms = config->sealed_window_s * MS_PER_S;
    o->skew_ms = config->sealed_skew_s * MS_PER_S;
    /* what comes now was made at most skew_ms from now, and is too old window_ms after that */
    return nacre_seen_init(&o->seen, config->sealed_seen, o->window_ms + o->skew_ms);
}

void nacre_opening_free(struct nacre_opening *o)
{
    nacre_seen_free(&o->seen);
}

static int judge_time(const struct nacre_opening *o, uint64_t made_ms, uint64_t now_ms)
{
    if (made_ms > now_ms)
        return made_ms - now_ms > o->skew_ms ? -ERANGE : 0;
    return now_ms - made_ms > o->window_ms ? -ESTALE : 0;
}

int nacre_open_key(struct nacre_opening *o, uint8_t key[32], const struct nacre_open_frame *f,
                   const struct nacre_keys *keys, const uint8_t ticket_key[16],
                   const struct nacre_clock_reading *now)
{
    uint8_t product[32];
    if (!keys || !nacre_pass_valid(&f->pass, &f->ticket, f->header, ticket_key) ||
        nacre_monotonic_ns() > f->ticket.deadline_ns)
        return -EPERM;
    if (!now->valid)
        return -EAGAIN;
    const uint64_t now_ms = nacre_seen_time(&o->seen, now->now_ms);
    int err = judge_time(o, nacre_sc_time(f->header), now_ms);
    if (!err)
        err = nacre_seen_add(&o->seen, nacre_sc_sender(f->header), now_ms);
    if (!err)
        err = nacre_keys_product(keys, product, nacre_sc_sender(f->header));
    if (!err)
        nacre_sc_request_key(key, product, f->header, keys->data_public, f->pass.target);
    sodium_memzero(product, sizeof product);
    return err;
}
