#include "core.h"

#include "common/log.h"

#include <errno.h>
#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define MESSAGES_A_TURN 16          /* of one helper, before everything else gets its turn */
#define PATIENCE_NS     5000000000u /* with a helper that does not read */

/* False when it cannot be sent now; then nothing of it has been. */
static bool send_frame(struct nacre_helper *h, void *frame, const void *payload, size_t len, const int *fds,
                       size_t n_fds)
{
    if (h->control < 0 || h->doomed)
        return true;
    int err = nacre_frame_send(h->control, frame, payload, len, NULL, 0, fds, n_fds);
    if (err == -EAGAIN)
        return false;
    if (err && err != -EPIPE && err != -ECONNRESET) /* those two: it is dying, and will be reaped */
        nacre_helper_kill(h, strerror(-err));
    return true;
}

void nacre_must_send(struct nacre_helper *h, void *frame, const void *payload, size_t len, const int *fds,
                     size_t n_fds)
{
    if (!send_frame(h, frame, payload, len, fds, n_fds))
        nacre_helper_kill(h, "does not read its control socket");
}

/*
 * May its next message be read? Only while it reads what we send, so that it cannot make us owe it more and more, and
 * while there is room for another connect.
 */
static bool may_receive(struct nacre_core *c, struct nacre_helper *h)
{
    struct pollfd fd = {.fd = h->control, .events = POLLOUT};
    bool reads = poll(&fd, 1, 0) != 0;
    bool room =
        !h->is_app || c->broker.in_flight + MESSAGES_A_TURN <= NACRE_BROKER_MAX || (fd.revents & POLLHUP);
    uint32_t wanted = !reads ? EPOLLOUT : room ? EPOLLIN : 0;
    struct epoll_event event = {.events = wanted,
                                .data.u64 = NACRE_EVENT(h->is_app ? NACRE_ON_APP : NACRE_ON_HTTP)};
    if (wanted != h->watched && epoll_ctl(c->epoll, EPOLL_CTL_MOD, h->control, &event) == 0)
        h->watched = wanted;
    if (reads)
        h->deaf_since_ns = 0;
    else if (h->deaf_since_ns == 0)
        h->deaf_since_ns = nacre_monotonic_ns();
    return reads && room;
}

void nacre_control_tick(struct nacre_core *c, uint64_t now_ns)
{
    struct nacre_helper *both[] = {&c->http, &c->app};
    for (size_t i = 0; i < 2; i++) {
        struct nacre_helper *h = both[i];
        if (h->control < 0 || h->doomed || h->watched == EPOLLIN || may_receive(c, h))
            continue;
        if (h->deaf_since_ns && now_ns > h->deaf_since_ns && now_ns - h->deaf_since_ns > PATIENCE_NS)
            nacre_helper_kill(h, "does not read its control socket");
    }
}

void nacre_send_init(struct nacre_core *c)
{
    const struct nacre_listeners *l = &c->listeners;
    struct nacre_init_frame f = {.head.type = NACRE_FRAME_INIT,
                                 .n_lanes = l->n_lanes,
                                 .has_admin = l->has_admin,
                                 .is_vsock = l->is_vsock};
    const uint8_t *tls = NULL;
    size_t tls_len = 0;
    memcpy(f.ticket_key, c->ticket_key, sizeof f.ticket_key);
    if (nacre_tls_current(&c->tls, &tls, &tls_len))
        f.tls_form = c->tls.form;
    nacre_listeners_renew(l);
    nacre_must_send(&c->http, &f, tls, tls_len, l->fds, l->n_lanes + l->has_admin);
    sodium_memzero(&f, sizeof f);
}

void nacre_send_lane(struct nacre_core *c, struct nacre_helper *h, uint32_t lane, uint32_t what,
                     const int *fds)
{
    struct nacre_lane_frame f = {
        .head.type = NACRE_FRAME_LANE, .lane = lane, .n_lanes = c->n_lanes, .what = what};
    nacre_must_send(h, &f, NULL, 0, fds, what & NACRE_LANE_SIGNED ? 2 : 1);
}

void nacre_send_stop(struct nacre_helper *h)
{
    struct nacre_plain_frame f = {.head.type = NACRE_FRAME_STOP};
    nacre_must_send(h, &f, NULL, 0, NULL, 0);
}

void nacre_send_state(struct nacre_core *c)
{
    struct nacre_clock_reading now = nacre_timekeeper_now(&c->time);
    struct nacre_state_frame f = {
        .head.type = NACRE_FRAME_STATE,
        .key_ready = c->keys != NULL,
        .clock_ok = now.valid,
        .clock_error_ns = now.error_ns,
        .started_ns = c->started_ns,
        .app_state = c->app.state,
        .http_state = c->http.state,
        .app_restarts = c->app.backoff.restarts,
        .http_restarts = c->http.backoff.restarts,
        .app_backoff_ms = nacre_backoff_wait_ms(&c->app.backoff),
        .http_backoff_ms = nacre_backoff_wait_ms(&c->http.backoff),
        .signed_answers = atomic_load(&c->signing.signed_answers),
        .refused_answers = atomic_load(&c->signing.refused_answers),
        .nsm_calls = atomic_load(&c->nsm.calls),
        .nsm_errors = atomic_load(&c->nsm.errors),
        .secrets_refused = c->secrets.refused,
        .secrets_form = c->secrets.form,
        .tls_form = c->tls.form,
    };
    if (c->keys)
        memcpy(f.public_key, c->keys->sign_public, sizeof f.public_key);
    (void)send_frame(&c->http, &f, NULL, 0, NULL, 0);
}

void nacre_send_time(struct nacre_core *c)
{
    struct nacre_clock_reading now = nacre_timekeeper_now(&c->time);
    struct nacre_time_frame f = {.head.type = NACRE_FRAME_TIME,
                                 .offset_ns = now.offset_ns,
                                 .error_ns = now.error_ns,
                                 .valid = now.valid};
    (void)send_frame(&c->app, &f, NULL, 0, NULL, 0);
}

void nacre_send_secrets(struct nacre_core *c)
{
    struct nacre_plain_frame f = {.head.type = NACRE_FRAME_SECRETS};
    if (!c->secrets.settled || !c->time.clock.started || c->app.got_secrets || c->app.pid == 0)
        return;
    c->app.got_secrets = true;
    nacre_send_time(c);
    nacre_must_send(&c->app, &f, c->secrets.blob, c->secrets.len, NULL, 0);
}

void nacre_send_document(struct nacre_core *c)
{
    struct nacre_document_frame f = {
        .head.type = NACRE_FRAME_DOCUMENT, .made_ns = c->document_ns, .status = 200};
    if (c->document_len > 0)
        (void)send_frame(&c->http, &f, c->document, c->document_len, NULL, 0);
}

static void send_refusal(struct nacre_core *c, uint64_t id, uint32_t status, const char *text)
{
    struct nacre_document_frame f = {
        .head.type = NACRE_FRAME_DOCUMENT, .id = id, .made_ns = nacre_monotonic_ns(), .status = status};
    (void)send_frame(&c->http, &f, text, strlen(text), NULL, 0);
}

bool nacre_send_attested(struct nacre_core *c, const struct nacre_nsm_result *r)
{
    struct nacre_document_frame f = {.head.type = NACRE_FRAME_DOCUMENT,
                                     .id = r->id,
                                     .made_ns = r->time.after_ns,
                                     .status = r->error ? 503 : 200};
    if (r->client != c->http.incarnation)
        return true; /* who asked has died */
    const void *payload = r->error ? (const void *)r->why : r->answer.document;
    return send_frame(&c->http, &f, payload, r->error ? strlen(r->why) : r->answer.document_len, NULL, 0);
}

void nacre_send_connected(void *core, uint64_t id, int fd, int error)
{
    struct nacre_core *c = core;
    struct nacre_connected_frame f = {.head.type = NACRE_FRAME_CONNECTED, .id = id, .error = error};
    (void)send_frame(&c->app, &f, NULL, 0, &fd, fd >= 0 ? 1 : 0);
}

static bool on_attest(struct nacre_core *c, const struct nacre_attest_frame *f)
{
    struct nacre_nsm_job job = {
        .id = f->id, .client = c->http.incarnation, .batch = f->batch == 1, .nonce_len = f->nonce_len};
    if (f->id == 0 || f->nonce_len > NACRE_NONCE_MAX || f->batch > 1)
        return false;
    if (nacre_config_tls(&c->manifest.config) && !nacre_tls_attested(&c->tls))
        return false; /* its first message is the key */
    memcpy(job.nonce, f->nonce, f->nonce_len);
    if (nacre_nsm_thread_attest(&c->nsm, &job) < 0)
        send_refusal(c, f->id, 429, "too many attestations are waiting");
    return true;
}

static void on_box(struct nacre_core *c, const struct nacre_box_frame *f)
{
    struct nacre_box_key_frame answer = {.head.type = NACRE_FRAME_BOX_KEY, .id = f->id};
    answer.error = -nacre_keys_box(c->keys, answer.key, f->sender);
    (void)send_frame(&c->app, &answer, NULL, 0, NULL, 0);
    sodium_memzero(&answer, sizeof answer);
}

static void on_open(struct nacre_core *c, const struct nacre_open_frame *f)
{
    struct nacre_box_key_frame answer = {.head.type = NACRE_FRAME_BOX_KEY, .id = f->id};
    const struct nacre_clock_reading now = nacre_timekeeper_now(&c->time);
    answer.error = -nacre_open_key(&c->opening, answer.key, f, c->keys, c->ticket_key, &now);
    (void)send_frame(&c->app, &answer, NULL, 0, NULL, 0);
    sodium_memzero(&answer, sizeof answer);
}

static void announce(struct nacre_core *c)
{
    char pk[65], line[128];
    if (c->http.state != NACRE_HELPER_UP || c->app.state != NACRE_HELPER_UP || c->stopping)
        return;
    c->was_ready = true;
    nacre_hex(pk, c->keys->sign_public, 32);
    nacre_log_event(NACRE_LEVEL_INFO, "ready", NLS("app", c->manifest.app), NLS("pk", pk),
                    NLI("port", c->listeners.port));
    if (c->ready_fd < 0)
        return;
    int len = snprintf(line, sizeof line, "ready %s %u\n", pk, c->listeners.port);
    if (write(c->ready_fd, line, (size_t)len) != len)
        nacre_log_event(NACRE_LEVEL_WARN, "ready line not written", NLI("fd", c->ready_fd));
    (void)close(c->ready_fd);
    c->ready_fd = -1;
}

static void on_ready(struct nacre_core *c, struct nacre_helper *h)
{
    if (h->state != NACRE_HELPER_STARTING || h->pid == 0)
        return;
    h->state = NACRE_HELPER_UP;
    h->up_ns = nacre_monotonic_ns();
    nacre_log_event(NACRE_LEVEL_INFO, "helper up", NLS("helper", h->name), NLI("pid", h->pid),
                    NLI("restarts", h->backoff.restarts));
    nacre_send_state(c);
    announce(c);
}

/*
 * What cannot start says so before anybody has seen the key: that ends the boot, since another try would have the same
 * plugin and the same secrets. Later, after a crash, it is one more death.
 */
static void on_failed(struct nacre_core *c, struct nacre_helper *h)
{
    const char *reason = (const char *)c->inbox.payload;
    size_t len = c->inbox.payload_len < NACRE_FAILURE_TEXT ? c->inbox.payload_len : NACRE_FAILURE_TEXT;
    nacre_log_event(NACRE_LEVEL_ERROR, "helper cannot start", NLS("helper", h->name),
                    NLB("reason", reason, len));
    if (!c->was_ready && !c->stopping) {
        (void)snprintf(c->refusal, sizeof c->refusal, "%s: %.*s", h->name, (int)len, reason);
        nacre_helpers_stop(c, nacre_monotonic_ns());
    }
    nacre_helper_kill(h, "cannot start");
}

/* False for what this helper has no business saying. */
static bool dispatch(struct nacre_core *c, struct nacre_helper *h)
{
    const void *head = c->inbox.head;
    switch (c->inbox.head->type) {
    case NACRE_FRAME_READY:
        on_ready(c, h);
        return true;
    case NACRE_FRAME_FAILED:
        on_failed(c, h);
        return true;
    case NACRE_FRAME_ATTEST:
        return !h->is_app && on_attest(c, head);
    case NACRE_FRAME_TLS:
        return !h->is_app && nacre_tls_said(c, head);
    case NACRE_FRAME_CONNECT: {
        const struct nacre_connect_frame *f = head;
        if (h->is_app)
            nacre_broker_connect(&c->broker, f->id, f->endpoint, nacre_monotonic_ns());
        return h->is_app;
    }
    case NACRE_FRAME_BOX:
        if (h->is_app)
            on_box(c, head);
        return h->is_app;
    case NACRE_FRAME_OPEN:
        if (h->is_app)
            on_open(c, head);
        return h->is_app;
    default:
        return false;
    }
}

void nacre_control_receive(struct nacre_core *c, struct nacre_helper *h)
{
    bool ended = false;
    /* the dead are heard to the end */
    bool listen = h->pid == 0 || (!h->doomed && may_receive(c, h));
    for (int i = 0; i < MESSAGES_A_TURN && listen && !h->doomed && !ended; i++) {
        size_t most = h->is_app ? NACRE_FAILURE_TEXT : NACRE_TLS_BLOB;
        int got = nacre_frame_receive(h->control, &c->inbox, most, true);
        if (got == -EAGAIN || got == -EINTR)
            break;
        ended = got == 0;
        if (got < 0)
            nacre_helper_kill(h, got == -EBADMSG ? "control message out of form" : strerror(-got));
        else if (got > 0 && !dispatch(c, h))
            nacre_helper_kill(h, "control message of a wrong type or content");
    }
    if (ended && !c->stopping)
        nacre_helper_kill(h, NULL); /* it is ending, which is logged when it has */
    if (ended || h->doomed)         /* or its end would be reported again and again until it is reaped */
        (void)epoll_ctl(c->epoll, EPOLL_CTL_DEL, h->control, NULL);
    nacre_inbox_clear(&c->inbox);
}
