#include "fetch_broker.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int channel = -1;
static pid_t process;
static unsigned requests;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int connect_tcp(uint32_t port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) < 0)
        return -errno;
    return fd;
}

static int copy(int from, int to)
{
    char buf[16384];
    ssize_t n = read(from, buf, sizeof buf);
    for (ssize_t done = 0; n > 0 && done < n;) {
        ssize_t w = write(to, buf + done, (size_t)(n - done));
        if (w <= 0)
            return -1;
        done += w;
    }
    return n > 0 ? 0 : -1;
}

static void relay(int a, int b)
{
    struct pollfd p[2] = {{a, POLLIN, 0}, {b, POLLIN, 0}};
    while (poll(p, 2, 30000) > 0) {
        if ((p[0].revents && copy(a, b)) || (p[1].revents && copy(b, a)))
            break;
    }
    _exit(0);
}

/* Neither TCP nor with an address that inet_ntop() knows, as a vsock descriptor is. */
static int connect_relay(uint32_t port)
{
    int pair[2], fd = connect_tcp(port);
    if (fd < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return -errno;
    if (fork() == 0) {
        (void)close(pair[0]);
        relay(pair[1], fd);
    }
    (void)close(fd);
    (void)close(pair[1]);
    return pair[0];
}

static int connect_for(const struct endpoint *e)
{
    int fd = e->way == BROKER_ERROR   ? e->error
             : e->way == BROKER_RELAY ? connect_relay(e->up->port)
                                      : connect_tcp(e->up->port);
    if (fd >= 0)
        (void)fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

static void send_answer(int to, int fd)
{
    int error = fd < 0 ? fd : 0;
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec io = {&error, sizeof error};
    struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1};
    if (fd >= 0) {
        m.msg_control = &control;
        m.msg_controllen = sizeof control;
        control.head = (struct cmsghdr){
            .cmsg_len = CMSG_LEN(sizeof fd), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
        memcpy(CMSG_DATA(&control.head), &fd, sizeof fd);
    }
    (void)sendmsg(to, &m, MSG_NOSIGNAL);
    if (fd >= 0)
        (void)close(fd);
}

static void serve(int from, const struct endpoint *endpoints, uint32_t n)
{
    uint32_t index;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)signal(SIGCHLD, SIG_IGN);
    while (recv(from, &index, sizeof index, 0) == sizeof index)
        send_answer(from, index < n ? connect_for(&endpoints[index]) : -EINVAL);
    _exit(0);
}

void broker_start(const struct endpoint *endpoints, uint32_t n)
{
    int pair[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    process = fork();
    if (process == 0) {
        (void)close(pair[0]);
        serve(pair[1], endpoints, n);
    }
    (void)close(pair[1]);
    channel = pair[0];
}

void broker_stop(void)
{
    (void)close(channel);
    (void)waitpid(process, NULL, 0);
}

static int receive_answer(void)
{
    int error = 0, fd = -1;
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec io = {&error, sizeof error};
    struct msghdr m = {
        .msg_iov = &io, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    if (recvmsg(channel, &m, MSG_CMSG_CLOEXEC) != sizeof error)
        return -EPIPE;
    const struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    if (c)
        memcpy(&fd, CMSG_DATA(c), sizeof fd);
    return error ? error : fd;
}

int broker_connect(uint32_t endpoint)
{
    (void)pthread_mutex_lock(&lock);
    requests++;
    int fd = send(channel, &endpoint, sizeof endpoint, MSG_NOSIGNAL) == sizeof endpoint ? receive_answer()
                                                                                        : -EPIPE;
    (void)pthread_mutex_unlock(&lock);
    return fd;
}

unsigned broker_requests(void)
{
    return requests;
}
