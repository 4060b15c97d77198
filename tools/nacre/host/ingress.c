/* Clients in: limits, the choice of an enclave. */
#include "daemon.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <common/log.h>

/* Enclaves speak HTTP, so who is not let in is told so in it. */
static const struct {
    const char *status, *text;
} answers[NACRE_HD_REFUSALS] = {
    [NACRE_HD_REFUSED_FULL] = {"503 Service Unavailable", "too many connections"},
    [NACRE_HD_REFUSED_CLIENT_CONNECTIONS] = {"429 Too Many Requests",
                                             "too many connections from this address"},
    [NACRE_HD_REFUSED_CLIENT_RATE] = {"429 Too Many Requests", "connections come too fast from this address"},
    [NACRE_HD_REFUSED_NO_ENCLAVE] = {"503 Service Unavailable", "no enclave is available"},
};

static size_t answer(char *out, size_t room, enum nacre_hd_refusal why)
{
    return (size_t)snprintf(out, room,
                            "HTTP/1.1 %s\r\nContent-Type: application/json\r\nConnection: close\r\n"
                            "Retry-After: 1\r\nAccess-Control-Allow-Origin: *\r\nContent-Length: %zu\r\n\r\n"
                            "{\"error\":\"%s\"}",
                            answers[why].status, strlen(answers[why].text) + strlen("{\"error\":\"\"}"),
                            answers[why].text);
}

static void refuse(struct nacre_hd_conn *conn, enum nacre_hd_refusal why)
{
    char text[512];
    conn->daemon->counters.refused[why]++;
    nacre_hd_conn_refuse(conn, text, answer(text, sizeof text, why));
}

static uint64_t dial_ms(const struct nacre_hd_conn *conn)
{
    return conn->daemon->config->limits_connect_ms;
}

static void let_go(struct nacre_hd_conn *conn)
{
    struct nacre_hd_enclave *e = conn->target;
    conn->target = NULL;
    if (!e)
        return;
    e->connections--;
    nacre_hd_enclave_left(conn->daemon, e);
}

static void dial(struct nacre_hd_conn *conn)
{
    struct nacre_hd *d = conn->daemon;
    const struct nacre_hd_enclave *except = conn->target;
    struct nacre_hd_enclave *e = nacre_hd_choose(d->enclaves, except, &d->turn);
    let_go(conn);
    if (!e) {
        refuse(conn, NACRE_HD_REFUSED_NO_ENCLAVE);
        return;
    }
    conn->target = e;
    e->connections++;
    conn->far.is_vsock =
        e->config.place.kind == NACRE_HD_VSOCK || e->config.place.kind == NACRE_HD_FIRECRACKER;
    conn->cut_half = e->config.place.kind == NACRE_HD_FIRECRACKER;
    nacre_hd_conn_dialled(conn, nacre_hd_dial_place(&conn->dial, &e->config.place, conn->port));
}

static void failed(struct nacre_hd_conn *conn, int error)
{
    struct nacre_hd *d = conn->daemon;
    struct nacre_hd_enclave *e = conn->target;
    conn->tries++;
    if (e) {
        e->failed++;
        nacre_log_event(NACRE_LEVEL_DEBUG, "enclave not reached", NLS("enclave", e->config.name),
                        NLS("error", strerror(-error)), NLI("tries", conn->tries));
        /* Busy, or a guest that is still booting, is no reason to keep others away: its probes decide. */
        if (error != -EAGAIN && nacre_hd_judge(e, false, 1, d->config->health_rise))
            nacre_log_event(NACRE_LEVEL_WARN, "enclave unhealthy", NLS("enclave", e->config.name),
                            NLS("error", strerror(-error)));
    }
    if (error == -ETIMEDOUT || d->loop.now_ms >= conn->deadline_ms) {
        refuse(conn, NACRE_HD_REFUSED_NO_ENCLAVE);
        return;
    }
    d->counters.redials++;
    nacre_hd_conn_redial(conn);
}

static uint64_t drain_until(const struct nacre_hd_conn *conn)
{
    const struct nacre_hd *d = conn->daemon;
    const struct nacre_hd_enclave *e = conn->target;
    uint64_t until = d->draining ? d->drain_until_ms : 0;
    if (e && e->drain_until_ms && (!until || e->drain_until_ms < until))
        until = e->drain_until_ms;
    return until;
}

static void opened(struct nacre_hd_conn *conn)
{
    struct nacre_hd_enclave *e = conn->target;
    e->served++;
}

static void broken(struct nacre_hd_conn *conn)
{
    struct nacre_hd_enclave *e = conn->target;
    if (e)
        e->lost++;
}

static void closed(struct nacre_hd_conn *conn)
{
    let_go(conn);
    if (conn->client)
        nacre_hd_clients_left(conn->client);
    conn->daemon->n_ingress--;
}

static const struct nacre_hd_conn_ops ops = {
    .first_bytes = true,
    .dial_ms = dial_ms,
    .dial = dial,
    .failed = failed,
    .drain_until = drain_until,
    .opened = opened,
    .broken = broken,
    .closed = closed,
};

/* A refusal is answered with what fits the socket's buffer and forgotten: it must cost next to nothing. */
static void turn_away(struct nacre_hd *d, int fd, enum nacre_hd_refusal why)
{
    char waste[2048], text[512];
    d->counters.refused[why]++;
    (void)recv(fd, waste, sizeof waste, MSG_DONTWAIT);
    (void)send(fd, text, answer(text, sizeof text, why), MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)close(fd);
}

void nacre_hd_ingress_admit(struct nacre_hd_listener *l, int fd, const struct sockaddr *from)
{
    static const enum nacre_hd_refusal reasons[] = {
        [NACRE_HD_TOO_MANY] = NACRE_HD_REFUSED_CLIENT_CONNECTIONS,
        [NACRE_HD_TOO_FAST] = NACRE_HD_REFUSED_CLIENT_RATE,
        [NACRE_HD_NO_ROOM] = NACRE_HD_REFUSED_FULL,
    };
    struct nacre_hd *d = l->daemon;
    const struct nacre_hd_client_limits limits = {d->config->limits_connections_per_client,
                                                  d->config->limits_rate_per_client,
                                                  d->config->limits_burst_per_client};
    struct nacre_hd_client *client = NULL;
    l->accepted++;
    d->counters.accepted++;
    if (d->n_conns >= d->max_conns) {
        turn_away(d, fd, NACRE_HD_REFUSED_FULL);
        return;
    }
    enum nacre_hd_verdict verdict =
        nacre_hd_clients_admit(&d->clients, from, &limits, d->loop.now_ms, &client);
    if (verdict != NACRE_HD_ADMITTED) {
        turn_away(d, fd, reasons[verdict]);
        return;
    }
    struct nacre_hd_conn *conn = nacre_hd_conn_open(d, fd, &ops);
    if (!conn) {
        nacre_hd_clients_left(client);
        return;
    }
    conn->client = client;
    conn->port = (uint32_t)l->config.port;
    conn->near_bytes = &d->counters.client_bytes;
    conn->far_bytes = &d->counters.enclave_bytes;
    d->n_ingress++;
    /* The request is mostly there already. */
    conn->near.watch.ready(&conn->near.watch, EPOLLIN);
}
