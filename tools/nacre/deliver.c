#include "deliver.h"

#include "netaddr.h"

#include <arpa/inet.h>
#include <common/frame.h>
#include <errno.h>
#include <linux/vm_sockets.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER_S   15 /* nacred gives up on a connection after ten seconds */
#define RETRY_US   100000
#define NS_PER_MS  1000000u
#define NS_PER_S   UINT64_C(1000000000)
#define ANSWER_MAX 512u

struct place {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_vm vm;
        struct sockaddr_un un;
    } u;
    socklen_t len;
    uint64_t connect_port; /* 0: no CONNECT */
};

static int parse_unix(struct place *p, const char *text)
{
    const char *hash = strrchr(text, '#');
    size_t len = hash ? (size_t)(hash - text) : strlen(text);
    p->u.un.sun_family = AF_UNIX;
    p->len = sizeof p->u.un;
    if (len == 0 || len >= sizeof p->u.un.sun_path)
        return -EINVAL;
    memcpy(p->u.un.sun_path, text, len);
    return hash ? nacre_number_parse(&p->connect_port, hash + 1, strlen(hash + 1), UINT32_MAX - 1u) : 0;
}

static int parse_vsock(struct place *p, const char *text)
{
    uint64_t cid, port;
    const char *colon = strchr(text, ':');
    if (!colon || nacre_number_parse(&cid, text, (size_t)(colon - text), UINT32_MAX - 1u) ||
        nacre_number_parse(&port, colon + 1, strlen(colon + 1), UINT32_MAX - 1u))
        return -EINVAL;
    p->u.vm =
        (struct sockaddr_vm){.svm_family = AF_VSOCK, .svm_cid = (unsigned)cid, .svm_port = (unsigned)port};
    p->len = sizeof p->u.vm;
    return 0;
}

static int parse_tcp(struct place *p, const char *text)
{
    struct nacre_netaddr a;
    if (nacre_netaddr_parse(&a, text) || a.port == 0)
        return -EINVAL;
    if (a.family == AF_INET6) {
        p->u.v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(a.port)};
        p->len = sizeof p->u.v6;
        return inet_pton(AF_INET6, a.host, &p->u.v6.sin6_addr) == 1 ? 0 : -EINVAL;
    }
    p->u.v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(a.port)};
    p->len = sizeof p->u.v4;
    return inet_pton(AF_INET, a.host, &p->u.v4.sin_addr) == 1 ? 0 : -EINVAL;
}

static int parse(struct place *p, const char *text, char *why, size_t why_len)
{
    int rc = -EINVAL;
    memset(p, 0, sizeof *p);
    if (strncmp(text, "unix:", 5) == 0)
        rc = parse_unix(p, text + 5);
    else if (strncmp(text, "vsock:", 6) == 0)
        rc = parse_vsock(p, text + 6);
    else if (strncmp(text, "tcp:", 4) == 0)
        rc = parse_tcp(p, text + 4);
    if (rc)
        (void)snprintf(why, why_len,
                       "'%.200s' is none of unix:PATH, unix:PATH#PORT, vsock:CID:PORT, tcp:ADDRESS:PORT",
                       text);
    return rc ? -EINVAL : 0;
}

int nacre_deliver_check(const char *place, char *why, size_t why_len)
{
    struct place p;
    return parse(&p, place, why, why_len);
}

static int send_all(int fd, const void *data, size_t len)
{
    const uint8_t *at = data;
    while (len > 0) {
        ssize_t n = send(fd, at, len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        at += n;
        len -= (size_t)n;
    }
    return 0;
}

/*
 * One line without its end into `line`, a byte at a time: what follows is not ours to take. Bytes, or -errno. A byte now
 * and then buys nobody more time.
 */
static int read_line(int fd, char line[ANSWER_MAX])
{
    size_t len = 0;
    uint64_t end = nacre_monotonic_ns() + ANSWER_S * NS_PER_S;
    for (;;) {
        if (nacre_monotonic_ns() >= end)
            return -EAGAIN;
        ssize_t n = recv(fd, line + len, 1, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0 || line[len] == '\n' || len + 1 == ANSWER_MAX - 1)
            break;
        /* it goes to a terminal */
        line[len] = line[len] >= 0x20 && line[len] < 0x7f ? line[len] : '?';
        len++;
    }
    line[len] = '\0';
    return (int)len;
}

/* "CONNECT 7777" is answered with "OK n" or with the end of the connection, while nobody listens there. */
static int ask_for_port(int fd, uint64_t port)
{
    char line[ANSWER_MAX];
    int len = snprintf(line, sizeof line, "CONNECT %llu\n", (unsigned long long)port);
    int rc = send_all(fd, line, (size_t)len);
    if (rc == 0)
        rc = read_line(fd, line);
    return rc < 0 ? rc : strncmp(line, "OK ", 3) == 0 ? 0 : -ECONNREFUSED;
}

static int dial(const struct place *p)
{
    const struct timeval limit = {.tv_sec = ANSWER_S};
    int fd = socket(p->u.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    int rc = setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) < 0 ||
                     setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) < 0 ||
                     connect(fd, &p->u.any, p->len) < 0
                 ? -errno
                 : 0;
    if (rc == 0 && p->connect_port)
        rc = ask_for_port(fd, p->connect_port);
    if (rc == 0)
        return fd;
    (void)close(fd);
    return rc;
}

/* An enclave that boots, or the socket of a runtime that starts, is not there yet. */
static int dial_patiently(const struct place *p, uint64_t wait_ms)
{
    uint64_t end = nacre_monotonic_ns() + wait_ms * NS_PER_MS;
    for (;;) {
        int fd = dial(p);
        if (fd >= 0 || nacre_monotonic_ns() >= end || fd == -EACCES || fd == -EPERM)
            return fd;
        (void)usleep(RETRY_US);
    }
}

static int exchange(int fd, const uint8_t *data, size_t len, char *why, size_t why_len)
{
    char line[ANSWER_MAX];
    int rc = send_all(fd, data, len);
    /* whoever refuses closes before all is sent, and says why */
    if ((rc == 0 || rc == -EPIPE || rc == -ECONNRESET) && shutdown(fd, SHUT_WR) < 0 && errno != ENOTCONN &&
        rc == 0)
        rc = -errno;
    int got = rc == 0 || rc == -EPIPE || rc == -ECONNRESET ? read_line(fd, line) : rc;
    if (got > 0 && strncmp(line, "ok: ", 4) == 0)
        return 0;
    if (got > 0) {
        (void)snprintf(why, why_len, "%s", strncmp(line, "no: ", 4) == 0 ? line + 4 : line);
        return -EACCES;
    }
    rc = rc ? rc : got == 0 ? -ENODATA : got;
    (void)snprintf(why, why_len, "%s",
                   rc == -ENODATA  ? "the other side closed without a word"
                   : rc == -EAGAIN ? "no answer"
                                   : strerror(-rc));
    return rc;
}

int nacre_place_dial(const char *place, uint64_t wait_ms, char *why, size_t why_len)
{
    struct place p;
    int rc = parse(&p, place, why, why_len);
    if (rc)
        return rc;
    int fd = dial_patiently(&p, wait_ms);
    if (fd < 0)
        (void)snprintf(why, why_len, "cannot connect to %s: %s", place, strerror(-fd));
    return fd;
}

int nacre_deliver(const char *place, const uint8_t *data, size_t len, uint64_t wait_ms, char *why,
                  size_t why_len)
{
    int fd = nacre_place_dial(place, wait_ms, why, why_len);
    if (fd < 0)
        return fd;
    int rc = exchange(fd, data, len, why, why_len);
    (void)close(fd);
    return rc;
}
