#include "rng.h"

static uint64_t turn(uint64_t x, int by)
{
    return x << by | x >> (64 - by);
}

/* splitmix64, which xoshiro's authors seed it with. */
static uint64_t mix(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

void ml_rng_begin(struct ml_rng *rng, uint64_t seed, uint64_t stream)
{
    uint64_t state = stream;
    state = seed ^ mix(&state);
    for (int i = 0; i < 4; i++)
        rng->s[i] = mix(&state);
}

uint64_t ml_rng_next(struct ml_rng *rng)
{
    uint64_t *s = rng->s;
    const uint64_t result = turn(s[0] + s[3], 23) + s[0], t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = turn(s[3], 45);
    return result;
}

uint64_t ml_rng_below(struct ml_rng *rng, uint64_t n)
{
    return (uint64_t)(((unsigned __int128)ml_rng_next(rng) * n) >> 64);
}

double ml_rng_real(struct ml_rng *rng)
{
    return (double)(ml_rng_next(rng) >> 11) * 0x1p-53;
}

void ml_rng_shuffle(struct ml_rng *rng, uint32_t *list, uint64_t n)
{
    for (uint64_t i = n; i > 1; i--) {
        const uint64_t j = ml_rng_below(rng, i);
        const uint32_t kept = list[i - 1];
        list[i - 1] = list[j];
        list[j] = kept;
    }
}
