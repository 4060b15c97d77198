#include "listen.h"

#include "address.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* One socket a lane, so that the kernel spreads connections over the lanes. */
static int open_lanes(struct nacre_listeners *l, struct nacre_sockaddr address)
{
    int fd = nacre_sockaddr_listen(&address, false);
    if (fd < 0)
        return fd;
    if (getsockname(fd, &address.u.any, &address.len) < 0) {
        int err = -errno;
        (void)close(fd);
        return err;
    }
    l->port = nacre_sockaddr_port(&address);
    if (l->is_vsock || l->n_lanes == 1) { /* vsock has no SO_REUSEPORT */
        l->fds[0] = fd;
        for (uint32_t i = 1; i < l->n_lanes; i++)
            l->fds[i] = fd;
        return 0;
    }
    /* SO_REUSEPORT would also let in a second nacred: the first bind, without it, has shown that there is none */
    (void)close(fd);
    for (uint32_t i = 0; i < l->n_lanes; i++) {
        l->fds[i] = nacre_sockaddr_listen(&address, true);
        if (l->fds[i] < 0)
            return l->fds[i];
    }
    return 0;
}

int nacre_listeners_open(struct nacre_listeners *out, const char *api, const char *admin, uint32_t n_lanes)
{
    struct nacre_listeners l = {.n_lanes = n_lanes, .has_admin = strcmp(admin, "none") != 0};
    struct nacre_sockaddr address;
    memset(l.fds, 0xff, sizeof l.fds);
    if (n_lanes == 0 || n_lanes > NACRE_LANES_MAX || nacre_sockaddr_parse(&address, api, VMADDR_CID_ANY) < 0)
        return -EINVAL;
    l.is_vsock = address.u.any.sa_family == AF_VSOCK;
    int err = open_lanes(&l, address);
    if (!err && l.has_admin) {
        err = nacre_sockaddr_parse(&address, admin, VMADDR_CID_ANY);
        if (!err) {
            l.fds[n_lanes] = nacre_sockaddr_listen(&address, false);
            err = l.fds[n_lanes] < 0 ? l.fds[n_lanes] : 0;
        }
    }
    if (err) {
        nacre_listeners_close(&l);
        return err;
    }
    *out = l;
    return 0;
}

void nacre_listeners_renew(const struct nacre_listeners *l)
{
    for (uint32_t i = 0; i < l->n_lanes + l->has_admin; i++) {
        (void)fcntl(l->fds[i], F_SETFL, O_NONBLOCK);
        (void)listen(l->fds[i], NACRE_BACKLOG);
    }
}

void nacre_listeners_close(struct nacre_listeners *l)
{
    /* from the end, so that the first socket, which lanes on vsock share, is still known when they are looked at */
    for (uint32_t i = l->n_lanes ? l->n_lanes + 1 : 0; i-- > 0;) {
        bool copy = i > 0 && i < l->n_lanes && l->fds[i] == l->fds[0];
        if (l->fds[i] >= 0 && !copy)
            (void)close(l->fds[i]);
        l->fds[i] = -1;
    }
    l->n_lanes = 0;
}
