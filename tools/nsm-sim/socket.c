#include "socket.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 64

/* Returns 0 when the path is free or was made so. */
static int make_way(const struct sockaddr_un *address, int type)
{
    struct stat st;
    if (lstat(address->sun_path, &st) < 0)
        return errno == ENOENT ? 0 : -errno;
    if (!S_ISSOCK(st.st_mode))
        return -EEXIST;
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    int refused =
        connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 && errno == ECONNREFUSED;
    (void)close(fd);
    if (!refused)
        return -EADDRINUSE;
    return unlink(address->sun_path) < 0 ? -errno : 0;
}

/* The mode is set by umask so that the path never exists with a wider one. */
static int bind_private(int fd, const struct sockaddr_un *address)
{
    mode_t before = umask(0177);
    int rc = bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ? -errno : 0;
    (void)umask(before);
    return rc;
}

int nacre_sim_socket_listen(struct nacre_sim_socket *out, const char *path, int type)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = strlen(path);
    if (len == 0 || len >= sizeof(address.sun_path))
        return -ENAMETOOLONG;
    memcpy(address.sun_path, path, len);
    int rc = make_way(&address, type);
    if (rc < 0)
        return rc;
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    rc = bind_private(fd, &address);
    if (rc < 0) {
        (void)close(fd);
        return rc;
    }
    struct stat st = {0};
    if (listen(fd, BACKLOG) < 0 || lstat(path, &st) < 0) {
        rc = -errno;
        (void)unlink(path);
        (void)close(fd);
        return rc;
    }
    *out = (struct nacre_sim_socket){.fd = fd, .path = path, .dev = st.st_dev, .ino = st.st_ino};
    return 0;
}

static int option(int fd, int name)
{
    int value = -1;
    socklen_t len = sizeof(value);
    return getsockopt(fd, SOL_SOCKET, name, &value, &len) < 0 ? -1 : value;
}

int nacre_sim_socket_adopt(struct nacre_sim_socket *out, int fd)
{
    if (option(fd, SO_DOMAIN) != AF_UNIX || option(fd, SO_TYPE) != SOCK_SEQPACKET ||
        option(fd, SO_ACCEPTCONN) != 1)
        return -EINVAL;
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
        return -errno;
    *out = (struct nacre_sim_socket){.fd = fd};
    return 0;
}

void nacre_sim_socket_close(struct nacre_sim_socket *sock)
{
    if (sock == NULL || sock->fd < 0)
        return;
    struct stat st;
    if (sock->path != NULL && lstat(sock->path, &st) == 0 && st.st_dev == sock->dev && st.st_ino == sock->ino)
        (void)unlink(sock->path);
    (void)close(sock->fd);
    sock->fd = -1;
}
