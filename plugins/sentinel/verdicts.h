/*
 * verdicts.h - what was decided about Attack objects: each is evaluated once, whoever asks meanwhile waits for that,
 * and whoever asks later is told the same. In memory, bounded in bytes; past the bound the oldest is forgotten.
 */
#ifndef SENTINEL_VERDICTS_H
#define SENTINEL_VERDICTS_H

#include <nacre/plugin.h>

#define SENTINEL_KEY_LEN 33u /* network, object id */
#define SENTINEL_WAITERS_MAX                                                                                 \
    32u /* callers that may wait for one evaluation; more would take everyone's workers */

/* One verdict, complete. The message is not kept, only its hash. */
struct sentinel_verdict {
    struct nacre_str agent_id;
    uint8_t attacker[32];
    uint64_t nonce;
    uint8_t success, score;
    uint8_t message_hash[32]; /* of the message that was judged */
    struct nacre_str agent_response, jury_response, fun_response;
};

struct sentinel_verdicts;

/* Room for `max_bytes` of verdicts, texts and bookkeeping together. NULL when memory is out. */
struct sentinel_verdicts *sentinel_verdicts_new(uint64_t max_bytes);

/* When no thread is in it any more. Wipes and frees all; accepts NULL. */
void sentinel_verdicts_free(struct sentinel_verdicts *verdicts);

enum sentinel_turn {
    SENTINEL_HELD,   /* *out is the verdict, its texts in the call's memory */
    SENTINEL_NONE,   /* look only: there is none */
    SENTINEL_LEAD,   /* the caller evaluates, and must settle */
    SENTINEL_FAILED, /* another caller's evaluation failed; *status is its status */
    SENTINEL_LATE,   /* the call's deadline came before another caller's evaluation ended */
    SENTINEL_CROWD,  /* SENTINEL_WAITERS_MAX callers wait already */
    SENTINEL_MEMORY, /* out of memory */
};

/* Is a verdict held? Never waits. HELD, NONE or MEMORY. */
enum sentinel_turn sentinel_verdicts_look(struct sentinel_verdicts *verdicts, const struct nacre_call *call,
                                          const uint8_t key[SENTINEL_KEY_LEN], struct sentinel_verdict *out);

/*
 * Takes part in the evaluation of `key`: HELD at once where there is a verdict, LEAD for the first caller; the others
 * wait for its end, none past its own deadline.
 */
enum sentinel_turn sentinel_verdicts_enter(struct sentinel_verdicts *verdicts, const struct nacre_call *call,
                                           const uint8_t key[SENTINEL_KEY_LEN], struct sentinel_verdict *out,
                                           int32_t *status);

/*
 * Ends the evaluation that the caller leads: with a verdict, which is copied and held, or with NULL and the status of
 * the failure, after which the next caller evaluates anew. Where memory is out for the copy, waiting callers see the
 * failure 500 and nothing is held.
 */
void sentinel_verdicts_settle(struct sentinel_verdicts *verdicts, const uint8_t key[SENTINEL_KEY_LEN],
                              const struct sentinel_verdict *verdict, int32_t status);

/* For tests: verdicts held, and bytes of them. */
void sentinel_verdicts_count(struct sentinel_verdicts *verdicts, uint64_t *held, uint64_t *bytes);

#endif
