#include "nsm_transport.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

/* linux/nsm.h, which Debian 12's kernel headers lack */
struct nsm_message {
    struct iovec request;
    struct iovec response;
};
#define NSM_IOCTL _IOWR(0x0a, 0, struct nsm_message)

static int reopen(struct nacre_nsm *nsm)
{
    const struct timeval limit = {.tv_sec = NACRE_NSM_TIMEOUT_S};
    bool device = nsm->address.len == 0;
    int fd =
        device ? open("/dev/nsm", O_RDWR | O_CLOEXEC) : socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (!device && (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) < 0 ||
                    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) < 0 ||
                    connect(fd, &nsm->address.u.any, nsm->address.len) < 0)) {
        int err = -errno;
        (void)close(fd);
        return err;
    }
    nsm->fd = fd;
    return 0;
}

int nacre_nsm_open(struct nacre_nsm *nsm, const char *transport)
{
    struct nacre_nsm n = {.fd = -1};
    int err = 0;
    if (strcmp(transport, "device") != 0)
        err = strncmp(transport, "unix:", 5) == 0 ? nacre_sockaddr_parse(&n.address, transport, 0) : -EINVAL;
    if (!err)
        err = reopen(&n);
    if (!err)
        *nsm = n;
    return err;
}

void nacre_nsm_close(struct nacre_nsm *nsm)
{
    if (nsm->fd >= 0)
        (void)close(nsm->fd);
    nsm->fd = -1;
}

static int64_t exchange_device(int fd, uint8_t *request, size_t len, uint8_t *reply)
{
    struct nsm_message m = {{request, len}, {reply, NACRE_NSM_REPLY_MAX}};
    if (ioctl(fd, NSM_IOCTL, &m) < 0)
        return -errno;
    return m.response.iov_len > NACRE_NSM_REPLY_MAX ? -EMSGSIZE : (int64_t)m.response.iov_len;
}

static int64_t exchange_socket(int fd, const uint8_t *request, size_t len, uint8_t *reply)
{
    if (send(fd, request, len, MSG_NOSIGNAL) < 0)
        return errno == EAGAIN ? -ETIMEDOUT : -errno;
    ssize_t n = recv(fd, reply, NACRE_NSM_REPLY_MAX, MSG_TRUNC);
    if (n <= 0)
        return n == 0 ? -ECONNRESET : errno == EAGAIN ? -ETIMEDOUT : -errno;
    return n > (ssize_t)NACRE_NSM_REPLY_MAX ? -EMSGSIZE : n;
}

int nacre_nsm_call(struct nacre_nsm *nsm, const struct nacre_nsm_request *request,
                   struct nacre_nsm_answer *answer, char why[NACRE_NSM_WHY])
{
    uint8_t out[NACRE_NSM_REQUEST_MAX], in[NACRE_NSM_REPLY_MAX];
    size_t len = nacre_nsm_encode(out, sizeof out, request);
    bool device = nsm->address.len == 0;
    int64_t n = len == 0 ? -EMSGSIZE : nsm->fd < 0 ? reopen(nsm) : 0;
    if (n == 0)
        n = device ? exchange_device(nsm->fd, out, len, in) : exchange_socket(nsm->fd, out, len, in);
    if (n < 0)
        (void)snprintf(why, NACRE_NSM_WHY, "the NSM does not answer: %s", strerror((int)-n));
    int err = n < 0 ? (int)n : nacre_nsm_decode(in, (size_t)n, request->kind, answer, why);
    if (err && err != -EREMOTEIO && !device)
        nacre_nsm_close(nsm);
    return err;
}
