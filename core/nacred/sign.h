/*
 * sign.h - from a RESULT to a signed ANSWER, or to none: everything that stands between a plugin and a signature.
 */
#ifndef NACRE_NACRED_SIGN_H
#define NACRE_NACRED_SIGN_H

#include "common/manifest.h"
#include "common/pack.h"
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

/* What becomes of a result. */
struct nacre_verdict {
    uint32_t
        status; /* 200: signed; 500, 503: refused; 0: nothing is sent, no living nacre-http waits for it */
    const char *text;   /* for the client */
    const char *reason; /* for the log */
};

/*
 * nacre_sign_result - judge the message in `in`, which came from nacre-app, and sign what passes. Fills *answer; its
 * payload is then in->payload, the signed BCS, or the verdict's text. Overwrites the message's fixed struct: the
 * signed bytes are put together in the payload's headroom. The verdict is static.
 */
const struct nacre_verdict *nacre_sign_result(const struct nacre_signing *s, const uint8_t ticket_key[16],
                                              struct nacre_inbox *in, struct nacre_answer_frame *answer);

struct nacre_signer {
    struct nacre_signing *signing;
    struct nacre_lane lane;
    struct nacre_inbox inbox;       /* the thread's */
    struct nacre_outbox outbox;     /* the same */
    uint64_t logged_ns, not_logged; /* of refusals, and since when `logged` counts */
    uint32_t logged;
    pthread_t thread;
};

/* Begins a thread for the lane, which is initialised. 0 or negative errno. */
int nacre_signer_start(struct nacre_signer *s);
/* Wakes and joins it. The lane stays the caller's to free. */
void nacre_signer_stop(struct nacre_signer *s);

#endif
