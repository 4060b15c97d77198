/* gate.c - how many trainings go on at once, whoever asked for them: each takes memory, and all share the CPUs. */
#include "app.h"

#include <pthread.h>
#include <time.h>

#define POLL_MS 100L

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t inside;

static int try_enter(uint64_t most)
{
    (void)pthread_mutex_lock(&lock);
    const int entered = inside < most;
    inside += entered ? 1 : 0;
    (void)pthread_mutex_unlock(&lock);
    return entered;
}

int32_t gate_enter(const struct nacre_call *call, uint64_t most)
{
    const struct timespec t = {0, POLL_MS * 1000000L};
    while (!try_enter(most)) {
        if (nacre_remaining_ms(call) == 0)
            return nacre_fail(call, 504, "as many trainings as go on at once, %llu, did not end in time",
                              (unsigned long long)most);
        nacre_progress(call, 0, "waiting for another training");
        (void)nanosleep(&t, NULL);
    }
    return 0;
}

void gate_leave(void)
{
    (void)pthread_mutex_lock(&lock);
    inside--;
    (void)pthread_mutex_unlock(&lock);
}
