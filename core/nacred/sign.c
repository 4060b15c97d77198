#include "sign.h"

#include "common/bcs.h"
#include "common/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PREFIX         9u /* intent, timestamp: IntentMessage up to its data */
#define LOG_PER_SECOND 4u /* lines about refusals, per lane: a plugin must not drown the log */
#define SECOND_NS      1000000000u
#define TOGETHER       8u /* answers in one message: so many signatures is what the first one waits */

_Static_assert(PREFIX <= NACRE_FRAME_HEADROOM, "the prefix must fit before the payload");

static const struct nacre_verdict passed = {200, "", ""}; /* so far, or signed */
static const struct nacre_verdict not_result = {0, "", "not a result"};
static const struct nacre_verdict bad_ticket = {0, "", "bad ticket"};
static const struct nacre_verdict late = {0, "", "past its deadline"};
static const struct nacre_verdict no_memory = {503, "no memory is left for an answer of that size",
                                               "out of memory"};
static const struct nacre_verdict no_route = {500, "no such route", "no such route"};
static const struct nacre_verdict no_time = {503, "the enclave's clock is not sure of the time",
                                             "clock unsure"};
static const struct nacre_verdict in_future = {500, "the app's timestamp is not allowed",
                                               "time in the future"};
static const struct nacre_verdict too_old = {500, "the app's timestamp is not allowed", "time too old"};
static const struct nacre_verdict bad_type = {500, "the app's response is not of the declared type",
                                              "bad type"};

/* The route's time rule; *ms is the answer's time when it passes. */
static const struct nacre_verdict *choose_time(const struct nacre_route_decl *route,
                                               struct nacre_timekeeper *time, uint64_t from_app, uint64_t *ms)
{
    struct nacre_clock_reading now = nacre_timekeeper_now(time);
    if (!now.valid)
        return &no_time;
    *ms = route->time_rule == NACRE_TIME_APP ? from_app : now.now_ms;
    if (*ms > now.now_ms)
        return &in_future;
    if (route->time_rule == NACRE_TIME_APP && now.now_ms - *ms > route->max_age_ms)
        return &too_old;
    return &passed;
}

/* All that must hold; *ms is the answer's time. */
static const struct nacre_verdict *judge(const struct nacre_signing *s, const uint8_t ticket_key[16],
                                         const struct nacre_inbox *in,
                                         const struct nacre_result_frame *result, uint64_t *ms)
{
    const struct nacre_manifest *m = s->manifest;
    if (!nacre_ticket_valid(&result->ticket, ticket_key))
        return &bad_ticket;
    if (nacre_monotonic_ns() > result->ticket.deadline_ns)
        return &late;
    if (!in->payload)
        return &no_memory;
    if (result->ticket.route >= m->n_routes)
        return &no_route;
    const struct nacre_route_decl *route = &m->routes[result->ticket.route];
    const struct nacre_verdict *v = choose_time(route, s->time, result->timestamp_ms, ms);
    if (v == &passed && nacre_bcs_check(&m->types, route->response, in->payload, in->payload_len, NULL) != 0)
        v = &bad_type;
    return v;
}

const struct nacre_verdict *nacre_sign_result(const struct nacre_signing *s, const uint8_t ticket_key[16],
                                              struct nacre_inbox *in, struct nacre_answer_frame *answer)
{
    struct nacre_result_frame result;
    const struct nacre_manifest *m = s->manifest;
    uint64_t ms;
    *answer = (struct nacre_answer_frame){.head.type = NACRE_FRAME_ANSWER};
    if (in->head->type != NACRE_FRAME_RESULT)
        return &not_result;
    memcpy(&result, in->head, sizeof result);
    const struct nacre_verdict *v = judge(s, ticket_key, in, &result, &ms);
    answer->id = result.ticket.id;
    answer->route = result.ticket.route;
    answer->status = v->status;
    if (v != &passed)
        return v;
    struct nacre_writer w = nacre_writer(in->payload - PREFIX, PREFIX);
    nacre_write_u8(&w, m->intents[m->routes[answer->route].intent].scope);
    nacre_write_le(&w, ms, 8);
    nacre_keys_sign(s->keys, answer->signature, w.base, PREFIX + in->payload_len);
    answer->timestamp_ms = ms;
    return v;
}

static void log_refusal(struct nacre_signer *s, uint64_t request, uint32_t route, const char *reason)
{
    char id[17];
    uint64_t now = nacre_monotonic_ns();
    if (now - s->logged_ns > SECOND_NS) {
        s->logged_ns = now;
        s->logged = 0;
    }
    if (s->logged++ >= LOG_PER_SECOND) {
        s->not_logged++;
        return;
    }
    (void)snprintf(id, sizeof id, "%016" PRIx64, request);
    nacre_log_event(NACRE_LEVEL_WARN, "not signed", NLS("reason", reason), NLS("req", id),
                    NLI("route", route), NLI("not_logged", s->not_logged));
    s->not_logged = 0;
}

/* It has died, and its requests with it: nothing to say. */
static bool is_gone(int err)
{
    return err == -EPIPE || err == -ECONNRESET;
}

/* `id` and `route` are one of those that are lost. */
static void log_not_sent(struct nacre_signer *s, uint64_t id, uint32_t route, int err)
{
    if (err && !is_gone(err))
        log_refusal(s, id, route, err == -EAGAIN ? "nacre-http takes no answers" : strerror(-err));
}

/* Judges and signs one result; its answer waits in the outbox, or has been sent. */
static void handle(struct nacre_signer *s, const struct nacre_lane_sockets *sockets)
{
    struct nacre_answer_frame answer;
    struct nacre_inbox *in = &s->inbox;
    const struct nacre_verdict *v = nacre_sign_result(s->signing, sockets->ticket_key, in, &answer);
    bool is_signed = v == &passed;
    atomic_fetch_add(is_signed ? &s->signing->signed_answers : &s->signing->refused_answers, 1);
    if (!is_signed)
        log_refusal(s, answer.id, answer.route, v->reason);
    if (v->status == 0 || sockets->answer < 0)
        return;
    const void *payload = is_signed ? (const void *)in->payload : v->text;
    size_t len = is_signed ? in->payload_len : strlen(v->text);
    int err = nacre_outbox_put(&s->outbox, sockets->answer, &answer, payload, len, NULL, 0);
    log_not_sent(s, answer.id, answer.route, err);
}

/* What is signed goes out at the end of a message of results, or when the first has waited for some others. */
static void send_answers(struct nacre_signer *s, const struct nacre_lane_sockets *sockets)
{
    if (s->outbox.n == 0 || (s->outbox.n < TOGETHER && nacre_inbox_more(&s->inbox)))
        return;
    int err = nacre_outbox_send(&s->outbox, sockets->answer);
    log_not_sent(s, 0, 0, err);
    nacre_outbox_drop(&s->outbox);
}

/* The next result. The newest sockets and key for each message: none of its results is for a younger nacre-http. */
static int next_result(struct nacre_signer *s, struct nacre_lane_sockets *sockets, size_t max)
{
    bool is_new = !nacre_inbox_more(&s->inbox);
    int got = nacre_frame_receive_packed(sockets->result, &s->inbox, max, false);
    if ((got == 1 || got == -ENOMEM) && is_new)
        nacre_lane_refresh(&s->lane, sockets);
    return got;
}

static void *run(void *arg)
{
    struct nacre_signer *s = arg;
    struct nacre_lane_sockets sockets = {.result = -1, .answer = -1};
    size_t max = s->signing->manifest->config.app_response_bytes;
    while (nacre_inbox_more(&s->inbox) || nacre_lane_await(&s->lane, &sockets)) {
        int got = next_result(s, &sockets, max);
        if (got == 1 || got == -ENOMEM) { /* judged without its payload, then, so that its client is told */
            handle(s, &sockets);
        } else if (got == -EBADMSG) {
            atomic_fetch_add(&s->signing->refused_answers, 1);
            log_refusal(s, 0, 0, "message out of form");
        } else if (got != -EINTR) {
            nacre_lane_drop_result(&s->lane);
        }
        send_answers(s, &sockets);
    }
    return NULL;
}

int nacre_signer_start(struct nacre_signer *s)
{
    int err = nacre_inbox_init(&s->inbox);
    if (!err)
        err = nacre_outbox_init(&s->outbox);
    if (!err)
        err = -pthread_create(&s->thread, NULL, run, s);
    if (err) {
        nacre_inbox_free(&s->inbox);
        nacre_outbox_free(&s->outbox);
    }
    return err;
}

void nacre_signer_stop(struct nacre_signer *s)
{
    nacre_lane_stop(&s->lane);
    (void)pthread_join(s->thread, NULL);
    nacre_inbox_free(&s->inbox);
    nacre_outbox_free(&s->outbox);
}
