#include "job_run.h"

#include "common/log.h"
#include "reply.h"
#include "seal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define NS_PER_MS 1000000ull
#define SWEEP_NS  (1000 * NS_PER_MS)
#define RETRY_S   1u
/* of cancelled jobs that the app is told about again, in one sweep; more than may run at once */
#define CANCELS 64u

static struct nacre_jobs *jobs_of(const struct nacre_lane *lane)
{
    return &lane->shared->jobs;
}

static struct nacre_refusal too_many(const struct nacre_conn *conn)
{
    const struct nacre_config *c = &conn->lane->shared->manifest->config;
    struct nacre_refusal r =
        nacre_refuse_limit(429, "too many jobs run and wait", nacre_jobs_waiting(jobs_of(conn->lane)) + 1,
                           c->jobs_concurrent + c->jobs_queue);
    r.retry_s = RETRY_S;
    return r;
}

struct nacre_refusal nacre_job_judge(const struct nacre_conn *conn)
{
    if (conn->nonce)
        return nacre_refuse(400,
                            "a job carries no attestation document: ask /get_attestation when it is done");
    return nacre_jobs_full(jobs_of(conn->lane)) ? too_many(conn) : (struct nacre_refusal){0};
}

struct nacre_refusal nacre_job_submit(struct nacre_conn *conn, const uint8_t *body, size_t len)
{
    struct nacre_lane *lane = conn->lane;
    struct nacre_shared *shared = lane->shared;
    const struct nacre_job_order order = {.route = conn->path->index,
                                          .params = conn->params,
                                          .params_len = conn->params_len,
                                          .body = body,
                                          .body_len = len,
                                          .sealed = conn->sealed};
    if (lane->stopping) /* it would be accepted and lost */
        return nacre_refuse_later(503, "the runtime is stopping");
    if (atomic_load(&shared->app_stopped))
        return nacre_refuse(503, NACRE_APP_STOPPED);
    int err = nacre_jobs_add(jobs_of(lane), &order, lane->now_ns, conn->job_id);
    if (err == -EAGAIN)
        return too_many(conn);
    if (err == -EMSGSIZE)
        return nacre_refuse_limit(413, "bytes of a job's request", order.params_len + len,
                                  shared->manifest->config.jobs_keep_bytes / 2);
    if (err)
        return nacre_refuse_later(503, err == -ENOSPC
                                           ? "the requests of the jobs that wait are too many bytes"
                                           : "no memory is left for another job");
    lane->jobs_due = true;
    if (lane != &shared->lanes[0])
        nacre_lane_wake(&shared->lanes[0]); /* it sweeps */
    return (struct nacre_refusal){0};
}

static struct nacre_refusal unknown_job(void)
{
    return nacre_refuse(404, "no such job: never here, kept for long enough, or lost in a restart");
}

static bool refuse_conn(struct nacre_conn *conn, struct nacre_refusal refusal)
{
    return nacre_reply_refusal(conn, &refusal);
}

/* A view of a job that was found: its document, or only the answer in it. */
static bool reply_view(struct nacre_conn *conn, const struct nacre_job_view *view,
                       struct nacre_http_reply *reply, bool answer_only)
{
    reply->type = NACRE_TYPE_JSON;
    if (!view->document) { /* it has not ended, or there was no memory to say how */
        struct nacre_json_out *out = &conn->lane->out;
        if (out->failed || out->len == 0)
            return refuse_conn(conn, nacre_refuse_later(503, "no memory for the job's state"));
        reply->body = out->base;
        reply->len = out->len;
        return nacre_reply(conn, reply);
    }
    reply->mode = NACRE_BODY_SHARE;
    reply->shared = view->document;
    reply->body = view->document->data + (answer_only ? view->answer_at : 0);
    reply->len = answer_only ? view->answer_len : view->document_len;
    if (answer_only && view->answer_sealed)
        reply->type = NACRE_TYPE_SEALED;
    return nacre_reply(conn, reply);
}

bool nacre_job_accepted(struct nacre_conn *conn)
{
    struct nacre_http_reply reply = {.status = 202, .retry_s = RETRY_S, .job = true};
    struct nacre_job_view view =
        nacre_jobs_get(jobs_of(conn->lane), conn->job_id, conn->lane->now_ns, nacre_lane_out(conn->lane));
    if (!view.found)
        return refuse_conn(conn, unknown_job());
    return reply_view(conn, &view, &reply, false);
}

bool nacre_job_show(struct nacre_conn *conn, bool answer_only)
{
    struct nacre_http_reply reply = {.status = 200};
    struct nacre_job_view view =
        nacre_jobs_get(jobs_of(conn->lane), conn->job_id, nacre_monotonic_ns(), nacre_lane_out(conn->lane));
    if (!view.found)
        return refuse_conn(conn, unknown_job());
    if (!view.document)
        reply.retry_s = RETRY_S;
    if (answer_only && !view.document)
        return refuse_conn(conn, nacre_refuse_later(409, "the job has not ended"));
    if (answer_only)
        reply.status = view.status;
    return reply_view(conn, &view, &reply, answer_only);
}

/* Any lane will do; what does not get through is sent again with the next sweep. */
static void tell_app(struct nacre_lane *lane, uint64_t request_id)
{
    struct nacre_cancel_frame frame = {.head.type = NACRE_FRAME_CANCEL, .id = request_id};
    if (lane->request_fd >= 0)
        (void)nacre_frame_send(lane->request_fd, &frame, NULL, 0, NULL, 0, NULL, 0);
}

bool nacre_job_delete(struct nacre_conn *conn)
{
    struct nacre_http_reply reply = {.status = 200};
    (void)nacre_lane_out(conn->lane);
    struct nacre_job_view view = nacre_jobs_cancel(jobs_of(conn->lane), conn->job_id, nacre_monotonic_ns());
    if (!view.found)
        return refuse_conn(conn, unknown_job());
    if (view.cancel_id)
        tell_app(conn->lane, view.cancel_id);
    return reply_view(conn, &view, &reply, false);
}

void nacre_job_prepared(struct nacre_conn *conn, const uint8_t *body, size_t len)
{
    struct nacre_refusal refusal = nacre_job_submit(conn, body, len);
    if (refusal.status)
        (void)nacre_reply_refusal(conn, &refusal);
    else
        (void)nacre_job_accepted(conn);
}

/* ---- With the app ---- */

/* Gives a job to the app. 0, or a negative errno, and the job is still the caller's. */
static int send_job(struct nacre_lane *lane, struct nacre_job *job)
{
    struct nacre_shared *shared = lane->shared;
    uint64_t deadline_ns = nacre_monotonic_ns() + shared->manifest->config.jobs_deadline_ms * NS_PER_MS;
    struct nacre_slot *slot = nacre_slots_take(&lane->slots, deadline_ns, NULL);
    if (!slot)
        return -EAGAIN;
    slot->route = job->route;
    struct nacre_request_frame frame = {
        .head.type = NACRE_FRAME_REQUEST,
        .ticket = {.id = slot->id, .deadline_ns = deadline_ns, .route = job->route},
        .params_len = job->params_len,
        .flags = NACRE_REQUEST_JOB,
    };
    nacre_ticket_seal(&frame.ticket, shared->ticket_key);
    if (job->sealed) {
        frame.flags |= NACRE_REQUEST_SEALED | NACRE_REQUEST_PREPARED;
        frame.params_len -= (uint32_t)sizeof(struct nacre_sealed_pass); /* which has served its turn */
    }
    int err = nacre_frame_send(lane->request_fd, &frame, job->request, job->request_len, NULL, 0, NULL, 0);
    if (err) {
        nacre_slots_release(&lane->slots, slot);
        return err;
    }
    slot->job = job;
    slot->waits = NACRE_WAIT_APP;
    slot->sent = true;
    slot->sealed = job->sealed;
    nacre_jobs_sent(jobs_of(lane), job, slot->id);
    return 0;
}

/* Jobs that wait for an app that never comes would wait for ever. */
static void fail_jobs(struct nacre_lane *lane)
{
    static const char stopped[] = "{\"error\":\"" NACRE_APP_STOPPED "\"}";
    struct nacre_job *job;
    while ((job = nacre_jobs_next(jobs_of(lane), lane->now_ns)))
        (void)nacre_jobs_end(jobs_of(lane), job, lane->now_ns, 503, stopped, sizeof stopped - 1);
}

static void start_jobs(struct nacre_lane *lane)
{
    struct nacre_job *job;
    lane->jobs_due = false;
    if (lane->stopping)
        return;
    if (atomic_load(&lane->shared->app_stopped)) {
        fail_jobs(lane);
        return;
    }
    /* an app that is not started yet would let their deadline pass */
    if (atomic_load(&lane->shared->waits_for_secrets))
        return;
    /* requests in line for a full socket came first */
    while (lane->request_fd >= 0 && !lane->pending_first &&
           (job = nacre_jobs_next(jobs_of(lane), lane->now_ns))) {
        int err = send_job(lane, job);
        if (err == -EMSGSIZE) {
            static const char large[] = "{\"error\":\"the request is too large to be passed on\"}";
            (void)nacre_jobs_end(jobs_of(lane), job, lane->now_ns, 413, large, sizeof large - 1);
        } else if (err) {
            nacre_jobs_back(jobs_of(lane), job); /* tried again with the next sweep, or by another lane */
            return;
        }
    }
}

static void end(struct nacre_lane *lane, struct nacre_slot *slot, uint32_t status,
                const struct nacre_json_out *answer)
{
    static const char no_memory[] = "{\"error\":\"no memory for the answer\"}";
    struct nacre_job *job = slot->job;
    char id[17];
    nacre_id_text(id, slot->id);
    const char *route = lane->shared->manifest->routes[slot->route].path;
    job->seals_answer = slot->has_key && !answer->failed;
    if (job->seals_answer)
        nacre_seal_out(lane, slot->reply_key, status);
    job->seals_answer = job->seals_answer && !answer->failed; /* an error's text then, in plain */
    nacre_slots_release(&lane->slots, slot);
    lane->jobs_due = true;
    uint64_t now = nacre_monotonic_ns();
    bool lost = answer->failed;
    uint64_t took_ms = (now - job->started_ns) / NS_PER_MS;
    enum nacre_job_state state =
        nacre_jobs_end(jobs_of(lane), job, now, lost ? 500 : status, lost ? no_memory : answer->base,
                       lost ? sizeof no_memory - 1 : answer->len);
    enum nacre_log_level level =
        state == NACRE_JOB_FAILED && status >= 500 ? NACRE_LEVEL_INFO : NACRE_LEVEL_DEBUG;
    nacre_log_event(level, "job", NLS("req", id), NLS("route", route),
                    NLS("state", nacre_job_state_name(state)), NLI("status", status), NLI("ms", took_ms));
}

void nacre_job_signed(struct nacre_lane *lane, struct nacre_slot *slot)
{
    end(lane, slot, 200, &lane->out);
}

void nacre_job_failed(struct nacre_lane *lane, struct nacre_slot *slot, uint32_t status, const uint8_t *text,
                      size_t len)
{
    struct nacre_json_out *out = nacre_lane_out(lane);
    nacre_error_text(out, text, len, "no reason was given");
    end(lane, slot, status < 400 || status > 599 ? 500 : status, out);
}

void nacre_job_refused(struct nacre_lane *lane, struct nacre_slot *slot, struct nacre_refusal refusal)
{
    struct nacre_json_out *out = nacre_lane_out(lane);
    nacre_error_refusal(out, &refusal);
    end(lane, slot, refusal.status, out);
}

void nacre_job_expired(struct nacre_lane *lane, struct nacre_slot *slot)
{
    uint64_t limit = lane->shared->manifest->config.jobs_deadline_ms;
    uint64_t late = lane->now_ns > slot->deadline_ns ? (lane->now_ns - slot->deadline_ns) / NS_PER_MS : 0;
    nacre_job_refused(
        lane, slot,
        nacre_refuse_limit(504, "the job did not end in time, milliseconds", limit + late, limit));
}

static void sweep(struct nacre_lane *lane)
{
    uint64_t cancelled[CANCELS];
    lane->jobs_swept_ns = lane->now_ns;
    lane->jobs_due = true;
    uint32_t n = nacre_jobs_sweep(jobs_of(lane), lane->now_ns, cancelled, CANCELS);
    for (uint32_t i = 0; i < n; i++)
        tell_app(lane, cancelled[i]);
}

/* Lane 0, and only while there are jobs at all. */
uint64_t nacre_jobs_wake_ns(const struct nacre_lane *lane)
{
    if (lane->index != 0 || atomic_load(&jobs_of(lane)->n_used) == 0)
        return UINT64_MAX;
    return lane->jobs_swept_ns + SWEEP_NS;
}

void nacre_jobs_run(struct nacre_lane *lane)
{
    if (nacre_jobs_wake_ns(lane) <= lane->now_ns)
        sweep(lane);
    if (lane->jobs_due)
        start_jobs(lane);
}
