#include "request.h"

#include "job_run.h"
#include "reply.h"
#include "seal.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>

#define FIRST_PIECE 8192u

static const struct nacre_refusal under_way = {0};

static struct nacre_refusal no_slot(const struct nacre_conn *conn, uint64_t in_flight)
{
    struct nacre_refusal r = nacre_refuse_limit(503, "too many requests in flight", in_flight,
                                                conn->lane->shared->manifest->config.http_in_flight);
    r.retry_s = 1;
    return r;
}

static struct nacre_refusal take_slot(struct nacre_conn *conn, uint64_t deadline_ms, uint32_t waits)
{
    struct nacre_lane *lane = conn->lane;
    uint64_t others = atomic_fetch_add(&lane->shared->in_flight, 1);
    if (others < lane->shared->manifest->config.http_in_flight)
        conn->slot = nacre_slots_take(&lane->slots, conn->started_ns + deadline_ms * 1000000u, conn);
    if (!conn->slot) {
        (void)atomic_fetch_sub(&lane->shared->in_flight, 1);
        return no_slot(conn, others + 1);
    }
    conn->slot->waits = waits;
    conn->id = conn->slot->id;
    return under_way;
}

static struct nacre_refusal ask_document(struct nacre_conn *conn)
{
    struct nacre_attest_frame frame = {
        .head.type = NACRE_FRAME_ATTEST, .id = conn->id, .nonce_len = conn->nonce->len};
    memcpy(frame.nonce, conn->nonce->bytes, conn->nonce->len);
    if (nacre_frame_send(conn->lane->shared->control_fd, &frame, NULL, 0, NULL, 0, NULL, 0) < 0)
        return nacre_refuse_later(503, "the core takes no attestation requests now");
    return under_way;
}

static struct nacre_ticket make_ticket(const struct nacre_conn *conn)
{
    const struct nacre_slot *slot = conn->slot;
    struct nacre_ticket ticket = {.id = slot->id, .deadline_ns = slot->deadline_ns, .route = slot->route};
    nacre_ticket_seal(&ticket, conn->lane->shared->ticket_key);
    return ticket;
}

/* With others, unless `alone`. */
static int send_frame(struct nacre_conn *conn, const void *a, size_t a_len, const void *b, size_t b_len,
                      bool alone)
{
    struct nacre_lane *lane = conn->lane;
    struct nacre_request_frame frame = {
        .head.type = NACRE_FRAME_REQUEST,
        .ticket = make_ticket(conn),
        .params_len = (uint32_t)(conn->params_len - (conn->sealed ? sizeof(struct nacre_sealed_pass) : 0)),
        .flags = (conn->sealed ? NACRE_REQUEST_SEALED : 0) |
                 (conn->sealed && conn->async ? NACRE_REQUEST_PREPARE : 0),
    };
    return alone ? nacre_frame_send(lane->request_fd, &frame, a, a_len, b, b_len, NULL, 0)
                 : nacre_outbox_put(&lane->outbox, lane->request_fd, &frame, a, a_len, b, b_len);
}

static void drop_body(struct nacre_conn *conn)
{
    if (conn->body) {
        sodium_memzero(conn->body, conn->body_len);
        nacre_held_give(conn->lane->shared, conn->body_cap);
        free(conn->body);
    }
    conn->body = NULL;
    conn->body_len = conn->body_cap = 0;
}

/* The app's socket is full: the request waits in line with a payload of its own. */
static bool stand_in_line(struct nacre_conn *conn, const uint8_t *body, size_t len)
{
    struct nacre_lane *lane = conn->lane;
    size_t total = conn->params_len + len;
    if (!nacre_held_take(lane->shared, total))
        return false;
    uint8_t *payload = malloc(total + 1);
    if (!payload) {
        nacre_held_give(lane->shared, total);
        return false;
    }
    if (conn->params_len)
        memcpy(payload, conn->params, conn->params_len);
    if (len)
        memcpy(payload + conn->params_len, body, len);
    drop_body(conn);
    conn->body = payload;
    conn->body_len = conn->body_cap = total;
    conn->pending = true;
    conn->next_pending = NULL;
    if (lane->pending_last)
        lane->pending_last->next_pending = conn;
    else
        lane->pending_first = conn;
    lane->pending_last = conn;
    nacre_lane_want_write(lane, true);
    return true;
}

static bool is_gone(int err)
{
    return err == -EPIPE || err == -ECONNRESET || err == -ENOTCONN;
}

static struct nacre_refusal not_sent(int err)
{
    if (is_gone(err))
        return nacre_refuse_later(503, "the app is restarting");
    if (err == -EMSGSIZE)
        return nacre_refuse(413, "the request is too large to be passed on");
    return nacre_refuse_later(503, "no memory to pass the request on");
}

static struct nacre_refusal send_to_app(struct nacre_conn *conn, const uint8_t *body, size_t len)
{
    struct nacre_lane *lane = conn->lane;
    conn->slot->route = conn->path->index;
    conn->slot->sealed = conn->sealed;
    if (conn->sealed) {
        const struct nacre_ticket ticket = make_ticket(conn);
        if (!nacre_pass_end(lane->shared, conn->params, &ticket, body, len))
            return nacre_refuse_limit(400, "bytes of an envelope that is too short", len, NACRE_SC_HEADER);
    }
    /* those in line came first */
    int err =
        lane->pending_first ? -EAGAIN : send_frame(conn, conn->params, conn->params_len, body, len, false);
    if (err == 0) {
        conn->slot->sent = true;
        drop_body(conn);
        return under_way;
    }
    if (err == -EAGAIN && stand_in_line(conn, body, len))
        return under_way;
    return not_sent(err);
}

struct nacre_refusal nacre_request_send(struct nacre_conn *conn, const uint8_t *body, size_t len)
{
    struct nacre_lane *lane = conn->lane;
    if (atomic_load(&lane->shared->app_stopped))
        return nacre_refuse(503, NACRE_APP_STOPPED);
    if (lane->request_fd < 0)
        return nacre_refuse_later(503, lane->app_was_up ? "the app is restarting" : "the app is starting");
    if (atomic_load(&lane->shared->waits_for_secrets))
        return nacre_refuse_later(503, "the app waits for its secrets");
    const struct nacre_route_decl *route = &lane->shared->manifest->routes[conn->path->index];
    struct nacre_refusal r =
        take_slot(conn, route->deadline_ms, NACRE_WAIT_APP | (conn->nonce ? NACRE_WAIT_DOCUMENT : 0));
    if (!r.status && conn->nonce)
        r = ask_document(conn);
    if (!r.status)
        r = send_to_app(conn, body, len);
    if (r.status)
        nacre_request_end(conn);
    return r;
}

struct nacre_refusal nacre_request_give(struct nacre_conn *conn, const uint8_t *body, size_t len)
{
    /* a sealed one is opened while it is fresh, and becomes a job when the app has given it back */
    return conn->async && !conn->sealed ? nacre_job_submit(conn, body, len)
                                        : nacre_request_send(conn, body, len);
}

/* A place among those who share documents: however many they are, they take none from those whom the app answers. */
static struct nacre_refusal take_shared_slot(struct nacre_conn *conn)
{
    struct nacre_shared *shared = conn->lane->shared;
    uint64_t deadline_ns = conn->started_ns + shared->manifest->config.http_deadline_ms * 1000000u;
    if (!nacre_batches_enter(&shared->batches))
        return nacre_refuse_later(429, "too many attestations are waiting");
    conn->slot = nacre_slots_take(&conn->lane->slots, deadline_ns, conn);
    if (!conn->slot) {
        nacre_batches_leave(&shared->batches);
        return nacre_refuse_later(503, "too many requests in flight");
    }
    conn->slot->waits = NACRE_WAIT_BATCH;
    conn->id = conn->slot->id;
    return under_way;
}

static struct nacre_refusal attest_shared(struct nacre_conn *conn)
{
    struct nacre_refusal r = take_shared_slot(conn);
    if (!r.status)
        r = nacre_batch_join(conn->lane->shared, conn->id, conn->nonce);
    if (r.status)
        nacre_request_end(conn);
    return r;
}

struct nacre_refusal nacre_request_attest(struct nacre_conn *conn)
{
    if (conn->batch)
        return attest_shared(conn);
    struct nacre_refusal r =
        take_slot(conn, conn->lane->shared->manifest->config.http_deadline_ms, NACRE_WAIT_DOCUMENT);
    if (!r.status)
        r = ask_document(conn);
    if (r.status)
        nacre_request_end(conn);
    return r;
}

static void leave_line(struct nacre_conn *conn)
{
    struct nacre_lane *lane = conn->lane;
    struct nacre_conn **at = &lane->pending_first, *before = NULL;
    while (*at && *at != conn) {
        before = *at;
        at = &(*at)->next_pending;
    }
    if (*at)
        *at = conn->next_pending;
    if (lane->pending_last == conn)
        lane->pending_last = before;
    conn->pending = false;
}

void nacre_request_post(struct nacre_lane *lane)
{
    /* an app that is gone is noticed by its socket, which fails all that was with it */
    if (lane->outbox.n && nacre_outbox_send(&lane->outbox, lane->request_fd) == -EAGAIN)
        nacre_lane_want_write(lane, true);
}

void nacre_request_flush(struct nacre_lane *lane)
{
    if (nacre_outbox_send(&lane->outbox, lane->request_fd) == -EAGAIN)
        return;
    while (lane->pending_first && lane->request_fd >= 0) {
        struct nacre_conn *conn = lane->pending_first;
        int err = send_frame(conn, conn->body, conn->body_len, NULL, 0, true);
        if (err == -EAGAIN)
            return;
        if (is_gone(err)) {
            nacre_lane_lose_app(lane);
            return;
        }
        leave_line(conn);
        if (err == 0) {
            conn->slot->sent = true;
            drop_body(conn);
        } else {
            struct nacre_refusal refusal = not_sent(err);
            (void)nacre_reply_refusal(conn, &refusal);
        }
    }
    nacre_lane_want_write(lane, false);
}

bool nacre_request_keep(struct nacre_conn *conn, const void *data, size_t len)
{
    struct nacre_shared *shared = conn->lane->shared;
    if (len > conn->body_cap - conn->body_len) {
        size_t cap = conn->body_cap ? conn->body_cap * 2 : FIRST_PIECE;
        while (cap - conn->body_len < len)
            cap *= 2;
        if (!conn->chunked && cap > conn->content_length)
            cap = (size_t)conn->content_length; /* more cannot come */
        if (!nacre_held_take(shared, cap))
            return false;
        uint8_t *body = malloc(cap);
        if (!body) {
            nacre_held_give(shared, cap);
            return false;
        }
        size_t before = conn->body_len;
        if (before) /* not realloc: it would leave a copy behind */
            memcpy(body, conn->body, before);
        drop_body(conn);
        conn->body = body;
        conn->body_len = before;
        conn->body_cap = cap;
    }
    memcpy(conn->body + conn->body_len, data, len);
    conn->body_len += len;
    return true;
}

void nacre_request_end(struct nacre_conn *conn)
{
    struct nacre_lane *lane = conn->lane;
    if (conn->pending)
        leave_line(conn);
    if (conn->slot) {
        if (conn->slot->waits & NACRE_WAIT_BATCH)
            nacre_batches_leave(&lane->shared->batches);
        else
            (void)atomic_fetch_sub(&lane->shared->in_flight, 1);
        nacre_slots_release(&lane->slots, conn->slot);
        conn->slot = NULL;
    }
    drop_body(conn);
    if (conn->kept) /* an answer that leaves sealed, perhaps */
        sodium_memzero(conn->kept, conn->kept_len);
    free(conn->kept);
    conn->kept = NULL;
    free(conn->nonce);
    conn->nonce = NULL;
}
