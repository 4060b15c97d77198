#include "turn.h"

void nacre_turn_init(struct nacre_turn *turn)
{
    (void)pthread_mutex_init(&turn->lock, NULL);
    (void)pthread_cond_init(&turn->free, NULL);
    atomic_init(&turn->holder, NULL);
}

bool nacre_turn_is(const struct nacre_turn *turn, const void *who)
{
    return atomic_load_explicit(&turn->holder, memory_order_relaxed) == who;
}

void nacre_turn_take(struct nacre_turn *turn, const void *who)
{
    if (nacre_turn_is(turn, who))
        return;
    (void)pthread_mutex_lock(&turn->lock);
    while (atomic_load_explicit(&turn->holder, memory_order_relaxed))
        (void)pthread_cond_wait(&turn->free, &turn->lock);
    atomic_store_explicit(&turn->holder, who, memory_order_relaxed);
    (void)pthread_mutex_unlock(&turn->lock);
}

void nacre_turn_give(struct nacre_turn *turn, const void *who)
{
    if (!nacre_turn_is(turn, who))
        return;
    (void)pthread_mutex_lock(&turn->lock);
    if (nacre_turn_is(turn, who)) {
        atomic_store_explicit(&turn->holder, NULL, memory_order_relaxed);
        (void)pthread_cond_signal(&turn->free);
    }
    (void)pthread_mutex_unlock(&turn->lock);
}
