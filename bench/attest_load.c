/*
 * attest-load - requests at a fixed rate over keep-alive connections, whatever the answers do: latency counts from the moment a
 * request was due, so that a server that stalls cannot slow its clock down. Answers of batched attestations are checked,
 * each: its path must lead from the nonce that was sent to a root that stands in the document.
 */
#include <arpa/inet.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define ANSWER_MAX  65536u
#define REQUEST_MAX 512u
#define NONCE       16u
#define CONTEXT     "nacre-batch-v1"

enum kind { KIND_BATCH, KIND_PLAIN, KIND_MEDIA, KIND_ROOT };

static const char *const kinds[] = {"batch", "plain", "media", "root"};

struct conn {
    int fd;
    bool busy;
    uint64_t due_ns;
    uint8_t nonce[NONCE];
    size_t len;
    char in[ANSWER_MAX + 1];
};

static struct {
    enum kind kind;
    struct sockaddr_in to;
    double rate, seconds;
    unsigned connections;
    int epoll;
    struct conn *conns;
    unsigned *idle, n_idle;
    uint64_t sent, good, wrong, other, late, closed,
        sizes; /* sizes: sum of the batches' sizes, over answers */
    uint32_t *latency_us;
} g = {.rate = 1000, .seconds = 5, .connections = 64};

static uint64_t now_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void hash(uint8_t out[32], uint8_t kind, const void *a, size_t a_len, const void *b, size_t b_len)
{
    crypto_hash_sha256_state s;
    (void)crypto_hash_sha256_init(&s);
    (void)crypto_hash_sha256_update(&s, &kind, 1);
    (void)crypto_hash_sha256_update(&s, (const uint8_t *)CONTEXT, sizeof CONTEXT - 1);
    (void)crypto_hash_sha256_update(&s, a, a_len);
    (void)crypto_hash_sha256_update(&s, b, b_len);
    (void)crypto_hash_sha256_final(&s, out);
}

/* {"attestation":"HEX","batch":{"size":N,"index":N,"path":["HEX",..]}} */
static bool batch_is_right(const struct conn *c, const char *body)
{
    uint8_t h[32], beside[32], n[4] = {0, NONCE};
    char root[65];
    const char *at = strstr(body, "\",\"batch\":{\"size\":");
    char *end;
    if (!at)
        return false;
    const char *document_end = at;
    unsigned long size = strtoul(at + 18, &end, 10);
    if (strncmp(end, ",\"index\":", 9) != 0)
        return false;
    unsigned long index = strtoul(end + 9, &end, 10);
    at = strchr(end, '[');
    if (!at || index >= size || size > 65536)
        return false;
    hash(h, 0, n, 2, c->nonce, NONCE);
    g.sizes += size;
    for (unsigned long s = size, i = index; s > 1; s = (s + 1) / 2, i /= 2) {
        if ((i ^ 1) >= s)
            continue;
        if (!(at = strchr(at + 1, '"')) || sodium_hex2bin(beside, 32, at + 1, 64, NULL, NULL, NULL) != 0 ||
            !(at = strchr(at + 1, '"')))
            return false;
        hash(h, 1, i % 2 ? beside : h, 32, i % 2 ? h : beside, 32);
    }
    for (unsigned i = 0; i < 4; i++)
        n[i] = (uint8_t)(size >> (24 - 8 * i));
    hash(h, 2, n, 4, h, 32);
    (void)sodium_bin2hex(root, sizeof root, h, 32);
    return memmem(body, (size_t)(document_end - body), root, 64) != NULL;
}

static size_t write_request(struct conn *c, char out[REQUEST_MAX])
{
    char hex[2 * NONCE + 1];
    randombytes_buf(c->nonce, NONCE);
    (void)sodium_bin2hex(hex, sizeof hex, c->nonce, NONCE);
    int n = 0;
    if (g.kind == KIND_MEDIA)
        n = snprintf(
            out, REQUEST_MAX,
            "POST /process_data HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: "
            "116\r\n\r\n{\"payload\":{\"media_hash\":\"%s%s\",\"metadata\":\"a picture\"}}",
            hex, hex);
    else if (g.kind == KIND_ROOT)
        n = snprintf(out, REQUEST_MAX, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    else
        n = snprintf(out, REQUEST_MAX, "GET /get_attestation?nonce=%s%s HTTP/1.1\r\nHost: x\r\n\r\n", hex,
                     g.kind == KIND_BATCH ? "&batch=1" : "");
    return (size_t)n;
}

static void dial(struct conn *c)
{
    int one = 1;
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&g.to, sizeof g.to) != 0) {
        perror("attest-load: connect");
        exit(2);
    }
    (void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    (void)epoll_ctl(g.epoll, EPOLL_CTL_ADD, c->fd, &e);
    c->busy = false;
    c->len = 0;
    g.idle[g.n_idle++] = (unsigned)(c - g.conns);
}

static void hang_up(struct conn *c)
{
    g.closed += c->busy;
    (void)close(c->fd);
    dial(c);
}

static void ask(struct conn *c, uint64_t due_ns)
{
    char out[REQUEST_MAX];
    size_t n = write_request(c, out);
    c->busy = true;
    c->due_ns = due_ns;
    c->len = 0;
    g.sent++;
    if (send(c->fd, out, n, MSG_NOSIGNAL) != (ssize_t)n) /* smaller than any socket's buffer */
        hang_up(c);
}

static void judge(struct conn *c, unsigned status, const char *body)
{
    static const char *const has[] = {"", "{\"attestation\":\"", "{\"response\":{", "Pong!"};
    if (status != 200) {
        g.other++;
    } else if (g.kind == KIND_BATCH ? !batch_is_right(c, body)
                                    : strncmp(body, has[g.kind], strlen(has[g.kind])) != 0) {
        g.wrong++;
    } else {
        g.latency_us[g.good++] = (uint32_t)((now_ns() - c->due_ns) / 1000);
    }
}

static void readable(struct conn *c)
{
    ssize_t n = recv(c->fd, c->in + c->len, ANSWER_MAX - c->len, 0);
    if (n <= 0) {
        hang_up(c);
        return;
    }
    c->len += (size_t)n;
    c->in[c->len] = '\0';
    char *end = strstr(c->in, "\r\n\r\n"), *length = strcasestr(c->in, "\r\nContent-Length:");
    if (!end || !length || length > end)
        return;
    size_t head = (size_t)(end + 4 - c->in);
    if (c->len < head + strtoul(length + 17, NULL, 10))
        return;
    judge(c, (unsigned)strtoul(c->in + 9, NULL, 10), c->in + head);
    c->busy = false;
    g.idle[g.n_idle++] = (unsigned)(c - g.conns);
}

/* Requests that are due and have a connection; what is due and has none waits, and its clock runs. */
static void run(void)
{
    struct epoll_event events[64];
    const uint64_t begin = now_ns(), total = (uint64_t)(g.rate * g.seconds);
    const double step = 1e9 / g.rate;
    for (uint64_t done = 0; done < total || g.n_idle < g.connections;) {
        uint64_t now = now_ns(), due = begin + (uint64_t)((double)done * step);
        while (done < total && due <= now && g.n_idle) {
            g.late += now - due > 1000000;
            ask(&g.conns[g.idle[--g.n_idle]], due);
            due = begin + (uint64_t)((double)++done * step);
        }
        if (now > begin + (uint64_t)((g.seconds + 20) * 1e9))
            break;
        uint64_t wait = done < total && g.n_idle && due > now ? due - now : 5000000;
        struct timespec t = {.tv_nsec = (long)(wait < 5000000 ? wait : 5000000)};
        int n = epoll_pwait2(g.epoll, events, 64, &t, NULL);
        for (int i = 0; i < n; i++)
            readable(events[i].data.ptr);
    }
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static uint32_t quantile(double q)
{
    return g.good ? g.latency_us[(uint64_t)((double)(g.good - 1) * q)] : 0;
}

static bool parse(int argc, char **argv)
{
    static const struct option names[] = {{"to", 1, NULL, 't'},      {"rate", 1, NULL, 'r'},
                                          {"seconds", 1, NULL, 's'}, {"connections", 1, NULL, 'c'},
                                          {"kind", 1, NULL, 'k'},    {NULL, 0, NULL, 0}};
    bool have_kind = false;
    for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        char *colon = c == 't' ? strchr(optarg, ':') : NULL;
        if (c == 'r')
            g.rate = strtod(optarg, NULL);
        else if (c == 's')
            g.seconds = strtod(optarg, NULL);
        else if (c == 'c')
            g.connections = (unsigned)strtoul(optarg, NULL, 10);
        for (unsigned i = 0; c == 'k' && i < sizeof kinds / sizeof kinds[0]; i++)
            if (strcmp(optarg, kinds[i]) == 0) {
                g.kind = (enum kind)i;
                have_kind = true;
            }
        if (colon) {
            *colon = '\0';
            g.to.sin_family = AF_INET;
            g.to.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
            if (inet_pton(AF_INET, optarg, &g.to.sin_addr) != 1)
                return false;
        }
    }
    return g.to.sin_port && have_kind && g.rate > 0 && g.seconds > 0 && g.connections > 0 &&
           g.connections < 10000;
}

int main(int argc, char **argv)
{
    if (sodium_init() < 0 || !parse(argc, argv)) {
        (void)fputs("attest-load --to ADDR:PORT --kind batch|plain|media|root [--rate N] [--seconds S] "
                    "[--connections N]\n",
                    stderr);
        return 2;
    }
    g.epoll = epoll_create1(EPOLL_CLOEXEC);
    g.conns = calloc(g.connections, sizeof *g.conns);
    g.idle = calloc(g.connections, sizeof *g.idle);
    g.latency_us = calloc((size_t)(g.rate * g.seconds) + 1, sizeof *g.latency_us);
    if (g.epoll < 0 || !g.conns || !g.idle || !g.latency_us)
        return 2;
    for (unsigned i = 0; i < g.connections; i++)
        dial(&g.conns[i]);
    uint64_t begin = now_ns();
    run();
    double took = (double)(now_ns() - begin) / 1e9;
    qsort(g.latency_us, g.good, sizeof *g.latency_us, compare);
    printf("{\"kind\":\"%s\",\"sent\":%" PRIu64 ",\"good\":%" PRIu64 ",\"wrong\":%" PRIu64
           ",\"other\":%" PRIu64 ",\"closed\":%" PRIu64 ",\"late\":%" PRIu64
           ",\"per_second\":%.1f,\"mean_size\":%.2f,\"p50_us\":%u,"
           "\"p90_us\":%u,\"p99_us\":%u,\"max_us\":%u}\n",
           kinds[g.kind], g.sent, g.good, g.wrong, g.other, g.closed, g.late, (double)g.good / took,
           g.good ? (double)g.sizes / (double)g.good : 0, quantile(0.5), quantile(0.9), quantile(0.99),
           quantile(1.0));
    return g.wrong || g.closed ? 1 : 0;
}
