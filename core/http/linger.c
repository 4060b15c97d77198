#include "linger.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

void nacre_linger_init(struct nacre_linger *l)
{
    for (uint32_t i = 0; i < NACRE_LINGER_MAX; i++)
        l->at[i].fd = -1;
    l->used = 0;
}

/* The copy is the last descriptor of its socket: closing it takes it out of the epoll set too. */
static void drop(struct nacre_linger *l, uint32_t index)
{
    (void)close(l->at[index].fd);
    l->at[index].fd = -1;
    l->used--;
}

void nacre_linger_free(struct nacre_linger *l)
{
    nacre_linger_expire(l, UINT64_MAX);
}

void nacre_linger_add(struct nacre_linger *l, int epoll_fd, int fd, uint64_t tag, uint64_t now_ns)
{
    if (l->used == NACRE_LINGER_MAX)
        return;
    uint32_t i = 0;
    while (l->at[i].fd >= 0)
        i++;
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (copy < 0)
        return;
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = tag + i};
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, copy, &event) < 0) {
        (void)close(copy);
        return;
    }
    (void)shutdown(copy, SHUT_WR);
    l->at[i].fd = copy;
    l->at[i].until_ns = now_ns + NACRE_LINGER_NS;
    l->at[i].bytes = 0;
    l->used++;
}

void nacre_linger_read(struct nacre_linger *l, uint32_t index)
{
    char rubbish[16384];
    if (index >= NACRE_LINGER_MAX || l->at[index].fd < 0)
        return;
    for (unsigned turns = 0; turns < 16; turns++) { /* others wait too */
        ssize_t n = recv(l->at[index].fd, rubbish, sizeof rubbish, MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        l->at[index].bytes += n > 0 ? (uint64_t)n : 0;
        if (n <= 0 || l->at[index].bytes > NACRE_LINGER_BYTES) {
            drop(l, index);
            return;
        }
    }
}

void nacre_linger_expire(struct nacre_linger *l, uint64_t now_ns)
{
    for (uint32_t i = 0; l->used && i < NACRE_LINGER_MAX; i++)
        if (l->at[i].fd >= 0 && l->at[i].until_ns <= now_ns)
            drop(l, i);
}
