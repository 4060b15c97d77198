/* clock.h - trusted time as nacred has told it: an offset to CLOCK_MONOTONIC and a bound of its error. */
#ifndef NACRE_APP_CLOCK_H
#define NACRE_APP_CLOCK_H

#include <common/frame.h>
#include <pthread.h>

struct nacre_app_clock {
    pthread_mutex_t lock; /* over all below */
    bool valid;
    int64_t offset_ns;
    uint64_t error_ns;
    uint64_t told_ns; /* CLOCK_MONOTONIC, when error_ns was true */
    uint64_t max_error_ns;
};

void nacre_app_clock_init(struct nacre_app_clock *clock, uint64_t max_error_ms);

/* Control thread: what a TIME frame says. */
void nacre_app_clock_set(struct nacre_app_clock *clock, const struct nacre_time_frame *time, uint64_t now_ns);

/* Any thread: milliseconds since 1970 at CLOCK_MONOTONIC now_ns. False while the error cannot be bounded. */
bool nacre_app_clock_get(struct nacre_app_clock *clock, uint64_t now_ns, uint64_t *ms);

#endif
