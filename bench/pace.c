/*
 * pace ADDR:PORT RATE CONNECTIONS SECONDS: requests of the media route on a schedule that the server cannot slow down: random
 * gaps (exponential, the same in every run) of 1/RATE on average, over keep-alive connections. The time of a request
 * counts from when it was due, so one that had to wait for a free connection is not measured as quick. Prints JSON.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS_MAX 1024u
#define ANSWER_MAX      16384u
#define NS              1000000000ull

struct conn {
    int fd;
    uint64_t due_ns;
    size_t got;
    char answer[ANSWER_MAX];
};

static struct conn conns[CONNECTIONS_MAX];
static struct conn *idle[CONNECTIONS_MAX];
static unsigned n_idle;
static uint32_t *took_us;
static size_t n_took, took_cap;
static uint64_t not_ok, random_state = 1;

static uint64_t now_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * NS + (uint64_t)t.tv_nsec;
}

/* splitmix64 */
static uint64_t random_next(void)
{
    uint64_t z = random_state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static uint64_t gap_ns(double rate)
{
    double u = ((double)(random_next() >> 11) + 1.0) / 9007199254740993.0;
    return (uint64_t)(-log(u) / rate * 1e9);
}

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static void ask(struct conn *c, uint64_t due_ns)
{
    char body[256], request[512];
    int n = snprintf(
        body, sizeof body,
        "{\"payload\":{\"media_hash\":\"%016llx%016llx%016llx%016llx\",\"metadata\":\"a picture taken on a "
        "Sunday, a picture taken on a Sunday, number %u\"}}",
        (unsigned long long)random_next(), (unsigned long long)random_next(),
        (unsigned long long)random_next(), (unsigned long long)random_next(), (unsigned)n_took);
    n = snprintf(request, sizeof request,
                 "POST /process_data HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
                 "Content-Length: %d\r\n\r\n%s",
                 n, body);
    c->due_ns = due_ns;
    c->got = 0;
    if (send(c->fd, request, (size_t)n, MSG_NOSIGNAL) != n)
        fail("send");
}

/* The whole answer's length, or 0 while it is not known. */
static size_t whole(const char *answer)
{
    const char *end = strstr(answer, "\r\n\r\n"), *field = strcasestr(answer, "\r\nContent-Length:");
    if (!end || !field || field > end)
        return 0;
    return (size_t)(end + 4 - answer) + strtoul(field + 17, NULL, 10);
}

static void take(struct conn *c)
{
    ssize_t n = recv(c->fd, c->answer + c->got, sizeof c->answer - 1 - c->got, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0)
        fail("recv: the connection ended");
    c->got += (size_t)n;
    c->answer[c->got] = '\0';
    size_t len = whole(c->answer);
    if (len == 0 || c->got < len)
        return;
    not_ok += strncmp(c->answer, "HTTP/1.1 200", 12) != 0;
    if (n_took < took_cap)
        took_us[n_took++] = (uint32_t)((now_ns() - c->due_ns) / 1000);
    idle[n_idle++] = c;
}

static void connect_all(const char *address, unsigned n, int set)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    char host[64];
    const char *colon = strrchr(address, ':');
    const int on = 1;
    if (!colon)
        exit(2);
    (void)snprintf(host, sizeof host, "%.*s", (int)(colon - address), address);
    at.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
    if (inet_pton(AF_INET, host, &at.sin_addr) != 1)
        exit(2);
    for (unsigned i = 0; i < n; i++) {
        struct epoll_event event = {EPOLLIN, {.ptr = &conns[i]}};
        conns[i].fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        (void)setsockopt(conns[i].fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (connect(conns[i].fd, (struct sockaddr *)(void *)&at, sizeof at) ||
            epoll_ctl(set, EPOLL_CTL_ADD, conns[i].fd, &event))
            fail("connect");
        idle[n_idle++] = &conns[i];
    }
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static unsigned percentile(double p)
{
    return n_took ? took_us[(size_t)((double)(n_took - 1) * p)] : 0;
}

/* Waits for answers until `until`: to the millisecond asleep, then awake. */
static void wait_answers(int set, uint64_t until)
{
    struct epoll_event events[64];
    uint64_t now = now_ns();
    struct timespec left = {0};
    if (until > now)
        left = (struct timespec){(time_t)((until - now) / NS), (long)((until - now) % NS)};
    int n = epoll_pwait2(set, events, 64, &left, NULL);
    for (int i = 0; i < n; i++)
        take(events[i].data.ptr);
}

int main(int argc, char **argv)
{
    if (argc != 5)
        return 2;
    double rate = strtod(argv[2], NULL), seconds = strtod(argv[4], NULL);
    unsigned n = (unsigned)strtoul(argv[3], NULL, 10);
    int set = epoll_create1(EPOLL_CLOEXEC);
    if (rate < 1 || seconds <= 0 || n == 0 || n > CONNECTIONS_MAX || set < 0)
        return 2;
    took_cap = (size_t)(rate * seconds * 2) + 1000;
    took_us = calloc(took_cap, sizeof *took_us);
    if (!took_us)
        return 1;
    connect_all(argv[1], n, set);
    uint64_t begin = now_ns(), end = begin + (uint64_t)(seconds * 1e9), due = begin + gap_ns(rate), sent = 0;
    while (due < end) {
        while (n_idle && due < end && now_ns() >= due) {
            ask(idle[--n_idle], due);
            sent++;
            due += gap_ns(rate);
        }
        wait_answers(set, n_idle ? due : end + 10 * NS); /* without a free connection only an answer helps */
    }
    for (uint64_t give_up = now_ns() + 10 * NS; n_took < sent && now_ns() < give_up;)
        wait_answers(set, give_up);
    uint64_t spent = now_ns() - begin;
    qsort(took_us, n_took, sizeof *took_us, compare);
    (void)printf(
        "{\"requests\":%zu,\"sent\":%llu,\"status\":%llu,\"duration_us\":%llu,\"p50_us\":%u,\"p90_us\":%u,"
        "\"p99_us\":%u,\"p999_us\":%u}\n",
        n_took, (unsigned long long)sent, (unsigned long long)not_ok, (unsigned long long)(spent / 1000),
        percentile(.5), percentile(.9), percentile(.99), percentile(.999));
    return not_ok || n_took != sent;
}
