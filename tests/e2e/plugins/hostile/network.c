/*
 * network - wants to reach a host that is not on the allow list: by the fetch service, with URLs that the test gives; by
 * the broker's own messages; and by what a descriptor can be made to do that is connected to the host that is allowed.
 */
#include <nacre/plugin.h>

#define HOSTILE_ENDPOINT "allowed.test"
#include "lane.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ROUTING 5u

static int32_t get(struct hostile *h, struct nacre_str url, const struct nacre_header *headers, uint64_t n,
                   struct nacre_reply *reply)
{
    struct nacre_fetch request;
    nacre_fetch_init(&request, reply);
    request.url = url;
    request.headers = headers;
    request.n_headers = n;
    request.timeout_ms = 5000;
    h->tried++;
    return nacre_fetch(h->call, &request, reply);
}

/* Each line of `arg` is a URL. What comes back with any status was reached. */
static void urls(struct hostile *h)
{
    struct nacre_reply reply;
    for (uint64_t from = 0; from < h->arg.len;) {
        const char *line = h->arg.ptr + from;
        const char *end = memchr(line, '\n', h->arg.len - from);
        const uint64_t len = end ? (uint64_t)(end - line) : h->arg.len - from;
        if (get(h, (struct nacre_str){line, len}, NULL, 0, &reply) == 0)
            reached(h, "%.*s", (int)len, line);
        from += len + 1;
    }
}

/* The allowed host answers with a way elsewhere: the plugin is shown it, and that is all. */
static void redirect(struct hostile *h)
{
    struct nacre_reply reply;
    int32_t err = get(h, h->arg, NULL, 0, &reply);
    h->said = nacre_format(h->call, "%d %u", err, err ? 0 : reply.status);
}

/*
 * Over HTTP/2 a client may use a connection for every name that its certificate has (RFC 9113, 9.1.1). A connection to
 * the allowed host is made and kept; then the other name is asked for, by URL and by every header that could carry it.
 */
static void coalesce(struct hostile *h)
{
    /* the first ROUTING of them would carry the name of a host */
    static const char *const names[] = {
        "host",     "Host",       ":authority", ":Authority", "x\r\nhost",
        "alt-used", "connection", "te",         "upgrade",    "proxy-authorization"};
    struct nacre_reply reply;
    int32_t first = get(h, nacre_str("https://allowed.test/echo"), NULL, 0, &reply);
    struct nacre_str body = {(const char *)reply.body.ptr, first ? 0 : reply.body.len};
    if (get(h, nacre_str("https://forbidden.test/echo"), NULL, 0, &reply) == 0)
        reached(h, "forbidden.test by its name");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct nacre_header header = {nacre_str(names[i]), NACRE_S("forbidden.test")};
        if (get(h, nacre_str("https://allowed.test/echo"), &header, 1, &reply))
            continue;
        if (i < ROUTING)
            reached(h, "header %s", names[i]);
    }
    h->said = nacre_format(h->call, "%d %.*s", first, (int)body.len, body.ptr);
}

/* Asks the broker for entries that there are not. Whether any socket was connected, the test sees on the other side. */
static void indices(struct hostile *h)
{
    static const uint32_t odd[] = {1, 2, 3, 63, 64, 255, 256, 65535, 65536, INT32_MAX, 1u << 31, UINT32_MAX};
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        struct nacre_connect_frame f = {.head.type = NACRE_FRAME_CONNECT,
                                        .id = UINT64_MAX - i,
                                        .endpoint = odd[i],
                                        .reserved = UINT32_MAX};
        h->tried += (uint64_t)post(h, NACRE_FD_CONTROL, &f, sizeof f, NULL, 0);
    }
}

/* The connected descriptor that answers a CONNECT: looked at on its way, before the runtime's own thread takes it. */
static int connected(struct hostile *h)
{
    union {
        char bytes[CMSG_SPACE(NACRE_FRAME_FDS * sizeof(int))];
        struct cmsghdr align;
    } control;
    for (unsigned i = 0; i < 200; i++) {
        struct nacre_connect_frame f = {.head.type = NACRE_FRAME_CONNECT, .id = 1u << 30};
        for (unsigned k = 0; k < 8; k++) /* while the first is taken, the next ones wait */
            (void)post(h, NACRE_FD_CONTROL, &f, sizeof f, NULL, 0);
        for (const uint64_t end = now_ns() + 20000000u; now_ns() < end;) {
            struct nacre_connected_frame got;
            struct iovec iov = {&got, sizeof got};
            struct msghdr m = {
                .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
            if (recvmsg(NACRE_FD_CONTROL, &m, MSG_DONTWAIT | MSG_PEEK) < 0 || !CMSG_FIRSTHDR(&m))
                continue;
            int fd;
            memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof fd);
            if (got.head.type == NACRE_FRAME_CONNECTED)
                return fd;
            (void)close(fd);
        }
    }
    return -1;
}

/* A connected descriptor, turned to another port: arg is the port that must not be reached. */
static void turn(struct hostile *h)
{
    const struct sockaddr_in to = {.sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)strtoul(h->arg.ptr, NULL, 10)),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const struct sockaddr none = {.sa_family = AF_UNSPEC};
    struct sockaddr_in peer = {0};
    socklen_t len = sizeof peer;
    const int one = 1, fd = connected(h);
    if (fd < 0)
        return;
    h->said = nacre_str("connected");
    (void)connect(fd, &none, sizeof none);
    (void)connect(fd, (const struct sockaddr *)&to, sizeof to);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &one, sizeof one);
    (void)connect(fd, (const struct sockaddr *)&to, sizeof to);
    (void)sendto(fd, "x", 1, MSG_NOSIGNAL | MSG_FASTOPEN, (const struct sockaddr *)&to, sizeof to);
    (void)shutdown(fd, SHUT_RDWR);
    (void)connect(fd, &none, sizeof none);
    (void)connect(fd, (const struct sockaddr *)&to, sizeof to);
    (void)sendto(fd, "x", 1, MSG_NOSIGNAL | MSG_FASTOPEN, (const struct sockaddr *)&to, sizeof to);
    if (getpeername(fd, (struct sockaddr *)&peer, &len) == 0 && peer.sin_port == to.sin_port)
        reached(h, "another port");
    if (syscall(SYS_bind, fd, &to, sizeof to) == 0 || syscall(SYS_listen, fd, 1) == 0)
        reached(h, "a listening socket");
    h->tried += 8;
    (void)close(fd);
}

static void hostile_attack(struct hostile *h)
{
    if (is(h, "urls"))
        urls(h);
    else if (is(h, "redirect"))
        redirect(h);
    else if (is(h, "coalesce"))
        coalesce(h);
    else if (is(h, "indices"))
        indices(h);
    else if (is(h, "turn"))
        turn(h);
}
