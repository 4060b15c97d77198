#include "dev_probe.h"

#include "tls_client.h"

#include <arpa/inet.h>
#include <common/frame.h>
#include <errno.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#define PAUSE_US 5000

static socklen_t to_sockaddr(const struct nacre_netaddr *a, struct sockaddr_storage *out)
{
    const bool any = nacre_netaddr_is_any(a);
    memset(out, 0, sizeof *out);
    if (a->family == AF_INET6) {
        struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)out;
        *v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(a->port)};
        (void)inet_pton(AF_INET6, any ? "::1" : a->host, &v6->sin6_addr);
        return sizeof *v6;
    }
    struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)out;
    *v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(a->port)};
    (void)inet_pton(AF_INET, any ? "127.0.0.1" : a->host, &v4->sin_addr);
    return sizeof *v4;
}

/* Sends the request and takes the beginning of the answer. The descriptor gives up after a second of silence. */
static size_t exchange(int fd, bool tls, const char *request, size_t len, char *head, size_t room)
{
    struct nacre_tls_client *c = tls ? nacre_tls_client_new(fd) : NULL;
    size_t got = 0;
    ssize_t n = tls && (!c || nacre_tls_client_handshake(c) < 0) ? -1
                : tls                                            ? nacre_tls_client_send(c, request, len)
                                                                 : send(fd, request, len, MSG_NOSIGNAL);
    for (n = n == (ssize_t)len ? 1 : 0; n > 0 && got<room; got += n> 0 ? (size_t)n : 0)
        n = tls ? nacre_tls_client_receive(c, head + got, room - got) : recv(fd, head + got, room - got, 0);
    nacre_tls_client_free(c);
    return got;
}

/* One request: its HTTP status, 0 for no usable answer, or a negative errno when there is no connection. */
static int ask(const struct sockaddr_storage *address, socklen_t len, bool tls)
{
    static const char request[] =
        "GET /get_attestation HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    static const char version[] = "HTTP/1.1 ";
    const struct timeval patience = {.tv_sec = 1};
    char head[16] = {0};
    int fd = socket(address->ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connect(fd, (const struct sockaddr *)address, len) < 0) {
        int err = -errno;
        (void)close(fd);
        return err;
    }
    size_t got = exchange(fd, tls, request, sizeof request - 1, head, sizeof version - 1 + 3);
    (void)close(fd);
    if (got < sizeof version - 1 + 3 || memcmp(head, version, sizeof version - 1) != 0)
        return 0;
    uint64_t status = 0;
    return nacre_number_parse(&status, head + sizeof version - 1, 3, 599) ? 0 : (int)status;
}

int nacre_dev_probe(const struct nacre_netaddr *address, bool tls, int limit_ms)
{
    struct sockaddr_storage to;
    const socklen_t len = to_sockaddr(address, &to);
    const uint64_t until = nacre_monotonic_ns() + (uint64_t)limit_ms * 1000000u;
    do {
        int status = ask(&to, len, tls);
        if (status < 0 || status == 200)
            return status < 0 ? status : 0;
        (void)usleep(PAUSE_US);
    } while (nacre_monotonic_ns() < until);
    return -ETIMEDOUT;
}
