/*
 * fake_helper.c - plays nacre-http or nacre-app, by the name it is called, so that nacred can be tested without them.
 *
 * What it does is one word in the file NAME.script beside it, read at every start; an empty or missing file: behave.
 * As nacre-http it sends a request every few milliseconds, checks each signed answer with libsodium, and writes what
 * it saw to nacre-http.status. As nacre-app it answers each request with a weather response.
 */
#include "common/bytes.h"
#include "common/frame.h"
#include "published.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LANES    16
#define PULSE_NS 5000000u

static char dir[PATH_MAX], script[64];
static bool is_app;
static struct nacre_inbox inbox;
static int request_fds[LANES], signed_fds[LANES];
static uint32_t n_lanes;
static struct nacre_state_frame state;
static struct nacre_init_frame init;
static struct nacre_time_frame trusted;
static uint64_t next_id, good, wrong, refused, documents, full, stopped_at;

static void path_of(char path[PATH_MAX + 64], const char *suffix)
{
    (void)snprintf(path, PATH_MAX + 64, "%s/%s.%s", dir, is_app ? "nacre-app" : "nacre-http", suffix);
}

static void read_script(void)
{
    char path[PATH_MAX + 64];
    path_of(path, "script");
    FILE *f = fopen(path, "r");
    if (f && fgets(script, sizeof script, f))
        script[strcspn(script, "\n")] = '\0';
    if (f)
        (void)fclose(f);
}

static bool plays(const char *word)
{
    return strcmp(script, word) == 0;
}

/*
 * Replaces what the test reads in a file that it has made: nacred's list lets nobody make, empty or rename one. The length
 * stands first, in WORLD_LENGTH digits, and a lock keeps the test from reading half of it.
 */
static void publish(const char *suffix, const char *text, size_t len)
{
    char path[PATH_MAX + 64], length[WORLD_LENGTH + 1];
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    path_of(path, suffix);
    (void)snprintf(length, sizeof length, "%0*zu", WORLD_LENGTH, len);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || fcntl(fd, F_OFD_SETLKW, &lock) < 0 || write(fd, length, WORLD_LENGTH) != WORLD_LENGTH ||
        write(fd, text, len) != (ssize_t)len || close(fd) < 0)
        _exit(90);
}

static void publish_status(void)
{
    char text[512], pk[65];
    sodium_bin2hex(pk, sizeof pk, state.public_key, 32);
    int n = snprintf(
        text, sizeof text,
        "pid=%d pk=%s good=%llu wrong=%llu refused=%llu documents=%llu full=%llu app_state=%u http_state=%u "
        "app_restarts=%llu http_restarts=%llu app_backoff=%llu nsm_errors=%llu clock_ok=%u key_ready=%u\n",
        getpid(), pk, (unsigned long long)good, (unsigned long long)wrong, (unsigned long long)refused,
        (unsigned long long)documents, (unsigned long long)full, state.app_state, state.http_state,
        (unsigned long long)state.app_restarts, (unsigned long long)state.http_restarts,
        (unsigned long long)state.app_backoff_ms, (unsigned long long)state.nsm_errors, state.clock_ok,
        state.key_ready);
    publish("status", text, (size_t)n);
}

static void tell(uint32_t type, const char *text)
{
    struct nacre_plain_frame f = {.head.type = type};
    (void)nacre_frame_send(NACRE_FD_CONTROL, &f, text, strlen(text), NULL, 0, NULL, 0);
}

static void replace(int *fd, int with)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = with;
}

static void on_lane(const struct nacre_lane_frame *f)
{
    size_t i = 0;
    n_lanes = f->n_lanes;
    if (f->what & NACRE_LANE_REQUEST)
        replace(&request_fds[f->lane], nacre_inbox_take_fd(&inbox, i++));
    if (f->what & NACRE_LANE_SIGNED)
        replace(&signed_fds[f->lane], nacre_inbox_take_fd(&inbox, i));
}

/* Ways for a nacre-app to end its start. */
static void start_app(void)
{
    publish("secrets", inbox.payload_len ? (const char *)inbox.payload : "", inbox.payload_len);
    if (plays("exit"))
        _exit(9);
    if (plays("failed"))
        tell(NACRE_FRAME_FAILED, "required secret API_KEY is missing");
    else
        tell(NACRE_FRAME_READY, "");
    if (plays("segv"))
        (void)raise(SIGSEGV);
    if (plays("junk"))
        (void)send(NACRE_FD_CONTROL, "\xff\xff\xff\xff junk", 9, MSG_NOSIGNAL);
    if (plays("wrong-type")) {
        struct nacre_attest_frame f = {.head.type = NACRE_FRAME_ATTEST, .id = 1};
        (void)nacre_frame_send(NACRE_FD_CONTROL, &f, NULL, 0, NULL, 0, NULL, 0);
    }
    for (uint64_t i = 0; plays("deaf"); i++) { /* asks and asks and never listens */
        struct nacre_box_frame f = {.head.type = NACRE_FRAME_BOX, .id = i, .sender = {9}};
        (void)nacre_frame_send(NACRE_FD_CONTROL, &f, NULL, 0, NULL, 0, NULL, 0);
    }
}

/* To `spread` endpoints in turn. */
static void connect_to(uint32_t times, uint32_t spread)
{
    for (uint32_t i = 0; i < times; i++) {
        struct nacre_connect_frame f = {.head.type = NACRE_FRAME_CONNECT, .id = i, .endpoint = i % spread};
        (void)nacre_frame_send(NACRE_FD_CONTROL, &f, NULL, 0, NULL, 0, NULL, 0);
    }
}

static void on_connected(const struct nacre_connected_frame *f)
{
    static char seen[8192];
    (void)snprintf(seen + strlen(seen), sizeof seen - strlen(seen), "%llu:%d:%zu ", (unsigned long long)f->id,
                   f->error, inbox.n_fds);
    publish("connected", seen, strlen(seen));
}

static void on_document(const struct nacre_document_frame *f)
{
    documents += f->status == 200;
    full += f->status == 429;
    if (f->status == 200 && f->id != 0)
        publish("document", (const char *)inbox.payload, inbox.payload_len);
}

static void say_tls(char key, const char *blob)
{
    struct nacre_tls_frame f = {.head.type = NACRE_FRAME_TLS};
    memset(f.key, key, sizeof f.key);
    (void)nacre_frame_send(NACRE_FD_CONTROL, &f, blob, strlen(blob), NULL, 0, NULL, 0);
}

/* The first nacre-http makes a TLS key, and later ones get it back; one that is taken over tries another. */
static void on_tls_begin(void)
{
    if (strncmp(script, "tls", 3) != 0)
        return;
    if (init.tls_form == NACRE_TLS_NONE)
        say_tls('k', "a key");
    else if (init.tls_form != NACRE_TLS_SELF_SIGNED || inbox.payload_len != 5 ||
             memcmp(inbox.payload, "a key", 5) != 0)
        _exit(95);
    if (plays("tls-another"))
        say_tls('x', "another key");
    if (plays("tls-claims"))
        say_tls('x', "");
    if (plays("tls-again"))
        say_tls('k', "a key");
}

static void on_control(void)
{
    int got = nacre_frame_receive(NACRE_FD_CONTROL, &inbox, NACRE_PAYLOAD_MAX, true);
    const void *head = inbox.head;
    if (got == 0)
        _exit(0); /* nacred is gone */
    if (got != 1)
        return;
    switch (inbox.head->type) {
    case NACRE_FRAME_INIT:
        memcpy(&init, head, sizeof init);
        if (inbox.n_fds != init.n_lanes + init.has_admin)
            _exit(91);
        on_tls_begin();
        tell(NACRE_FRAME_READY, "");
        break;
    case NACRE_FRAME_LANE:
        on_lane(head);
        break;
    case NACRE_FRAME_STATE:
        memcpy(&state, head, sizeof state);
        publish_status();
        break;
    case NACRE_FRAME_DOCUMENT:
        on_document(head);
        break;
    case NACRE_FRAME_TIME:
        memcpy(&trusted, head, sizeof trusted);
        break;
    case NACRE_FRAME_SECRETS:
        start_app();
        if (plays("connect"))
            connect_to(5, 5);
        if (plays("connect-many"))
            connect_to(200, 1);
        break;
    case NACRE_FRAME_CONNECTED:
        on_connected(head);
        break;
    case NACRE_FRAME_STOP:
        stopped_at = nacre_monotonic_ns();
        if (!plays("ignore-stop"))
            exit(0);
        break;
    default:
        _exit(92);
    }
}

/* nacre-app: a request becomes a result with the app's time. */
static void on_request(uint32_t lane)
{
    static const char bcs[] = "\x06London\x0b\0\0\0\0\0\0"; /* and the literal's own end */
    struct nacre_request_frame request;
    if (nacre_frame_receive(request_fds[lane], &inbox, NACRE_PAYLOAD_MAX, true) != 1) {
        replace(&request_fds[lane], -1);
        return;
    }
    memcpy(&request, inbox.head, sizeof request);
    struct nacre_result_frame f = {.head.type = NACRE_FRAME_RESULT, .ticket = request.ticket};
    f.timestamp_ms = (uint64_t)((int64_t)nacre_monotonic_ns() + trusted.offset_ns) / 1000000u - 1000;
    /* a compromised app tries everything once more with bytes that do not fit */
    (void)nacre_frame_send(signed_fds[lane], &f, bcs, sizeof bcs - (plays("bad-type") ? 1 : 0), NULL, 0, NULL,
                           0);
}

/* nacre-http: is the answer what it says it is? */
static void on_answer(uint32_t lane)
{
    uint8_t message[256];
    struct nacre_writer w = nacre_writer(message, sizeof message);
    if (nacre_frame_receive(signed_fds[lane], &inbox, NACRE_PAYLOAD_MAX, true) != 1) {
        replace(&signed_fds[lane], -1);
        return;
    }
    const struct nacre_answer_frame *a = (const void *)inbox.head;
    if (a->status != 200) {
        refused++;
        return;
    }
    nacre_write_u8(&w, 0);
    nacre_write_le(&w, a->timestamp_ms, 8);
    nacre_write_bytes(&w, inbox.payload, inbox.payload_len);
    bool valid =
        !w.failed && crypto_sign_verify_detached(a->signature, message, w.len, state.public_key) == 0;
    good += valid;
    wrong += !valid;
}

static void send_requests(void)
{
    for (uint32_t i = 0; i < n_lanes; i++) {
        struct nacre_request_frame f = {.head.type = NACRE_FRAME_REQUEST};
        f.ticket.id = ++next_id;
        f.ticket.deadline_ns = nacre_monotonic_ns() + 1000000000u;
        nacre_ticket_seal(&f.ticket, init.ticket_key);
        if (request_fds[i] >= 0)
            (void)nacre_frame_send(request_fds[i], &f, "{}", 2, NULL, 0, NULL, 0);
    }
}

static void attest(uint64_t id, uint32_t nonce_len)
{
    struct nacre_attest_frame f = {
        .head.type = NACRE_FRAME_ATTEST, .id = id, .nonce_len = nonce_len, .nonce = "nonce"};
    f.batch = plays("bad-batch") ? 2 : plays("flood-batch");
    (void)nacre_frame_send(NACRE_FD_CONTROL, &f, NULL, 0, NULL, 0, NULL, 0);
}

/* What a nacre-http does every few milliseconds. */
static void pulse(void)
{
    static int beats;
    static uint64_t last_ns;
    uint64_t now = nacre_monotonic_ns();
    if (is_app || !state.key_ready || now - last_ns < PULSE_NS)
        return;
    last_ns = now;
    send_requests();
    if (beats++ != 0)
        return;
    attest(plays("bad-attest") ? 0 : 1, 5);
    for (uint64_t i = 2; (plays("flood") || plays("flood-batch")) && i < 200; i++)
        attest(i, 5);
}

static void serve(void)
{
    for (;;) {
        struct pollfd fds[1 + LANES] = {{.fd = NACRE_FD_CONTROL, .events = POLLIN}};
        for (uint32_t i = 0; i < LANES; i++)
            fds[1 + i] = (struct pollfd){.fd = is_app ? request_fds[i] : signed_fds[i], .events = POLLIN};
        int n = poll(fds, 1 + LANES, 10);
        if (n > 0 && fds[0].revents)
            on_control();
        for (uint32_t i = 0; n > 0 && i < LANES; i++) {
            if (fds[1 + i].revents && fds[1 + i].fd == (is_app ? request_fds[i] : signed_fds[i])) {
                if (is_app)
                    on_request(i);
                else
                    on_answer(i);
            }
        }
        pulse();
    }
}

static int check_run(void)
{
    if (plays("check-exit"))
        return 5;
    if (plays("check-segv"))
        (void)raise(SIGSEGV);
    if (plays("check-failed"))
        tell(NACRE_FRAME_FAILED, "plugin has 2 routes, manifest says 3");
    else
        tell(NACRE_FRAME_READY, "");
    return 0;
}

int main(int argc, char **argv)
{
    ssize_t n = readlink("/proc/self/exe", dir, sizeof dir - 1);
    if (n <= 0 || sodium_init() < 0 || nacre_inbox_init(&inbox) < 0)
        return 93;
    dir[n] = '\0';
    is_app = strstr(dir, "nacre-app") != NULL;
    *strrchr(dir, '/') = '\0';
    memset(request_fds, 0xff, sizeof request_fds);
    memset(signed_fds, 0xff, sizeof signed_fds);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGSEGV, SIG_DFL); /* a crash is to look like one, under a sanitizer too */
    read_script();
    if (!is_app) /* nobody may wait for a nacre-http */
        (void)fcntl(NACRE_FD_CONTROL, F_SETFL, O_NONBLOCK);
    if (argc == 2 && strcmp(argv[1], "--check") == 0)
        return check_run();
    if (argc != 1 || strcmp(argv[0], is_app ? "nacre-app" : "nacre-http") != 0)
        return 94;
    if (plays("exit-at-once"))
        return 9;
    serve();
    return 0;
}
