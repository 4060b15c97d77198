#include "app.h"

#include <sodium.h>
#include <time.h>

void nacre_app_init(struct nacre_app *a)
{
    pthread_condattr_t attr;
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&a->wake, &attr);
    (void)pthread_condattr_destroy(&attr);
    (void)pthread_mutex_init(&a->wake_lock, NULL);
    nacre_lanes_init(&a->lanes);
    for (size_t i = 0; i < NACRE_LANES_MAX; i++) {
        nacre_turn_init(&a->turns[i]);
        (void)pthread_mutex_init(&a->arrivals[i].lock, NULL);
    }
    nacre_pending_init(&a->pending, NACRE_FD_CONTROL);
    randombytes_buf(a->job_key, sizeof a->job_key);
    nacre_app_clock_init(&a->clock, a->manifest.config.clock_max_error_ms);
}

static struct timespec after(uint64_t ms)
{
    const uint64_t ns = nacre_monotonic_ns() + ms * 1000000u;
    return (struct timespec){(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};
}

/* Until stopping or, for a doze, roused. The flag is read under the lock: who rouses in between is not missed. */
static bool wait_until(struct nacre_app *a, uint64_t ms, bool doze)
{
    const struct timespec until = after(ms);
    int err = 0;
    (void)pthread_mutex_lock(&a->wake_lock);
    while (!atomic_load(&a->stopping) && (!doze || atomic_load(&a->dozing)) && err == 0)
        err = pthread_cond_timedwait(&a->wake, &a->wake_lock, &until);
    (void)pthread_mutex_unlock(&a->wake_lock);
    return atomic_load(&a->stopping);
}

bool nacre_app_wait(struct nacre_app *a, uint64_t ms)
{
    return wait_until(a, ms, false);
}

bool nacre_app_doze(struct nacre_app *a, uint64_t ms)
{
    return wait_until(a, ms, true);
}

void nacre_app_health_ends(struct nacre_app *a)
{
    (void)pthread_mutex_lock(&a->wake_lock);
    a->health_ended = true;
    (void)pthread_cond_broadcast(&a->wake);
    (void)pthread_mutex_unlock(&a->wake_lock);
}

bool nacre_app_health_ended(struct nacre_app *a, uint64_t ms)
{
    const struct timespec until = after(ms);
    int err = 0;
    (void)pthread_mutex_lock(&a->wake_lock);
    while (!a->health_ended && err == 0)
        err = pthread_cond_timedwait(&a->wake, &a->wake_lock, &until);
    const bool ended = a->health_ended;
    (void)pthread_mutex_unlock(&a->wake_lock);
    return ended;
}

void nacre_app_rouse(struct nacre_app *a)
{
    if (!atomic_load(&a->dozing))
        return;
    (void)pthread_mutex_lock(&a->wake_lock);
    atomic_store(&a->dozing, false);
    (void)pthread_cond_broadcast(&a->wake);
    (void)pthread_mutex_unlock(&a->wake_lock);
}

void nacre_app_stop(struct nacre_app *a)
{
    (void)pthread_mutex_lock(&a->wake_lock);
    atomic_store(&a->stopping, true);
    (void)pthread_cond_broadcast(&a->wake);
    (void)pthread_mutex_unlock(&a->wake_lock);
    nacre_lanes_stop(&a->lanes);
}
