/* A call as a job: asked for with Prefer: respond-async, followed until it ends. See docs/JOBS.md. */
#include "cmd_call.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define FIRST_POLL_MS 100L
#define POLL_MS       1000L
#define POLL_TRIES    5u /* in a row without an answer */
#define BAR           24u
#define STATE_MAX     ((size_t)64 << 20) /* a job's document holds its answer */

struct job {
    char url[512];
    char state[16];
    uint64_t progress, running_ms, ahead;
    char message[96];
    bool terminal;
};

/* What the server says, without anything a terminal might obey. */
static void take_text(struct nacre_vcmd_json object, const char *key, char *out, size_t room)
{
    struct nacre_vcmd_json value;
    nacre_verify_error why;
    size_t n = 0;
    if (nacre_vcmd_json_any(object, key, &value, &why) == NACRE_CHECKED) {
        for (; n < value.size && n < room - 1; n++) {
            out[n] = (char)(value.text[n] >= ' ' && value.text[n] <= '~' ? value.text[n] : '?');
        }
    }
    out[n] = '\0';
}

static uint64_t take_number(struct nacre_vcmd_json object, const char *key)
{
    uint64_t value = 0;
    nacre_verify_error why;
    return nacre_vcmd_json_u64(object, key, (uint64_t)1 << 53, &value, &why) == NACRE_CHECKED ? value : 0;
}

static int read_state(struct job *job, const struct nacre_vcmd_buffer *body, nacre_verify_error *why)
{
    struct nacre_vcmd_json all = {.text = (const char *)body->data, .size = body->size};
    take_text(all, "state", job->state, sizeof job->state);
    take_text(all, "message", job->message, sizeof job->message);
    job->progress = take_number(all, "progress");
    job->running_ms = take_number(all, "running_ms");
    job->ahead = take_number(all, "ahead");
    if (job->progress > 1000) {
        job->progress = 1000;
    }
    return job->state[0] != '\0' ? NACRE_CHECKED
                                 : nacre_vcmd_unchecked(why, "the job's document has no state");
}

static void show(const struct job *job)
{
    char bar[BAR + 1];
    if (!job->terminal) {
        return;
    }
    if (strcmp(job->state, "queued") == 0) {
        (void)fprintf(stderr, "\r\033[Kwaiting, %llu ahead", (unsigned long long)job->ahead);
    } else {
        size_t full = (size_t)(job->progress * BAR / 1000);
        memset(bar, '-', BAR);
        memset(bar, '#', full);
        bar[BAR] = '\0';
        (void)fprintf(stderr, "\r\033[K[%s] %3llu.%llu%%  %s", bar, (unsigned long long)(job->progress / 10),
                      (unsigned long long)(job->progress % 10), job->message);
        if (job->progress > 0 && job->progress < 1000 && job->running_ms >= 1000) {
            uint64_t left_s = job->running_ms * (1000 - job->progress) / job->progress / 1000;
            (void)fprintf(stderr, "  %llu:%02llu left", (unsigned long long)(left_s / 60),
                          (unsigned long long)(left_s % 60));
        }
    }
    (void)fflush(stderr);
}

static void pause_ms(long ms)
{
    const struct timespec t = {ms / 1000, ms % 1000 * 1000000L};
    (void)nanosleep(&t, NULL);
}

/* The job's own path, from the document of the 202: an id of hex digits and nothing else. */
static int find_job(struct job *job, const char *base, const struct nacre_vcmd_buffer *accepted,
                    nacre_verify_error *why)
{
    char id[40], path[64];
    struct nacre_vcmd_json all = {.text = (const char *)accepted->data, .size = accepted->size};
    take_text(all, "id", id, sizeof id);
    if (strlen(id) != 32 || strspn(id, "0123456789abcdef") != 32) {
        return nacre_vcmd_unchecked(why, "a job was accepted, but its id is '%s'", id);
    }
    (void)snprintf(path, sizeof path, "/jobs/%s", id);
    char *url = nacre_vcmd_url(base, path, true, NULL);
    int n = url != NULL ? snprintf(job->url, sizeof job->url, "%s", url) : -1;
    free(url);
    return n > 0 && (size_t)n < sizeof job->url ? NACRE_CHECKED
                                                : nacre_vcmd_unchecked(why, "no URL can be made for the job");
}

static bool has_ended(const struct job *job)
{
    return strcmp(job->state, "queued") != 0 && strcmp(job->state, "running") != 0;
}

/* Until it ends, or until `until` (seconds of the monotonic clock; 0: for ever). */
static int follow(struct job *job, time_t until, nacre_verify_error *why)
{
    unsigned silent = 0;
    for (long ms = FIRST_POLL_MS; !has_ended(job); ms = ms * 2 < POLL_MS ? ms * 2 : POLL_MS) {
        struct nacre_vcmd_buffer body = {0};
        struct timespec now;
        long status = 0;
        show(job);
        pause_ms(ms);
        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        if (until != 0 && now.tv_sec >= until) {
            return nacre_vcmd_unchecked(why, "not done in time; it goes on, and %s can be asked", job->url);
        }
        const struct nacre_vcmd_request request = {.url = job->url, .max = STATE_MAX};
        int r = nacre_vcmd_http(&request, &body, &status, why);
        bool gone = r == NACRE_CHECKED && status == 404;
        if (r == NACRE_CHECKED && status == 200) {
            silent = 0;
            r = read_state(job, &body, why);
        } else if (!gone && ++silent < POLL_TRIES) {
            r = NACRE_CHECKED; /* a restart takes a moment */
        } else if (r == NACRE_CHECKED) {
            r = nacre_vcmd_unchecked(why, "%s answers with status %ld%s", job->url, status,
                                     gone ? ": the job was lost in a restart, or is older than it is kept"
                                          : "");
        }
        nacre_vcmd_buffer_free(&body);
        if (r != NACRE_CHECKED) {
            return r;
        }
    }
    return NACRE_CHECKED;
}

int nacre_vcall_job(const char *base, long timeout_s, struct nacre_vcmd_buffer *answer, long *status,
                    nacre_verify_error *why)
{
    struct job job = {.terminal = isatty(STDERR_FILENO) != 0};
    struct timespec now;
    char url[sizeof job.url + 8];
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    int r = find_job(&job, base, answer, why);
    if (r == NACRE_CHECKED) {
        r = read_state(&job, answer, why);
    }
    if (r == NACRE_CHECKED) {
        (void)fprintf(stderr, "job %s\n", job.url);
        r = follow(&job, timeout_s > 0 ? now.tv_sec + timeout_s : 0, why);
    }
    if (job.terminal) {
        (void)fputs("\r\033[K", stderr);
    }
    nacre_vcmd_buffer_free(answer);
    *answer = (struct nacre_vcmd_buffer){0};
    if (r != NACRE_CHECKED) {
        return r;
    }
    (void)snprintf(url, sizeof url, "%s/answer", job.url);
    const struct nacre_vcmd_request request = {.url = url, .max = STATE_MAX};
    return nacre_vcmd_http(&request, answer, status, why);
}
