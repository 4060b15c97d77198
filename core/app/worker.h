/* worker.h - a thread that receives requests of one lane, calls handlers, and sends what comes of it. */
#ifndef NACRE_APP_WORKER_H
#define NACRE_APP_WORKER_H

#include "app.h"
#include "call.h"

#include <common/pack.h>

struct nacre_worker {
    struct nacre_app *app;
    uint32_t index;
    struct nacre_turn *turn;         /* its lane's */
    struct nacre_app_lane *arrivals; /* the same */
    pthread_t thread;
    struct nacre_inbox inbox;
    /* results of calls that are done, of its own thread; when it is in a long call, the main thread sends them */
    pthread_mutex_t results_lock;
    struct nacre_outbox results;
    const struct nacre_lane_pair *pair; /* where they go; NULL: it serves none */
    uint64_t results_since_ns;          /* its thread's: when the first of them was asked for */
    struct nacre_scratch scratch;
    uint8_t *response; /* app.response_bytes, for the BCS */
    size_t response_cap;
    /* for the main thread, which watches */
    _Atomic uint64_t busy_since_ns; /* 0: idle */
    _Atomic uint64_t busy_until_ns; /* the deadline of the call in progress; 0: idle */
    _Atomic uint64_t busy_id;
    _Atomic bool busy_job;
    _Atomic uint64_t cancelled_id; /* the last job of this worker's that was cancelled */
    uint64_t reported_id;          /* main thread: the call that was logged as late */
};

/*
 * nacre_worker_serve - the message in the worker's inbox, to its end: a RESULT, a FAILURE, or nothing when its
 * deadline has passed or it is not a request at all.
 */
void nacre_worker_serve(struct nacre_worker *worker, const struct nacre_lane_pair *pair);

/* The same for a message whose payload found no memory (nacre_frame_receive's -ENOMEM): a FAILURE with 503. */
void nacre_worker_refuse(struct nacre_worker *worker, const struct nacre_lane_pair *pair);

/* Sends the results of the calls that are done. */
void nacre_worker_send(struct nacre_worker *worker);

/* The worker's call is about to block: its results go out, another one receives meanwhile. Accepts NULL. */
void nacre_worker_step_aside(struct nacre_worker *worker);

/* Memory of a worker; thread not started. 0 or -ENOMEM. */
int nacre_worker_init(struct nacre_worker *worker, struct nacre_app *app, uint32_t index);
void nacre_worker_free(struct nacre_worker *worker);

#endif
