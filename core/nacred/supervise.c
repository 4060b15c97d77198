#include "core.h"

#include "common/log.h"
#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define NS_PER_MS 1000000u
#define DRAIN_NS  5000000000u
#define ANSWER_LIMIT_S                                                                                       \
    1 /* a nacre-http that takes no answers holds up its own lane, and no longer than this */

void nacre_helper_init(struct nacre_helper *h, const char *name, const struct nacre_config *config)
{
    *h = (struct nacre_helper){
        .name = name,
        .is_app = strcmp(name, "nacre-app") == 0,
        .control = -1,
        .restart_at_ns = UINT64_MAX,
        .backoff = {.initial_ms = config->restart_initial_ms,
                    .max_ms = config->restart_max_ms,
                    .reset_ms = config->restart_reset_s * 1000,
                    .stop_after = config->restart_stop_after},
    };
}

static void close_pair(int pair[2])
{
    for (int i = 0; i < 2; i++) {
        if (pair[i] >= 0)
            (void)close(pair[i]);
        pair[i] = -1;
    }
}

/* New sockets for one lane of a helper that has just been started; its peer gets the other end. */
static int wire_lane(struct nacre_core *c, struct nacre_helper *h, uint32_t lane)
{
    struct nacre_helper *peer = h->is_app ? &c->http : &c->app;
    const struct timeval limit = {.tv_sec = ANSWER_LIMIT_S};
    int request[2], signed_end[2] = {-1, -1}; /* [0] ours or the helper's, [1] the other one's */
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, request) < 0)
        return -errno;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, signed_end) < 0 ||
        setsockopt(signed_end[1], SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) < 0) {
        int err = -errno;
        close_pair(request);
        close_pair(signed_end);
        return err;
    }
    /* the signer is ready before the helper can use its ends */
    if (h->is_app)
        nacre_lane_post_result(&c->signers[lane].lane, signed_end[1]);
    else
        nacre_lane_post_answer(&c->signers[lane].lane, signed_end[1], c->ticket_key);
    signed_end[1] = -1; /* the lane's now */
    nacre_send_lane(c, h, lane, NACRE_LANE_REQUEST | NACRE_LANE_SIGNED, (int[]){request[0], signed_end[0]});
    nacre_send_lane(c, peer, lane, NACRE_LANE_REQUEST, &request[1]);
    close_pair(request);
    close_pair(signed_end);
    return 0;
}

static int introduce(struct nacre_core *c, struct nacre_helper *h)
{
    if (!h->is_app) {
        randombytes_buf(c->ticket_key, sizeof c->ticket_key);
        nacre_send_init(c);
    }
    for (uint32_t i = 0; i < c->n_lanes; i++) {
        int err = wire_lane(c, h, i);
        if (err)
            return err;
    }
    nacre_send_state(c);
    if (h->is_app) {
        nacre_send_secrets(c);
    } else {
        nacre_send_tls(c);
        nacre_send_document(c);
    }
    return 0;
}

pid_t nacre_helper_execute(const struct nacre_core *c, const struct nacre_helper *h, char *option,
                           int control)
{
    char path[PATH_MAX + 16], name[16];
    const int fds[] = {control, c->manifest_fd, c->plugin_fd};
    (void)snprintf(name, sizeof name, "%s", h->name);
    (void)snprintf(path, sizeof path, "%s/%s", c->helper_dir, name);
    /* whoever asks KMS never has the plugin, not even as a descriptor */
    bool has_plugin = h->is_app && !(option && strcmp(option, NACRE_KMS_OPTION) == 0);
    return nacre_spawn(path, (char *[]){name, option, NULL}, fds, has_plugin ? 3 : 2, &h->identity);
}

int nacre_helper_start(struct nacre_core *c, struct nacre_helper *h)
{
    int pair[2];
    h->restart_at_ns = UINT64_MAX;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return -errno;
    (void)fcntl(pair[0], F_SETFL, O_NONBLOCK); /* our end only: helpers may wait for us, we never for them */
    struct epoll_event event = {.events = EPOLLIN,
                                .data.u64 = NACRE_EVENT(h->is_app ? NACRE_ON_APP : NACRE_ON_HTTP)};
    pid_t pid = epoll_ctl(c->epoll, EPOLL_CTL_ADD, pair[0], &event) < 0
                    ? -errno
                    : nacre_helper_execute(c, h, NULL, pair[1]);
    (void)close(pair[1]);
    if (pid < 0) {
        (void)close(pair[0]);
        return pid;
    }
    h->pid = pid;
    h->control = pair[0];
    h->watched = EPOLLIN;
    h->deaf_since_ns = 0;
    h->doomed = false;
    h->got_secrets = false;
    h->incarnation++;
    h->state = NACRE_HELPER_STARTING;
    nacre_log_event(NACRE_LEVEL_INFO, "helper started", NLS("helper", h->name), NLI("pid", pid));
    int err = introduce(c, h);
    if (err)
        nacre_helper_kill(h, strerror(-err));
    return 0;
}

void nacre_helper_kill(struct nacre_helper *h, const char *why)
{
    if (h->pid == 0 || h->doomed)
        return;
    h->doomed = true;
    if (why)
        nacre_log_event(NACRE_LEVEL_WARN, "helper killed", NLS("helper", h->name), NLI("pid", h->pid),
                        NLS("reason", why));
    (void)kill(h->pid, SIGKILL); /* it is not reaped yet, so the number is still its own */
}

static void log_end(const struct nacre_helper *h, pid_t pid, int status, int64_t wait_ms)
{
    bool killed = WIFSIGNALED(status), asked = status == 0 && wait_ms < 0;
    const char *name = killed ? sigabbrev_np(WTERMSIG(status)) : NULL;
    nacre_log_event(asked ? NACRE_LEVEL_INFO : NACRE_LEVEL_WARN, "helper ended", NLS("helper", h->name),
                    NLI("pid", pid), killed ? NLS("signal", name) : NLI("exit", WEXITSTATUS(status)),
                    NLI("restart_in_ms", wait_ms));
}

static uint64_t up_ms(const struct nacre_helper *h, uint64_t now_ns)
{
    return h->state == NACRE_HELPER_UP && now_ns > h->up_ns ? (now_ns - h->up_ns) / NS_PER_MS : 0;
}

/* Plans the next start of a helper that is gone, or decides that there will be none. */
static int64_t plan(struct nacre_core *c, struct nacre_helper *h)
{
    uint64_t now = nacre_monotonic_ns();
    uint64_t lived_ms = up_ms(h, now);
    h->state = NACRE_HELPER_DOWN;
    if (c->stopping)
        return -1;
    int64_t wait_ms = nacre_backoff_died(&h->backoff, lived_ms);
    if (wait_ms >= 0) {
        h->restart_at_ns = now + (uint64_t)wait_ms * NS_PER_MS;
        return wait_ms;
    }
    h->state = NACRE_HELPER_STOPPED;
    nacre_log_event(NACRE_LEVEL_ERROR, "helper stopped for good", NLS("helper", h->name),
                    NLI("restarts_in_a_row", h->backoff.in_row), NLI("stop_after", h->backoff.stop_after));
    if (!h->is_app) {
        c->exit_code = NACRE_EXIT_HTTP;
        nacre_helpers_stop(c, now);
    }
    return wait_ms;
}

static void reaped(struct nacre_core *c, struct nacre_helper *h, int status)
{
    pid_t pid = h->pid;
    h->pid = 0;                  /* from here on the number may be another process's */
    nacre_control_receive(c, h); /* its last words */
    log_end(h, pid, status, plan(c, h));
    (void)close(h->control);
    h->control = -1;
    if (h->is_app)
        nacre_broker_reset(&c->broker);
    else
        nacre_nsm_thread_purge(&c->nsm);
    if (c->stopping && !h->is_app)
        nacre_send_stop(&c->app);
    nacre_send_state(c);
}

/* Process 1 of the helpers' PID namespace is gone: no helper lives, and none can be started any more. */
static void lost_pids(struct nacre_core *c)
{
    c->pids.init = 0;
    c->exit_code = NACRE_EXIT_PIDS;
    nacre_log_event(NACRE_LEVEL_ERROR, "process 1 of the helpers ended", NLI("exit", c->exit_code));
    nacre_helpers_stop(c, nacre_monotonic_ns());
}

void nacre_helpers_reap(struct nacre_core *c)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid == c->http.pid)
            reaped(c, &c->http, status);
        else if (pid == c->app.pid)
            reaped(c, &c->app, status);
        else if (pid == c->pids.init)
            lost_pids(c);
        else
            (void)nacre_kms_reaped(c, pid, status);
    }
}

uint64_t nacre_helpers_tick(struct nacre_core *c, uint64_t now_ns)
{
    struct nacre_helper *both[] = {&c->http, &c->app};
    uint64_t next = UINT64_MAX;
    for (size_t i = 0; i < 2; i++) {
        struct nacre_helper *h = both[i];
        nacre_backoff_lives(&h->backoff,
                            up_ms(h, now_ns)); /* seen in /health_check, not only at the next death */
        if (h->restart_at_ns <= now_ns && !c->stopping) {
            int err = nacre_helper_start(c, h);
            if (err)
                nacre_log_event(NACRE_LEVEL_ERROR, "helper not started", NLS("helper", h->name),
                                NLS("error", strerror(-err)), NLI("restart_in_ms", plan(c, h)));
        }
        if (h->restart_at_ns < next && !c->stopping)
            next = h->restart_at_ns;
    }
    return next;
}

void nacre_helpers_stop(struct nacre_core *c, uint64_t now_ns)
{
    if (c->stopping) { /* asked twice: at once */
        c->kill_at_ns = now_ns;
        return;
    }
    c->stopping = true;
    c->kill_at_ns = now_ns + DRAIN_NS;
    nacre_send_stop(c->http.pid ? &c->http : &c->app);
}
