/* call.h - one call of a handler, or of start(): what the plugin sees of it, and what stands behind that. */
#ifndef NACRE_APP_CALL_H
#define NACRE_APP_CALL_H

#include "app.h"
#include "scratch.h"

struct nacre_app_call {
    struct nacre_call visible; /* first: the plugin's pointer is ours */
    struct nacre_app *app;
    struct nacre_worker *worker; /* NULL in start() */
    struct nacre_scratch *scratch;
    const struct nacre_app_route *route; /* NULL in start() */
    uint64_t deadline_ns;                /* CLOCK_MONOTONIC */
    uint64_t timestamp_ms;
    bool has_timestamp;
    int32_t fail_status; /* that fail_text was noted for; 0: none */
    size_t fail_len;
    char fail_text[NACRE_FAILURE_TEXT];
    uint64_t progress_ns; /* when the last progress line was written */
    bool is_job;          /* no connection waits: it may be cancelled, and its progress is shown */
    uint64_t told_ns;     /* when nacre-http was last told of the progress */
    const struct nacre_lane_pair *pair; /* where the request came from; NULL in start() */
};

/* The table behind call->host. */
extern const struct nacre_host nacre_app_host;

/* Fills *call; route is NULL for start(). */
void nacre_call_begin(struct nacre_app_call *call, struct nacre_app *app, struct nacre_scratch *scratch,
                      const struct nacre_app_route *route, uint64_t id, uint64_t deadline_ns);

/* Notes an error text, cut to NACRE_FAILURE_TEXT and made valid UTF-8. Returns status. */
int32_t nacre_call_fail(struct nacre_app_call *call, int32_t status, const char *text, size_t len);

/* The same with a terminated text. */
int32_t nacre_call_fail_z(struct nacre_app_call *call, int32_t status, const char *text);

/* Has nobody a use for the answer any more: the job was cancelled, or lost with nacre-http, or this process is to end? */
bool nacre_call_cancelled(const struct nacre_app_call *call);

/* Milliseconds to the deadline, rounded up, at most UINT32_MAX; 0 only once it has passed, or the call was cancelled. */
uint32_t nacre_call_remaining(const struct nacre_app_call *call);

/* The id as logs and X-Request-Id have it: 16 hex digits. */
struct nacre_request_hex {
    char text[17];
};
struct nacre_request_hex nacre_request_hex(uint64_t id);

/* ---- host_fetch.c ------------------------------------------------------------------------------------------ */

/* The fetch service; see nacre_fetch() in nacre/plugin.h. */
int32_t nacre_host_fetch(const struct nacre_call *visible, const struct nacre_fetch *request,
                         struct nacre_reply *reply);

#endif
