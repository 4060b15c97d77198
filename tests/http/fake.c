#include "fake.h"

#include "common/bcs.h"
#include "common/bytes.h"
#include "sample.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int listen_on_loopback(uint16_t *port)
{
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons(*port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one), 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    ck_assert_int_eq(listen(fd, 512), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    *port = ntohs(a.sin_port);
    return fd;
}

static int listen_for_packets(struct fake *f)
{
    const sa_family_t family = AF_UNIX; /* and nothing more: the kernel finds a name */
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    ck_assert_int_eq(bind(fd, (const struct sockaddr *)&family, sizeof family), 0);
    ck_assert_int_eq(listen(fd, 16), 0);
    f->packets_len = sizeof f->packets;
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&f->packets, &f->packets_len), 0);
    return fd;
}

static void program_path(char *out, size_t cap)
{
    ssize_t n = readlink("/proc/self/exe", out, cap - 32);
    ck_assert_int_gt(n, 0);
    out[n] = '\0';
    char *slash = strrchr(out, '/');
    ck_assert_ptr_nonnull(slash);
    (void)snprintf(slash, 32, "/../bin/nacre-http");
}

/* In the child: the two descriptors to their numbers, by way of numbers that are not in use. */
_Noreturn static void become(const char *program, int control, int manifest, int log)
{
    int c = fcntl(control, F_DUPFD, 100), m = fcntl(manifest, F_DUPFD, 100);
    if (c >= 0 && m >= 0 && dup2(c, NACRE_FD_CONTROL) >= 0 && dup2(m, NACRE_FD_MANIFEST) >= 0 &&
        dup2(log, 2) >= 0) {
        (void)close(c);
        (void)close(m);
        execl(program, "nacre-http", (char *)NULL);
    }
    _exit(127);
}

static void spawn(struct fake *f, const struct nacre_config *config, int control)
{
    char program[4096];
    size_t len;
    uint8_t *bytes = sample_bytes(&len, config);
    int manifest = memfd_create("manifest", MFD_CLOEXEC);
    ck_assert_int_eq(write(manifest, bytes, len), (ssize_t)len);
    free(bytes);
    program_path(program, sizeof program);
    f->log = memfd_create("log", MFD_CLOEXEC);
    ck_assert_int_ge(f->log, 0);
    f->pid = fork();
    ck_assert_int_ge(f->pid, 0);
    if (f->pid == 0)
        become(program, control, manifest, f->log);
    (void)close(manifest);
    (void)close(control);
}

static void send_frame(int fd, void *frame, const void *payload, size_t len, const int *fds, size_t n)
{
    ck_assert_int_eq(nacre_frame_send(fd, frame, payload, len, NULL, 0, fds, n), 0);
}

static void make_pair(int pair[2])
{
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
}

static void replace(int *at, int fd)
{
    if (*at >= 0)
        (void)close(*at);
    *at = fd;
}

void fake_new_app(struct fake *f, uint32_t lane)
{
    int request[2];
    make_pair(request);
    struct nacre_lane_frame frame = {
        .head.type = NACRE_FRAME_LANE, .lane = lane, .n_lanes = f->n_lanes, .what = NACRE_LANE_REQUEST};
    send_frame(f->control, &frame, NULL, 0, request, 1);
    (void)close(request[0]);
    replace(&f->app[lane], request[1]);
    nacre_inbox_drop(&f->arrivals[lane]);
}

void fake_new_lane(struct fake *f, uint32_t lane)
{
    int request[2], answer[2];
    make_pair(request);
    make_pair(answer);
    struct nacre_lane_frame frame = {.head.type = NACRE_FRAME_LANE,
                                     .lane = lane,
                                     .n_lanes = f->n_lanes,
                                     .what = NACRE_LANE_REQUEST | NACRE_LANE_SIGNED};
    send_frame(f->control, &frame, NULL, 0, (int[]){request[0], answer[0]}, 2);
    (void)close(request[0]);
    (void)close(answer[0]);
    replace(&f->app[lane], request[1]);
    nacre_inbox_drop(&f->arrivals[lane]);
    replace(&f->signer[lane], answer[1]);
}

void fake_start_with(struct fake *f, const struct nacre_config *config, uint32_t n_lanes, unsigned options)
{
    struct nacre_config defaults;
    memset(f, 0, sizeof *f);
    nacre_config_defaults(&defaults);
    (void)snprintf(defaults.log_level, sizeof defaults.log_level, "debug");
    f->n_lanes = n_lanes;
    ck_assert_int_eq(nacre_inbox_init(&f->inbox), 0);
    for (uint32_t i = 0; i < FAKE_LANES; i++)
        ck_assert_int_eq(nacre_inbox_init(&f->arrivals[i]), 0);
    randombytes_buf(f->key, sizeof f->key);
    for (uint32_t i = 0; i < FAKE_LANES; i++)
        f->app[i] = f->signer[i] = -1;
    int pair[2];
    make_pair(pair);
    f->control = pair[0];
    if (options & FAKE_NARROW)
        ck_assert_int_eq(setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &(int){1}, sizeof(int)), 0);
    struct nacre_init_frame init = {.head.type = NACRE_FRAME_INIT,
                                    .n_lanes = n_lanes,
                                    .has_admin = 1,
                                    .is_vsock = options & FAKE_VSOCK ? 1 : 0};
    memcpy(init.ticket_key, f->key, sizeof init.ticket_key);
    for (uint32_t i = 0; i < n_lanes; i++)
        f->listeners[i] = options & FAKE_PACKETS ? listen_for_packets(f) : listen_on_loopback(&f->port);
    f->listeners[n_lanes] = listen_on_loopback(&f->admin_port);
    send_frame(f->control, &init, NULL, 0, f->listeners, n_lanes + 1);
    for (uint32_t i = 0; i < n_lanes && !(options & FAKE_DOWN); i++)
        fake_new_lane(f, i);
    spawn(f, config ? config : &defaults,
          pair[1]); /* finds it all there: a request right after READY is served */
    if (options & FAKE_TLS)
        (void)fake_expect(f, f->control, NACRE_FRAME_TLS);
    (void)fake_expect(f, f->control, NACRE_FRAME_READY);
}

void fake_start(struct fake *f, const struct nacre_config *config)
{
    fake_start_with(f, config, 1, 0);
}

char *fake_log(struct fake *f)
{
    off_t len = lseek(f->log, 0, SEEK_END);
    ck_assert_int_ge(len, 0);
    char *text = malloc((size_t)len + 1);
    ck_assert_ptr_nonnull(text);
    ck_assert_int_eq(pread(f->log, text, (size_t)len, 0), len);
    text[len] = '\0';
    return text;
}

int fake_wait(struct fake *f)
{
    int status = 0;
    pid_t got = 0;
    for (int ms = 0; ms < FAKE_WAIT_MS && got == 0; ms += 5) {
        got = waitpid(f->pid, &status, WNOHANG);
        if (got == 0)
            (void)usleep(5000);
    }
    char *log = fake_log(f);
    if (got == 0)
        (void)kill(f->pid, SIGKILL);
    ck_assert_msg(got == f->pid && WIFEXITED(status), "still there, or status %x\n%s", (unsigned)status, log);
    ck_assert_msg(!strstr(log, "Sanitizer"), "%s", log);
    free(log);
    return WEXITSTATUS(status);
}

static void drop(struct fake *f)
{
    (void)close(f->control);
    (void)close(f->log);
    for (uint32_t i = 0; i < FAKE_LANES; i++) {
        replace(&f->app[i], -1);
        replace(&f->signer[i], -1);
    }
    for (uint32_t i = 0; i < f->n_lanes + 1; i++)
        (void)close(f->listeners[i]);
    nacre_inbox_free(&f->inbox);
    for (uint32_t i = 0; i < FAKE_LANES; i++)
        nacre_inbox_free(&f->arrivals[i]);
}

void fake_stop(struct fake *f)
{
    struct nacre_plain_frame stop = {.head.type = NACRE_FRAME_STOP};
    int err = nacre_frame_send(f->control, &stop, NULL, 0, NULL, 0, NULL, 0);
    ck_assert(err == 0 || err == -EPIPE); /* the test has stopped it already */
    ck_assert_int_eq(fake_wait(f), 0);
    drop(f);
}

static bool readable(int fd, int ms)
{
    struct pollfd p = {fd, POLLIN, 0};
    return poll(&p, 1, ms) > 0;
}

/* What came on an app's socket and is not taken yet; NULL for other sockets. */
static struct nacre_inbox *arrivals(struct fake *f, int fd)
{
    for (uint32_t i = 0; i < f->n_lanes; i++)
        if (fd == f->app[i])
            return &f->arrivals[i];
    return NULL;
}

static int receive(struct fake *f, int fd)
{
    struct nacre_inbox *in = arrivals(f, fd);
    if (!in)
        return nacre_frame_receive(fd, &f->inbox, NACRE_PAYLOAD_MAX, true);
    int got = nacre_frame_receive_packed(fd, in, NACRE_PAYLOAD_MAX, true);
    if (got == 1)
        nacre_inbox_move(&f->inbox, in);
    return got;
}

const void *fake_expect(struct fake *f, int fd, uint32_t type)
{
    struct nacre_inbox *in = arrivals(f, fd);
    if (!(in && nacre_inbox_more(in)) && !readable(fd, FAKE_WAIT_MS)) {
        char *log = fake_log(f);
        ck_abort_msg("no message of type %u\n%s", type, log);
    }
    int got = receive(f, fd);
    if (got != 1 || f->inbox.head->type != type) {
        char *log = fake_log(f);
        ck_abort_msg("received %d, type %u, expected %u\n%s", got, got == 1 ? f->inbox.head->type : 0, type,
                     log);
    }
    return f->inbox.head;
}

struct nacre_request_frame fake_request(struct fake *f, uint32_t *lane)
{
    struct pollfd p[FAKE_LANES];
    uint32_t i = 0;
    for (uint32_t k = 0; k < f->n_lanes; k++)
        p[k] = (struct pollfd){f->app[k], POLLIN, 0};
    while (i < f->n_lanes && !nacre_inbox_more(&f->arrivals[i]))
        i++;
    if (i == f->n_lanes) {
        ck_assert_msg(poll(p, f->n_lanes, FAKE_WAIT_MS) > 0, "no request came");
        for (i = 0; !p[i].revents; i++)
            continue;
    }
    struct nacre_request_frame r =
        *(const struct nacre_request_frame *)fake_expect(f, f->app[i], NACRE_FRAME_REQUEST);
    ck_assert(nacre_ticket_valid(&r.ticket, f->key));
    ck_assert_uint_gt(r.ticket.deadline_ns, nacre_monotonic_ns() - 1000000000u);
    ck_assert_uint_le(r.params_len, f->inbox.payload_len);
    if (lane)
        *lane = i;
    return r;
}

void fake_silence(struct fake *f, uint32_t lane, int ms)
{
    ck_assert(!nacre_inbox_more(&f->arrivals[lane]) && !readable(f->app[lane], ms));
}

void fake_answer(struct fake *f, uint32_t lane, uint64_t id, uint32_t route, uint32_t status,
                 const void *payload, size_t len)
{
    struct nacre_answer_frame a = {.head.type = NACRE_FRAME_ANSWER,
                                   .id = id,
                                   .route = route,
                                   .status = status,
                                   .timestamp_ms = FAKE_TIME_MS};
    for (size_t i = 0; i < sizeof a.signature; i++)
        a.signature[i] = (uint8_t)i;
    send_frame(f->signer[lane], &a, payload, len, NULL, 0);
}

void fake_failure(struct fake *f, uint32_t lane, uint64_t id, uint32_t status, const void *text, size_t len)
{
    struct nacre_failure_frame a = {.head.type = NACRE_FRAME_FAILURE, .id = id, .status = status};
    send_frame(f->app[lane], &a, text, len, NULL, 0);
}

void fake_progress(struct fake *f, uint32_t lane, uint64_t id, uint32_t permille, const void *text,
                   size_t len)
{
    struct nacre_progress_frame p = {.head.type = NACRE_FRAME_PROGRESS, .id = id, .permille = permille};
    send_frame(f->app[lane], &p, text, len, NULL, 0);
}

void fake_document(struct fake *f, uint64_t id, uint32_t status, const void *payload, size_t len)
{
    struct nacre_document_frame d = {
        .head.type = NACRE_FRAME_DOCUMENT, .id = id, .status = status, .made_ns = nacre_monotonic_ns()};
    send_frame(f->control, &d, payload, len, NULL, 0);
}

void fake_state(struct fake *f, const struct nacre_state_frame *state)
{
    struct nacre_state_frame s = *state;
    s.head.type = NACRE_FRAME_STATE;
    send_frame(f->control, &s, NULL, 0, NULL, 0);
}

size_t weather_bcs(uint8_t *out, size_t cap, const char *location, uint64_t temperature)
{
    struct nacre_writer w = nacre_writer(out, cap);
    nacre_bcs_write_len(&w, strlen(location));
    nacre_write_bytes(&w, location, strlen(location));
    nacre_write_le(&w, temperature, 8);
    ck_assert(!w.failed);
    return w.len;
}

void weather_json(char *out, size_t cap, const char *location, uint64_t temperature)
{
    int n = snprintf(out, cap,
                     "{\"response\":{\"intent\":0,\"timestamp_ms\":%llu,\"data\":{\"location\":\"%s\","
                     "\"temperature\":%llu}},\"signature\":\"",
                     (unsigned long long)FAKE_TIME_MS, location, (unsigned long long)temperature);
    ck_assert(n > 0 && (size_t)n + 131 < cap);
    for (unsigned i = 0; i < 64; i++)
        n += snprintf(out + n, cap - (size_t)n, "%02x", i);
    (void)snprintf(out + n, cap - (size_t)n, "\"}");
}

void fake_sign_weather(struct fake *f, const struct nacre_request_frame *r, uint64_t temperature)
{
    uint8_t bcs[64];
    fake_answer(f, 0, r->ticket.id, r->ticket.route, 200, bcs,
                weather_bcs(bcs, sizeof bcs, "x", temperature));
}

void client_expect_weather(struct client *c, uint64_t temperature)
{
    char json[600];
    weather_json(json, sizeof json, "x", temperature);
    client_expect(c, 200, json);
}
