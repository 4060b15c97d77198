#include "call.h"

#include "worker.h"

#include <common/bcs.h>

#include <stdio.h>
#include <string.h>

void nacre_call_begin(struct nacre_app_call *call, struct nacre_app *app, struct nacre_scratch *scratch,
                      const struct nacre_app_route *route, uint64_t id, uint64_t deadline_ns)
{
    /* not the whole struct: fail_text counts only as far as fail_len says */
    call->visible = (struct nacre_call){(uint32_t)sizeof call->visible, 0, &nacre_app_host, id};
    call->app = app;
    call->worker = NULL;
    call->scratch = scratch;
    call->route = route;
    call->deadline_ns = deadline_ns;
    call->timestamp_ms = 0;
    call->has_timestamp = false;
    call->fail_status = 0;
    call->fail_len = 0;
    call->progress_ns = 0;
    call->is_job = false;
    call->told_ns = 0;
    call->pair = NULL;
}

/* Bytes of the well-formed character at p; 0 when there is none. */
static size_t character(const char *p, size_t left)
{
    for (size_t n = 1; n <= 4 && n <= left; n++)
        if (nacre_utf8_valid((const uint8_t *)p, n))
            return n;
    return 0;
}

int32_t nacre_call_fail(struct nacre_app_call *call, int32_t status, const char *text, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len && n < sizeof call->fail_text;) {
        size_t c = character(text + i, len - i);
        if (c > sizeof call->fail_text - n)
            break;
        memcpy(call->fail_text + n, c ? text + i : "?", c ? c : 1);
        n += c ? c : 1;
        i += c ? c : 1;
    }
    call->fail_len = n;
    call->fail_status = status;
    return status;
}

int32_t nacre_call_fail_z(struct nacre_app_call *call, int32_t status, const char *text)
{
    return nacre_call_fail(call, status, text, strlen(text));
}

bool nacre_call_cancelled(const struct nacre_app_call *call)
{
    if (!call->is_job)
        return false;
    return atomic_load_explicit(&call->worker->cancelled_id, memory_order_relaxed) ==
               call->visible.request_id ||
           atomic_load_explicit(&call->pair->dead, memory_order_relaxed) ||
           atomic_load_explicit(&call->app->stopping, memory_order_relaxed);
}

uint32_t nacre_call_remaining(const struct nacre_app_call *call)
{
    if (nacre_call_cancelled(call))
        return 0;
    const uint64_t now = nacre_monotonic_ns();
    const uint64_t ms = call->deadline_ns > now ? (call->deadline_ns - now + 999999u) / 1000000u : 0;
    return ms > UINT32_MAX ? UINT32_MAX : (uint32_t)ms;
}

struct nacre_request_hex nacre_request_hex(uint64_t id)
{
    struct nacre_request_hex hex;
    (void)snprintf(hex.text, sizeof hex.text, "%016llx", (unsigned long long)id);
    return hex;
}
