/* rng.h - all randomness of a job: xoshiro256++ (Blackman and Vigna), one stream for each purpose of one seed. */
#ifndef ML_RNG_H
#define ML_RNG_H

#include <stdint.h>

struct ml_rng {
    uint64_t s[4];
};

/* What a stream is for. Trees have one each: ML_STREAM_TREE + number. */
enum {
    ML_STREAM_SPLIT = 1,
    ML_STREAM_INIT,
    ML_STREAM_ORDER,
    ML_STREAM_DROPOUT,
    ML_STREAM_CENTRES,
    ML_STREAM_TREE = 1000
};

void ml_rng_begin(struct ml_rng *rng, uint64_t seed, uint64_t stream);
uint64_t ml_rng_next(struct ml_rng *rng);
/* 0 <= result < n; n > 0 */
uint64_t ml_rng_below(struct ml_rng *rng, uint64_t n);
/* 0 <= result < 1, 53 bits */
double ml_rng_real(struct ml_rng *rng);
/* A random order of what stands in list. */
void ml_rng_shuffle(struct ml_rng *rng, uint32_t *list, uint64_t n);

#endif
