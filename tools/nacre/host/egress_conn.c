/* A connection outward: resolve, judge the addresses, connect to the first that takes it. */
#include "egress.h"
#include "refuse.h"
#include "resolve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <common/log.h>

static struct nacre_hd_upstream *upstream_of(struct nacre_hd *d, const char *host, uint32_t port)
{
    for (struct nacre_hd_upstream *u = d->upstreams; u; u = u->next) {
        if (u->port == port && strcmp(u->host, host) == 0)
            return u;
    }
    struct nacre_hd_upstream *u = calloc(1, sizeof *u);
    if (!u)
        return NULL;
    (void)snprintf(u->host, sizeof u->host, "%s", host);
    u->port = port;
    u->next = d->upstreams;
    d->upstreams = u;
    return u;
}

/* An enclave can make this happen as often as it likes; the log gets the first, the second, the fourth, ... */
static bool worth_a_line(uint64_t count)
{
    return (count & (count - 1)) == 0;
}

static void say(const struct nacre_hd_upstream *u, const char *what, const char *error, uint64_t count)
{
    if (worth_a_line(count))
        nacre_log_event(NACRE_LEVEL_WARN, what, NLS("host", u->host), NLI("port", u->port),
                        NLS("error", error), NLI("count", (int64_t)count));
}

/* Drops the addresses that may not be reached. What is left keeps its order, the resolver's. */
static void judge(const struct nacre_hd *d, struct nacre_hd_upstream *u, struct nacre_hd_lookup *l)
{
    size_t kept = 0;
    for (size_t i = 0; i < l->n; i++) {
        const struct sockaddr *address = (const struct sockaddr *)(const void *)&l->addresses[i];
        const char *what = nacre_hd_refused(address, d->config->private_ranges, d->config->n_private);
        if (!what) {
            l->addresses[kept] = l->addresses[i];
            l->lens[kept++] = l->lens[i];
            continue;
        }
        char text[INET6_ADDRSTRLEN + 64] = "";
        (void)getnameinfo(address, l->lens[i], text, INET6_ADDRSTRLEN, NULL, 0, NI_NUMERICHOST);
        size_t len = strlen(text);
        (void)snprintf(text + len, sizeof text - len, ": %s", what);
        say(u, "upstream address refused", text, ++u->refused);
    }
    l->n = kept;
}

/* The next address; each gets its share of the time that is left. */
static void connect_next(struct nacre_hd_conn *conn)
{
    const struct nacre_hd_lookup *l = conn->client;
    uint64_t now = conn->daemon->loop.now_ms;
    size_t i = conn->tries++;
    if (i >= l->n || now >= conn->until_ms) {
        nacre_hd_conn_close(conn, true);
        return;
    }
    conn->phase = NACRE_HD_DIALLING;
    conn->deadline_ms = now + (conn->until_ms - now) / (l->n - i);
    nacre_hd_conn_dialled(conn, nacre_hd_dial_address(&conn->dial,
                                                      (const struct sockaddr *)(const void *)&l->addresses[i],
                                                      l->lens[i]));
}

static void resolved(struct nacre_hd_lookup *l)
{
    struct nacre_hd_conn *conn = l->owner;
    struct nacre_hd_upstream *u = conn->target;
    l->done = NULL;
    conn->resolving = false;
    if (l->error)
        say(u, "upstream not resolved", gai_strerror(l->error), ++u->unresolved);
    else
        judge(conn->daemon, u, l);
    connect_next(conn);
}

static void dial(struct nacre_hd_conn *conn)
{
    struct nacre_hd_upstream *u = conn->target;
    struct nacre_hd_lookup *l = calloc(1, sizeof *l);
    conn->until_ms = conn->deadline_ms;
    conn->client = l;
    if (l) {
        (void)snprintf(l->host, sizeof l->host, "%s", u->host);
        (void)snprintf(l->service, sizeof l->service, "%u", u->port);
        l->owner = conn;
        l->done = resolved;
        conn->resolving = nacre_hd_resolve(conn->daemon->resolver, l) == 0;
    }
    if (!conn->resolving) {
        say(u, "upstream not resolved", "too many names wait to be", ++u->unresolved);
        nacre_hd_conn_close(conn, true);
    }
}

static void failed(struct nacre_hd_conn *conn, int error)
{
    struct nacre_hd_upstream *u = conn->target;
    if (conn->resolving) {
        say(u, "upstream not resolved", "no answer in time", ++u->unresolved);
        nacre_hd_conn_close(conn, true);
        return;
    }
    say(u, "upstream not reached", strerror(-error), ++u->failed);
    connect_next(conn);
}

static uint64_t dial_ms(const struct nacre_hd_conn *conn)
{
    return conn->daemon->config->egress_connect_ms;
}

/* While clients wait for answers, the app may need its upstreams. */
static uint64_t drain_until(const struct nacre_hd_conn *conn)
{
    const struct nacre_hd *d = conn->daemon;
    if (!d->draining)
        return 0;
    return d->n_ingress ? d->drain_until_ms + NACRE_HD_SWEEP_MS : d->loop.now_ms;
}

static void opened(struct nacre_hd_conn *conn)
{
    struct nacre_hd_upstream *u = conn->target;
    u->opened++;
    free(conn->client);
    conn->client = NULL;
}

static void closed(struct nacre_hd_conn *conn)
{
    struct nacre_hd_lookup *l = conn->client;
    struct nacre_hd_upstream *u = conn->target;
    if (u)
        u->connections--;
    conn->daemon->n_egress--;
    if (l && conn->resolving)
        nacre_hd_resolve_forget(conn->daemon->resolver, l);
    else
        free(l);
}

static const struct nacre_hd_conn_ops ops = {
    .dial_ms = dial_ms,
    .dial = dial,
    .failed = failed,
    .drain_until = drain_until,
    .opened = opened,
    .closed = closed,
};

void nacre_hd_egress_admit(struct nacre_hd *d, int fd, struct nacre_hd_enclave *enclave, uint32_t index)
{
    const struct nacre_allow *allow = enclave->allow;
    struct nacre_hd_upstream *u = NULL;
    if (allow && index < allow->n && strcmp(allow->entries[index].connect, "none") != 0)
        u = upstream_of(d, allow->entries[index].host, allow->entries[index].port);
    if (!u || d->n_egress >= d->config->egress_connections || d->n_conns >= d->max_conns) {
        d->counters.egress_turned_away++;
        (void)close(fd);
        return;
    }
    struct nacre_hd_conn *conn = nacre_hd_conn_open(d, fd, &ops);
    if (!conn)
        return;
    conn->target = u;
    conn->near.is_vsock = true;
    conn->near_bytes = &u->out_bytes;
    conn->far_bytes = &u->in_bytes;
    u->connections++;
    d->n_egress++;
    nacre_hd_conn_dial(conn);
}
