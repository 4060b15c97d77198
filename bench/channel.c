/*
 * channel - what the way round the three processes costs beside the signature, by the kind of channel: three processes in
 * a triangle, constant bodies of the sizes of a media answer, a closed loop of requests in flight.
 *
 *   message  one sequenced-packet message a call, as recvmsg() and sendmsg() have it
 *   mmsg     the same messages, several a call with recvmmsg() and sendmmsg()
 *   packed   all that is ready in one message
 *   ring     rings in shared memory, futexes to wake whoever sleeps
 *
 * Prints a line of JSON for each kind and number in flight: CPU time of all three an answer, how often they went to
 * sleep for it, answers a second, latency; medians of rounds in which the kinds take turns.
 */
#include <linux/futex.h>
#include <signal.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define REQUEST 260u /* frame and body */
#define RESULT  200u /* frame and BCS */
#define ANSWER  260u /* frame, signature, BCS */
#define SIGNED  150u
#define SLOT    512u
#define SLOTS   512u
#define BATCH   16u
#define FLIGHT  256u
#define ROUNDS  5u
#define WARM_UP 2000u

enum kind { MESSAGE, MMSG, PACKED, RING, KINDS };
static const char *const names[KINDS] = {"message", "mmsg", "packed", "ring"};

/* One direction between two processes, by either means. */
struct ring {
    _Alignas(64) _Atomic uint32_t head; /* written by the producer */
    _Alignas(64) _Atomic uint32_t tail; /* written by the consumer */
    _Alignas(64) _Atomic uint32_t sleeps;
    _Alignas(64) uint8_t slots[SLOTS][SLOT];
};

struct edge {
    int from, to; /* sockets */
    struct ring *ring;
};

/* What a process has received and what it will send. */
struct batch {
    uint32_t n;
    uint8_t at[FLIGHT][SLOT];
};

static uint64_t now_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void die(const char *what)
{
    perror(what);
    _exit(1);
}

static void futex(_Atomic uint32_t *word, int what, uint32_t value)
{
    (void)syscall(SYS_futex, word, what, value, NULL, NULL, 0);
}

static void ring_send(struct ring *r, const struct batch *b, size_t len)
{
    uint32_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
    for (uint32_t i = 0; i < b->n; i++)
        memcpy(r->slots[(head + i) % SLOTS], b->at[i], len);
    atomic_store(&r->head, head + b->n);
    if (atomic_load(&r->sleeps)) {
        atomic_store(&r->sleeps, 0);
        futex(&r->sleeps, FUTEX_WAKE, 1);
    }
}

/* The peer is hostile: its counter is looked at once, and can say no more than that there is something or nothing. */
static void ring_receive(struct ring *r, struct batch *b, size_t len, uint32_t max)
{
    uint32_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed), n;
    while ((n = atomic_load(&r->head) - tail) == 0) {
        atomic_store(&r->sleeps, 1);
        if (atomic_load(&r->head) == tail)
            futex(&r->sleeps, FUTEX_WAIT, 1);
        atomic_store(&r->sleeps, 0);
    }
    b->n = n < max ? n : max;
    for (uint32_t i = 0; i < b->n; i++)
        memcpy(b->at[i], r->slots[(tail + i) % SLOTS], len);
    atomic_store(&r->tail, tail + b->n);
}

static void send_all(enum kind kind, const struct edge *e, struct batch *b, size_t len)
{
    if (b->n == 0)
        return;
    if (kind == RING) {
        ring_send(e->ring, b, len);
        return;
    }
    struct iovec iov[FLIGHT];
    struct mmsghdr m[FLIGHT] = {0};
    for (uint32_t i = 0; i < b->n; i++)
        iov[i] = (struct iovec){b->at[i], len};
    for (uint32_t done = 0; done < b->n;) {
        int sent = 1;
        if (kind == MESSAGE) {
            m[0].msg_hdr = (struct msghdr){.msg_iov = &iov[done], .msg_iovlen = 1};
            sent = sendmsg(e->from, &m[0].msg_hdr, MSG_NOSIGNAL) < 0 ? -1 : 1;
        } else if (kind == MMSG) {
            for (uint32_t i = done; i < b->n; i++)
                m[i].msg_hdr = (struct msghdr){.msg_iov = &iov[i], .msg_iovlen = 1};
            sent = sendmmsg(e->from, &m[done], b->n - done, MSG_NOSIGNAL);
        } else {
            uint32_t rest = b->n - done;
            sent = (int)(rest < BATCH ? rest : BATCH);
            m[0].msg_hdr = (struct msghdr){.msg_iov = &iov[done], .msg_iovlen = (size_t)sent};
            if (sendmsg(e->from, &m[0].msg_hdr, MSG_NOSIGNAL) < 0)
                sent = -1;
        }
        if (sent < 0)
            die("send");
        done += (uint32_t)sent;
    }
}

/* nacre-http looks for more until there is none; the others take one message at a time. */
static uint32_t receive_messages(const struct edge *e, struct batch *b, uint32_t max, bool drains)
{
    uint32_t n = 0;
    while (n < max) {
        struct iovec iov = {b->at[n], SLOT};
        struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
        if (recvmsg(e->to, &m, n ? MSG_DONTWAIT : 0) <= 0)
            break;
        n++;
        if (!drains)
            break;
    }
    return n;
}

/* At least one; `max` at most, and what comes in one call. */
static void receive_some(enum kind kind, const struct edge *e, struct batch *b, size_t len, bool drains)
{
    uint32_t max = BATCH;
    static uint8_t packed[BATCH * SLOT];
    struct iovec iov[BATCH];
    struct mmsghdr m[BATCH] = {0};
    if (kind == RING) {
        ring_receive(e->ring, b, len, max);
    } else if (kind == MESSAGE) {
        b->n = receive_messages(e, b, max, drains);
    } else if (kind == MMSG) {
        for (uint32_t i = 0; i < max; i++) {
            iov[i] = (struct iovec){b->at[i], SLOT};
            m[i].msg_hdr = (struct msghdr){.msg_iov = &iov[i], .msg_iovlen = 1};
        }
        int n = recvmmsg(e->to, m, max, MSG_WAITFORONE, NULL);
        b->n = n > 0 ? (uint32_t)n : 0;
    } else {
        ssize_t n = recv(e->to, packed, sizeof packed, 0);
        b->n = n > 0 ? (uint32_t)((size_t)n / len) : 0;
        for (uint32_t i = 0; i < b->n; i++)
            memcpy(b->at[i], packed + i * len, len);
    }
    if (b->n == 0)
        _exit(0); /* the others are done */
}

/* nacre-app: from one edge to the other. */
static void relay(enum kind kind, const struct edge *in, const struct edge *out)
{
    static struct batch b;
    for (;;) {
        receive_some(kind, in, &b, REQUEST, false);
        send_all(kind, out, &b, RESULT);
    }
}

/* nacred: a signature over each. */
static void sign(enum kind kind, const struct edge *in, const struct edge *out)
{
    static struct batch b;
    uint8_t pk[32], sk[64];
    (void)crypto_sign_keypair(pk, sk);
    for (;;) {
        receive_some(kind, in, &b, RESULT, false);
        for (uint32_t i = 0; i < b.n; i++)
            (void)crypto_sign_detached(b.at[i] + SIGNED, NULL, b.at[i], SIGNED, sk);
        send_all(kind, out, &b, ANSWER);
    }
}

static uint64_t cpu_ns(pid_t pid)
{
    clockid_t clock;
    struct timespec t;
    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &t) < 0)
        return 0;
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t switches(pid_t pid)
{
    char path[64], line[128];
    uint64_t n = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *f = fopen(path, "re");
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, "voluntary_ctxt_switches:", 24) == 0)
            n = strtoull(line + 24, NULL, 10);
    if (f)
        (void)fclose(f);
    return n;
}

struct figures {
    double cpu_us, switches, per_second, p50_us, p99_us;
};

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* nacre-http: keeps `flight` requests on their way until `count` have come back. */
static struct figures drive(enum kind kind, const struct edge *out, const struct edge *in,
                            const pid_t pids[3], uint32_t flight, uint32_t count)
{
    static struct batch b;
    static double took[1u << 20];
    struct figures f = {0};
    uint64_t cpu = 0, slept = 0, begin = 0;
    memset(&b, 0, sizeof b);
    b.n = flight;
    for (uint32_t i = 0, done = 0, n = 0; done < count + WARM_UP; i++) {
        uint64_t now = now_ns();
        for (uint32_t k = 0; k < b.n; k++)
            memcpy(b.at[k], &now, sizeof now); /* comes back in the answer */
        send_all(kind, out, &b, REQUEST);
        receive_some(kind, in, &b, ANSWER, true);
        now = now_ns();
        done += b.n;
        if (done < WARM_UP)
            continue;
        if (begin == 0) {
            begin = now;
            for (int p = 0; p < 3; p++) {
                cpu -= cpu_ns(pids[p]);
                slept -= switches(pids[p]);
            }
            continue;
        }
        for (uint32_t k = 0; k < b.n && n < sizeof took / sizeof took[0]; k++) {
            uint64_t sent;
            memcpy(&sent, b.at[k], sizeof sent);
            took[n++] = (double)(now - sent) / 1000;
        }
        if (done < count + WARM_UP)
            continue;
        for (int p = 0; p < 3; p++) {
            cpu += cpu_ns(pids[p]);
            slept += switches(pids[p]);
        }
        qsort(took, n, sizeof took[0], compare);
        f = (struct figures){(double)cpu / 1000 / n, (double)slept / n, n * 1e9 / (double)(now - begin),
                             took[n / 2], took[n - 1 - n / 100]};
    }
    return f;
}

static struct edge make_edge(void)
{
    int fd[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd) < 0)
        die("socketpair");
    void *ring = mmap(NULL, sizeof(struct ring), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (ring == MAP_FAILED)
        die("mmap");
    return (struct edge){fd[0], fd[1], ring};
}

static void free_edge(struct edge *e)
{
    (void)close(e->from);
    (void)close(e->to);
    (void)munmap(e->ring, sizeof *e->ring);
}

static struct figures triangle(enum kind kind, uint32_t flight, uint32_t count)
{
    struct edge requests = make_edge(), results = make_edge(), answers = make_edge();
    pid_t pids[3] = {getpid(), fork(), -1};
    if (pids[1] == 0)
        relay(kind, &requests, &results);
    pids[2] = pids[1] < 0 ? -1 : fork();
    if (pids[2] == 0)
        sign(kind, &results, &answers);
    if (pids[2] < 0)
        die("fork");
    struct figures f = drive(kind, &requests, &answers, pids, flight, count);
    for (int p = 1; p < 3; p++) {
        (void)kill(pids[p], SIGKILL);
        (void)waitpid(pids[p], NULL, 0);
    }
    free_edge(&requests);
    free_edge(&results);
    free_edge(&answers);
    return f;
}

static double signature_us(void)
{
    uint8_t pk[32], sk[64], signature[64], message[SIGNED] = {0};
    (void)crypto_sign_keypair(pk, sk);
    uint64_t begin = cpu_ns(getpid());
    for (unsigned i = 0; i < 2000; i++)
        (void)crypto_sign_detached(signature, NULL, message, sizeof message, sk);
    return (double)(cpu_ns(getpid()) - begin) / 1000 / 2000;
}

#define FIELDS (sizeof(struct figures) / sizeof(double))

static struct figures medians(const struct figures at[ROUNDS])
{
    struct figures m = {0};
    double column[ROUNDS];
    for (size_t f = 0; f < FIELDS; f++) {
        for (unsigned r = 0; r < ROUNDS; r++)
            memcpy(&column[r], (const char *)&at[r] + f * sizeof(double), sizeof(double));
        qsort(column, ROUNDS, sizeof column[0], compare);
        memcpy((char *)&m + f * sizeof(double), &column[ROUNDS / 2], sizeof(double));
    }
    return m;
}

int main(int argc, char **argv)
{
    static const uint32_t flights[] = {1, 4, 16, 64, 256};
    static struct figures all[KINDS][ROUNDS];
    uint32_t count = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 20000;
    if (sodium_init() < 0 || count < 100)
        return 1;
    for (size_t i = 0; i < sizeof flights / sizeof flights[0]; i++) {
        double signature = signature_us();
        for (unsigned r = 0; r < ROUNDS; r++)
            for (unsigned k = 0; k < KINDS; k++)
                all[k][r] = triangle((enum kind)k, flights[i], count);
        signature = (signature + signature_us()) / 2;
        for (unsigned k = 0; k < KINDS; k++) {
            struct figures m = medians(all[k]);
            printf("{\"kind\": \"%s\", \"in_flight\": %u, \"signature_us\": %.2f, \"cpu_us\": %.2f, "
                   "\"switches\": %.2f, \"per_second\": %.0f, \"p50_us\": %.1f, \"p99_us\": %.1f}\n",
                   names[k], flights[i], signature, m.cpu_us, m.switches, m.per_second, m.p50_us, m.p99_us);
            (void)fflush(stdout);
        }
    }
    return 0;
}
