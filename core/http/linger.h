/*
 * linger.h - connections that were answered and closed while their client was still sending. Closing a socket with
 * unread data resets it, and the reset can overtake the answer; so a copy of the descriptor is kept and what still
 * comes is thrown away, for a short while.
 */
#ifndef NACRE_HTTP_LINGER_H
#define NACRE_HTTP_LINGER_H

#include <stddef.h>
#include <stdint.h>

#define NACRE_LINGER_MAX   32u /* at once, a lane; more are closed hard */
#define NACRE_LINGER_NS    2000000000u
#define NACRE_LINGER_BYTES (64u * 1024 * 1024)

struct nacre_linger {
    struct {
        int fd; /* -1: free */
        uint64_t until_ns;
        uint64_t bytes;
    } at[NACRE_LINGER_MAX];
    uint32_t used;
};

void nacre_linger_init(struct nacre_linger *l);
void nacre_linger_free(struct nacre_linger *l);

/*
 * Duplicates fd and registers the copy in epoll_fd with data.u64 = tag + index. Its sending side is shut. Does nothing
 * when there is no room.
 */
void nacre_linger_add(struct nacre_linger *l, int epoll_fd, int fd, uint64_t tag, uint64_t now_ns);

/* The descriptor of `index` is readable: throws away what came. */
void nacre_linger_read(struct nacre_linger *l, uint32_t index);

/* Closes those whose time is over. */
void nacre_linger_expire(struct nacre_linger *l, uint64_t now_ns);

#endif
