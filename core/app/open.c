#include "open.h"

#include "worker.h"

#include <common/log.h>

#include <errno.h>
#include <sodium.h>

#define KEY_TIMEOUT_MS 5000u
#define NONCE          crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define MAC            crypto_aead_xchacha20poly1305_ietf_ABYTES
#define PREPARED_EXTRA (NONCE + MAC + 32u)

/* What the client is told when there is no key. None of it is sealed: nobody could have. */
static int32_t refused(struct nacre_app_call *call, int err)
{
    switch (err) {
    case -EEXIST:
        return nacre_call_fail_z(call, 409, "this sealed request came before: seal each one anew");
    case -ESTALE:
        return nacre_call_fail_z(call, 400, "the sealed request is too old: see sealed.window_s");
    case -ERANGE:
        return nacre_call_fail_z(call, 400, "the sealed request is from the future: set the client's clock");
    case -ENOSPC:
        return nacre_call_fail_z(call, 503, "too many sealed requests within sealed.window_s");
    case -EINVAL:
        return nacre_call_fail_z(call, 400, "the sealed request's sender key is not usable");
    case -EPERM:
        return nacre_call_fail_z(call, 503, "the sealed request is not known any more");
    default:
        return nacre_call_fail_z(call, 503, "the key for sealed requests is not available");
    }
}

/*
 * The pass says what nacre-http was asked for. Were that in other hands, it could have the body of one route decoded as
 * another's, which repeats it in an answer that nacre-http reads. A path without parameters is the route's own, then;
 * one with them at least no other route's.
 */
static bool is_of_route(const struct nacre_app_call *call, const struct nacre_sealed_pass *pass)
{
    const struct nacre_app *app = call->app;
    for (uint32_t i = 0; i < app->manifest.n_routes; i++) {
        const struct nacre_app_route *route = &app->routes[i];
        uint8_t target[32];
        if (route->n_params > 0 || (call->route->n_params == 0 && route != call->route))
            continue;
        nacre_sc_target(target, app->manifest.app, route->decl->method, route->decl->path,
                        strlen(route->decl->path));
        if ((memcmp(target, pass->target, sizeof target) == 0) != (route == call->route))
            return false;
    }
    return true;
}

/* Once for each sealed request, with the pass that nacre-http gave it. */
static int32_t ask_key(struct nacre_app_call *call, const struct nacre_request_frame *rq,
                       const struct nacre_sealed_pass *pass, const uint8_t *envelope, uint8_t key[32])
{
    struct nacre_open_frame frame = {.head.type = NACRE_FRAME_OPEN, .ticket = rq->ticket, .pass = *pass};
    const uint32_t left = nacre_call_remaining(call);
    memcpy(frame.header, envelope, sizeof frame.header);
    nacre_worker_step_aside(call->worker);
    int err =
        nacre_ask_open_key(&call->app->pending, &frame, left < KEY_TIMEOUT_MS ? left : KEY_TIMEOUT_MS, key);
    return err ? refused(call, err) : 0;
}

/* The answer's key goes ahead of anything that could have to be sealed with it. */
static int32_t hand_over(struct nacre_app_call *call, const uint8_t answer_key[32])
{
    struct nacre_reply_key_frame frame = {.head.type = NACRE_FRAME_REPLY_KEY, .id = call->visible.request_id};
    memcpy(frame.key, answer_key, sizeof frame.key);
    int err = nacre_frame_send(call->pair->request, &frame, NULL, 0, NULL, 0, NULL, 0);
    sodium_memzero(&frame, sizeof frame);
    return err ? nacre_call_fail_z(call, 503, "the answer's key cannot be passed on") : 0;
}

static int32_t open_envelope(struct nacre_app_call *call, const struct nacre_request_frame *rq,
                             const struct nacre_sealed_pass *pass, struct nacre_request_parts *parts)
{
    struct nacre_sc_content content;
    uint8_t key[32];
    if (!nacre_sc_is_request(parts->body, parts->body_len))
        return nacre_call_fail_z(call, 400, "the body does not begin like a sealed request of version 1");
    if (!is_of_route(call, pass))
        return nacre_call_fail_z(call, 500, "the sealed request's pass is for another route");
    int32_t status = ask_key(call, rq, pass, parts->body, key);
    if (status)
        return status;
    int err = nacre_sc_open(&content, parts->body, parts->body_len, key);
    sodium_memzero(key, sizeof key);
    if (err == -EBADMSG)
        return nacre_call_fail_z(
            call, 400,
            "the sealed request does not open: it was altered, or sealed to another key, or for "
            "another app, method or path");
    if (err)
        return nacre_call_fail_z(call, 400, "the sealed request's content is out of form");
    nacre_sc_answer_key(parts->answer_key, content.reply_key, parts->body);
    parts->body = content.body;
    parts->body_len = content.body_len;
    return hand_over(call, parts->answer_key);
}

/* What a job's box is for: nacre-http, which keeps it, cannot have it run as another route's. */
static uint32_t route_of(const struct nacre_app_call *call)
{
    return (uint32_t)(call->route - call->app->routes);
}

/* A job's: nonce, then a box of the answer's key and the body. */
static int32_t open_prepared(struct nacre_app_call *call, struct nacre_request_parts *parts)
{
    uint8_t *mac = parts->body + NONCE, *content = mac + MAC;
    const uint32_t route = route_of(call);
    const size_t len = parts->body_len < PREPARED_EXTRA ? 0 : parts->body_len - PREPARED_EXTRA;
    if (parts->body_len < PREPARED_EXTRA ||
        crypto_aead_xchacha20poly1305_ietf_decrypt_detached(content, NULL, content, 32 + len, mac,
                                                            (const uint8_t *)&route, sizeof route,
                                                            parts->body, call->app->job_key) != 0)
        return nacre_call_fail_z(call, 503,
                                 "the app was started anew while the sealed job waited: send it again");
    memcpy(parts->answer_key, content, 32);
    parts->body = content + 32;
    parts->body_len = len;
    return hand_over(call, parts->answer_key);
}

int32_t nacre_request_take(struct nacre_app_call *call, struct nacre_inbox *in,
                           struct nacre_request_parts *parts)
{
    const struct nacre_request_frame *rq = (const void *)in->head;
    struct nacre_sealed_pass pass;
    uint8_t *at = in->payload;
    size_t len = in->payload_len;
    const bool is_sealed = rq->flags & NACRE_REQUEST_SEALED;
    if (is_sealed && len < sizeof pass + rq->params_len)
        return nacre_call_fail_z(call, 500, "the request's pass is missing");
    if (is_sealed) {
        memcpy(&pass, at, sizeof pass);
        at += sizeof pass;
        len -= sizeof pass;
    }
    *parts = (struct nacre_request_parts){at, at + rq->params_len, rq->params_len, len - rq->params_len, {0}};
    if (!is_sealed)
        return 0;
    return rq->flags & NACRE_REQUEST_PREPARED ? open_prepared(call, parts)
                                              : open_envelope(call, rq, &pass, parts);
}

int32_t nacre_request_prepare(struct nacre_app_call *call, struct nacre_inbox *in)
{
    struct nacre_prepared_frame frame = {.head.type = NACRE_FRAME_PREPARED, .id = call->visible.request_id};
    struct nacre_request_parts parts = {0};
    int32_t status = nacre_request_take(call, in, &parts);
    if (status)
        return status;
    uint8_t *box = nacre_scratch_alloc(call->scratch, PREPARED_EXTRA + parts.body_len);
    if (!box)
        return nacre_call_fail_z(call, 413, "app.scratch_bytes is too small for the request");
    uint8_t *mac = box + NONCE, *content = mac + MAC;
    const uint32_t route = route_of(call);
    randombytes_buf(box, NONCE);
    memcpy(content, parts.answer_key, 32);
    if (parts.body_len)
        memcpy(content + 32, parts.body, parts.body_len);
    (void)crypto_aead_xchacha20poly1305_ietf_encrypt_detached(content, mac, NULL, content,
                                                              32 + parts.body_len, (const uint8_t *)&route,
                                                              sizeof route, NULL, box, call->app->job_key);
    sodium_memzero(parts.answer_key, sizeof parts.answer_key);
    int err =
        nacre_frame_send(call->pair->request, &frame, box, PREPARED_EXTRA + parts.body_len, NULL, 0, NULL, 0);
    return err ? nacre_call_fail_z(call, 503, "the job cannot be passed on") : 0;
}
