/*
 * lanes.h - the sockets of the lanes, and how a signer learns of new ones when a helper has been restarted.
 *
 * A lane's current sockets are closed by its signer alone. The main thread posts their successors and shuts the
 * current ones down, which wakes the signer from a receive or a send on them; so no descriptor number is ever reused
 * under a blocked call.
 */
#ifndef NACRE_NACRED_LANES_H
#define NACRE_NACRED_LANES_H

#include "common/frame.h"

#include <pthread.h>

struct nacre_lane {
    pthread_mutex_t lock; /* over all below */
    pthread_cond_t wake;
    int result, answer;           /* in use by the signer; -1: none */
    int next_result, next_answer; /* posted; -1: nothing new */
    uint8_t ticket_key[16];       /* belongs to `answer`: a nacre-http signs for its own requests only */
    uint8_t next_ticket_key[16];
    bool stop;
};

/* What a signer works with between two receives. */
struct nacre_lane_sockets {
    int result, answer; /* borrowed; answer is -1 while there is no nacre-http */
    uint8_t ticket_key[16];
};

void nacre_lane_init(struct nacre_lane *lane);
void nacre_lane_free(struct nacre_lane *lane); /* after its signer has ended */

/* Main thread. The lane takes over the descriptor. */
void nacre_lane_post_result(struct nacre_lane *lane, int fd);
void nacre_lane_post_answer(struct nacre_lane *lane, int fd, const uint8_t ticket_key[16]);
void nacre_lane_stop(struct nacre_lane *lane);

/* Signer. Waits until there is a result socket; false to end. */
bool nacre_lane_await(struct nacre_lane *lane, struct nacre_lane_sockets *out);
/* Signer. The newest answer socket and key, before a result that has been received is looked at. */
void nacre_lane_refresh(struct nacre_lane *lane, struct nacre_lane_sockets *out);
/* Signer. The result socket is at its end. */
void nacre_lane_drop_result(struct nacre_lane *lane);

#endif
