#include "clock.h"

/* How much a clock may drift between two TIME frames: 200 ppm, as nacred assumes too. */
#define DRIFT_DIVISOR 5000u

void nacre_app_clock_init(struct nacre_app_clock *clock, uint64_t max_error_ms)
{
    *clock = (struct nacre_app_clock){.max_error_ns = max_error_ms * 1000000u};
    (void)pthread_mutex_init(&clock->lock, NULL);
}

void nacre_app_clock_set(struct nacre_app_clock *clock, const struct nacre_time_frame *time, uint64_t now_ns)
{
    (void)pthread_mutex_lock(&clock->lock);
    clock->valid = time->valid == 1;
    clock->offset_ns = time->offset_ns;
    clock->error_ns = time->error_ns;
    clock->told_ns = now_ns;
    (void)pthread_mutex_unlock(&clock->lock);
}

bool nacre_app_clock_get(struct nacre_app_clock *clock, uint64_t now_ns, uint64_t *ms)
{
    int64_t ns = 0;
    uint64_t error = 0;
    (void)pthread_mutex_lock(&clock->lock);
    uint64_t age = now_ns > clock->told_ns ? now_ns - clock->told_ns : 0;
    bool ok = clock->valid && !__builtin_add_overflow(clock->error_ns, age / DRIFT_DIVISOR, &error) &&
              error <= clock->max_error_ns &&
              !__builtin_add_overflow(clock->offset_ns, (int64_t)now_ns, &ns) && ns >= 0;
    (void)pthread_mutex_unlock(&clock->lock);
    if (ok)
        *ms = (uint64_t)ns / 1000000u;
    return ok;
}
