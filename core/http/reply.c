#include "reply.h"

#include "common/log.h"
#include "request.h"
#include "seal.h"
#include "tls.h"

#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#define NS_PER_S 1000000000ull
/* A client that reads slower than this, in bytes a second, is cut off. */
#define SLOWEST_READER 16384u
/* vsock in enclaves does badly with large writes. */
#define VSOCK_BLOCK 16384u
#define HEAD_ROOM   1024u
/* Above this, an answer's buffer is given away rather than copied. */
#define GIVE_FROM 65536u

#define PREFLIGHT_METHODS "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, *"
/* "*" does not cover Authorization (Fetch standard, 3.2.3) */
#define PREFLIGHT_HEADERS "*, Authorization, Content-Type, Prefer"
#define PREFLIGHT_MAX_AGE "86400"
#define EXPOSED_HEADERS   "X-Request-Id, Retry-After, Location, Preference-Applied"

/* A body in two pieces: what it shares with other answers, then what is its own. */
struct pieces {
    struct nacre_lane *lane;
    struct nacre_text *shared; /* NULL: all is our own */
    const char *text;
    size_t len, own_len;
    char own[];
};

static size_t whole_len(const struct nacre_http_reply *reply)
{
    return reply->len + reply->tail_len;
}

static ssize_t read_block(void *cls, uint64_t pos, char *buf, size_t max)
{
    const struct pieces *p = cls;
    size_t done = 0;
    p->lane->n_steps++; /* the next block takes another run */
    if (pos < p->len) {
        done = p->len - (size_t)pos < max ? p->len - (size_t)pos : max;
        memcpy(buf, p->text + pos, done);
    }
    size_t at = (size_t)pos + done - p->len; /* of our own, once the other is through */
    if (done < max && at < p->own_len) {
        size_t n = p->own_len - at < max - done ? p->own_len - at : max - done;
        memcpy(buf + done, p->own + at, n);
        done += n;
    }
    return done ? (ssize_t)done : MHD_CONTENT_READER_END_OF_STREAM;
}

static void free_pieces(void *cls)
{
    struct pieces *p = cls;
    nacre_text_drop(p->shared);
    free(p);
}

/* Copies what is not shared. The hold on the shared text goes over with the response, not before. */
static struct pieces *make_pieces(struct nacre_lane *lane, const struct nacre_http_reply *reply)
{
    bool share = reply->mode == NACRE_BODY_SHARE;
    const char *own = share ? reply->tail : reply->body;
    size_t own_len = share ? reply->tail_len : reply->len;
    struct pieces *p = malloc(sizeof *p + own_len);
    if (!p)
        return NULL;
    *p = (struct pieces){.lane = lane,
                         .shared = share ? reply->shared : NULL,
                         .text = share ? reply->body : NULL,
                         .len = share ? reply->len : 0,
                         .own_len = own_len};
    if (own_len)
        memcpy(p->own, own, own_len);
    return p;
}

/* In blocks of 16 KiB, or both pieces in one system call. Takes over a shared text when it succeeds. */
static struct MHD_Response *make_from_pieces(struct nacre_lane *lane, const struct nacre_http_reply *reply,
                                             bool in_blocks)
{
    struct pieces *p = make_pieces(lane, reply);
    if (!p)
        return NULL;
    struct MHD_IoVec parts[2] = {{p->text, p->len}, {p->own, p->own_len}};
    struct MHD_Response *r = in_blocks ? MHD_create_response_from_callback(whole_len(reply), VSOCK_BLOCK,
                                                                           read_block, p, free_pieces)
                                       : MHD_create_response_from_iovec(parts, 2, free_pieces, p);
    if (!r)
        free(p);
    return r;
}

static void drop_shared(void *cls)
{
    nacre_text_drop(cls);
}

static struct MHD_Response *make_whole(const struct nacre_http_reply *reply)
{
    static const enum MHD_ResponseMemoryMode modes[] = {
        [NACRE_BODY_COPY] = MHD_RESPMEM_MUST_COPY,
        [NACRE_BODY_KEEP] = MHD_RESPMEM_PERSISTENT,
        [NACRE_BODY_GIVE] = MHD_RESPMEM_MUST_FREE,
    };
    if (reply->mode == NACRE_BODY_SHARE)
        return MHD_create_response_from_buffer_with_free_callback_cls(reply->len, reply->body, drop_shared,
                                                                      reply->shared);
    return MHD_create_response_from_buffer(reply->len, reply->body, modes[reply->mode]);
}

static struct MHD_Response *make_response(const struct nacre_conn *conn, const struct nacre_http_reply *reply)
{
    bool in_blocks = conn->lane->shared->is_vsock && whole_len(reply) > VSOCK_BLOCK - HEAD_ROOM;
    struct MHD_Response *r =
        in_blocks || reply->tail ? make_from_pieces(conn->lane, reply, in_blocks) : make_whole(reply);
    if (reply->mode == NACRE_BODY_GIVE && (in_blocks || !r))
        free(reply->body);
    if (reply->mode == NACRE_BODY_SHARE && !r)
        nacre_text_drop(reply->shared);
    return r;
}

static bool add(struct MHD_Response *r, const char *name, const char *value)
{
    return MHD_add_response_header(r, name, value) == MHD_YES;
}

/* RFC 7240: where the job is, and that the preference was followed. */
static bool add_job(struct MHD_Response *r, const struct nacre_conn *conn)
{
    char location[8 + NACRE_JOB_ID_TEXT] = "/jobs/";
    nacre_job_id_text(location + strlen(location), conn->job_id);
    return add(r, "Location", location) && add(r, "Preference-Applied", "respond-async");
}

static bool add_headers(struct MHD_Response *r, const struct nacre_conn *conn,
                        const struct nacre_http_reply *reply)
{
    const char *origin = conn->lane->shared->manifest->config.http_cors_origin;
    char text[64];
    nacre_id_text(text, conn->id);
    bool ok = add(r, "X-Request-Id", text);
    if (reply->type)
        ok = ok && add(r, "Content-Type", reply->type);
    if (origin[0])
        ok = ok && add(r, "Access-Control-Allow-Origin", origin);
    if (conn->browser && origin[0])
        ok = ok && add(r, "Access-Control-Expose-Headers", EXPOSED_HEADERS);
    if (reply->preflight && origin[0])
        ok = ok && add(r, "Access-Control-Allow-Methods", PREFLIGHT_METHODS) &&
             add(r, "Access-Control-Allow-Headers", PREFLIGHT_HEADERS) &&
             add(r, "Access-Control-Max-Age", PREFLIGHT_MAX_AGE);
    if (reply->allowed) {
        nacre_allow_header(reply->allowed, text);
        ok = ok && add(r, "Allow", text);
    }
    if (reply->retry_s) {
        (void)snprintf(text, sizeof text, "%u", reply->retry_s);
        ok = ok && add(r, "Retry-After", text);
    }
    if (reply->job)
        ok = ok && add_job(r, conn);
    if (conn->lane->stopping || conn->last)
        ok = ok && add(r, "Connection", "close");
    return ok;
}

/* The id, if the request was never given to anybody who named it. */
static void name_request(struct nacre_conn *conn)
{
    if (conn->id == 0)
        conn->id = nacre_ids_next(&conn->lane->slots.ids);
}

/* One line a request, and its counters. Never the path as it came: it may hold what is nobody's business. */
static void account(struct nacre_conn *conn, uint32_t status, size_t len)
{
    struct nacre_shared *shared = conn->lane->shared;
    uint64_t took_us = (nacre_monotonic_ns() - conn->started_ns) / 1000;
    conn->status = status;
    nacre_metrics_answer(&conn->lane->metrics, nacre_row_of(shared, conn->path), status, took_us);
    enum nacre_log_level level = status >= 500 ? NACRE_LEVEL_INFO : NACRE_LEVEL_DEBUG;
    if (level == NACRE_LEVEL_DEBUG && !shared->log_requests)
        return;
    char id[17];
    nacre_id_text(id, conn->id);
    nacre_log_event(level, "request", NLS("req", id), NLS("method", nacre_method_name(conn->method)),
                    NLS("route", conn->path ? conn->path->text : "none"), NLI("status", status),
                    NLI("us", took_us), NLI("bytes", len));
}

bool nacre_reply(struct nacre_conn *conn, const struct nacre_http_reply *reply)
{
    nacre_request_end(conn);
    name_request(conn);
    struct MHD_Response *r = make_response(conn, reply);
    bool ok = r && add_headers(r, conn, reply);
    if (ok && conn->awake) { /* libmicrohttpd takes it in its next run, when the handler is asked again */
        conn->ready = r;
        r = NULL;
    } else {
        ok = ok && MHD_queue_response(conn->mhd, reply->status, r) == MHD_YES;
        conn->lane->n_steps++;
    }
    if (r)
        MHD_destroy_response(r);
    if (ok)
        account(conn, reply->status, whole_len(reply));
    else
        conn->broken = true;
    conn->phase = NACRE_PHASE_REPLY;
    nacre_conn_due(conn, conn->lane->now_ns + conn->lane->shared->manifest->config.http_idle_s * NS_PER_S +
                             whole_len(reply) / SLOWEST_READER * NS_PER_S);
    if (conn->suspended) {
        conn->suspended = false;
        MHD_resume_connection(conn->mhd);
    }
    return ok;
}

/* Seals what is in the lane's buffer when the request came sealed and was opened. The type it has then. */
static const char *seal_out(struct nacre_conn *conn, uint32_t status)
{
    const struct nacre_slot *slot = conn->slot;
    if (!slot || !slot->has_key)
        return NACRE_TYPE_JSON;
    nacre_seal_out(conn->lane, slot->reply_key, status);
    return NACRE_TYPE_SEALED;
}

bool nacre_reply_out(struct nacre_conn *conn, uint32_t status, uint32_t retry_s)
{
    struct nacre_json_out *out = &conn->lane->out;
    const char *type = seal_out(conn, status);
    struct nacre_http_reply reply = {
        .status = status, .type = type, .body = out->base, .len = out->len, .retry_s = retry_s};
    if (out->failed) {
        reply = (struct nacre_http_reply){.status = 500,
                                          .mode = NACRE_BODY_KEEP}; /* no memory even for the error */
    } else if (out->len > GIVE_FROM) {
        reply.mode = NACRE_BODY_GIVE;
        *out = (struct nacre_json_out){0};
    }
    return nacre_reply(conn, &reply);
}

bool nacre_reply_refusal(struct nacre_conn *conn, const struct nacre_refusal *refusal)
{
    struct nacre_json_out *out = nacre_lane_out(conn->lane);
    nacre_error_refusal(out, refusal);
    const char *type = seal_out(conn, refusal->status);
    struct nacre_http_reply reply = {.status = refusal->status,
                                     .type = type,
                                     .body = out->base,
                                     .len = out->len,
                                     .retry_s = refusal->retry_s,
                                     .allowed = refusal->allowed};
    if (out->failed)
        return nacre_reply_out(conn, 500, 0);
    return nacre_reply(conn, &reply);
}

/* If it does not fit at once, the client reads nothing, and gets nothing. */
static bool say_raw(struct nacre_conn *conn, const char *head, size_t len, const struct nacre_json_out *body)
{
    char whole[1024];
    struct iovec parts[2] = {{(void *)(uintptr_t)head, len}, {body->base, body->len}};
    struct msghdr msg = {.msg_iov = parts, .msg_iovlen = 2};
    if (!conn->lane->shared->tls)
        return sendmsg(conn->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) > 0;
    if (len + body->len > sizeof whole)
        return false;
    memcpy(whole, head, len);
    memcpy(whole + len, body->base, body->len);
    return nacre_tls_say_last(conn->mhd, whole, len + body->len);
}

void nacre_reply_raw(struct nacre_conn *conn, const struct nacre_refusal *refusal)
{
    const char *origin = conn->lane->shared->manifest->config.http_cors_origin;
    const char *reason = refusal->status == 413 ? "Content Too Large" : "Request Timeout";
    struct nacre_json_out *out = nacre_lane_out(conn->lane);
    char head[640];
    nacre_error_refusal(out, refusal);
    name_request(conn);
    int n = snprintf(head, sizeof head,
                     "HTTP/1.1 %u %s\r\nConnection: close\r\nContent-Type: " NACRE_TYPE_JSON "\r\n"
                     "Content-Length: %zu\r\nX-Request-Id: %016llx\r\n%s%s%s\r\n",
                     refusal->status, reason, out->len, (unsigned long long)conn->id,
                     origin[0] ? "Access-Control-Allow-Origin: " : "", origin, origin[0] ? "\r\n" : "");
    if (out->failed || n < 0 || (size_t)n >= sizeof head)
        return;
    if (say_raw(conn, head, (size_t)n, out))
        account(conn, refusal->status, out->len);
}
