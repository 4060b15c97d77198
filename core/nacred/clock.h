/*
 * clock.h - trusted time: the NSM's timestamps laid over CLOCK_MONOTONIC, with a bound on the error.
 * Pure: samples and the present come from the caller.
 */
#ifndef NACRE_NACRED_CLOCK_H
#define NACRE_NACRED_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define NACRE_CLOCK_DRIFT_PPM  200u        /* more than any oscillator that is not broken */
#define NACRE_CLOCK_READING_NS 1000000u    /* a timestamp is in whole milliseconds */
#define NACRE_CLOCK_AGREEING   3u          /* samples that together outvote what was believed before */
#define NACRE_CLOCK_APART_NS   1000000000u /* how far apart those must be */

/* An answer of the NSM: timestamp_ms (since 1970) was true at some moment from before_ns to after_ns. */
struct nacre_clock_sample {
    uint64_t before_ns, after_ns; /* CLOCK_MONOTONIC */
    uint64_t timestamp_ms;
};

/* true time = monotonic + offset_ns, wrong by at most error_ns at the moment at_ns and by more ever after */
struct nacre_clock_line {
    int64_t offset_ns;
    uint64_t error_ns;
    uint64_t at_ns;
};

struct nacre_clock { /* zeroed: knows nothing */
    struct nacre_clock_line line;
    struct nacre_clock_line rival; /* what the latest contradicting samples say */
    uint32_t rivals;               /* samples in a row that agree on it; not 0: the clock is unsure */
    bool started;
};

enum nacre_clock_verdict { NACRE_CLOCK_AGREED, NACRE_CLOCK_UNSURE, NACRE_CLOCK_REPLACED };

/*
 * nacre_clock_add - take in a sample. One that contradicts the prediction beyond both bounds makes the clock unsure
 * until a later one agrees with the prediction, or NACRE_CLOCK_AGREEING in a row agree with each other.
 * Returns the verdict, or -ERANGE for a sample that says nothing: out of order, or less exact than max_error_ns.
 */
int nacre_clock_add(struct nacre_clock *c, const struct nacre_clock_sample *sample, uint64_t max_error_ns);

struct nacre_clock_reading {
    int64_t offset_ns;
    uint64_t error_ns;
    uint64_t now_ms; /* since 1970 */
    bool valid;      /* the error is bounded, and by no more than was asked */
};

/* What time is it at now_ns? */
struct nacre_clock_reading nacre_clock_read(const struct nacre_clock *c, uint64_t now_ns,
                                            uint64_t max_error_ns);

#endif
