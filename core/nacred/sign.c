#include "sign.h"

#include "common/bcs.h"
#include "common/log.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define PREFIX         9u /* intent, timestamp: IntentMessage up to its data */
#define LOG_PER_SECOND 4u /* lines about refusals, per lane: a plugin must not drown the log */
#define SECOND_NS      1000000000u

_Static_assert(PREFIX <= NACRE_FRAME_HEADROOM, "the prefix must fit before the payload");

static uint32_t refuse(uint32_t status, const char *for_client, const char *for_log, const char **text,
                       const char **reason)
{
    *text = for_client;
    *reason = for_log;
    return status;
}

/* The route's time rule. 0 with *ms, or the status to refuse with. */
static uint32_t choose_time(const struct nacre_route_decl *route, const struct nacre_clock_reading *now,
                            uint64_t from_app, uint64_t *ms, const char **text, const char **reason)
{
    if (!now->valid)
        return refuse(503, "the enclave's clock is not sure of the time", "clock unsure", text, reason);
    if (route->time_rule == NACRE_TIME_CORE) {
        *ms = now->now_ms;
        return 0;
    }
    if (from_app > now->now_ms)
        return refuse(500, "the app's timestamp is not allowed", "timestamp in the future", text, reason);
    if (now->now_ms - from_app > route->max_age_ms)
        return refuse(500, "the app's timestamp is not allowed", "timestamp too old", text, reason);
    *ms = from_app;
    return 0;
}

uint32_t nacre_sign_result(struct nacre_signing *s, const uint8_t ticket_key[16], struct nacre_inbox *in,
                           struct nacre_answer_frame *answer, const char **text, const char **reason)
{
    struct nacre_result_frame result;
    const struct nacre_manifest *m = s->manifest;
    if (in->head->type != NACRE_FRAME_RESULT)
        return refuse(0, "", "not a result", text, reason);
    memcpy(&result, in->head, sizeof result);
    if (!nacre_ticket_valid(&result.ticket, ticket_key))
        return refuse(0, "", "bad ticket", text, reason);
    if (nacre_monotonic_ns() > result.ticket.deadline_ns)
        return refuse(0, "", "past its deadline", text, reason);
    *answer = (struct nacre_answer_frame){.head = {.type = NACRE_FRAME_ANSWER},
                                          .id = result.ticket.id,
                                          .route = result.ticket.route,
                                          .status = 500};
    if (result.ticket.route >= m->n_routes)
        return refuse(500, "no such route", "no such route", text, reason);
    const struct nacre_route_decl *route = &m->routes[result.ticket.route];
    struct nacre_clock_reading now = nacre_timekeeper_now(s->time);
    uint64_t ms;
    uint32_t status = choose_time(route, &now, result.timestamp_ms, &ms, text, reason);
    if (!status && nacre_bcs_check(&m->types, route->response, in->payload, in->payload_len, NULL) != 0)
        status = refuse(500, "the app's response does not have the declared type", "not of the declared type",
                        text, reason);
    if (status) {
        answer->status = status;
        return status;
    }
    uint8_t *message = in->payload - PREFIX;
    struct nacre_writer w = nacre_writer(message, PREFIX);
    nacre_write_u8(&w, m->intents[route->intent].scope);
    nacre_write_le(&w, ms, 8);
    nacre_keys_sign(s->keys, answer->signature, message, PREFIX + in->payload_len);
    answer->timestamp_ms = ms;
    answer->status = 200;
    return 200;
}

struct refusals { /* of one lane, for its log */
    uint64_t since_ns;
    uint32_t logged;
    uint64_t silent;
};

static void log_refusal(struct refusals *r, const struct nacre_ticket *ticket, const char *reason)
{
    char id[17];
    uint64_t now = nacre_monotonic_ns();
    if (now - r->since_ns > SECOND_NS) {
        r->since_ns = now;
        r->logged = 0;
    }
    if (r->logged++ >= LOG_PER_SECOND) {
        r->silent++;
        return;
    }
    for (int i = 0; i < 16; i++)
        id[i] = "0123456789abcdef"[(ticket->id >> (60 - 4 * i)) & 15];
    id[16] = '\0';
    nacre_log_event(NACRE_LEVEL_WARN, "not signed", NLS("reason", reason), NLS("req", id),
                    NLI("route", ticket->route), NLI("not_logged", r->silent));
    r->silent = 0;
}

static void handle(struct nacre_signer *s, struct nacre_inbox *in, const struct nacre_lane_sockets *sockets,
                   struct refusals *refusals)
{
    struct nacre_answer_frame answer;
    struct nacre_ticket ticket = {0};
    const char *text = "", *reason = "";
    if (in->head->type == NACRE_FRAME_RESULT) /* before signing overwrites it */
        memcpy(&ticket, (const uint8_t *)in->head + offsetof(struct nacre_result_frame, ticket),
               sizeof ticket);
    uint32_t status = nacre_sign_result(s->signing, sockets->ticket_key, in, &answer, &text, &reason);
    atomic_fetch_add(status == 200 ? &s->signing->signed_answers : &s->signing->refused_answers, 1);
    if (status != 200)
        log_refusal(refusals, &ticket, reason);
    if (status == 0 || sockets->answer < 0)
        return;
    int err = status == 200
                  ? nacre_frame_send(sockets->answer, &answer, in->payload, in->payload_len, NULL, 0, NULL, 0)
                  : nacre_frame_send(sockets->answer, &answer, text, strlen(text), NULL, 0, NULL, 0);
    if (err && err != -EPIPE) /* it has died, and its requests with it */
        log_refusal(refusals, &ticket, err == -EAGAIN ? "nacre-http takes no answers" : strerror(-err));
}

static void *run(void *arg)
{
    struct nacre_signer *s = arg;
    struct nacre_lane_sockets sockets;
    struct refusals refusals = {0};
    size_t max = s->signing->manifest->config.app_response_bytes;
    while (nacre_lane_await(&s->lane, &sockets)) {
        int got = nacre_frame_receive(sockets.result, &s->inbox, max, false);
        if (got == 1) {
            nacre_lane_refresh(&s->lane, &sockets);
            handle(s, &s->inbox, &sockets, &refusals);
        } else if (got == -EBADMSG || got == -ENOMEM) {
            atomic_fetch_add(&s->signing->refused_answers, 1);
            log_refusal(&refusals, &(struct nacre_ticket){0},
                        got == -ENOMEM ? "out of memory" : "message out of form");
        } else if (got != -EINTR) {
            nacre_lane_drop_result(&s->lane);
        }
    }
    return NULL;
}

int nacre_signer_start(struct nacre_signer *s)
{
    int err = nacre_inbox_init(&s->inbox);
    if (!err)
        err = -pthread_create(&s->thread, NULL, run, s);
    if (err)
        nacre_inbox_free(&s->inbox);
    return err;
}

void nacre_signer_stop(struct nacre_signer *s)
{
    nacre_lane_stop(&s->lane);
    (void)pthread_join(s->thread, NULL);
    nacre_inbox_free(&s->inbox);
}
