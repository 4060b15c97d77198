#include "builtin.h"

#include "job_run.h"
#include "reply.h"
#include "request.h"

static enum nacre_builtin_result sent(bool ok)
{
    return ok ? NACRE_BUILTIN_ANSWERED : NACRE_BUILTIN_BROKEN;
}

static enum nacre_builtin_result answer_root(struct nacre_conn *conn)
{
    static char pong[] = "Pong!";
    struct nacre_http_reply reply = {.status = 200,
                                     .type = NACRE_TYPE_TEXT,
                                     .body = pong,
                                     .len = sizeof pong - 1,
                                     .mode = NACRE_BODY_KEEP};
    return sent(nacre_reply(conn, &reply));
}

static enum nacre_builtin_result answer_options(struct nacre_conn *conn)
{
    struct nacre_http_reply reply = {
        .status = 204, .mode = NACRE_BODY_KEEP, .allowed = conn->refusal.allowed, .preflight = true};
    return sent(nacre_reply(conn, &reply));
}

static enum nacre_builtin_result answer_health(struct nacre_conn *conn)
{
    struct nacre_json_out *out = nacre_lane_out(conn->lane);
    uint32_t status = nacre_health_write(conn->lane->shared, out, nacre_monotonic_ns());
    return sent(nacre_reply_out(conn, status, status == 503));
}

static enum nacre_builtin_result answer_openapi(struct nacre_conn *conn)
{
    const struct nacre_json_out *text = &conn->lane->shared->openapi;
    struct nacre_http_reply reply = {.status = 200,
                                     .type = NACRE_TYPE_JSON,
                                     .body = text->base,
                                     .len = text->len,
                                     .mode = NACRE_BODY_KEEP};
    return sent(nacre_reply(conn, &reply));
}

static enum nacre_builtin_result answer_attestation(struct nacre_conn *conn)
{
    struct nacre_shared *shared = conn->lane->shared;
    if (conn->nonce) {
        conn->refusal = nacre_request_attest(conn);
        return conn->refusal.status ? sent(nacre_reply_refusal(conn, &conn->refusal)) : NACRE_BUILTIN_WAITS;
    }
    struct nacre_json_out *out = nacre_lane_out(conn->lane);
    (void)pthread_mutex_lock(&shared->lock);
    nacre_json_raw(out, shared->document.base, shared->document.len);
    (void)pthread_mutex_unlock(&shared->lock);
    if (out->len == 0) {
        struct nacre_refusal none = nacre_refuse_later(503, "there is no attestation document yet");
        return sent(nacre_reply_refusal(conn, &none));
    }
    return sent(nacre_reply_out(conn, 200, 0));
}

enum nacre_builtin_result nacre_builtin_answer(struct nacre_conn *conn)
{
    if (conn->method == NACRE_OPTIONS)
        return answer_options(conn);
    switch ((enum nacre_builtin)conn->path->index) {
    case NACRE_BUILTIN_ROOT:
        return answer_root(conn);
    case NACRE_BUILTIN_HEALTH:
        return answer_health(conn);
    case NACRE_BUILTIN_ATTESTATION:
        return answer_attestation(conn);
    case NACRE_BUILTIN_OPENAPI:
        return answer_openapi(conn);
    case NACRE_BUILTIN_JOB:
        return sent(nacre_job_show(conn, false));
    case NACRE_BUILTIN_JOB_ANSWER:
        return sent(nacre_job_show(conn, true));
    case NACRE_BUILTIN_JOB_DELETE:
        return sent(nacre_job_delete(conn));
    case NACRE_BUILTINS:
        break;
    }
    return NACRE_BUILTIN_BROKEN;
}
