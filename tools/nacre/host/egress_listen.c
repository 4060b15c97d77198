/* The sockets that enclaves knock at. */
#include "egress.h"

#include <errno.h>
#include <stdio.h>
#include <sys/un.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

#define BACKLOG 128

int nacre_hd_egress_listen_unix(const char *path)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    (void)snprintf(un.sun_path, sizeof un.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    int rc = bind(fd, (struct sockaddr *)(void *)&un, sizeof un) ? -errno : 0;
    if (rc == -EADDRINUSE && connect(fd, (struct sockaddr *)(void *)&un, sizeof un) &&
        errno == ECONNREFUSED) {
        /* Left behind by a daemon that was killed: nobody listens. */
        (void)close(fd);
        (void)unlink(path);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        rc = fd < 0 || bind(fd, (struct sockaddr *)(void *)&un, sizeof un) ? -errno : 0;
    }
    if (rc == 0 && listen(fd, BACKLOG))
        rc = -errno;
    if (rc && fd >= 0)
        (void)close(fd);
    return rc ? rc : fd;
}

int nacre_hd_egress_listen_vsock(uint32_t port)
{
    const struct sockaddr_vm vm = {.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = port};
    int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (bind(fd, (const struct sockaddr *)(const void *)&vm, sizeof vm) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int rc = -errno;
    (void)close(fd);
    return rc;
}
