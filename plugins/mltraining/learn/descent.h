/* descent.h - the least of a smooth function of many numbers, by L-BFGS (Nocedal and Wright, algorithm 7.5). */
#ifndef ML_DESCENT_H
#define ML_DESCENT_H

#include <stddef.h>
#include <stdint.h>

struct ml_descent {
    void *ctx;
    size_t n;
    /* The value at w, and its gradient. */
    double (*value)(void *ctx, const double *w, double *gradient);
    /* After each step; other than 0 ends the search with it. */
    int (*step)(void *ctx, uint64_t steps, double value);
    uint64_t most; /* steps */
    double enough; /* no number of the gradient is larger than this: done */
};

/* From w to the least near it, in w. 0, -ENOMEM, or what step() said. */
int ml_descend(const struct ml_descent *d, double *w);

#endif
