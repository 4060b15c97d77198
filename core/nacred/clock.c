#include "clock.h"

#include <errno.h>

#define NS_PER_MS 1000000u

/* The line's error bound at `now`: what it was, and what the oscillator may have drifted since. */
static uint64_t bound_at(const struct nacre_clock_line *line, uint64_t now)
{
    uint64_t age = now > line->at_ns ? now - line->at_ns : 0;
    return line->error_ns + age / (1000000u / NACRE_CLOCK_DRIFT_PPM) + 1;
}

static bool agree(const struct nacre_clock_line *line, const struct nacre_clock_line *sample)
{
    int64_t diff;
    if (__builtin_sub_overflow(line->offset_ns, sample->offset_ns, &diff))
        return false;
    return (diff < 0 ? -(uint64_t)diff : (uint64_t)diff) <= bound_at(line, sample->at_ns) + sample->error_ns;
}

/* Both are right, so the more exact one is the better. */
static void keep_better(struct nacre_clock_line *line, const struct nacre_clock_line *sample)
{
    if (sample->error_ns <= bound_at(line, sample->at_ns))
        *line = *sample;
}

static int to_line(struct nacre_clock_line *line, const struct nacre_clock_sample *s, uint64_t max_error_ns)
{
    if (s->after_ns < s->before_ns || s->after_ns > INT64_MAX || s->timestamp_ms > INT64_MAX / NS_PER_MS)
        return -ERANGE;
    line->at_ns = s->before_ns + (s->after_ns - s->before_ns) / 2;
    line->offset_ns = (int64_t)(s->timestamp_ms * NS_PER_MS) - (int64_t)line->at_ns;
    line->error_ns = (s->after_ns - s->before_ns + 1) / 2 + NACRE_CLOCK_READING_NS;
    return line->error_ns > max_error_ns ? -ERANGE : 0;
}

int nacre_clock_add(struct nacre_clock *c, const struct nacre_clock_sample *sample, uint64_t max_error_ns)
{
    struct nacre_clock_line s;
    int err = to_line(&s, sample, max_error_ns);
    if (err)
        return err;
    if (!c->started) {
        *c = (struct nacre_clock){.line = s, .started = true};
        return NACRE_CLOCK_AGREED;
    }
    if (agree(&c->line, &s)) {
        c->rivals = 0;
        keep_better(&c->line, &s);
        return NACRE_CLOCK_AGREED;
    }
    if (c->rivals == 0 || !agree(&c->rival, &s)) {
        c->rival = s;
        c->rivals = 1;
        return NACRE_CLOCK_UNSURE;
    }
    if (s.at_ns < c->rival.at_ns || s.at_ns - c->rival.at_ns < NACRE_CLOCK_APART_NS)
        return NACRE_CLOCK_UNSURE;
    c->rival = s;
    if (++c->rivals < NACRE_CLOCK_AGREEING)
        return NACRE_CLOCK_UNSURE;
    c->line = c->rival;
    c->rivals = 0;
    return NACRE_CLOCK_REPLACED;
}

struct nacre_clock_reading nacre_clock_read(const struct nacre_clock *c, uint64_t now_ns,
                                            uint64_t max_error_ns)
{
    struct nacre_clock_reading r = {0};
    if (!c->started)
        return r;
    r.offset_ns = c->line.offset_ns;
    r.error_ns = bound_at(&c->line, now_ns);
    int64_t now;
    /* a time before 1970, or one that does not fit, is none */
    if (now_ns > INT64_MAX || __builtin_add_overflow((int64_t)now_ns, r.offset_ns, &now) || now < 0)
        return r;
    r.now_ms = (uint64_t)now / NS_PER_MS;
    r.valid = c->rivals == 0 && r.error_ns <= max_error_ns;
    return r;
}
