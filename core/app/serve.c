/* serve.c - the life of one request in this process. */
#include "worker.h"

#include "decode.h"
#include "encode.h"
#include "open.h"

#include <common/log.h>

#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>

#define RESPONSE_KEEP 65536u  /* bytes of the response buffer that stay in memory between calls */
#define TOGETHER      8u      /* results in one message */
#define WAIT_NS       100000u /* a result that has waited for so long does not wait for another call */

static const char *fixed_text(int32_t status)
{
    switch (status) {
    case 400:
        return "bad request";
    case 401:
        return "not authorized";
    case 403:
        return "forbidden";
    case 404:
        return "not found";
    case 409:
        return "conflict";
    case 413:
        return "the request is too large";
    case 429:
        return "too many requests";
    case 502:
        return "the upstream service failed";
    case 503:
        return "the service is not available";
    case 504:
        return "the upstream service did not answer in time";
    default:
        return status < 500 ? "the request was refused" : "internal error";
    }
}

/* A text noted for another status belongs to an error that the handler has dealt with. */
static void send_failure(const struct nacre_app_call *call, int32_t status,
                         const struct nacre_lane_pair *pair)
{
    struct nacre_failure_frame frame = {
        .head.type = NACRE_FRAME_FAILURE, .id = call->visible.request_id, .status = (uint32_t)status};
    const bool noted = call->fail_status == status && call->fail_len > 0;
    const char *text = noted ? call->fail_text : fixed_text(status);
    int err = nacre_frame_send(pair->request, &frame, text, noted ? call->fail_len : strlen(text), NULL, 0,
                               NULL, 0);
    if (err && err != -EPIPE && err != -ECONNRESET)
        nacre_log_event(NACRE_LEVEL_ERROR, "failure not sent", NLS("req", nacre_request_hex(frame.id).text),
                        NLI("error", -err));
}

/* Nobody can read a request for which there is no memory, but its client can be told. */
void nacre_worker_refuse(struct nacre_worker *w, const struct nacre_lane_pair *pair)
{
    static const char text[] = "no memory is left for a request of that size";
    const struct nacre_request_frame *rq = (const void *)w->inbox.head;
    struct nacre_failure_frame frame = {.head.type = NACRE_FRAME_FAILURE, .status = 503};
    if (w->inbox.head->type == NACRE_FRAME_REQUEST) {
        frame.id = rq->ticket.id;
        (void)nacre_frame_send(pair->request, &frame, text, sizeof text - 1, NULL, 0, NULL, 0);
        nacre_log_event(NACRE_LEVEL_WARN, "no memory for a request",
                        NLS("req", nacre_request_hex(frame.id).text),
                        NLI("bytes", w->inbox.head->payload_len));
    }
    nacre_inbox_clear(&w->inbox);
}

static void send_result(struct nacre_worker *w, const struct nacre_app_call *call,
                        const struct nacre_ticket *ticket, const uint8_t *bcs, size_t len,
                        const struct nacre_lane_pair *pair, uint64_t now)
{
    struct nacre_result_frame frame = {
        .head.type = NACRE_FRAME_RESULT, .ticket = *ticket, .timestamp_ms = call->timestamp_ms};
    (void)pthread_mutex_lock(&w->results_lock);
    if (w->results.n == 0)
        w->results_since_ns = now;
    int err = nacre_outbox_put(&w->results, pair->result, &frame, bcs, len, NULL, 0);
    bool enough = w->results.n >= TOGETHER;
    (void)pthread_mutex_unlock(&w->results_lock);
    if (err)
        nacre_log_event(NACRE_LEVEL_ERROR, "result not sent", NLS("req", nacre_request_hex(ticket->id).text),
                        NLI("error", -err));
    if (enough)
        nacre_worker_send(w);
}

/* The status for a failed decode; its text is noted. */
static int32_t decode_status(struct nacre_app_call *call, int err, const char *why)
{
    int32_t status = err == -ENOMEM ? 413 : err == -EINVAL ? 500 : 400;
    return nacre_call_fail_z(call, status, why);
}

/* The first params_len bytes: per parameter a length (u16) and the bytes. */
static int32_t read_params(struct nacre_app_call *call, const uint8_t *data, size_t len, void *request)
{
    struct nacre_decode decode = {.scratch = call->scratch, .root = "path"};
    struct nacre_reader r = nacre_reader(data, len);
    for (uint32_t i = 0; i < call->route->n_params; i++) {
        size_t n = (size_t)nacre_read_le(&r, 2);
        const char *text = (const char *)nacre_read_bytes(&r, n);
        if (!text)
            return nacre_call_fail_z(call, 500, "the path parameters are out of form");
        int err = nacre_decode_param(&decode, call->route->params[i], request, text, n);
        if (err)
            return decode_status(call, err, decode.why);
    }
    if (nacre_reader_left(&r) > 0)
        return nacre_call_fail_z(call, 500, "the path parameters are out of form");
    return 0;
}

static int32_t read_body(struct nacre_app_call *call, const uint8_t *data, size_t len, void *request)
{
    struct nacre_decode decode = {.scratch = call->scratch, .borrow = true, .root = "body"};
    if (len == 0 && !call->route->needs_body)
        return 0;
    if (len > call->route->decl->max_body)
        return nacre_call_fail_z(call, 413, fixed_text(413));
    int err = nacre_decode_text(&decode, call->route->request, request, (const char *)data, len);
    return err ? decode_status(call, err, decode.why) : 0;
}

/* What the handler returned, as a status that can be sent: 0, or 400 to 599. */
static int32_t outcome(struct nacre_app_call *call, int32_t returned)
{
    if (returned == 0 && call->route->decl->time_rule == NACRE_TIME_APP && !call->has_timestamp) {
        nacre_log_event(NACRE_LEVEL_ERROR, "handler set no timestamp", NLS("route", call->route->decl->path),
                        NLS("req", nacre_request_hex(call->visible.request_id).text));
        return nacre_call_fail_z(call, 500, fixed_text(500));
    }
    if (returned == 0 || (returned >= 400 && returned <= 599))
        return returned;
    nacre_log_event(NACRE_LEVEL_ERROR, "handler returned what is no error status", NLI("returned", returned),
                    NLS("route", call->route->decl->path),
                    NLS("req", nacre_request_hex(call->visible.request_id).text));
    return nacre_call_fail_z(call, 500, fixed_text(500));
}

static void wipe_response(struct nacre_worker *w, size_t len)
{
    if (len > RESPONSE_KEEP) /* the kernel gives zeroed pages the next time */
        (void)madvise(w->response, w->response_cap, MADV_DONTNEED);
    else
        explicit_bzero(w->response, len);
}

/* Returns the BCS's length, or the negative status. */
static int64_t encode_response(struct nacre_worker *w, struct nacre_app_call *call, const void *response)
{
    char why[NACRE_PLACE_TEXT];
    struct nacre_writer out = nacre_writer(w->response, w->response_cap);
    if (nacre_encode(&out, call->route->response, response, why) == 0)
        return (int64_t)out.len;
    wipe_response(w, out.len);
    nacre_log_event(NACRE_LEVEL_ERROR, "response does not fit its type", NLS("why", why),
                    NLS("route", call->route->decl->path),
                    NLS("req", nacre_request_hex(call->visible.request_id).text));
    return -nacre_call_fail_z(call, 500, "the app's response does not fit its declared type");
}

/* Everything between the request and what is sent: the BCS's length, or the negative status. */
static int64_t answer(struct nacre_worker *w, struct nacre_app_call *call)
{
    struct nacre_request_parts parts;
    int32_t status = nacre_request_take(call, &w->inbox, &parts);
    explicit_bzero(parts.answer_key, sizeof parts.answer_key); /* nacre-http has it */
    if (status)
        return -(int64_t)status;
    void *request = nacre_scratch_alloc(call->scratch, call->route->request->c_size);
    void *response = nacre_scratch_alloc(call->scratch, call->route->response->c_size);
    if (!request || !response)
        return -nacre_call_fail_z(call, 500, "app.scratch_bytes is too small for the route's types");
    status = read_params(call, parts.params, parts.params_len, request);
    if (!status)
        status = read_body(call, parts.body, parts.body_len, request);
    if (!status)
        status = outcome(call, call->route->handler(&call->visible, request, response));
    return status ? -(int64_t)status : encode_response(w, call, response);
}

static void serve_call(struct nacre_worker *w, const struct nacre_lane_pair *pair,
                       const struct nacre_request_frame *rq, uint64_t now)
{
    const struct nacre_app_route *route = &w->app->routes[rq->ticket.route];
    const bool is_job = rq->flags & NACRE_REQUEST_JOB;
    const uint64_t ms = is_job ? w->app->manifest.config.jobs_deadline_ms : route->decl->deadline_ms;
    const uint64_t own = now + ms * (uint64_t)1000000;
    struct nacre_app_call call;
    nacre_call_begin(&call, w->app, &w->scratch, route, rq->ticket.id,
                     rq->ticket.deadline_ns < own ? rq->ticket.deadline_ns : own);
    call.worker = w;
    call.is_job = is_job;
    call.pair = pair;
    atomic_store_explicit(&w->busy_job, is_job, memory_order_relaxed);
    atomic_store(&w->busy_since_ns,
                 now); /* first busy, then the look at the doze: the watch does it the other way */
    nacre_app_rouse(w->app);
    atomic_store_explicit(&w->busy_id, rq->ticket.id, memory_order_relaxed);
    atomic_store_explicit(&w->busy_until_ns, call.deadline_ns, memory_order_release);
    if (is_job || now - w->results_since_ns > WAIT_NS)
        nacre_worker_send(w); /* what is done waits for short calls only */
    /* a job's sealed request is only opened and given back; its answer comes when the job has run */
    const bool only_prepares = rq->flags & NACRE_REQUEST_PREPARE;
    int64_t len = only_prepares ? -nacre_request_prepare(&call, &w->inbox) : answer(w, &call);
    if (len >= 0 && !only_prepares) {
        send_result(w, &call, &rq->ticket, w->response, (size_t)len, pair, now);
        wipe_response(w, (size_t)len);
    } else if (len < 0) {
        send_failure(&call, (int32_t)-len, pair);
    }
    atomic_store_explicit(&w->busy_until_ns, 0, memory_order_release);
    atomic_store_explicit(&w->busy_since_ns, 0, memory_order_relaxed);
    nacre_scratch_reset(&w->scratch);
    explicit_bzero(call.fail_text, call.fail_len);
}

void nacre_worker_serve(struct nacre_worker *w, const struct nacre_lane_pair *pair)
{
    const struct nacre_request_frame *rq = (const void *)w->inbox.head;
    const uint64_t now = nacre_monotonic_ns();
    if (w->inbox.head->type == NACRE_FRAME_CANCEL) {
        nacre_workers_cancel(w->app, ((const struct nacre_cancel_frame *)(const void *)w->inbox.head)->id);
    } else if (w->inbox.head->type != NACRE_FRAME_REQUEST || rq->ticket.route >= w->app->manifest.n_routes ||
               rq->params_len > w->inbox.payload_len) {
        nacre_log_event(NACRE_LEVEL_WARN, "message on a request socket is not a request",
                        NLS("peer", "nacre-http"));
    } else if (rq->ticket.deadline_ns <= now) {
        nacre_log_event(NACRE_LEVEL_DEBUG, "request dropped, its deadline has passed",
                        NLS("req", nacre_request_hex(rq->ticket.id).text));
    } else {
        serve_call(w, pair, rq, now);
    }
    nacre_inbox_clear(&w->inbox);
}
