/* lane.h - how a plugin finds the runtime's sockets in its own process, and speaks on them in the runtime's place. */
#ifndef HOSTILE_LANE_H
#define HOSTILE_LANE_H

#include "hostile.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define FD_MAX 64

NACRE_UNUSED static int is_seqpacket(int fd)
{
    int type = 0;
    socklen_t len = sizeof type;
    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_SEQPACKET;
}

/* Takes a request if one waits on fd. Nothing else is taken: the runtime's own messages stay where they are. */
NACRE_UNUSED static int take(int fd, struct nacre_request_frame *out)
{
    static __thread char payload[65536];
    struct iovec iov[2] = {{out, sizeof *out}, {payload, sizeof payload}};
    struct msghdr m = {.msg_iov = iov, .msg_iovlen = 2};
    if (recvmsg(fd, &m, MSG_DONTWAIT | MSG_PEEK) < (ssize_t)sizeof *out ||
        out->head.type != NACRE_FRAME_REQUEST)
        return 0;
    return recvmsg(fd, &m, MSG_DONTWAIT) >= (ssize_t)sizeof *out;
}

/* The next request, and the socket that it came by; -1 when none comes in time. */
NACRE_UNUSED static int steal(const struct hostile *h, struct nacre_request_frame *out)
{
    while (nacre_remaining_ms(h->call) > 16000) {
        for (int fd = 3; fd < FD_MAX; fd++)
            if (take(fd, out))
                return fd;
        pause_ms(1);
    }
    return -1;
}

/* A lane's two sockets arrive in one message, so they have neighbouring numbers. */
NACRE_UNUSED static int result_socket(int request_socket)
{
    int fd = request_socket + 1;
    while (fd < FD_MAX && !is_seqpacket(fd))
        fd++;
    return fd;
}

/* Without a victim: the lane's sockets come after control, and there is nothing else of their kind. */
NACRE_UNUSED static int request_socket(void)
{
    return result_socket(NACRE_FD_CONTROL);
}

NACRE_UNUSED static int post_fds(struct hostile *h, int fd, const void *frame, size_t frame_len,
                                 const void *data, size_t len, const int *fds, size_t n_fds)
{
    union {
        char bytes[CMSG_SPACE(250 * sizeof(int))];
        struct cmsghdr align;
    } control = {{0}};
    struct iovec iov[2] = {{(void *)(uintptr_t)frame, frame_len}, {(void *)(uintptr_t)data, len}};
    struct msghdr m = {.msg_iov = iov, .msg_iovlen = 2};
    if (n_fds) {
        m.msg_control = &control;
        m.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
        memcpy(CMSG_DATA(c), fds, n_fds * sizeof(int));
    }
    for (int i = 0; i < 2000; i++) {
        if (sendmsg(fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) {
            h->sent++;
            return 1;
        }
        if (errno != EAGAIN && errno != EINTR)
            break;
        pause_ms(1);
    }
    return 0;
}

NACRE_UNUSED static int post(struct hostile *h, int fd, const void *frame, size_t frame_len, const void *data,
                             size_t len)
{
    return post_fds(h, fd, frame, frame_len, data, len, NULL, 0);
}

NACRE_UNUSED static void send_result_at(struct hostile *h, int fd, const struct nacre_ticket *ticket,
                                        uint64_t ms, const char *data, size_t len)
{
    struct nacre_result_frame f = {
        .head = {.type = NACRE_FRAME_RESULT, .payload_len = len}, .ticket = *ticket, .timestamp_ms = ms};
    (void)post(h, fd, &f, sizeof f, data, len);
}

NACRE_UNUSED static void send_result(struct hostile *h, int fd, const struct nacre_ticket *ticket,
                                     const char *data, size_t len)
{
    send_result_at(h, fd, ticket, 0, data, len);
}

NACRE_UNUSED static void send_right(struct hostile *h, int fd, const struct nacre_ticket *ticket)
{
    send_result(h, fd, ticket, HOSTILE_RIGHT, sizeof HOSTILE_RIGHT - 1);
}

#endif
