#include "dial.h"

#include "handshake.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/un.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

static int greet(struct nacre_hd_dial *dial)
{
    char hello[NACRE_HD_HELLO_MAX];
    if (!dial->greets) {
        dial->stage = NACRE_HD_CONNECTED;
        return 1;
    }
    size_t len = nacre_hd_hello(hello, dial->port);
    dial->stage = NACRE_HD_GREETING;
    ssize_t n = send(dial->fd, hello, len, MSG_NOSIGNAL);
    if (n < 0)
        return errno == EPIPE || errno == ECONNRESET ? -EAGAIN : -errno;
    return (size_t)n == len ? 0 : -EPROTO;
}

static int begin(struct nacre_hd_dial *dial, const struct sockaddr *address, socklen_t len)
{
    dial->stage = NACRE_HD_CONNECTING;
    dial->fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (dial->fd < 0)
        return -errno;
    if (address->sa_family == AF_INET || address->sa_family == AF_INET6) {
        const int on = 1;
        (void)setsockopt(dial->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    int rc = connect(dial->fd, address, len) ? -errno : greet(dial);
    if (rc == -EINPROGRESS)
        return 0;
    if (rc < 0) {
        (void)close(dial->fd);
        dial->fd = -1;
    }
    return rc;
}

socklen_t nacre_hd_sockaddr(struct sockaddr_storage *out, const struct nacre_netaddr *address)
{
    if (address->family == AF_INET6) {
        struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)out;
        *v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(address->port)};
        (void)inet_pton(AF_INET6, address->host, &v6->sin6_addr);
        return sizeof *v6;
    }
    struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)out;
    *v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(address->port)};
    (void)inet_pton(AF_INET, address->host, &v4->sin_addr);
    return sizeof *v4;
}

int nacre_hd_dial_place(struct nacre_hd_dial *dial, const struct nacre_hd_place *place, uint32_t port)
{
    *dial = (struct nacre_hd_dial){.fd = -1, .greets = place->kind == NACRE_HD_FIRECRACKER, .port = port};
    if (place->kind == NACRE_HD_TCP) {
        struct sockaddr_storage tcp;
        socklen_t len = nacre_hd_sockaddr(&tcp, &place->tcp);
        return begin(dial, (struct sockaddr *)&tcp, len);
    }
    if (place->kind == NACRE_HD_VSOCK) {
        const struct sockaddr_vm vm = {.svm_family = AF_VSOCK, .svm_cid = place->cid, .svm_port = port};
        return begin(dial, (const struct sockaddr *)(const void *)&vm, sizeof vm);
    }
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    (void)snprintf(un.sun_path, sizeof un.sun_path, "%s", place->path);
    return begin(dial, (const struct sockaddr *)(const void *)&un, sizeof un);
}

int nacre_hd_dial_address(struct nacre_hd_dial *dial, const struct sockaddr *address, socklen_t len)
{
    *dial = (struct nacre_hd_dial){.fd = -1};
    return begin(dial, address, len);
}

static int hear(struct nacre_hd_dial *dial)
{
    char data[NACRE_HD_ANSWER_MAX];
    ssize_t n = recv(dial->fd, data, sizeof data, MSG_PEEK);
    if (n < 0 && errno == EAGAIN)
        return 0;
    /* Closed or reset before the answer: the machine is there and nobody listens on the port, yet. */
    if (n <= 0)
        return -EAGAIN;
    int len = nacre_hd_hello_answer(data, (size_t)n);
    if (len <= 0)
        return len;
    if (recv(dial->fd, data, (size_t)len, 0) != len)
        return -EPROTO;
    dial->stage = NACRE_HD_CONNECTED;
    return 1;
}

int nacre_hd_dial_events(struct nacre_hd_dial *dial, uint32_t events)
{
    if (dial->stage == NACRE_HD_CONNECTING) {
        int error = 0;
        socklen_t len = sizeof error;
        if (!(events & (EPOLLOUT | EPOLLERR | EPOLLHUP)))
            return 0;
        (void)getsockopt(dial->fd, SOL_SOCKET, SO_ERROR, &error, &len);
        if (error)
            return -error;
        return greet(dial);
    }
    return dial->stage == NACRE_HD_GREETING ? hear(dial) : 1;
}
