#include "nsm_transport.h"

#include "nsm.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* linux/nsm.h, which Debian 12's kernel headers lack */
struct nsm_message {
    struct iovec request;
    struct iovec response;
};
#define NSM_IOCTL _IOWR(0x0a, 0, struct nsm_message)

static int connect_socket(struct nacre_nsm *nsm)
{
    const struct timeval limit = {.tv_sec = NACRE_NSM_TIMEOUT_S};
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) < 0 ||
        connect(fd, (const struct sockaddr *)&nsm->address, sizeof nsm->address) < 0) {
        int err = -errno;
        (void)close(fd);
        return err;
    }
    nsm->fd = fd;
    return 0;
}

static int reopen(struct nacre_nsm *nsm)
{
    if (nsm->address.sun_path[0])
        return connect_socket(nsm);
    nsm->fd = open("/dev/nsm", O_RDWR | O_CLOEXEC);
    return nsm->fd < 0 ? -errno : 0;
}

int nacre_nsm_open(struct nacre_nsm *nsm, const char *transport)
{
    struct nacre_nsm n = {.fd = -1, .address = {.sun_family = AF_UNIX}};
    if (strncmp(transport, "unix:", 5) == 0) {
        size_t len = strlen(transport + 5);
        if (len == 0 || len >= sizeof n.address.sun_path)
            return -ENAMETOOLONG;
        memcpy(n.address.sun_path, transport + 5, len);
    } else if (strcmp(transport, "device") != 0) {
        return -EINVAL;
    }
    int err = reopen(&n);
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

static int64_t exchange_device(int fd, const uint8_t *request, size_t len, uint8_t *reply)
{
    union { /* the driver only reads the request */
        const uint8_t *from;
        void *to;
    } u = {request};
    struct nsm_message m = {{u.to, len}, {reply, NACRE_NSM_REPLY_MAX}};
    if (ioctl(fd, NSM_IOCTL, &m) < 0)
        return -errno;
    return m.response.iov_len > NACRE_NSM_REPLY_MAX ? -EMSGSIZE : (int64_t)m.response.iov_len;
}

static int64_t exchange_socket(int fd, const uint8_t *request, size_t len, uint8_t *reply)
{
    if (send(fd, request, len, MSG_NOSIGNAL) < 0)
        return -errno;
    ssize_t n = recv(fd, reply, NACRE_NSM_REPLY_MAX, MSG_TRUNC);
    if (n <= 0)
        return n == 0 ? -ECONNRESET : errno == EAGAIN ? -ETIMEDOUT : -errno;
    return n > (ssize_t)NACRE_NSM_REPLY_MAX ? -EMSGSIZE : n;
}

int64_t nacre_nsm_exchange(struct nacre_nsm *nsm, const uint8_t *request, size_t len, uint8_t *reply)
{
    if (len > NACRE_NSM_REQUEST_MAX)
        return -EMSGSIZE;
    int64_t n = nsm->fd < 0 ? reopen(nsm) : 0;
    if (n == 0)
        n = nsm->address.sun_path[0] ? exchange_socket(nsm->fd, request, len, reply)
                                     : exchange_device(nsm->fd, request, len, reply);
    if (n < 0 && nsm->address.sun_path[0])
        nacre_nsm_close(nsm);
    return n;
}
