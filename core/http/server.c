#include "server.h"

#include "builtin.h"
#include "head.h"
#include "job_run.h"
#include "reply.h"
#include "request.h"
#include "seal.h"
#include "shake.h"
#include "wait.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define NS_PER_S  1000000000ull
#define NS_PER_MS 1000000ull
/* A refused body up to this size is read and thrown away, so that the connection can go on; a larger one is not. */
#define SKIP_MAX 16384u

static void start_idle(struct nacre_conn *conn)
{
    conn->phase = NACRE_PHASE_IDLE;
    /* from here to the end of the next head: an idle connection and a head that trickles in get the same time */
    nacre_conn_due(conn, conn->lane->now_ns + conn->lane->shared->manifest->config.http_idle_s * NS_PER_S);
}

static void open_conn(struct nacre_lane *lane, struct MHD_Connection *mhd, void **context)
{
    struct nacre_conn *conn = calloc(1, sizeof *conn);
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (!info) {
        free(conn);
        return;
    }
    if (conn) {
        conn->lane = lane;
        conn->mhd = mhd;
        conn->fd = info->connect_fd;
    }
    if (!conn || (lane->shared->tls && nacre_shake_begin(conn) < 0)) {
        (void)shutdown(info->connect_fd, SHUT_RDWR); /* nobody would ever cut it off */
        free(conn);
        return;
    }
    conn->next = lane->conns;
    if (conn->next)
        conn->next->prev = conn;
    lane->conns = conn;
    nacre_count(&lane->metrics.connections, 1);
    nacre_count(&lane->metrics.accepted, 1);
    start_idle(conn);
    *context = conn;
}

/* Is the client still sending what nobody will read? */
static bool has_unread(const struct nacre_conn *conn)
{
    char c;
    return recv(conn->fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

static void close_conn(struct nacre_conn *conn)
{
    struct nacre_lane *lane = conn->lane;
    nacre_conn_wake(conn);
    if (conn->linger || has_unread(conn))
        nacre_linger_add(&lane->linger, lane->epoll_fd, conn->fd, NACRE_TAG_LINGER, lane->now_ns);
    nacre_shake_end(conn);
    nacre_request_end(conn);
    if (conn->prev)
        conn->prev->next = conn->next;
    else
        lane->conns = conn->next;
    if (conn->next)
        conn->next->prev = conn->prev;
    nacre_count(&lane->metrics.connections, UINT64_MAX); /* one less */
    lane->n_steps++;
    free(conn->params);
    free(conn);
}

static void on_connection(void *cls, struct MHD_Connection *mhd, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        open_conn(cls, mhd, context);
    } else if (*context) {
        close_conn(*context);
        *context = NULL;
    }
}

static void on_completed(void *cls, struct MHD_Connection *mhd, void **con_cls,
                         enum MHD_RequestTerminationCode code)
{
    struct nacre_conn *conn = *con_cls;
    (void)cls;
    (void)mhd;
    (void)code;
    if (!conn)
        return;
    if (conn->phase != NACRE_PHASE_REPLY)
        nacre_count(&conn->lane->metrics.aborted, 1);
    nacre_conn_wake(conn);
    nacre_request_end(conn);
    conn->suspended = false;
    start_idle(conn);
}

/* Paths and query come raw to the router: they are decoded where their parts are known, once. */
static size_t leave_escaped(void *cls, struct MHD_Connection *mhd, char *text)
{
    (void)cls;
    (void)mhd;
    return strlen(text);
}

static enum MHD_Result take_value(void *cls, enum MHD_ValueKind kind, const char *key, size_t key_size,
                                  const char *value, size_t value_size)
{
    nacre_head_take(cls, kind == MHD_GET_ARGUMENT_KIND, (struct nacre_slice){key, key_size},
                    (struct nacre_slice){value, value_size});
    return MHD_YES;
}

static void begin_request(struct nacre_conn *conn)
{
    conn->phase = NACRE_PHASE_BODY;
    conn->started_ns = nacre_monotonic_ns();
    conn->id = 0;
    conn->status = 0;
    conn->broken = conn->done = conn->suspended = conn->async = conn->batch = false;
    conn->params_len = 0;
    conn->refusal = (struct nacre_refusal){0};
}

/* A body may pause as long as a connection may, and must be there by the deadline. */
static void await_body(struct nacre_conn *conn)
{
    const struct nacre_lane *lane = conn->lane;
    uint64_t silent_until = lane->now_ns + lane->shared->manifest->config.http_idle_s * NS_PER_S;
    nacre_conn_due(conn, silent_until < conn->receive_by_ns ? silent_until : conn->receive_by_ns);
}

/* The head is there. */
static enum MHD_Result on_head(struct nacre_conn *conn, const char *target, const char *method)
{
    struct nacre_lane *lane = conn->lane;
    const struct nacre_config *config = &lane->shared->manifest->config;
    struct nacre_head head = {0};
    begin_request(conn);
    (void)MHD_get_connection_values_n(
        conn->mhd, (enum MHD_ValueKind)(MHD_HEADER_KIND | MHD_GET_ARGUMENT_KIND), take_value, &head);
    conn->refusal = nacre_head_judge(conn, &head, target, method);
    uint64_t ms = config->http_deadline_ms;
    if (conn->path && !conn->path->builtin) {
        ms = lane->shared->manifest->routes[conn->path->index].deadline_ms;
        /* a full house says so before it lets megabytes in; the place itself is taken with the whole body */
        if (!conn->refusal.status && conn->async)
            conn->refusal = nacre_job_judge(conn);
        else if (!conn->refusal.status && atomic_load(&lane->shared->in_flight) >= config->http_in_flight)
            conn->refusal = nacre_refuse_later(503, "too many requests in flight");
    }
    conn->receive_by_ns = conn->started_ns + ms * NS_PER_MS;
    await_body(conn);
    bool has_body = head.content_length > 0 || head.n_transfer_encoding > 0;
    if (!conn->refusal.status || (!has_body && !conn->refusal.close))
        return MHD_YES;
    if (!conn->refusal.close && !head.expects && !conn->chunked && head.n_content_length == 1 &&
        head.content_length <= SKIP_MAX)
        return MHD_YES;
    conn->linger = true; /* libmicrohttpd closes after an answer that is given before the body */
    return nacre_reply_refusal(conn, &conn->refusal) ? MHD_YES : MHD_NO;
}

/* A piece of the body. */
static enum MHD_Result on_body(struct nacre_conn *conn, const char *data, size_t len)
{
    await_body(conn);
    if (conn->refusal.status)
        return MHD_YES;                       /* a small body on its way to nowhere */
    uint64_t max = nacre_conn_max_body(conn); /* others take no body */
    if (!conn->chunked && conn->body_len == 0 && len == conn->content_length) {
        /* all of it at once: on to the app from libmicrohttpd's own buffer */
        conn->refusal = nacre_request_give(conn, (const uint8_t *)data, len);
        conn->done = true;
        return MHD_YES;
    }
    if (len > max - conn->body_len) { /* chunked: its length was not known before */
        struct nacre_refusal large = nacre_refuse_limit(413, "bytes of body", conn->body_len + len, max);
        conn->linger = true;
        nacre_reply_raw(conn, &large);
        return MHD_NO;
    }
    conn->lane->n_steps++;
    if (!nacre_request_keep(conn, data, len)) {
        nacre_request_end(conn);
        conn->refusal = nacre_refuse_later(503, "too many bytes of requests are being received");
    }
    return MHD_YES;
}

/* The request is complete; while its answer is awaited, this may be called again, by every run. */
static enum MHD_Result on_end(struct nacre_conn *conn)
{
    if (conn->awake)
        return nacre_conn_ask(conn);
    if (conn->broken)
        return MHD_NO;
    if (conn->refusal.status)
        return nacre_reply_refusal(conn, &conn->refusal) ? MHD_YES : MHD_NO;
    if (conn->method == NACRE_OPTIONS || conn->path->builtin) {
        enum nacre_builtin_result r = nacre_builtin_answer(conn);
        if (r == NACRE_BUILTIN_WAITS)
            return nacre_conn_wait(conn);
        return r == NACRE_BUILTIN_ANSWERED ? MHD_YES : MHD_NO;
    }
    if (!conn->done)
        conn->refusal = nacre_request_give(conn, conn->body, conn->body_len);
    if (conn->refusal.status)
        return nacre_reply_refusal(conn, &conn->refusal) ? MHD_YES : MHD_NO;
    if (conn->async && !conn->sealed)
        return nacre_job_accepted(conn) ? MHD_YES : MHD_NO;
    return nacre_conn_wait(conn);
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *mhd, const char *target,
                                  const char *method, const char *version, const char *data, size_t *len,
                                  void **con_cls)
{
    struct nacre_conn *conn = *con_cls;
    const struct nacre_lane *lane = cls;
    (void)version;
    if (lane->ended && !(conn && conn->awake)) /* it came while other lanes had still to end */
        return MHD_NO;
    if (!conn) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
        conn = info ? info->socket_context : NULL;
        *con_cls = conn;
        return conn ? on_head(conn, target, method) : MHD_NO;
    }
    if (*len) {
        enum MHD_Result r = on_body(conn, data, *len);
        *len = 0;
        return r;
    }
    return on_end(conn);
}

/* A share of a limit that all lanes have together, rounded up. */
static unsigned share(uint64_t limit, uint32_t lanes)
{
    return (unsigned)((limit + lanes - 1) / lanes);
}

int nacre_server_start(struct nacre_lane *lane, int listen_fd)
{
    const struct nacre_config *c = &lane->shared->manifest->config;
    uint32_t lanes = lane->shared->n_lanes;
    /*
     * No clock: this process has none that it could vouch for, and formatting one costs. Pedantic: HTTP/1.1 without
     * Host is refused. No timeout: the lane's own cover a head that trickles in as well.
     */
    unsigned flags =
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_SUPPRESS_DATE_NO_CLOCK | MHD_USE_PEDANTIC_CHECKS;
    struct MHD_OptionItem more[3] = {[0 ... 2] = {MHD_OPTION_END, 0, NULL}};
    if (lane->shared->tls)
        flags |= nacre_tls_options(more);
    lane->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, on_request, lane, MHD_OPTION_LISTEN_SOCKET, listen_fd,
        MHD_OPTION_CONNECTION_LIMIT, share(c->http_connections, lanes), MHD_OPTION_PER_IP_CONNECTION_LIMIT,
        share(c->http_connections_per_address, lanes), MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)c->http_header_bytes, MHD_OPTION_NOTIFY_COMPLETED, on_completed, lane,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, lane, MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, NULL,
        MHD_OPTION_ARRAY, more, MHD_OPTION_END);
    if (lane->daemon)
        return 0;
    return errno ? -errno : -EIO;
}

static void give_up(struct nacre_slot *slot, void *arg)
{
    static const struct nacre_refusal stopping = {
        .status = 503, .retry_s = 1, .text = "the runtime is stopping"};
    if (slot->job)
        nacre_job_refused(arg, slot, stopping);
    else
        (void)nacre_reply_refusal(slot->owner, &stopping);
}

void nacre_server_stop(struct nacre_lane *lane)
{
    if (!lane->daemon)
        return;
    /* libmicrohttpd ends the process when a connection is still suspended */
    lane->ended = true;
    nacre_slots_each(&lane->slots, give_up, lane);
    nacre_shake_stop(lane);
    for (unsigned i = 0; i < 4; i++)
        (void)MHD_run(lane->daemon);
    /* without this it would shut the listening socket down, which is nacred's and has to live on */
    int fd = lane->stopping ? -1 : MHD_quiesce_daemon(lane->daemon);
    MHD_stop_daemon(lane->daemon);
    if (fd >= 0)
        (void)close(fd);
    lane->daemon = NULL;
}
