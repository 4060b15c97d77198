#include "exchange.h"

#include "failure.h"
#include "reply.h"
#include "request.h"
#include "tls.h"
#include "url.h"
#include "worker.h"

#include <common/frame.h>
#include <errno.h>
#include <stdio.h>

#define WHY_LEN     NACRE_FAILURE_TEXT
#define WRITE_BLOCK 16384 /* bytes */

static uint64_t left_ms(const struct fetch_exchange *x)
{
    uint64_t now = nacre_monotonic_ns();
    return now >= x->deadline_ns ? 0 : (x->deadline_ns - now) / 1000000u;
}

/* CURLOPT_OPENSOCKETFUNCTION: the broker connects. The address is the made-up one of `resolve`. */
static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct fetch_exchange *x = arg;
    uint64_t ms = left_ms(x);
    (void)address;
    if (purpose != CURLSOCKTYPE_IPCXN || x->stop != FETCH_GOING)
        return CURL_SOCKET_BAD;
    if (x->sent && !x->repeatable) {
        x->stop = FETCH_SENT_BEFORE;
        return CURL_SOCKET_BAD;
    }
    if (ms > x->connect_ms)
        ms = x->connect_ms;
    int fd = ms ? x->env->connect(x->env->ctx, x->index, (uint32_t)ms) : -ETIMEDOUT;
    x->worker->opened = true;
    if (fd >= 0)
        return fd;
    x->stop = FETCH_NO_CONNECTION;
    x->connect_error = fd;
    return CURL_SOCKET_BAD;
}

static int already_connected(void *arg, curl_socket_t fd, curlsocktype purpose)
{
    (void)arg;
    (void)fd;
    (void)purpose;
    return CURL_SOCKOPT_ALREADY_CONNECTED;
}

/* CURLOPT_PREREQFUNCTION: the connection stands and nothing of the request has been sent on it yet. */
static int before_request(void *arg, char *remote, char *local, int remote_port, int local_port)
{
    struct fetch_exchange *x = arg;
    (void)remote, (void)local, (void)remote_port, (void)local_port;
    if (!fetch_tls_made_for(x->easy, x->endpoint))
        x->stop = FETCH_WRONG_CONNECTION;
    else if (x->http2 && !fetch_tls_is_http2(x->easy))
        x->stop = FETCH_NOT_HTTP2;
    else if (x->sent && !x->repeatable)
        x->stop = FETCH_SENT_BEFORE;
    x->sent = x->worker->sent = true;
    return x->stop == FETCH_GOING ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

/* Line by line. libcurl keeps the fields; what is counted here tells headers from trailers, see reply.h. */
static size_t take_header(char *data, size_t size, size_t n, void *arg)
{
    struct fetch_exchange *x = arg;
    size_t len = size * n;
    if (len > NACRE_FETCH_HEADER_MAX - x->header_bytes || ++x->header_lines > FETCH_HEADER_LINES_MAX) {
        x->stop = FETCH_HEADERS_LARGE;
        return 0;
    }
    x->header_bytes += len;
    if (len >= 5 && memcmp(data, "HTTP/", 5) == 0) { /* again after a 1xx */
        x->n_fields = 0;
        x->fields_ended = false;
    } else if (len && (data[0] == '\r' || data[0] == '\n')) {
        x->fields_ended = true;
    } else if (!x->fields_ended && len && data[0] != ' ' && data[0] != '\t') {
        x->n_fields++;
    }
    return len;
}

/* Gives a piece of a good reply's body to the app's sink. */
static size_t pass_on(struct fetch_exchange *x, const char *data, size_t len)
{
    if (len > x->body.max - x->sunk) {
        x->stop = FETCH_BODY_LARGE;
        return 0;
    }
    x->sunk += len;
    x->sink_status = len ? x->sink(x->sink_ctx, (const uint8_t *)data, len) : 0;
    if (!x->sink_status)
        return len;
    x->stop = FETCH_SINK_REFUSED;
    return 0;
}

static bool is_good(CURL *easy)
{
    long status = 0;
    return curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK && status >= 200 &&
           status < 300;
}

static size_t take_body(char *data, size_t size, size_t n, void *arg)
{
    struct fetch_exchange *x = arg;
    curl_off_t announced = -1;
    int err = 0;
    if (x->sink && is_good(x->easy))
        return pass_on(x, data, size * n);
    if (x->body.len == 0 &&
        curl_easy_getinfo(x->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &announced) == CURLE_OK &&
        announced > 0)
        err = fetch_body_expect(&x->body, (uint64_t)announced);
    if (!err)
        err = fetch_body_append(&x->body, data, size * n);
    if (!err)
        return size * n;
    x->stop = err == -EFBIG ? FETCH_BODY_LARGE : FETCH_NO_MEMORY;
    return 0;
}

#define SET(OPTION, VALUE)                                                                                   \
    do {                                                                                                     \
        CURLcode set_error = curl_easy_setopt(x->easy, (OPTION), (VALUE));                                   \
        if (set_error)                                                                                       \
            return set_error;                                                                                \
    } while (0)

/* Only https, only here: no names looked up, no proxy, no file, no redirect, no state from one call to the next. */
static CURLcode set_confines(struct fetch_exchange *x, const struct fetch_state *state)
{
    SET(CURLOPT_PROTOCOLS_STR, "https");
    SET(CURLOPT_REDIR_PROTOCOLS_STR, "https");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_RESOLVE, state->resolve[x->index]);
    SET(CURLOPT_IPRESOLVE, (long)CURL_IPRESOLVE_V4);
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_NOPROXY, "*");
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_HTTP09_ALLOWED, 0L);
    SET(CURLOPT_TIMEOUT_MS, (long)left_ms(x) + 1);
    /* vsock in enclaves corrupts large writes, and with some ciphers OpenSSL makes one of all that it is given */
    SET(CURLOPT_UPLOAD_BUFFERSIZE, (long)WRITE_BLOCK);
    SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
    SET(CURLOPT_OPENSOCKETDATA, x);
    SET(CURLOPT_SOCKOPTFUNCTION, already_connected);
    return fetch_tls_apply(x->easy, x->endpoint, x->resumes);
}

static CURLcode set_exchange(struct fetch_exchange *x, const struct fetch_state *state,
                             const struct fetch_url *url)
{
    SET(CURLOPT_CURLU, url->parsed);
    SET(CURLOPT_PREREQFUNCTION, before_request);
    SET(CURLOPT_PREREQDATA, x);
    SET(CURLOPT_HEADERFUNCTION, take_header);
    SET(CURLOPT_HEADERDATA, x);
    SET(CURLOPT_WRITEFUNCTION, take_body);
    SET(CURLOPT_WRITEDATA, x);
    x->resumes = x->endpoint->n_pins == 0;
    return set_confines(x, state);
}

static CURLcode set_handshake(struct fetch_exchange *x, const struct fetch_state *state)
{
    char url[NACRE_HOST_MAX + 32];
    (void)snprintf(url, sizeof url, "https://%s:%u/", x->endpoint->host, (unsigned)x->endpoint->port);
    SET(CURLOPT_URL, url);
    SET(CURLOPT_CONNECT_ONLY, 1L);
    SET(CURLOPT_FRESH_CONNECT, 1L);
    return set_confines(x, state);
}

static struct fetch_exchange begin(const struct fetch_state *state, const struct nacre_fetch_env *env,
                                   uint32_t index, uint32_t timeout_ms)
{
    return (struct fetch_exchange){.env = env,
                                   .endpoint = &state->manifest->allow[index],
                                   .index = index,
                                   .deadline_ns = nacre_monotonic_ns() + (uint64_t)timeout_ms * 1000000u,
                                   .connect_ms = state->manifest->config.egress_connect_ms};
}

static int32_t exchange(struct fetch_exchange *x, const struct fetch_state *state,
                        const struct fetch_url *url, const struct fetch_request *request,
                        const struct nacre_fetch *in, struct nacre_reply *reply)
{
    char why[WHY_LEN];
    int32_t status = 0;
    if (fetch_worker_held())
        return x->env->fail(x->env->ctx, 500, "fetch: a sink cannot begin another one");
    struct fetch_worker *worker = fetch_worker_get(x->index);
    if (!worker)
        return x->env->fail(x->env->ctx, 500, "fetch: out of memory");
    x->worker = worker;
    x->easy = worker->easy;
    CURLcode code = set_exchange(x, state, url);
    if (!code)
        code = fetch_request_apply(request, in, x->easy);
    if (!code)
        code = fetch_worker_run(worker, x->env, x->deadline_ns);
    if (code)
        status = fetch_explain(x, code, why, sizeof why);
    else if (fetch_reply_fill(reply, x->env, x->easy, x->n_fields, &x->body)) {
        (void)snprintf(why, sizeof why, "upstream %s: the reply does not fit into the call's memory",
                       x->endpoint->host);
        status = 502;
    }
    fetch_worker_finish(worker);
    if (status && x->stop != FETCH_SINK_REFUSED) /* which has said itself why */
        return x->env->fail(x->env->ctx, status, why);
    return status;
}

int32_t fetch_perform(const struct fetch_state *state, const struct nacre_fetch_env *env,
                      const struct nacre_fetch *request, struct nacre_reply *reply)
{
    char why[WHY_LEN];
    struct fetch_url url = {0};
    struct fetch_request form = {0};
    int32_t status = fetch_url_read(&url, state->manifest, request->url, why, sizeof why);
    if (!status)
        status = fetch_request_read(&form, request, why, sizeof why);
    if (status) {
        fetch_url_free(&url);
        return env->fail(env->ctx, status, why);
    }
    struct fetch_exchange x = begin(state, env, url.endpoint, request->timeout_ms);
    x.http2 = request->http_version == NACRE_HTTP_2;
    x.repeatable = form.repeatable;
    x.sink = request->sink;
    x.sink_ctx = request->sink_ctx;
    x.body.max = request->max_reply > SIZE_MAX ? SIZE_MAX : (size_t)request->max_reply;
    status = exchange(&x, state, &url, &form, request, reply);
    fetch_body_free(&x.body);
    fetch_request_free(&form);
    fetch_url_free(&url);
    return status;
}

int fetch_check(const struct fetch_state *state, const struct nacre_fetch_env *env, uint32_t endpoint,
                uint32_t timeout_ms, char *why, size_t why_len)
{
    if (endpoint >= state->manifest->n_allow) {
        (void)snprintf(why, why_len, "no such endpoint");
        return -EINVAL;
    }
    struct fetch_worker *worker = fetch_worker_get(FETCH_ANY_ENDPOINT); /* its connection does not stay */
    if (!worker) {
        (void)snprintf(why, why_len, "out of memory");
        return -ENOMEM;
    }
    struct fetch_exchange x = begin(state, env, endpoint, timeout_ms);
    x.worker = worker;
    x.easy = worker->easy;
    CURLcode code = set_handshake(&x, state);
    if (!code)
        code = fetch_worker_run(worker, env, x.deadline_ns);
    int32_t status = code ? fetch_explain(&x, code, why, why_len) : 0;
    fetch_worker_finish(worker);
    if (x.stop == FETCH_NO_CONNECTION)
        return x.connect_error;
    if (!status)
        return 0;
    return status == 504 ? -ETIMEDOUT : status == 500 ? -ENOMEM : -EPROTO;
}
