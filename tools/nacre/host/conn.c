#include "conn.h"

#include "daemon.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINGER_MS 2000u
#define ANSWERED_MS                                                                                          \
    2000u             /* of silence after an answer to somebody who has said that there is no more to come */
#define QUIET_MS 500u /* of a connection that may go when there is something to drain */

static void release(struct nacre_hd_grave *grave)
{
    free(NACRE_HD_OF(grave, struct nacre_hd_conn, grave));
}

static void side_close(struct nacre_hd_side *side)
{
    if (side->fd >= 0)
        (void)close(side->fd);
    side->fd = -1;
    free(side->pending);
    side->pending = NULL;
}

void nacre_hd_conn_close(struct nacre_hd_conn *conn, bool reset)
{
    struct nacre_hd *d = conn->daemon;
    if (conn->phase == NACRE_HD_CLOSED)
        return;
    if (reset) {
        const struct linger now = {.l_onoff = 1, .l_linger = 0};
        (void)setsockopt(conn->near.fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    }
    if (conn->far.fd < 0 && conn->dial.fd >= 0)
        (void)close(conn->dial.fd);
    side_close(&conn->near);
    side_close(&conn->far);
    conn->phase = NACRE_HD_CLOSED;
    if (conn->prev)
        conn->prev->next = conn->next;
    else
        d->conns = conn->next;
    if (conn->next)
        conn->next->prev = conn->prev;
    d->n_conns--;
    conn->ops->closed(conn);
    conn->grave.release = release;
    nacre_hd_bury(&d->loop, &conn->grave);
}

void nacre_hd_conn_refuse(struct nacre_hd_conn *conn, const char *text, size_t len)
{
    if (len && send(conn->near.fd, text, len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
        nacre_hd_conn_close(conn, false);
        return;
    }
    if (conn->far.fd < 0 && conn->dial.fd >= 0)
        (void)close(conn->dial.fd);
    conn->dial.fd = -1;
    side_close(&conn->far);
    if (shutdown(conn->near.fd, SHUT_WR)) {
        nacre_hd_conn_close(conn, false);
        return;
    }
    conn->phase = NACRE_HD_LINGER;
    conn->since_ms = conn->daemon->loop.now_ms;
    conn->near.readable = true;
    conn->near.watch.ready(&conn->near.watch, EPOLLIN);
}

/* Throws away what still comes, until the end. */
static void linger(struct nacre_hd_conn *conn)
{
    char waste[4096];
    for (unsigned i = 0; i < 64; i++) {
        ssize_t n = recv(conn->near.fd, waste, sizeof waste, 0);
        if (n > 0)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        break;
    }
    /* Ended, broken, or more than anybody should go on sending. */
    nacre_hd_conn_close(conn, false);
}

static void dial_now(struct nacre_hd_conn *conn)
{
    conn->phase = NACRE_HD_DIALLING;
    conn->dial.fd = -1;
    conn->ops->dial(conn);
}

static void take_events(struct nacre_hd_side *side, uint32_t events)
{
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        side->readable = true;
    if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        side->hup = true;
}

static void near_ready(struct nacre_hd_watch *watch, uint32_t events)
{
    struct nacre_hd_conn *conn = NACRE_HD_OF(watch, struct nacre_hd_side, watch)->conn;
    if (conn->phase == NACRE_HD_CLOSED)
        return;
    take_events(&conn->near, events);
    if (conn->phase == NACRE_HD_LINGER) {
        linger(conn);
    } else if (conn->phase == NACRE_HD_OPEN) {
        nacre_hd_relay(conn);
    } else if (events & (EPOLLHUP | EPOLLERR)) {
        nacre_hd_conn_close(conn, false);
    } else if (conn->phase == NACRE_HD_WAITING && conn->ops->first_bytes) {
        if (nacre_hd_relay_early(conn))
            nacre_hd_conn_close(conn, false);
        else if (conn->far.pending)
            nacre_hd_conn_dial(conn);
    }
}

void nacre_hd_conn_dial(struct nacre_hd_conn *conn)
{
    conn->deadline_ms = conn->daemon->loop.now_ms + conn->ops->dial_ms(conn);
    conn->quiet = false;
    conn->asked_ms = conn->daemon->loop.now_ms;
    dial_now(conn);
}

static void opened(struct nacre_hd_conn *conn)
{
    conn->phase = NACRE_HD_OPEN;
    conn->since_ms = conn->daemon->loop.now_ms;
    if (conn->ops->opened)
        conn->ops->opened(conn);
    nacre_hd_relay(conn);
}

static void far_failed(struct nacre_hd_conn *conn, int error)
{
    if (conn->dial.fd >= 0)
        (void)close(conn->dial.fd);
    conn->dial.fd = conn->far.fd = -1;
    conn->ops->failed(conn, error);
}

static void far_ready(struct nacre_hd_watch *watch, uint32_t events)
{
    struct nacre_hd_conn *conn = NACRE_HD_OF(watch, struct nacre_hd_side, watch)->conn;
    if (conn->phase == NACRE_HD_DIALLING) {
        int rc = nacre_hd_dial_events(&conn->dial, events);
        if (rc < 0)
            far_failed(conn, rc);
        if (rc <= 0)
            return;
        take_events(&conn->far, events);
        opened(conn);
    } else if (conn->phase == NACRE_HD_OPEN) {
        take_events(&conn->far, events);
        nacre_hd_relay(conn);
    }
}

void nacre_hd_conn_dialled(struct nacre_hd_conn *conn, int rc)
{
    if (rc >= 0) {
        conn->far.fd = conn->dial.fd;
        conn->far.readable = conn->far.hup = conn->far.eof = conn->far.shut = false;
        conn->far.wants_out = rc == 0;
        int added = nacre_hd_watch_add(&conn->daemon->loop, conn->far.fd,
                                       NACRE_HD_EVENTS | (rc == 0 ? EPOLLOUT : 0u), &conn->far.watch);
        if (added)
            rc = added;
    }
    if (rc < 0)
        far_failed(conn, rc);
    else if (rc > 0)
        opened(conn);
}

void nacre_hd_conn_redial(struct nacre_hd_conn *conn)
{
    conn->phase = NACRE_HD_REDIAL;
    conn->daemon->sweep_soon = true;
    nacre_hd_sweep_within(conn->daemon, NACRE_HD_REDIAL_MS);
}

struct nacre_hd_conn *nacre_hd_conn_open(struct nacre_hd *d, int near_fd, const struct nacre_hd_conn_ops *ops)
{
    struct nacre_hd_conn *conn = calloc(1, sizeof *conn);
    if (!conn || nacre_hd_watch_add(&d->loop, near_fd, NACRE_HD_EVENTS, &conn->near.watch)) {
        free(conn);
        (void)close(near_fd);
        return NULL;
    }
    conn->daemon = d;
    conn->ops = ops;
    conn->near.watch.ready = near_ready;
    conn->far.watch.ready = far_ready;
    conn->near.conn = conn->far.conn = conn;
    conn->near.fd = near_fd;
    conn->far.fd = conn->dial.fd = -1;
    conn->quiet = true;
    conn->since_ms = d->loop.now_ms;
    conn->next = d->conns;
    if (d->conns)
        d->conns->prev = conn;
    d->conns = conn;
    d->n_conns++;
    nacre_hd_sweep_within(d, NACRE_HD_SWEEP_MS);
    return conn;
}

/* Is it time for it to go because its enclave or all of the daemon is being drained? */
static bool drained(const struct nacre_hd_conn *conn, uint64_t silent)
{
    const struct nacre_hd *d = conn->daemon;
    uint64_t until = conn->ops->drain_until(conn);
    return until && (d->loop.now_ms >= until || (conn->quiet && silent >= QUIET_MS));
}

/* The counter of the limit that it has reached, or NULL. */
static uint64_t *reached(struct nacre_hd_conn *conn, uint64_t silent)
{
    struct nacre_hd *d = conn->daemon;
    const struct nacre_hd_config *c = d->config;
    /* Who has ended its side while an answer is due is mostly gone altogether. */
    if (conn->near.eof || conn->far.eof) {
        uint64_t limit = conn->near.eof && conn->quiet ? ANSWERED_MS : c->limits_half_closed_s * 1000u;
        return silent >= limit ? &d->counters.closed_half : NULL;
    }
    /* Otherwise silence is work then. */
    if (!conn->quiet)
        return d->loop.now_ms - conn->asked_ms >= c->limits_answer_s * 1000u ? &d->counters.closed_answer
                                                                             : NULL;
    return silent >= c->limits_idle_s * 1000u ? &d->counters.closed_idle : NULL;
}

static void sweep_open(struct nacre_hd_conn *conn, uint64_t silent)
{
    uint64_t *counter = reached(conn, silent);
    if (!counter && drained(conn, silent))
        counter = &conn->daemon->counters.closed_drain;
    if (!counter)
        return;
    (*counter)++;
    nacre_hd_conn_close(conn, false);
}

static void sweep_one(struct nacre_hd_conn *conn)
{
    struct nacre_hd *d = conn->daemon;
    uint64_t now = d->loop.now_ms, silent = now - conn->since_ms;
    switch ((enum nacre_hd_phase)conn->phase) {
    case NACRE_HD_WAITING:
        if (silent >= d->config->limits_first_byte_s * 1000u) {
            d->counters.closed_first_byte++;
            nacre_hd_conn_close(conn, false);
        } else if (drained(conn, silent)) {
            d->counters.closed_drain++;
            nacre_hd_conn_close(conn, false);
        }
        break;
    case NACRE_HD_DIALLING:
        if (now >= conn->deadline_ms)
            far_failed(conn, -ETIMEDOUT);
        break;
    case NACRE_HD_REDIAL:
        if (now >= conn->deadline_ms)
            conn->ops->failed(conn, -ETIMEDOUT);
        else
            dial_now(conn);
        break;
    case NACRE_HD_OPEN:
        sweep_open(conn, silent);
        break;
    case NACRE_HD_LINGER:
        if (silent >= LINGER_MS)
            nacre_hd_conn_close(conn, false);
        break;
    case NACRE_HD_CLOSED:
        break;
    }
}

void nacre_hd_conn_sweep(struct nacre_hd *d)
{
    /* Closing one frees nothing yet and takes only it out of the list. */
    for (struct nacre_hd_conn *conn = d->conns, *next; conn; conn = next) {
        next = conn->next;
        sweep_one(conn);
    }
}
