#include "secrets.h"

#include "address.h"
#include "key.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define STALL_NS  10000000000u /* for one connection */
#define SECOND_NS 1000000000u

static void close_fd(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

/* Reads to the end. 1 at the end, 0 when there is no more yet, or negative errno. */
static int read_blob(struct nacre_secrets *s, int fd)
{
    for (;;) {
        if (s->len > NACRE_SECRETS_BLOB)
            return -EFBIG;
        ssize_t n = read(fd, s->blob + s->len, NACRE_SECRETS_BLOB + 1 - s->len);
        if (n > 0)
            s->len += (size_t)n;
        else if (n == 0)
            return 1;
        else if (errno != EINTR)
            return errno == EAGAIN ? 0 : -errno;
    }
}

static void forget(struct nacre_secrets *s)
{
    sodium_memzero(s->blob, NACRE_SECRETS_BLOB + 1);
    s->len = 0;
}

static int open_file(struct nacre_secrets *s, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int got = read_blob(s, fd);
    (void)close(fd);
    s->settled = got == 1;
    return got == 1 ? 0 : got == 0 ? -EIO : got;
}

/* Edge-triggered: a second connection that has to wait must not wake us until the first has ended. */
static int watch(const struct nacre_secrets *s, int fd)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.u64 = s->tag};
    return epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

int nacre_secrets_open(struct nacre_secrets *s, const char *source, uint64_t timeout_s)
{
    struct nacre_sockaddr address;
    *s = (struct nacre_secrets){.epoll = s->epoll, .tag = s->tag, .listener = -1, .connection = -1};
    s->give_up_ns = nacre_monotonic_ns() + timeout_s * SECOND_NS;
    s->settled = strcmp(source, "none") == 0;
    if (s->settled)
        return 0;
    s->blob = nacre_guarded_alloc(NACRE_SECRETS_BLOB + 1);
    int err = s->blob ? 0 : -ENOMEM;
    if (!err && strncmp(source, "file:", 5) == 0) {
        err = open_file(s, source + 5);
    } else if (!err && (err = nacre_sockaddr_parse(&address, source, VMADDR_CID_ANY)) == 0) {
        s->listener = nacre_sockaddr_listen(&address, false);
        err = s->listener < 0 ? s->listener : watch(s, s->listener);
    }
    if (err)
        nacre_secrets_close(s);
    return err;
}

static bool settle(struct nacre_secrets *s, const char **what, const char *text)
{
    s->settled = true;
    close_fd(&s->connection);
    close_fd(&s->listener);
    *what = text;
    return true;
}

/* The connection has ended without giving us secrets; another one may. */
static bool disappoint(struct nacre_secrets *s, const char **what, const char *text)
{
    close_fd(&s->connection);
    forget(s);
    *what = text;
    return true;
}

bool nacre_secrets_step(struct nacre_secrets *s, uint64_t now_ns, const char **what)
{
    if (s->settled)
        return false;
    if (s->connection < 0) {
        s->connection = accept4(s->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        s->stalled_ns = now_ns + STALL_NS;
        if (s->connection >= 0 && watch(s, s->connection) < 0)
            close_fd(&s->connection);
    }
    int got = s->connection >= 0 ? read_blob(s, s->connection) : 0;
    if (got == 1 && s->len > 0)
        return settle(s, what, "secrets received");
    if (got == 1)
        return disappoint(s, what, "an empty secrets connection was ignored");
    if (got < 0)
        return disappoint(s, what,
                          got == -EFBIG ? "a secrets object over 65536 bytes was refused"
                                        : "a secrets connection broke");
    if (now_ns >= s->give_up_ns) {
        forget(s);
        return settle(s, what, "no secrets came in time, going on without");
    }
    if (s->connection >= 0 && now_ns >= s->stalled_ns)
        return disappoint(s, what, "a secrets connection took too long");
    return false;
}

void nacre_secrets_close(struct nacre_secrets *s)
{
    close_fd(&s->connection);
    close_fd(&s->listener);
    nacre_guarded_free(s->blob);
    s->blob = NULL;
    s->len = 0;
}
