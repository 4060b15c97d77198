/* inbox.c - the receiving half of frame.h: messages from a peer that may be hostile. */
#include "frame.h"

#include <errno.h>
#include <poll.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIXED_MAX   1024u
#define BUFFER_SIZE (FIXED_MAX + NACRE_FRAME_INLINE)

_Static_assert(sizeof(struct nacre_attest_frame) <= FIXED_MAX, "the largest fixed struct must fit");

int nacre_inbox_init(struct nacre_inbox *in)
{
    memset(in, 0, sizeof *in);
    in->buf = malloc(BUFFER_SIZE);
    return in->buf ? 0 : -ENOMEM;
}

void nacre_inbox_clear(struct nacre_inbox *in)
{
    for (size_t i = 0; i < in->n_fds; i++)
        if (in->fds[i] >= 0)
            (void)close(in->fds[i]);
    in->n_fds = 0;
    if (in->end > in->at)
        sodium_memzero(in->buf + in->at, in->end - in->at);
    in->at = in->end;
    if (in->large) {
        sodium_memzero(in->large, in->large_len);
        free(in->large);
    }
    in->large = NULL;
    in->large_len = 0;
    in->head = NULL;
    in->fixed_len = 0;
    in->payload = NULL;
    in->payload_len = 0;
}

void nacre_inbox_drop(struct nacre_inbox *in)
{
    in->end = in->used; /* as if it were one frame */
    nacre_inbox_clear(in);
    in->used = in->at = in->end = 0;
}

void nacre_inbox_move(struct nacre_inbox *to, struct nacre_inbox *from)
{
    size_t len = from->end - from->at;
    nacre_inbox_drop(to);
    memcpy(to->buf, from->buf + from->at, len);
    to->used = to->end = len;
    to->head = (const struct nacre_frame_head *)(const void *)to->buf;
    to->fixed_len = from->fixed_len;
    to->large = from->large;
    to->large_len = from->large_len;
    to->payload = !from->payload ? NULL
                  : to->large    ? to->large + NACRE_FRAME_HEADROOM
                                 : to->buf + to->fixed_len;
    to->payload_len = from->payload_len;
    from->large = NULL;
    nacre_inbox_clear(from);
}

bool nacre_inbox_more(const struct nacre_inbox *in)
{
    return in->end < in->used;
}

void nacre_inbox_free(struct nacre_inbox *in)
{
    nacre_inbox_drop(in);
    free(in->buf);
    in->buf = NULL;
}

int nacre_inbox_take_fd(struct nacre_inbox *in, size_t i)
{
    if (i >= in->n_fds)
        return -1;
    int fd = in->fds[i];
    in->fds[i] = -1;
    return fd;
}

/* Collects the descriptors of a message, so that none is lost even when the message is refused. */
static void collect_fds(struct nacre_inbox *in, struct msghdr *msg)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < n; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
            if (in->n_fds < NACRE_FRAME_FDS)
                in->fds[in->n_fds++] = fd;
            else
                (void)close(fd);
        }
    }
}

/* Reads a payload out of its memfd into memory of our own: the sender can still change the file, not the
 * copy. */
static int read_large(struct nacre_inbox *in, size_t len)
{
    struct stat st;
    int fd = in->n_fds == 1 ? in->fds[0] : -1;
    /* only a regular file of that size: pread on anything else could block or lie */
    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || (uint64_t)st.st_size != len)
        return -EBADMSG;
    in->large = malloc(NACRE_FRAME_HEADROOM + len);
    if (!in->large)
        return -ENOMEM;
    in->large_len = NACRE_FRAME_HEADROOM + len;
    in->payload = in->large + NACRE_FRAME_HEADROOM;
    for (size_t got = 0; got < len;) {
        ssize_t n = pread(fd, in->payload + got, len - got, (off_t)got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -EBADMSG;
        got += (size_t)n;
    }
    in->payload_len = len;
    (void)close(nacre_inbox_take_fd(in, 0));
    in->n_fds = 0;
    return 0;
}

/* Is the frame at in->at of one of our types, whole, and within the limit? Alone in its message, unless `packed`. */
static int check_frame(struct nacre_inbox *in, size_t max_payload, bool packed)
{
    struct nacre_frame_head head;
    size_t left = in->used - in->at;
    if (left < sizeof head)
        return -EBADMSG;
    memcpy(&head, in->buf + in->at, sizeof head);
    size_t fixed = nacre_frame_fixed_size(head.type);
    if (fixed == 0 || left < fixed || head.payload_len > max_payload || head.in_fd > 1)
        return -EBADMSG;
    in->head = (const struct nacre_frame_head *)(const void *)(in->buf + in->at);
    in->fixed_len = fixed;
    if (head.in_fd) {
        in->end = in->used;
        if (left != fixed || in->at > 0)
            return -EBADMSG;
        return read_large(in, (size_t)head.payload_len);
    }
    if (head.payload_len > left - fixed)
        return -EBADMSG;
    size_t whole = fixed + (size_t)head.payload_len, next = nacre_pack_align(whole);
    /* what follows begins where its structs may lie, and comes without descriptors */
    if (whole != left && (!packed || next >= left || in->n_fds > 0))
        return -EBADMSG;
    in->end = in->at + (whole == left ? whole : next);
    in->payload = in->buf + in->at + fixed;
    in->payload_len = (size_t)head.payload_len;
    return 0;
}

_Static_assert(sizeof(struct nacre_frame_head) >= NACRE_FRAME_HEADROOM, "an inline payload has its headroom");

/* A message without a byte reads like the end of the stream, which a hostile peer could so pretend. */
static bool has_ended(int fd)
{
    struct pollfd end = {.fd = fd, .events = POLLRDHUP};
    return poll(&end, 1, 0) != 0;
}

/* The next message, whole, into `in`, which is empty. As nacre_frame_receive(). */
static int receive_message(int fd, struct nacre_inbox *in, bool dontwait)
{
    union {
        char bytes[CMSG_SPACE(NACRE_FRAME_FDS * sizeof(int))];
        struct cmsghdr align;
    } control;
    struct iovec iov = {in->buf, BUFFER_SIZE};
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    ssize_t n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC | (dontwait ? MSG_DONTWAIT : 0));
    /* said once, and before what is still queued: the peer ended without having read everything */
    if (n < 0 && errno == ECONNRESET)
        n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC | (dontwait ? MSG_DONTWAIT : 0));
    if (n < 0)
        return -errno;
    if (msg.msg_controllen)
        collect_fds(in, &msg);
    if (n == 0 && in->n_fds == 0)
        return has_ended(fd) ? 0 : -EBADMSG;
    in->used = (size_t)n;
    return (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) ? -EBADMSG : 1;
}

static int receive(int fd, struct nacre_inbox *in, size_t max_payload, bool dontwait, bool packed)
{
    int got = 1;
    if (!nacre_inbox_more(in)) {
        nacre_inbox_drop(in);
        got = receive_message(fd, in, dontwait);
    }
    int err = got == 1 ? check_frame(in, max_payload, packed) : 0;
    if (err ==
        -ENOMEM) { /* who sent it waits for an answer: its head is all that is needed to say why there is none */
        (void)close(nacre_inbox_take_fd(in, 0));
        in->n_fds = 0;
    } else if (err || got != 1) {
        nacre_inbox_drop(in);
    }
    return err ? err : got;
}

int nacre_frame_receive(int fd, struct nacre_inbox *in, size_t max_payload, bool dontwait)
{
    nacre_inbox_drop(in);
    return receive(fd, in, max_payload, dontwait, false);
}

int nacre_frame_receive_packed(int fd, struct nacre_inbox *in, size_t max_payload, bool dontwait)
{
    nacre_inbox_clear(in);
    return receive(fd, in, max_payload, dontwait, true);
}
