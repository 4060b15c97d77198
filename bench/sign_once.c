/*
 * sign-once - the unit that the benchmark's ratios are in: CPU time of one crypto_sign_detached() over a message as
 * long as the signed bytes of a typical media answer. Prints nanoseconds: the median of many short batches.
 */
#include <sodium.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define MESSAGE 150u /* intent, time, a hash and some text */
#define BATCH   50u
#define BATCHES 401u

static uint64_t cpu_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

int main(void)
{
    static uint64_t took[BATCHES];
    uint8_t pk[32], sk[64], signature[64], message[MESSAGE] = {0};
    if (sodium_init() < 0)
        return 1;
    (void)crypto_sign_keypair(pk, sk);
    for (unsigned b = 0; b < BATCHES; b++) {
        uint64_t begin = cpu_ns();
        for (unsigned i = 0; i < BATCH; i++) {
            message[0]++;
            (void)crypto_sign_detached(signature, NULL, message, sizeof message, sk);
        }
        took[b] = (cpu_ns() - begin) / BATCH;
    }
    if (crypto_sign_verify_detached(signature, message, sizeof message, pk) != 0)
        return 1;
    qsort(took, BATCHES, sizeof took[0], compare);
    printf("%llu\n", (unsigned long long)took[BATCHES / 2]);
    return 0;
}
