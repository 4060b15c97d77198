/*
 * timekeeper.h - the trusted clock as the threads share it, and what the enclave's other clocks have to do with it.
 */
#ifndef NACRE_NACRED_TIMEKEEPER_H
#define NACRE_NACRED_TIMEKEEPER_H

#include "clock.h"

#include <pthread.h>

struct nacre_timekeeper {
    pthread_mutex_t lock;
    struct nacre_clock clock;
    uint64_t max_error_ns;
    bool disciplines; /* this machine's clock is ours to set: inside an enclave */
};

void nacre_timekeeper_init(struct nacre_timekeeper *t, uint64_t max_error_ms, bool disciplines);

/* The time now. Any thread. */
struct nacre_clock_reading nacre_timekeeper_now(struct nacre_timekeeper *t);

/*
 * nacre_timekeeper_add - take in a sample (see nacre_clock_add) and log what changed. Where it disciplines, the system
 * clock is set when it is off, because certificates are checked against it, and /dev/ptp0 is compared.
 */
int nacre_timekeeper_add(struct nacre_timekeeper *t, const struct nacre_clock_sample *sample);

#endif
