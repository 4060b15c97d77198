#include "timekeeper.h"

#include "common/frame.h"
#include "common/log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_MS     1000000
#define SYSTEM_OFF_MS 100

/* A descriptor's clock (clock_gettime(2), "dynamic clocks"). */
#define FD_CLOCK(FD) ((clockid_t)((~(unsigned)(FD) << 3) | 3u))

void nacre_timekeeper_init(struct nacre_timekeeper *t, uint64_t max_error_ms, bool disciplines)
{
    *t = (struct nacre_timekeeper){.max_error_ns = max_error_ms * NS_PER_MS, .disciplines = disciplines};
    (void)pthread_mutex_init(&t->lock, NULL);
}

struct nacre_clock_reading nacre_timekeeper_now(struct nacre_timekeeper *t)
{
    (void)pthread_mutex_lock(&t->lock);
    struct nacre_clock_reading r = nacre_clock_read(&t->clock, nacre_monotonic_ns(), t->max_error_ns);
    (void)pthread_mutex_unlock(&t->lock);
    return r;
}

/* How far `clock` is ahead of trusted time, in milliseconds; false when it cannot be read. */
static bool ahead_ms(clockid_t clock, const struct nacre_clock_reading *now, int64_t *ms)
{
    struct timespec at;
    if (clock_gettime(clock, &at) < 0)
        return false;
    *ms = (int64_t)at.tv_sec * 1000 + at.tv_nsec / NS_PER_MS - (int64_t)now->now_ms;
    return true;
}

static void set_system_clock(const struct nacre_clock_reading *now)
{
    int64_t ms;
    const struct timespec at = {(time_t)(now->now_ms / 1000), (long)(now->now_ms % 1000) * NS_PER_MS};
    if (!ahead_ms(CLOCK_REALTIME, now, &ms) || (ms > -SYSTEM_OFF_MS && ms < SYSTEM_OFF_MS))
        return;
    if (clock_settime(CLOCK_REALTIME, &at) < 0)
        nacre_log_event(NACRE_LEVEL_WARN, "system clock not set", NLS("error", strerror(errno)),
                        NLI("off_ms", ms));
    else
        nacre_log_event(NACRE_LEVEL_INFO, "system clock set", NLI("was_off_ms", ms));
}

/* The NSM's word is what is attested, so a difference is reported, and nothing else. */
static void compare_ptp(const struct nacre_clock_reading *now)
{
    int64_t ms, limit = (int64_t)(now->error_ns / NS_PER_MS) + SYSTEM_OFF_MS;
    int fd = open("/dev/ptp0", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    if (ahead_ms(FD_CLOCK(fd), now, &ms) && (ms < -limit || ms > limit))
        nacre_log_event(NACRE_LEVEL_WARN, "/dev/ptp0 disagrees with the NSM", NLI("ahead_ms", ms),
                        NLI("limit_ms", limit));
    (void)close(fd);
}

int nacre_timekeeper_add(struct nacre_timekeeper *t, const struct nacre_clock_sample *sample)
{
    (void)pthread_mutex_lock(&t->lock);
    struct nacre_clock_reading before = nacre_clock_read(&t->clock, sample->after_ns, t->max_error_ns);
    int verdict = nacre_clock_add(&t->clock, sample, t->max_error_ns);
    struct nacre_clock_reading now = nacre_clock_read(&t->clock, sample->after_ns, t->max_error_ns);
    (void)pthread_mutex_unlock(&t->lock);
    if (verdict == NACRE_CLOCK_UNSURE)
        nacre_log_event(NACRE_LEVEL_WARN, "clock unsure, not signing", NLI("nsm_ms", sample->timestamp_ms),
                        NLI("predicted_ms", before.now_ms), NLI("bound_ms", before.error_ns / NS_PER_MS));
    else if (verdict == NACRE_CLOCK_REPLACED)
        nacre_log_event(NACRE_LEVEL_WARN, "clock set anew", NLI("now_ms", now.now_ms),
                        NLI("was_ms", before.now_ms));
    else if (verdict < 0)
        nacre_log_event(NACRE_LEVEL_WARN, "NSM time useless", NLI("nsm_ms", sample->timestamp_ms),
                        NLI("took_ms", (sample->after_ns - sample->before_ns) / NS_PER_MS));
    if (now.valid && t->disciplines) {
        set_system_clock(&now);
        compare_ptp(&now);
    }
    return verdict;
}
