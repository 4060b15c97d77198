/*
 * lanes.h - the sockets of each lane, replaced when a helper at the other end was restarted. A worker holds what it
 * works with by reference, so that no descriptor is closed, and its number given away, under a blocked call.
 */
#ifndef NACRE_APP_LANES_H
#define NACRE_APP_LANES_H

#include <common/frame.h>
#include <pthread.h>
#include <stdatomic.h>

/* One pair of sockets. Read-only but for what is atomic. */
struct nacre_lane_pair {
    atomic_uint users;
    atomic_bool dead; /* the nacre-http at its other end is gone, and its jobs with it */
    int request, result;
    uint64_t generation; /* never 0; larger than that of the pair before */
};

struct nacre_lanes {
    pthread_mutex_t lock; /* over all below */
    pthread_cond_t changed;
    uint32_t n; /* 0 until the first LANE frame has told */
    bool stopping;
    struct nacre_lane_pair *pairs[NACRE_LANES_MAX]; /* NULL until both sockets have come */
    int early_request[NACRE_LANES_MAX],
        early_result[NACRE_LANES_MAX]; /* -1: what came alone, before the other */
    uint64_t generation;
    uint64_t ended[NACRE_LANES_MAX]; /* generation of the pair that has ended; 0: none */
    uint64_t ended_ns[NACRE_LANES_MAX];
};

void nacre_lanes_init(struct nacre_lanes *lanes);
void nacre_lanes_free(struct nacre_lanes *lanes); /* after the last nacre_lanes_release() */

/*
 * Control thread: what a LANE frame brings. `request` and `result` are descriptors or -1, taken over in any case. The
 * pair in use is shut down, which wakes its workers. Returns 0, -EBADMSG for a frame that contradicts the earlier
 * ones, or -ENOMEM.
 */
int nacre_lanes_set(struct nacre_lanes *lanes, uint32_t lane, uint32_t n_lanes, int request, int result);

/* Ends all receiving: waiting workers get NULL, requests that are queued are still received. */
void nacre_lanes_stop(struct nacre_lanes *lanes);

/*
 * The pair of the worker's lane (worker number modulo lanes), once its generation is not `stale` (0: any). Waits; NULL
 * when stopping. Release what is returned.
 */
struct nacre_lane_pair *nacre_lanes_await(struct nacre_lanes *lanes, uint32_t worker, uint64_t stale);

/* A worker has seen its pair end at its other side. */
void nacre_lanes_ended(struct nacre_lanes *lanes, uint32_t worker, const struct nacre_lane_pair *pair);

/*
 * Has a lane been without a living pair for longer than this? A nacre-http that died is started again, and brings
 * one; where none comes, something in this very process has shut the socket down.
 */
bool nacre_lanes_lost(struct nacre_lanes *lanes, uint64_t now_ns, uint64_t patience_ns);

/* How many lanes there are; waits until the first LANE frame has told. 0 when stopping before that. */
uint32_t nacre_lanes_count(struct nacre_lanes *lanes);

/* The pair of lane 0 without waiting, or NULL. Release what is returned. */
struct nacre_lane_pair *nacre_lanes_first(struct nacre_lanes *lanes);

void nacre_lanes_release(struct nacre_lane_pair *pair); /* accepts NULL */

#endif
