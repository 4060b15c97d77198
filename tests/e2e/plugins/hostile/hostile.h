/*
 * hostile.h - what the plugins of this folder have in common. Each of them attacks in one way:
 *
 *   POST /attack {mode, arg}   the attack; its signed answer says what was tried and what must not have worked
 *   POST /victim, /other, /timed  honest routes, but for what HOSTILE_VICTIM makes of the first
 *
 * An attack on the lane takes the next request off its socket, with the ticket that makes a result count. For tests
 * with one worker (app.workers=1, jobs.concurrent=0), so that nobody else reads that socket.
 *
 * A plugin defines hostile_attack(), and before it includes this, where it needs them:
 *   HOSTILE_VICTIM   function (call, mode, answer) that spoils the honest answer; not 0: the status returned
 *   HOSTILE_START    the plugin's start()
 *   HOSTILE_ENDPOINT a host that the app needs
 */
#ifndef HOSTILE_H
#define HOSTILE_H

#include "common/frame.h"

#include <nacre/plugin.h>

#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

struct request {
    struct nacre_str mode;
    struct nacre_str arg;
};
struct answer {
    uint8_t flag;
    struct nacre_str text;
    uint16_t small;
    struct nacre_bytes bytes;
    const uint8_t *maybe;
    struct nacre_vec list;
};
struct other {
    uint64_t amount;
};
struct report {
    struct nacre_str reached; /* what worked and must not have, joined by ';' */
    struct nacre_str said;    /* what else the test wants to know */
    uint64_t tried;
    uint64_t sent; /* frames */
};
NACRE_STRUCT(request_type, "Request", struct request, NACRE_FIELD(struct request, mode, string),
             NACRE_FIELD(struct request, arg, string));
NACRE_OPTION(maybe_type, nacre_type_u8);
NACRE_VECTOR(list_type, nacre_type_u32);
NACRE_STRUCT(answer_type, "Answer", struct answer, NACRE_FIELD(struct answer, flag, bool),
             NACRE_FIELD(struct answer, text, string), NACRE_FIELD(struct answer, small, u16),
             NACRE_FIELD(struct answer, bytes, bytes),
             NACRE_FIELD_OPTION(struct answer, maybe, maybe_type, uint8_t),
             NACRE_FIELD_VECTOR(struct answer, list, list_type));
NACRE_STRUCT(other_type, "Other", struct other, NACRE_FIELD(struct other, amount, u64));
NACRE_STRUCT(report_type, "Report", struct report, NACRE_FIELD(struct report, reached, string),
             NACRE_FIELD(struct report, said, string), NACRE_FIELD(struct report, tried, u64),
             NACRE_FIELD(struct report, sent, u64));

/* flag true, text "hi", small 513, bytes 01 02, maybe 7, list [1, 2] */
#define HOSTILE_RIGHT "\x01\x02hi\x01\x02\x02\x01\x02\x01\x07\x02\x01\0\0\0\x02\0\0\0"
#define HOSTILE_OTHER "\x01\0\0\0\0\0\0\0"

enum { ROUTE_ATTACK, ROUTE_VICTIM, ROUTE_OTHER, ROUTE_TIMED, ROUTES };

struct hostile {
    const struct nacre_call *call;
    struct nacre_str mode, arg;
    uint64_t tried, sent;
    struct nacre_str said;
    size_t len;
    char reached[2048];
};

static void hostile_attack(struct hostile *h);

NACRE_UNUSED static int is(const struct hostile *h, const char *mode)
{
    return nacre_str_is(h->mode, mode);
}

/* Notes what worked and must not have. */
NACRE_UNUSED NACRE_PRINTF static void reached(struct hostile *h, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(h->reached + h->len, sizeof h->reached - h->len, format, args);
    va_end(args);
    if (n > 0 && h->len + (size_t)n + 1 < sizeof h->reached) {
        h->len += (size_t)n;
        h->reached[h->len++] = ';';
    }
}

NACRE_UNUSED static uint64_t now_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

NACRE_UNUSED static void pause_ms(long ms)
{
    const struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    (void)nanosleep(&t, NULL);
}

/* nacred's process id, told by /proc while files can still be read: getppid() is refused. */
static int parent;

__attribute__((constructor(101))) static void find_parent(void)
{
    char text[512] = "";
    int fd = open("/proc/self/stat", O_RDONLY);
    const char *end = fd >= 0 && read(fd, text, sizeof text - 1) > 0 ? strrchr(text, ')') : NULL;
    parent = end ? (int)strtol(end + 4, NULL, 10) : -1; /* ") S 123" */
    if (fd >= 0)
        (void)close(fd);
}

static int32_t attack_handler(const struct nacre_call *call, const void *request, void *response)
{
    const struct request *in = request;
    struct report *out = response;
    struct hostile *h = nacre_alloc(call, sizeof *h);
    if (!h)
        return nacre_fail(call, 500, "no memory for the attack");
    h->call = call;
    h->mode = in->mode;
    h->arg = in->arg;
    hostile_attack(h);
    *out = (struct report){{h->reached, h->len}, h->said, h->tried, h->sent};
    return 0;
}

static int32_t victim_handler(const struct nacre_call *call, const void *request, void *response)
{
    static const uint8_t bytes[] = {1, 2};
    static const uint8_t seven = 7;
    static const uint32_t list[] = {1, 2};
    struct answer *out = response;
    *out = (struct answer){1, NACRE_S("hi"), 513, {bytes, sizeof bytes}, &seven, {list, 2}};
#ifdef HOSTILE_VICTIM
    return HOSTILE_VICTIM(call, ((const struct request *)request)->mode, out);
#else
    (void)call;
    (void)request;
    return 0;
#endif
}

static int32_t other_handler(const struct nacre_call *call, const void *request, void *response)
{
    (void)call;
    (void)request;
    ((struct other *)response)->amount = 1;
    return 0;
}

static int32_t timed_handler(const struct nacre_call *call, const void *request, void *response)
{
    uint64_t ms = 0;
    int32_t err = nacre_now_ms(call, &ms);
    (void)request;
    ((struct other *)response)->amount = 1;
    return err ? err : nacre_set_timestamp(call, ms - 1000);
}

static const struct nacre_intent intents[] = {{3, 0, NACRE_S("Answer"), &answer_type},
                                              {4, 0, NACRE_S("Other"), &other_type},
                                              {5, 0, NACRE_S("Report"), &report_type}};
#define HOSTILE_ROUTE(PATH, INTENT, RULE, AGE, MS, HANDLER)                                                  \
    {                                                                                                        \
        NACRE_S("POST"), NACRE_S(PATH), INTENT, RULE, AGE, 0, MS, 0, &request_type, HANDLER                  \
    }
static const struct nacre_route routes[ROUTES] = {
    HOSTILE_ROUTE("/attack", 5, NACRE_TIME_CORE, 0, 20000, attack_handler),
    HOSTILE_ROUTE("/victim", 3, NACRE_TIME_CORE, 0, 800, victim_handler),
    HOSTILE_ROUTE("/other", 4, NACRE_TIME_CORE, 0, 800, other_handler),
    HOSTILE_ROUTE("/timed", 4, NACRE_TIME_APP, 60000, 800, timed_handler),
};
static const struct nacre_secret secrets[] = {{NACRE_S("MINE"), 0, 0}};
#ifdef HOSTILE_ENDPOINT
static const struct nacre_endpoint endpoints[] = {{NACRE_S(HOSTILE_ENDPOINT), 443, 0}};
#define HOSTILE_ENDPOINTS NACRE_TABLE(endpoints)
#else
#define HOSTILE_ENDPOINTS NACRE_NONE
#endif
#ifndef HOSTILE_START
#define HOSTILE_START NULL
#endif

const struct nacre_plugin nacre_plugin = {NACRE_PREFIX,         NACRE_S("hostile"),  NACRE_S("1"),
                                          NACRE_TABLE(intents), NACRE_TABLE(routes), HOSTILE_ENDPOINTS,
                                          NACRE_TABLE(secrets), HOSTILE_START,       NULL};

#endif
