/*
 * batch.h - /get_attestation?nonce=..&batch=1: the nonces that arrive while the NSM is at work are collected, over all
 * lanes, and the root of their tree is the nonce of the next document. One batch is under way at a time; the first nonce
 * of a quiet time leaves at once. docs/VERIFYING.md, "Batches", says what a client can conclude.
 */
#ifndef NACRE_HTTP_BATCH_H
#define NACRE_HTTP_BATCH_H

#include "errors.h"
#include "nonce.h"
#include "slots.h"
#include "text.h"
#include "tree.h"

#include <pthread.h>

/* A batch's place in the mailbox of a lane. */
struct nacre_mail_batch {
    struct nacre_mail_batch *next;
    struct nacre_batch *batch; /* held */
    uint32_t at;               /* who is answered next */
};

/* One batch. Changed under the collector's lock until it is delivered, then only read. */
struct nacre_batch {
    _Atomic uint32_t users;
    uint32_t n, cap;
    uint64_t id;      /* of the ATTEST */
    uint64_t sent_ns; /* CLOCK_MONOTONIC; 0: not yet, and whoever launches it has it to himself */
    uint64_t *slots;  /* whose nonce stands where; a slot may be gone by now */
    uint8_t (*leaves)[NACRE_TREE_HASH];
    struct nacre_tree tree;
    struct nacre_mail_batch mail[NACRE_LANES_MAX]; /* so that no lane misses it for want of memory */
    uint32_t status;                               /* 200, or that of the error */
    struct nacre_text
        *text; /* 200: the answer up to the index, for all; else the error's JSON; NULL: no memory */
};

struct nacre_batches {
    uint32_t max;             /* nonces that may wait */
    uint64_t patience_ns;     /* after it, nobody waits any longer for what is under way */
    _Atomic uint64_t waiting; /* requests */
    pthread_mutex_t lock;     /* over all below */
    struct nacre_batch *gathering, *flying;
    struct nacre_ids ids;
    uint64_t n_batches, n_nonces, n_failed; /* sent; nonces in those; batches without a document */
    uint32_t largest;
};

struct nacre_shared;

/* 0 or negative errno. */
int nacre_batches_init(struct nacre_batches *batches, uint64_t max, uint64_t patience_ms);
void nacre_batches_free(struct nacre_batches *batches);

/* Takes one of the places for those who wait, and gives it back. */
bool nacre_batches_enter(struct nacre_batches *batches);
void nacre_batches_leave(struct nacre_batches *batches);

/* Puts the nonce of a slot that waits into the next batch. Any lane. A refusal, status 0 when it is under way. */
struct nacre_refusal nacre_batch_join(struct nacre_shared *shared, uint64_t slot,
                                      const struct nacre_nonce *nonce);

/*
 * nacre_batch_done - the control thread has got the document of a batch, or why there is none. Sends the next batch, hands
 * this one to the lanes. False when the id is not of the batch that is under way.
 */
bool nacre_batch_done(struct nacre_shared *shared, uint64_t id, uint32_t status, const uint8_t *data,
                      size_t len);

struct nacre_batch *nacre_batch_hold(struct nacre_batch *batch);
void nacre_batch_drop(struct nacre_batch *batch);

struct nacre_lane;

/*
 * nacre_batch_answer_some - answers a few of those who wait in this lane for batches that are done (batch_answer.c). Called
 * by the lane once a turn, so that others get theirs in between.
 */
void nacre_batch_answer_some(struct nacre_lane *lane);

#endif
