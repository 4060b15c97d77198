#include "probe.h"

#include "http_answer.h"
#include "tls_client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <common/json_read.h>
#include <common/log.h>

#define ROOM (NACRE_HD_HEAD_MAX + NACRE_HD_BODY_MAX)

struct nacre_hd_probe {
    struct nacre_hd_watch watch;
    struct nacre_hd_timer timer; /* the next probe, or the end of this one's time */
    struct nacre_hd_grave grave;
    struct nacre_hd *daemon;
    struct nacre_hd_enclave *enclave;
    struct nacre_hd_dial dial;
    bool running, asked, greeted;
    struct nacre_tls_client *tls; /* from the end of the dialling on, with health.scheme https */
    uint64_t began_ms;
    char *data; /* of the answer, while there is one */
    size_t len;
    struct nacre_hd_probe_result last;
    char *kept;
};

static void schedule(struct nacre_hd_timer *timer);

static void finish(struct nacre_hd_probe *p, int status, const char *error)
{
    struct nacre_hd *d = p->daemon;
    struct nacre_hd_enclave *e = p->enclave;
    bool ok = status >= 200 && status < 300;
    nacre_tls_client_free(p->tls);
    p->tls = NULL;
    if (p->dial.fd >= 0)
        (void)close(p->dial.fd);
    p->dial.fd = -1;
    p->running = false;
    free(p->data);
    p->data = NULL;
    p->last.at_ms = d->loop.now_ms;
    p->last.took_ms = d->loop.now_ms - p->began_ms;
    p->last.status = status;
    p->last.error = error;
    if (nacre_hd_judge(e, ok, d->config->health_fall, d->config->health_rise))
        nacre_log_event(ok ? NACRE_LEVEL_INFO : NACRE_LEVEL_WARN,
                        ok ? "enclave healthy" : "enclave unhealthy", NLS("enclave", e->config.name),
                        NLI("status", status), NLS("error", error ? error : ""));
    p->timer.fire = schedule;
    nacre_hd_timer_set(&d->loop, &p->timer, d->config->health_interval_ms);
}

/* A JSON object, whole and alone? Only that goes into an answer of ours. */
static bool is_object(const char *data, size_t len)
{
    struct nacre_json j;
    nacre_json_init(&j, data, len);
    if (nacre_json_next(&j) != NACRE_JSON_OBJECT)
        return false;
    return nacre_json_skip(&j, NACRE_JSON_OBJECT) == 0 && nacre_json_next(&j) == NACRE_JSON_END;
}

static void keep_body(struct nacre_hd_probe *p, const struct nacre_hd_http_answer *a)
{
    free(p->kept);
    p->kept = NULL;
    p->last.json = NULL;
    p->last.json_len = 0;
    if (a->body_len > NACRE_HD_KEPT_MAX || !is_object(a->body, a->body_len))
        return;
    p->kept = malloc(a->body_len);
    if (!p->kept)
        return;
    memcpy(p->kept, a->body, a->body_len);
    p->last.json = p->kept;
    p->last.json_len = a->body_len;
}

/* The whole answer is there, or never will be. */
static void look(struct nacre_hd_probe *p, bool ended)
{
    struct nacre_hd_http_answer answer;
    int rc = nacre_hd_http_answer(&answer, p->data, p->len, ended);
    if (rc > 0) {
        keep_body(p, &answer);
        finish(p, answer.status, answer.status >= 200 && answer.status < 300 ? NULL : "it says it is not");
    } else if (rc < 0) {
        finish(p, 0, rc == -EMSGSIZE ? "the answer is too long" : "the answer is no HTTP");
    }
}

/* As recv() says it. */
static ssize_t hear_some(struct nacre_hd_probe *p)
{
    if (!p->tls)
        return recv(p->dial.fd, p->data + p->len, ROOM - p->len, 0);
    ssize_t n = nacre_tls_client_receive(p->tls, p->data + p->len, ROOM - p->len);
    errno = n < 0 ? (int)-n : 0;
    return n < 0 ? -1 : n;
}

static void hear(struct nacre_hd_probe *p)
{
    while (p->running) {
        if (p->len == ROOM) {
            finish(p, 0, "the answer is too long");
            return;
        }
        ssize_t n = hear_some(p);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n < 0) {
            finish(p, 0, strerror(errno));
            return;
        }
        p->len += (size_t)n;
        look(p, n == 0);
    }
}

static void ask(struct nacre_hd_probe *p)
{
    char request[NACRE_HD_TEXT + 128];
    size_t len = (size_t)snprintf(request, sizeof request,
                                  "GET %s HTTP/1.1\r\nHost: enclave\r\nUser-Agent: nacre-host\r\n"
                                  "Connection: close\r\n\r\n",
                                  p->daemon->config->health_path);
    p->asked = true;
    p->data = malloc(ROOM);
    p->len = 0;
    ssize_t n = !p->data ? -1
                : p->tls ? nacre_tls_client_send(p->tls, request, len)
                         : send(p->dial.fd, request, len, MSG_NOSIGNAL);
    if (n != (ssize_t)len)
        finish(p, 0, p->data ? strerror(errno) : "out of memory");
    else if (nacre_hd_watch_change(&p->daemon->loop, p->dial.fd, EPOLLIN, &p->watch))
        finish(p, 0, "epoll");
}

/* A step of the handshake, and the question behind the last one. */
static void shake(struct nacre_hd_probe *p)
{
    int rc = nacre_tls_client_handshake(p->tls);
    if (rc == 0)
        ask(p);
    else if (rc != -EAGAIN)
        finish(p, 0, "no TLS is spoken there");
    else if (nacre_hd_watch_change(&p->daemon->loop, p->dial.fd,
                                   nacre_tls_client_writes(p->tls) ? EPOLLOUT : EPOLLIN, &p->watch))
        finish(p, 0, "epoll");
}

static void connected(struct nacre_hd_probe *p)
{
    if (strcmp(p->daemon->config->health_scheme, "https") != 0) {
        ask(p);
        return;
    }
    p->tls = nacre_tls_client_new(p->dial.fd);
    if (p->tls)
        shake(p);
    else
        finish(p, 0, "out of memory");
}

static void dialled(struct nacre_hd_probe *p, int rc)
{
    if (rc < 0)
        finish(p, 0, rc == -EAGAIN ? "nobody listens there yet" : strerror(-rc));
    else if (rc > 0)
        connected(p);
    else if (p->dial.stage == NACRE_HD_GREETING && !p->greeted) {
        /* Edges: the beginning of an answer stays in the socket until all of it is there. */
        p->greeted = true;
        (void)nacre_hd_watch_change(&p->daemon->loop, p->dial.fd, EPOLLIN | EPOLLRDHUP | EPOLLET, &p->watch);
    }
}

static void ready(struct nacre_hd_watch *watch, uint32_t events)
{
    struct nacre_hd_probe *p = NACRE_HD_OF(watch, struct nacre_hd_probe, watch);
    if (!p->running)
        return;
    if (p->asked)
        hear(p);
    else if (p->tls)
        shake(p);
    else
        dialled(p, nacre_hd_dial_events(&p->dial, events));
}

static void timed_out(struct nacre_hd_timer *timer)
{
    finish(NACRE_HD_OF(timer, struct nacre_hd_probe, timer), 0, "no answer in time");
}

static void schedule(struct nacre_hd_timer *timer)
{
    struct nacre_hd_probe *p = NACRE_HD_OF(timer, struct nacre_hd_probe, timer);
    struct nacre_hd *d = p->daemon;
    p->running = true;
    p->asked = p->greeted = false;
    p->began_ms = d->loop.now_ms;
    p->timer.fire = timed_out;
    nacre_hd_timer_set(&d->loop, &p->timer, d->config->health_timeout_ms);
    int rc = nacre_hd_dial_place(&p->dial, &p->enclave->config.place, (uint32_t)d->config->health_port);
    if (rc >= 0 && nacre_hd_watch_add(&d->loop, p->dial.fd, rc ? EPOLLIN : EPOLLIN | EPOLLOUT, &p->watch))
        rc = -ENOMEM;
    dialled(p, rc);
}

int nacre_hd_probe_start(struct nacre_hd *d, struct nacre_hd_enclave *e)
{
    struct nacre_hd_probe *p = calloc(1, sizeof *p);
    if (!p)
        return -ENOMEM;
    p->daemon = d;
    p->enclave = e;
    p->dial.fd = -1;
    p->watch.ready = ready;
    p->timer.fire = schedule;
    e->probe = p;
    nacre_hd_timer_set(&d->loop, &p->timer, 1);
    return 0;
}

static void release(struct nacre_hd_grave *grave)
{
    free(NACRE_HD_OF(grave, struct nacre_hd_probe, grave));
}

void nacre_hd_probe_stop(struct nacre_hd *d, struct nacre_hd_enclave *e)
{
    struct nacre_hd_probe *p = e->probe;
    if (!p)
        return;
    e->probe = NULL;
    p->running = false;
    nacre_hd_timer_clear(&d->loop, &p->timer);
    nacre_tls_client_free(p->tls);
    p->tls = NULL;
    if (p->dial.fd >= 0)
        (void)close(p->dial.fd);
    free(p->data);
    free(p->kept);
    p->grave.release = release;
    nacre_hd_bury(&d->loop, &p->grave);
}

struct nacre_hd_probe_result nacre_hd_probe_last(const struct nacre_hd_enclave *e)
{
    return e->probe ? e->probe->last : (struct nacre_hd_probe_result){0};
}
