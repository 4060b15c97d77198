#include "init.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BEAT      0xb7u
#define PAUSE_MS  50
#define NS_PER_MS 1000000u

static int await(int fd, short events, uint64_t end_ns)
{
    struct pollfd p = {.fd = fd, .events = events};
    for (uint64_t now; (now = nacre_monotonic_ns()) < end_ns;) {
        int n = poll(&p, 1, (int)((end_ns - now) / NS_PER_MS) + 1);
        if (n > 0)
            return 0;
        if (n < 0 && errno != EINTR)
            return -errno;
    }
    return -ETIMEDOUT;
}

static int await_connected(int fd, uint64_t end_ns)
{
    int error = 0, err = await(fd, POLLOUT, end_ns);
    socklen_t len = sizeof error;
    if (!err && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
        err = -errno;
    return err ? err : -error;
}

static int beat(int fd, const struct nacre_sockaddr *parent, uint64_t end_ns, uint8_t *answer)
{
    const uint8_t out = BEAT;
    int err = connect(fd, &parent->u.any, parent->len) < 0 ? -errno : 0;
    if (err == -EINPROGRESS)
        err = await_connected(fd, end_ns);
    if (!err && send(fd, &out, 1, MSG_NOSIGNAL) != 1)
        err = -errno;
    if (!err)
        err = await(fd, POLLIN, end_ns);
    ssize_t n = err ? -1 : recv(fd, answer, 1, 0);
    if (!err && n != 1)
        err = n < 0 ? -errno : -ECONNRESET;
    return !err && *answer != BEAT ? -EPROTO : err;
}

int nacre_init_heartbeat(const struct nacre_sockaddr *parent, uint32_t limit_ms, char why[NACRE_INIT_WHY])
{
    const uint64_t end_ns = nacre_monotonic_ns() + (uint64_t)limit_ms * NS_PER_MS;
    uint8_t answer = 0;
    for (;;) {
        int fd = socket(parent->u.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        int err = fd < 0 ? -errno : beat(fd, parent, end_ns, &answer);
        if (fd >= 0)
            (void)close(fd);
        if (err == 0)
            return 0;
        if (err == -EPROTO) {
            (void)snprintf(why, NACRE_INIT_WHY, "the parent answered 0x%02x, expected 0x%02x", answer, BEAT);
            return err;
        }
        if (fd < 0 || nacre_monotonic_ns() >= end_ns) {
            (void)snprintf(why, NACRE_INIT_WHY, "no answer from the parent within %u ms: %s", limit_ms,
                           strerror(-err));
            return err;
        }
        (void)poll(NULL, 0, PAUSE_MS);
    }
}
