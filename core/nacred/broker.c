#include "broker.h"

#include "address.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#define NS_PER_MS 1000000u

void nacre_broker_init(struct nacre_broker *b)
{
    for (uint32_t i = 0; i < NACRE_BROKER_MAX; i++)
        b->slots[i].fd = -1;
    b->in_flight = 0;
}

static int address_of(const struct nacre_manifest *m, uint32_t endpoint, struct nacre_sockaddr *out)
{
    if (endpoint >= m->n_allow)
        return EACCES;
    const char *connect_to = m->allow[endpoint].connect;
    if (connect_to[0] == '\0') {
        nacre_sockaddr_vsock(out, NACRE_PARENT_CID, NACRE_EGRESS_PORT + endpoint);
        return 0;
    }
    return nacre_sockaddr_parse(out, connect_to, NACRE_PARENT_CID) == 0 ? 0 : EHOSTUNREACH;
}

static struct nacre_connecting *free_slot(struct nacre_broker *b)
{
    for (uint32_t i = 0; i < NACRE_BROKER_MAX && b->in_flight < NACRE_BROKER_MAX; i++)
        if (b->slots[i].fd < 0)
            return &b->slots[i];
    return NULL;
}

/* A started connect, or a positive errno in *error. */
static int begin(const struct nacre_sockaddr *address, int *error)
{
    *error = 0;
    int fd = socket(address->u.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || (connect(fd, &address->u.any, address->len) < 0 && errno != EINPROGRESS)) {
        *error = errno;
        if (fd >= 0)
            (void)close(fd);
        return -1;
    }
    return fd;
}

void nacre_broker_connect(struct nacre_broker *b, uint64_t id, uint32_t endpoint, uint64_t now_ns)
{
    struct nacre_sockaddr address;
    struct nacre_connecting *slot = free_slot(b);
    int error = slot ? address_of(b->manifest, endpoint, &address) : EAGAIN;
    int fd = error ? -1 : begin(&address, &error);
    if (fd >= 0) {
        /* one-shot: a socket whose answer is under way must not be reported again */
        struct epoll_event event = {.events = EPOLLOUT | EPOLLONESHOT,
                                    .data.u64 = b->tag | (uint64_t)(slot - b->slots)};
        if (epoll_ctl(b->epoll, EPOLL_CTL_ADD, fd, &event) == 0) {
            *slot =
                (struct nacre_connecting){fd, id, now_ns + b->manifest->config.egress_connect_ms * NS_PER_MS};
            b->in_flight++;
            return;
        }
        error = errno;
        (void)close(fd);
    }
    b->done(b->arg, id, -1, error);
}

/* Frees the slot first, so that `done` may do what it likes. */
static void finish(struct nacre_broker *b, struct nacre_connecting *slot, int error)
{
    struct nacre_connecting was = *slot;
    slot->fd = -1;
    b->in_flight--;
    (void)epoll_ctl(b->epoll, EPOLL_CTL_DEL, was.fd, NULL); /* the app's copy would keep it registered */
    b->done(b->arg, was.id, error ? -1 : was.fd, error);
    (void)close(was.fd);
}

void nacre_broker_event(struct nacre_broker *b, uint32_t slot)
{
    int error = 0;
    socklen_t len = sizeof error;
    if (slot >= NACRE_BROKER_MAX || b->slots[slot].fd < 0)
        return;
    if (getsockopt(b->slots[slot].fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
        error = errno;
    finish(b, &b->slots[slot], error);
}

uint64_t nacre_broker_expire(struct nacre_broker *b, uint64_t now_ns)
{
    uint64_t next = UINT64_MAX;
    for (uint32_t i = 0; i < NACRE_BROKER_MAX && b->in_flight > 0; i++) {
        if (b->slots[i].fd < 0)
            continue;
        if (b->slots[i].deadline_ns <= now_ns)
            finish(b, &b->slots[i], ETIMEDOUT);
        else if (b->slots[i].deadline_ns < next)
            next = b->slots[i].deadline_ns;
    }
    return next;
}

void nacre_broker_reset(struct nacre_broker *b)
{
    for (uint32_t i = 0; i < NACRE_BROKER_MAX; i++) {
        if (b->slots[i].fd >= 0)
            (void)close(b->slots[i].fd);
        b->slots[i].fd = -1;
    }
    b->in_flight = 0;
}
