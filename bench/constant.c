/*
 * constant ADDRESS [BYTES] [firecracker]: an HTTP server that always says the same, as fast as one thread can: what stands
 * behind the proxies of bench/host.py. ADDRESS is unix:PATH or tcp:ADDR:PORT. A request is whatever ends in an empty
 * line; "Connection: close" in it is obeyed. With the third argument connections begin with "CONNECT port\n".
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CONNECTIONS 65536

static char *answers[2]; /* keep-alive, close */
static size_t lens[2];
static bool greets;

/* What a descriptor's connection still has to send, and whether it has greeted. */
static struct {
    size_t left;
    uint8_t closing, greeted;
} states[CONNECTIONS];

static int listening(const char *address)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    const int on = 1;
    int fd;
    if (strncmp(address, "unix:", 5) == 0) {
        (void)snprintf(un.sun_path, sizeof un.sun_path, "%s", address + 5);
        (void)unlink(un.sun_path);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
        if (fd < 0 || bind(fd, (struct sockaddr *)(void *)&un, sizeof un))
            return -1;
    } else {
        char host[64];
        const char *colon = strrchr(address, ':');
        (void)snprintf(host, sizeof host, "%.*s", (int)(colon - address - 4), address + 4);
        v4.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
        fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        if (fd < 0 || inet_pton(AF_INET, host, &v4.sin_addr) != 1)
            return -1;
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        if (bind(fd, (struct sockaddr *)(void *)&v4, sizeof v4))
            return -1;
    }
    return listen(fd, 4096) ? -1 : fd;
}

static void make_answers(size_t bytes)
{
    for (size_t i = 0; i < 2; i++) {
        answers[i] = calloc(1, bytes + 256);
        if (!answers[i])
            exit(1);
        int n = snprintf(answers[i], 256, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\nConnection: %s\r\n\r\n",
                         bytes, i ? "close" : "keep-alive");
        memset(answers[i] + n, 'x', bytes);
        lens[i] = (size_t)n + bytes;
    }
}

/* Sends what is left. False when the connection is over. */
static bool send_left(int fd)
{
    while (states[fd].left) {
        size_t which = states[fd].closing;
        ssize_t n = send(fd, answers[which] + lens[which] - states[fd].left, states[fd].left, MSG_NOSIGNAL);
        if (n < 0)
            return errno == EAGAIN;
        states[fd].left -= (size_t)n;
    }
    return !states[fd].closing;
}

static bool serve(int fd, uint32_t events)
{
    char data[65536];
    if ((events & EPOLLOUT) && !send_left(fd))
        return false;
    for (;;) {
        ssize_t n = recv(fd, data, sizeof data, 0);
        if (n < 0)
            return errno == EAGAIN;
        if (n == 0)
            return false;
        const char *at = data;
        if (greets && !states[fd].greeted) {
            const char *line = memchr(data, '\n', (size_t)n);
            if (!line || send(fd, "OK 1073741824\n", 14, MSG_NOSIGNAL) != 14)
                return false;
            states[fd].greeted = 1;
            n -= line + 1 - at;
            at = line + 1;
        }
        if (n < 4 || memcmp(at + n - 4, "\r\n\r\n", 4) != 0)
            continue;
        states[fd].closing = memmem(at, (size_t)n, "onnection: close", 16) != NULL;
        states[fd].left = lens[states[fd].closing];
        if (!send_left(fd))
            return false;
    }
}

int main(int argc, char **argv)
{
    struct epoll_event events[256];
    const struct rlimit all = {CONNECTIONS, CONNECTIONS};
    struct rlimit have;
    if (argc < 2)
        return 2;
    if (setrlimit(RLIMIT_NOFILE, &all) && getrlimit(RLIMIT_NOFILE, &have) == 0) {
        have.rlim_cur = have.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &have);
    }
    greets = argc > 3 && strcmp(argv[3], "firecracker") == 0;
    make_answers(argc > 2 ? strtoul(argv[2], NULL, 10) : 2);
    int listener = listening(argv[1]), set = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN, .data = {.fd = listener}};
    if (listener < 0 || set < 0 || epoll_ctl(set, EPOLL_CTL_ADD, listener, &event)) {
        perror(argv[1]);
        return 1;
    }
    (void)puts("ready");
    (void)fflush(stdout);
    for (;;) {
        int n = epoll_wait(set, events, 256, -1);
        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;
            if (fd == listener) {
                const int on = 1;
                while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0 && fd < CONNECTIONS) {
                    memset(&states[fd], 0, sizeof states[fd]);
                    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
                    event = (struct epoll_event){EPOLLIN | EPOLLOUT | EPOLLET, {.fd = fd}};
                    (void)epoll_ctl(set, EPOLL_CTL_ADD, fd, &event);
                }
            } else if (!serve(fd, events[i].events)) {
                (void)close(fd);
            }
        }
    }
}
