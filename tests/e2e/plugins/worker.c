/*
 * worker - an app whose calls take as long as they are told to, for the tests of jobs. POST /work, or /long, with `ms`
 * milliseconds, and `mode`: "" looks at the time left, "deaf" does not, "busy" computes instead of sleeping, "crash"
 * ends the process, "fail" refuses, "large" answers `ms` bytes.
 */
#include <nacre/plugin.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

struct request {
    uint64_t ms;
    struct nacre_str mode;
};
struct answer {
    uint64_t rounds;
    struct nacre_bytes data;
};
NACRE_STRUCT(request_type, "Request", struct request, NACRE_FIELD(struct request, ms, u64),
             NACRE_FIELD(struct request, mode, string));
NACRE_STRUCT(answer_type, "Answer", struct answer, NACRE_FIELD(struct answer, rounds, u64),
             NACRE_FIELD(struct answer, data, bytes));

static uint64_t now_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000u + (uint64_t)t.tv_nsec / 1000000u;
}

static int32_t work(const struct nacre_call *call, const void *in, void *out)
{
    const struct request *request = in;
    struct answer *answer = out;
    const struct timespec pause = {0, 2000000};
    const uint64_t begin = now_ms();
    if (nacre_str_is(request->mode, "crash"))
        abort();
    if (nacre_str_is(request->mode, "fail"))
        return nacre_fail(call, 422, "blob 3, row 7: ragged");
    if (nacre_str_is(request->mode, "large")) {
        uint8_t *data = nacre_alloc(call, request->ms);
        if (!data)
            return nacre_fail(call, 500, "no memory for %llu bytes", (unsigned long long)request->ms);
        memset(data, 200, (size_t)request->ms);
        answer->data = (struct nacre_bytes){data, request->ms};
        return 0;
    }
    for (uint64_t gone = 0; (gone = now_ms() - begin) < request->ms; answer->rounds++) {
        nacre_progress(call, (uint32_t)(gone * 1000 / request->ms), "working");
        if (!nacre_str_is(request->mode, "deaf") && nacre_remaining_ms(call) == 0)
            return nacre_fail(call, 504, "interrupted");
        if (!nacre_str_is(request->mode, "busy"))
            (void)nanosleep(&pause, NULL);
    }
    return 0;
}

static const struct nacre_intent intents[] = {{0, 0, NACRE_S("Work"), &answer_type}};
static const struct nacre_route routes[] = {
    {NACRE_S("POST"), NACRE_S("/work"), 0, NACRE_TIME_CORE, 0, 0, 1000, 0, &request_type, work},
    {NACRE_S("POST"), NACRE_S("/long"), 0, NACRE_TIME_CORE, 0, 0, 90000, 0, &request_type, work},
};
const struct nacre_plugin nacre_plugin = {
    NACRE_PREFIX,
    NACRE_S("worker"),
    NACRE_S("1"),
    NACRE_TABLE(intents),
    NACRE_TABLE(routes),
    NACRE_NONE,
    NACRE_NONE,
    NULL,
    NULL,
};
