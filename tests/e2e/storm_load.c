/* The connections: one thread, one epoll set, one request in flight on each. */
#include "storm.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define RETRY_NS 1000000u /* wait before connecting again */
#define EVENTS   128

struct conn {
    int fd;     /* -1: to be connected at retry_ns */
    bool asked; /* a request is on its way */
    uint64_t retry_ns;
    uint64_t asked_ns;
    struct storm_question question;
    char out[STORM_REQUEST_MAX];
    size_t out_len, out_at;
    char in[STORM_ANSWER_MAX + 1];
    size_t in_len;
};

struct load {
    const struct storm_options *o;
    struct storm_result *r;
    struct conn *conns;
    uint64_t next; /* number of the next question */
    unsigned busy; /* requests in flight */
    int epoll;
    bool over; /* no new requests */
};

uint64_t storm_now_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t storm_real_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000u + (uint64_t)t.tv_nsec / 1000000u;
}

static void hang_up(struct load *l, struct conn *c)
{
    if (c->asked) {
        l->r->closed++;
        l->busy--;
    }
    (void)close(c->fd);
    c->fd = -1;
    c->asked = false;
    c->retry_ns = storm_now_ns() + RETRY_NS;
}

static void watch(struct load *l, struct conn *c, int op, bool writing)
{
    struct epoll_event e = {.events = EPOLLIN | (writing ? (uint32_t)EPOLLOUT : 0u), .data.ptr = c};
    (void)epoll_ctl(l->epoll, op, c->fd, &e);
}

static void dial(struct load *l, struct conn *c)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(l->o->port)};
    int one = 1;
    (void)inet_pton(AF_INET, l->o->host, &to.sin_addr);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    c->out_len = c->out_at = c->in_len = 0;
    if (c->fd < 0 || (connect(c->fd, (struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS)) {
        l->r->refused++;
        if (c->fd >= 0)
            (void)close(c->fd);
        c->fd = -1;
        c->retry_ns = storm_now_ns() + RETRY_NS;
        return;
    }
    (void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    watch(l, c, EPOLL_CTL_ADD, true);
}

static void flush(struct load *l, struct conn *c)
{
    while (c->out_at < c->out_len) {
        ssize_t n = send(c->fd, c->out + c->out_at, c->out_len - c->out_at, MSG_NOSIGNAL);
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
            watch(l, c, EPOLL_CTL_MOD, true);
            return;
        }
        if (n < 0) {
            hang_up(l, c);
            return;
        }
        c->out_at += (size_t)n;
    }
}

static void ask(struct load *l, struct conn *c)
{
    if (l->over || (l->o->requests && l->next >= l->o->requests))
        return;
    c->out_len = storm_ask(l->o, l->next++, &c->question, c->out);
    c->out_at = c->in_len = 0;
    c->asked = true;
    c->asked_ns = storm_now_ns();
    l->busy++;
    l->r->sent++;
    flush(l, c);
}

static void note_good(struct load *l, uint64_t asked_ns)
{
    struct storm_result *r = l->r;
    uint64_t now = storm_now_ns();
    if (r->good == r->latency_cap) {
        uint64_t cap = r->latency_cap ? r->latency_cap * 2 : 65536;
        uint32_t *grown = realloc(r->latency_us, cap * sizeof *grown);
        if (!grown)
            abort();
        r->latency_us = grown;
        r->latency_cap = cap;
    }
    r->latency_us[r->good++] = (uint32_t)((now - asked_ns) / 1000u);
    if (now - r->last_good_ns >= l->o->gap_ns && r->n_gaps < STORM_GAPS_MAX) {
        r->gaps[r->n_gaps][0] = r->last_good_ns;
        r->gaps[r->n_gaps++][1] = now;
    }
    r->last_good_ns = now;
}

static void note(struct load *l, struct conn *c, unsigned status, const char *body, size_t len)
{
    static const char *const words[] = {"", "does not hold what was asked for", "bad signature",
                                        "time outside its bound"};
    static const char error[] = "{\"error\":\"";
    const struct storm_options *o = l->o;
    struct storm_result *r = l->r;
    /* both are terminated: the head where it ends, the body with all that came */
    bool shown = o->forbid && (strstr(c->in, o->forbid) || strstr(body, o->forbid));
    bool no_error =
        status != 200 && (strncmp(body, error, sizeof error - 1) != 0 || strstr(body, "signature\":\""));
    r->leaks += shown || no_error;
    if (status != 200) {
        r->status[status < 600 ? status : 0]++;
        return;
    }
    enum storm_verdict v = storm_check(o, &c->question, body, len);
    if (v == STORM_RIGHT) {
        note_good(l, c->asked_ns);
        return;
    }
    r->foreign += v == STORM_FOREIGN;
    r->bad_signature += v == STORM_UNSIGNED;
    r->bad_time += v == STORM_UNTIMELY;
    if (r->wrong++ == 0)
        (void)snprintf(r->first_wrong, sizeof r->first_wrong, "%s: %.*s", words[v], (int)len, body);
}

static const char *header(const char *head, const char *name)
{
    size_t len = strlen(name);
    for (const char *p = strstr(head, "\r\n"); p; p = strstr(p, "\r\n")) {
        p += 2;
        if (strncasecmp(p, name, len) == 0 && p[len] == ':')
            return p + len + 1;
    }
    return NULL;
}

/* Handles a whole answer in c->in. 1 when there was one, 0 when more bytes are needed, -1 when it is no HTTP.
 */
static int answer(struct load *l, struct conn *c)
{
    static const char version[] = "HTTP/1.1 ";
    c->in[c->in_len] = '\0';
    char *end = strstr(c->in, "\r\n\r\n");
    if (!end)
        return c->in_len < STORM_ANSWER_MAX ? 0 : -1;
    *end = '\0';
    const char *length = header(c->in, "Content-Length");
    const char *connection = header(c->in, "Connection");
    size_t body = (size_t)(end + 4 - c->in);
    size_t len = length ? strtoul(length, NULL, 10) : STORM_ANSWER_MAX;
    if (strncmp(c->in, version, sizeof version - 1) != 0 || len > STORM_ANSWER_MAX - body)
        return -1;
    unsigned status = (unsigned)strtoul(c->in + sizeof version - 1, NULL, 10);
    if (c->in_len < body + len) {
        *end = '\r';
        return 0;
    }
    l->busy--;
    c->asked = false;
    bool leaving = connection && strncasecmp(connection + strspn(connection, " "), "close", 5) == 0;
    note(l, c, status, c->in + body, len);
    if (leaving)
        hang_up(l, c);
    return 1;
}

static void readable(struct load *l, struct conn *c)
{
    ssize_t n = recv(c->fd, c->in + c->in_len, STORM_ANSWER_MAX - c->in_len, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        hang_up(l, c);
        return;
    }
    c->in_len += (size_t)n;
    int rc = answer(l, c);
    if (rc < 0) {
        l->r->malformed++;
        hang_up(l, c);
    } else if (rc > 0 && c->fd >= 0) {
        ask(l, c);
    }
}

static void serve(struct load *l, struct conn *c, uint32_t events)
{
    if (c->fd < 0)
        return;
    if (events & EPOLLOUT) {
        int error = 0;
        socklen_t len = sizeof error;
        (void)getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len);
        if (error) {
            l->r->refused++;
            hang_up(l, c);
            return;
        }
        watch(l, c, EPOLL_CTL_MOD, false);
        if (c->asked)
            flush(l, c);
        else
            ask(l, c);
    }
    if (c->fd >= 0 && events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        readable(l, c);
}

static bool finished(struct load *l, uint64_t now)
{
    double run = (double)(now - l->r->begin_ns) / 1e9;
    bool asked_all = l->o->requests && l->next >= l->o->requests;
    l->over = l->over || asked_all || (l->o->seconds > 0 && run >= l->o->seconds);
    return (l->over && l->busy == 0) || run >= l->o->give_up;
}

static void loop(struct load *l)
{
    struct epoll_event events[EVENTS];
    for (uint64_t now = storm_now_ns(); !finished(l, now); now = storm_now_ns()) {
        for (unsigned i = 0; i < l->o->connections && !l->over; i++) {
            if (l->conns[i].fd < 0 && now >= l->conns[i].retry_ns)
                dial(l, &l->conns[i]);
        }
        int n = epoll_wait(l->epoll, events, EVENTS, 2);
        for (int i = 0; i < n; i++)
            serve(l, events[i].data.ptr, events[i].events);
    }
}

int storm_run(const struct storm_options *o, struct storm_result *r)
{
    struct load l = {.o = o, .r = r, .epoll = epoll_create1(EPOLL_CLOEXEC)};
    l.conns = calloc(o->connections, sizeof *l.conns);
    if (!l.conns || l.epoll < 0) {
        free(l.conns);
        return -ENOMEM;
    }
    for (unsigned i = 0; i < o->connections; i++)
        l.conns[i].fd = -1;
    r->begin_ns = r->last_good_ns = storm_now_ns();
    loop(&l);
    r->end_ns = storm_now_ns();
    for (unsigned i = 0; i < o->connections; i++) {
        if (l.conns[i].fd >= 0)
            hang_up(&l, &l.conns[i]);
    }
    (void)close(l.epoll);
    free(l.conns);
    return 0;
}
