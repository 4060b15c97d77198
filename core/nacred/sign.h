/*
 * sign.h - from a RESULT to a signed ANSWER, or to none: everything that stands between a plugin and a signature.
 */
#ifndef NACRE_NACRED_SIGN_H
#define NACRE_NACRED_SIGN_H

#include "common/manifest.h"
#include "key.h"
#include "lanes.h"
#include "timekeeper.h"

#include <stdatomic.h>

/* What the signers share. Read-only but for the clock, which has a lock, and the counters. */
struct nacre_signing {
    const struct nacre_manifest *manifest;
    const struct nacre_keys *keys;
    struct nacre_timekeeper *time;
    _Atomic uint64_t signed_answers, refused_answers;
};

/*
 * nacre_sign_result - judge the message in `in`, which came from nacre-app. Returns
 *   200 with *answer filled; in->payload is the signed BCS,
 *   500 or 503 with *answer filled; *text (static) is for the client, *reason (static) for the log,
 *   0 when nothing is to be sent, because no living nacre-http waits for it; *reason says why.
 * The message's fixed struct is overwritten: the signed bytes are put together in the payload's headroom.
 */
uint32_t nacre_sign_result(struct nacre_signing *s, const uint8_t ticket_key[16], struct nacre_inbox *in,
                           struct nacre_answer_frame *answer, const char **text, const char **reason);

struct nacre_signer {
    struct nacre_signing *signing;
    struct nacre_lane lane;
    struct nacre_inbox inbox; /* the thread's */
    pthread_t thread;
};

/* Begins a thread for the lane, which is initialised. 0 or negative errno. */
int nacre_signer_start(struct nacre_signer *s);
/* Wakes and joins it. The lane stays the caller's to free. */
void nacre_signer_stop(struct nacre_signer *s);

#endif
