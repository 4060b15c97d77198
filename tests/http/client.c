#include "fake.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

static void open_at(struct client *c, int type, const struct sockaddr *address, socklen_t len)
{
    struct timeval wait = {.tv_sec = FAKE_WAIT_MS / 1000};
    *c = (struct client){.fd = socket(address->sa_family, type | SOCK_CLOEXEC, 0)};
    ck_assert_int_ge(c->fd, 0);
    ck_assert_int_eq(setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait), 0);
    ck_assert_int_eq(setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait), 0);
    ck_assert_int_eq(connect(c->fd, address, len), 0);
}

void client_open(struct client *c, uint16_t port)
{
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    open_at(c, SOCK_STREAM, (const struct sockaddr *)&a, sizeof a);
}

void client_open_packets(struct client *c, const struct fake *f)
{
    open_at(c, SOCK_SEQPACKET, (const struct sockaddr *)&f->packets, f->packets_len);
}

void client_close(struct client *c)
{
    if (c->fd >= 0)
        (void)close(c->fd);
    free(c->buf);
    *c = (struct client){.fd = -1};
}

void client_send(struct client *c, const void *data, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = send(c->fd, (const char *)data + done, len - done, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        ck_assert_msg(n > 0, "send: %s", strerror(errno));
        done += (size_t)n;
    }
}

void client_text(struct client *c, const char *text)
{
    client_send(c, text, strlen(text));
}

void client_post(struct client *c, const char *path, const char *body)
{
    char *text = NULL;
    int n = asprintf(&text,
                     "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                     "Content-Length: %zu\r\n\r\n%s",
                     path, strlen(body), body);
    ck_assert_int_gt(n, 0);
    client_send(c, text, (size_t)n);
    free(text);
}

/* Receives more. Returns false at the end of the stream. */
static bool more(struct client *c)
{
    if (c->cap - c->len < 65536) {
        c->cap = c->cap * 2 + 131072;
        c->buf = realloc(c->buf, c->cap);
        ck_assert_ptr_nonnull(c->buf);
    }
    ssize_t n;
    do {
        n = recv(c->fd, c->buf + c->len, c->cap - c->len, 0);
    } while (n < 0 && errno == EINTR);
    ck_assert_msg(n >= 0, "recv: %s, after '%.*s'", strerror(errno), (int)c->len, c->buf);
    c->len += (size_t)n;
    c->largest = (size_t)n > c->largest ? (size_t)n : c->largest;
    return n > 0;
}

static void take(struct client *c, size_t len)
{
    memmove(c->buf, c->buf + len, c->len - len);
    c->len -= len;
}

static struct answer take_head(struct client *c)
{
    struct answer a = {0};
    const char *end;
    while (!(end = c->len ? memmem(c->buf, c->len, "\r\n\r\n", 4) : NULL))
        ck_assert_msg(more(c), "closed after '%.*s'", (int)c->len, c->buf);
    size_t len = (size_t)(end - c->buf) + 4;
    ck_assert_uint_lt(len, sizeof a.head);
    memcpy(a.head, c->buf, len);
    ck_assert_msg(strncmp(a.head, "HTTP/1.1 ", 9) == 0, "%s", a.head);
    a.status = (unsigned)strtoul(a.head + 9, NULL, 10);
    take(c, len);
    return a;
}

struct answer client_answer(struct client *c, bool no_body)
{
    struct answer a = take_head(c);
    while (a.status == 100)
        a = take_head(c);
    const char *length = answer_header(&a, "Content-Length");
    ck_assert_msg(length || a.status == 204, "%s", a.head);
    a.len = no_body || !length ? 0 : strtoul(length, NULL, 10);
    while (c->len < a.len)
        ck_assert_msg(more(c), "closed after %zu bytes of %zu", c->len, a.len);
    a.body = malloc(a.len + 1);
    ck_assert_ptr_nonnull(a.body);
    if (a.len)
        memcpy(a.body, c->buf, a.len);
    a.body[a.len] = '\0';
    take(c, a.len);
    return a;
}

void answer_free(struct answer *a)
{
    free(a->body);
    a->body = NULL;
}

const char *answer_header(const struct answer *a, const char *name)
{
    static char value[512];
    size_t len = strlen(name);
    for (const char *line = strstr(a->head, "\r\n"); line && line[2]; line = strstr(line + 2, "\r\n")) {
        if (strncasecmp(line + 2, name, len) == 0 && line[2 + len] == ':') {
            const char *from = line + 2 + len + 1;
            from += strspn(from, " ");
            (void)snprintf(value, sizeof value, "%.*s", (int)strcspn(from, "\r"), from);
            return value;
        }
    }
    return NULL;
}

void client_expect(struct client *c, unsigned status, const char *body)
{
    struct answer a = client_answer(c, false);
    ck_assert_msg(a.status == status && (!body || strcmp(a.body, body) == 0), "got %s%s\nexpected %u %s",
                  a.head, a.body, status, body ? body : "");
    answer_free(&a);
}

unsigned client_closed(struct client *c, int ms)
{
    uint64_t before = nacre_monotonic_ns();
    struct pollfd p = {c->fd, POLLIN, 0};
    ck_assert_msg(c->len == 0, "unexpected: '%.*s'", (int)c->len, c->buf);
    ck_assert_msg(poll(&p, 1, ms) > 0, "not closed within %d ms", ms);
    char rest[512];
    ssize_t n = recv(c->fd, rest, sizeof rest, 0);
    ck_assert_msg(n == 0 || (n < 0 && errno == ECONNRESET), "unexpected: '%.*s'", (int)(n > 0 ? n : 0), rest);
    return (unsigned)((nacre_monotonic_ns() - before) / 1000000u);
}

struct answer exchange(struct fake *f, const char *request)
{
    struct client c;
    client_open(&c, f->port);
    client_text(&c, request);
    struct answer a = client_answer(&c, strncmp(request, "HEAD", 4) == 0);
    client_close(&c);
    return a;
}
