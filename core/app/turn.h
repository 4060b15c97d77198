/*
 * turn.h - whose turn it is to receive on a lane. One worker at a time does, and serves what it receives itself, so
 * that a run of short calls costs no change of threads at all. Who is about to block gives the turn away first; who
 * computes for long has it taken away.
 */
#ifndef NACRE_APP_TURN_H
#define NACRE_APP_TURN_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

struct nacre_turn {
    pthread_mutex_t lock;
    pthread_cond_t free;
    _Atomic(const void *) holder; /* NULL: nobody's turn, and a waiting worker has been woken */
};

void nacre_turn_init(struct nacre_turn *turn);

bool nacre_turn_is(const struct nacre_turn *turn, const void *who);

/* Waits until it is `who`'s turn. At once when it already is. */
void nacre_turn_take(struct nacre_turn *turn, const void *who);

/* Gives the turn to whoever waits for it, if it is `who`'s. Any thread: a turn can be given in its holder's place. */
void nacre_turn_give(struct nacre_turn *turn, const void *who);

#endif
