/* host_fetch.c - the fetch service: checks and completes what the plugin asks for, then hands it to the module. */
#include "call.h"
#include "worker.h"

#include <errno.h>
#include <stdio.h>

#define HEADERS_MAX 256u
/* what a plugin that was built for 1.0 passes */
#define REQUEST_1_0 offsetof(struct nacre_fetch, sink)

static int env_connect(void *ctx, uint32_t endpoint, uint32_t timeout_ms)
{
    struct nacre_app_call *call = ctx;
    uint32_t left = nacre_call_remaining(call);
    return nacre_ask_connect(&call->app->pending, endpoint, timeout_ms < left ? timeout_ms : left);
}

static void *env_alloc(void *ctx, uint64_t size)
{
    return nacre_scratch_alloc(((struct nacre_app_call *)ctx)->scratch, size);
}

static int32_t env_fail(void *ctx, int32_t status, const char *text)
{
    return nacre_call_fail_z(ctx, status, text);
}

static uint64_t env_remaining_ms(void *ctx)
{
    return nacre_call_remaining(ctx);
}

static bool readable(const void *ptr, uint64_t len)
{
    return ptr || len == 0;
}

/* What is wrong with a request, or NULL. */
static const char *fault(const struct nacre_fetch *r)
{
    if (!readable(r->method.ptr, r->method.len) || !readable(r->url.ptr, r->url.len) ||
        !readable(r->headers, r->n_headers) || !readable(r->body.ptr, r->body.len))
        return "fetch: a NULL pointer with a length";
    if (r->url.len == 0)
        return "fetch: the URL is empty";
    if (r->n_headers > HEADERS_MAX)
        return "fetch: more than 256 headers";
    if (r->http_version != NACRE_HTTP_ANY && r->http_version != NACRE_HTTP_2)
        return "fetch: unknown HTTP version";
    for (uint64_t i = 0; i < r->n_headers; i++)
        if (r->headers[i].name.len == 0 || !r->headers[i].name.ptr ||
            !readable(r->headers[i].value.ptr, r->headers[i].value.len))
            return "fetch: a header without a name, or a NULL pointer with a length";
    return NULL;
}

/* Fills in what the plugin left at zero. */
static void complete(struct nacre_fetch *r, uint32_t left_ms)
{
    static const struct nacre_str get = NACRE_S("GET"), post = NACRE_S("POST");
    if (r->method.len == 0)
        r->method = r->body.len ? post : get;
    if (r->max_reply == 0)
        r->max_reply = NACRE_FETCH_REPLY_MAX;
    if (r->timeout_ms == 0 || r->timeout_ms > left_ms)
        r->timeout_ms = left_ms;
}

int32_t nacre_host_fetch(const struct nacre_call *visible, const struct nacre_fetch *request,
                         struct nacre_reply *reply)
{
    union { /* the plugin was given a pointer to the first member, and gives it back */
        const struct nacre_call *visible;
        struct nacre_app_call *call;
    } u = {visible};
    struct nacre_app_call *call = u.call;
    struct nacre_reply full = {.struct_size = sizeof full};
    if (request->struct_size < REQUEST_1_0 || reply->struct_size < sizeof *reply) {
        char text[128];
        (void)snprintf(text, sizeof text, "fetch: struct sizes are %u and %u, expected %zu and %zu",
                       request->struct_size, reply->struct_size, (size_t)REQUEST_1_0, sizeof *reply);
        return nacre_call_fail_z(call, 500, text);
    }
    if (!call->app->fetch)
        return nacre_call_fail_z(call, 500, "fetch: nothing is on the allow list");
    const char *wrong = fault(request);
    if (wrong)
        return nacre_call_fail_z(call, 500, wrong);
    uint32_t left = nacre_call_remaining(call);
    if (left == 0)
        return nacre_call_fail_z(call, 504, "no time is left for the upstream request");
    struct nacre_fetch asked = {0};
    memcpy(&asked, request, request->struct_size < sizeof asked ? request->struct_size : sizeof asked);
    asked.struct_size = sizeof asked;
    complete(&asked, left);
    nacre_worker_step_aside(call->worker);
    const struct nacre_fetch_env env = {call, env_connect, env_alloc, env_fail, env_remaining_ms};
    int32_t status = call->app->fetch->perform(&env, &asked, &full);
    if (status)
        return status;
    full.struct_size = reply->struct_size;
    *reply = full;
    return 0;
}
