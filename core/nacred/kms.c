#include "kms.h"

#include "common/log.h"
#include "core.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define NS_PER_MS   1000000u
#define RUN_NS      120000000000u /* longer than the run gives itself, see core/app/kms_run.c */
#define WAIT_MS     1000u         /* after the first failure; doubles */
#define WAIT_MAX_MS 30000u
#define MESSAGES    16
#define DER_MIN     256u /* bytes that an RSA key of 2048 bits has at least; Ed25519 keys have 32 or 44 */

static void on_connected(void *core, uint64_t id, int fd, int error)
{
    struct nacre_core *c = core;
    struct nacre_connected_frame f = {.head.type = NACRE_FRAME_CONNECTED, .id = id, .error = error};
    if (c->kms.control >= 0)
        (void)nacre_frame_send(c->kms.control, &f, NULL, 0, NULL, 0, &fd, fd >= 0 ? 1 : 0);
}

void nacre_kms_init(struct nacre_core *c)
{
    struct nacre_kms *k = &c->kms;
    *k = (struct nacre_kms){.wanted = c->manifest.kms.ciphertext != NULL, .control = -1, .wait_ms = WAIT_MS};
    nacre_broker_init(&k->broker);
    k->view = c->manifest;
    k->view.allow = &c->manifest.kms.endpoint;
    k->view.n_allow = k->wanted ? 1 : 0;
    (void)snprintf(k->place, sizeof k->place, "vsock:%u", NACRE_EGRESS_PORT + c->manifest.n_allow);
    if (k->wanted && c->manifest.kms.endpoint.connect[0] == '\0')
        c->manifest.kms.endpoint.connect = k->place;
    k->broker.manifest = &k->view;
    k->broker.epoll = c->epoll;
    k->broker.tag = NACRE_EVENT(NACRE_ON_KMS_CONNECT);
    k->broker.done = on_connected;
    k->broker.arg = c;
}

/* Waits for its end: from here on nothing of it is left beside the plugin. */
static void end_run(struct nacre_core *c)
{
    struct nacre_kms *k = &c->kms;
    if (k->pid > 0) {
        (void)kill(k->pid, SIGKILL);
        while (waitpid(k->pid, NULL, 0) < 0 && errno == EINTR)
            continue;
    }
    k->pid = 0;
    if (k->control >= 0)
        (void)close(k->control);
    k->control = -1;
    if (k->broker.done) /* else the boot was refused before there was one */
        nacre_broker_reset(&k->broker);
}

void nacre_kms_end(struct nacre_core *c)
{
    end_run(c);
    c->kms.wanted = false;
}

/* The same credentials may do next time: KMS was busy, or the role had no permission yet. */
static void fail(struct nacre_core *c, const char *reason, size_t len)
{
    struct nacre_kms *k = &c->kms;
    char text[NACRE_FAILURE_TEXT + 1];
    (void)snprintf(text, sizeof text, "%.*s", (int)len, reason);
    end_run(c);
    k->next_ns = nacre_monotonic_ns() + k->wait_ms * NS_PER_MS;
    nacre_log_event(NACRE_LEVEL_WARN, "no secrets from KMS", NLS("reason", text),
                    NLI("retry_in_ms", k->wait_ms));
    k->wait_ms = k->wait_ms * 2 > WAIT_MAX_MS ? WAIT_MAX_MS : k->wait_ms * 2;
}

static void fail_z(struct nacre_core *c, const char *reason)
{
    fail(c, reason, strlen(reason));
}

/* What the run needs to begin: the time, and what was lent. */
static int introduce(struct nacre_core *c)
{
    struct nacre_clock_reading now = nacre_timekeeper_now(&c->time);
    struct nacre_time_frame t = {.head.type = NACRE_FRAME_TIME,
                                 .offset_ns = now.offset_ns,
                                 .error_ns = now.error_ns,
                                 .valid = now.valid};
    struct nacre_plain_frame f = {.head.type = NACRE_FRAME_CREDENTIALS};
    int err = nacre_frame_send(c->kms.control, &t, NULL, 0, NULL, 0, NULL, 0);
    return err ? err
               : nacre_frame_send(c->kms.control, &f, c->secrets.credentials, c->secrets.credentials_len,
                                  NULL, 0, NULL, 0);
}

static void start(struct nacre_core *c, uint64_t now_ns)
{
    struct nacre_kms *k = &c->kms;
    char option[] = NACRE_KMS_OPTION;
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = NACRE_EVENT(NACRE_ON_KMS)};
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
        fail_z(c, strerror(errno));
        return;
    }
    (void)fcntl(pair[0], F_SETFL, O_NONBLOCK); /* our end only */
    k->control = pair[0];
    k->granted = false;
    k->run++;
    k->lent = c->secrets.lent;
    k->end_ns = now_ns + RUN_NS;
    pid_t pid = epoll_ctl(c->epoll, EPOLL_CTL_ADD, pair[0], &event) < 0
                    ? -errno
                    : nacre_helper_execute(c, &c->app, option, pair[1]);
    (void)close(pair[1]);
    k->pid = pid > 0 ? pid : 0;
    int err = pid < 0 ? pid : introduce(c);
    if (err)
        fail_z(c, strerror(-err));
    else
        nacre_log_event(NACRE_LEVEL_INFO, "asking KMS", NLS("host", c->manifest.kms.endpoint.host),
                        NLI("pid", pid));
}

uint64_t nacre_kms_tick(struct nacre_core *c, uint64_t now_ns)
{
    struct nacre_kms *k = &c->kms;
    if (!k->wanted)
        return UINT64_MAX;
    if (c->secrets.settled || c->stopping) { /* somebody delivered, or time is up: too late */
        nacre_kms_end(c);
        return UINT64_MAX;
    }
    if (k->pid == 0 &&
        k->lent != c->secrets.lent) /* delivered again since: whoever did may have mended what was wrong */
        k->next_ns = 0;
    bool can = c->secrets.credentials && c->time.clock.started;
    if (k->pid == 0 && can && k->next_ns <= now_ns)
        start(c, now_ns);
    else if (k->pid > 0 && k->end_ns <= now_ns)
        fail_z(c, "the run that asks KMS took too long");
    uint64_t broker = nacre_broker_expire(&k->broker, now_ns);
    uint64_t next = k->pid > 0 ? k->end_ns : can ? k->next_ns : UINT64_MAX;
    return broker < next ? broker : next;
}

/* One document a run. Only its length is looked at: nothing that long can be taken for the key of an enclave. */
static bool on_recipient(struct nacre_core *c)
{
    uint8_t user_data[NACRE_USER_DATA_MAX];
    int len = nacre_document_recipient(user_data, &c->manifest);
    if (c->kms.granted || len < 0 || c->inbox.payload_len < DER_MIN ||
        c->inbox.payload_len > NACRE_RECIPIENT_MAX)
        return false;
    c->kms.granted = true;
    nacre_nsm_thread_recipient(&c->nsm, c->kms.run, c->inbox.payload, c->inbox.payload_len, user_data,
                               (size_t)len);
    return true;
}

void nacre_kms_document(struct nacre_core *c, const struct nacre_nsm_result *r)
{
    struct nacre_document_frame f = {
        .head.type = NACRE_FRAME_DOCUMENT, .made_ns = r->time.after_ns, .status = r->error ? 503 : 200};
    const void *payload = r->error ? (const void *)r->why : r->answer.document;
    if (c->kms.pid == 0 || r->client != c->kms.run)
        return; /* who asked is gone, and another one has another key */
    if (nacre_frame_send(c->kms.control, &f, payload, r->error ? strlen(r->why) : r->answer.document_len,
                         NULL, 0, NULL, 0))
        fail_z(c, "the run that asks KMS does not read its control socket");
}

static void on_secrets(struct nacre_core *c)
{
    const char *what = "KMS has answered without secrets";
    bool good = nacre_secrets_give(&c->secrets, c->inbox.payload, c->inbox.payload_len, &what);
    nacre_inbox_clear(&c->inbox);
    if (!good) {
        fail_z(c, what);
        return;
    }
    nacre_log_event(NACRE_LEVEL_INFO, what, NLI("bytes", c->secrets.len));
    nacre_secrets_settled(c);
}

/* False for what it has no business saying. */
static bool dispatch(struct nacre_core *c)
{
    const void *head = c->inbox.head;
    switch (c->inbox.head->type) {
    case NACRE_FRAME_CONNECT: {
        const struct nacre_connect_frame *f = head;
        nacre_broker_connect(&c->kms.broker, f->id, f->endpoint, nacre_monotonic_ns());
        return c->kms.broker.in_flight < MESSAGES;
    }
    case NACRE_FRAME_RECIPIENT:
        return on_recipient(c);
    case NACRE_FRAME_FAILED:
        fail(c, (const char *)c->inbox.payload,
             c->inbox.payload_len < NACRE_FAILURE_TEXT ? c->inbox.payload_len : NACRE_FAILURE_TEXT);
        return true;
    case NACRE_FRAME_SECRETS:
        on_secrets(c);
        return true;
    default:
        return false;
    }
}

void nacre_kms_receive(struct nacre_core *c)
{
    for (int i = 0; i < MESSAGES && c->kms.control >= 0; i++) {
        int got = nacre_frame_receive(c->kms.control, &c->inbox, NACRE_SECRETS_BLOB, true);
        if (got == -EAGAIN || got == -EINTR)
            break;
        if (got <= 0)
            fail_z(c, got == 0 ? "the run that asks KMS ended without a word" : strerror(-got));
        else if (!dispatch(c))
            fail_z(c, "the run that asks KMS said what is not its to say");
    }
    nacre_inbox_clear(&c->inbox);
}

bool nacre_kms_reaped(struct nacre_core *c, pid_t pid, int status)
{
    if (pid != c->kms.pid)
        return false;
    c->kms.pid = 0;
    nacre_kms_receive(c); /* its last words */
    if (c->kms.control >= 0) {
        char reason[96];
        (void)snprintf(reason, sizeof reason, "the run that asks KMS ended with %s %d",
                       WIFSIGNALED(status) ? "signal" : "exit code",
                       WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
        fail_z(c, reason);
    }
    return true;
}
