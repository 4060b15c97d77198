#include "lane.h"

#include "answer.h"
#include "job_run.h"
#include "reply.h"
#include "request.h"
#include "server.h"
#include "shake.h"
#include "wait.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define NS_PER_MS 1000000ull
/* Turns of libmicrohttpd before the other sockets are looked at again: sooner when answers may be waiting there, or a
 * flood of requests that are refused would keep those from being answered that were not. */
#define TURNS_MAX     16u
#define TURNS_IN_LOAD 2u
/* A large answer's buffer is not kept. */
#define OUT_KEPT 262144u

int nacre_lane_watch(struct nacre_lane *lane, int fd, enum nacre_lane_tag tag)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = tag};
    return epoll_ctl(lane->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static int init_descriptors(struct nacre_lane *lane, int listen_fd)
{
    lane->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    lane->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (lane->epoll_fd < 0 || lane->wake_fd < 0)
        return -errno;
    int err = nacre_server_start(lane, listen_fd);
    if (err)
        return err;
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(lane->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    if (!info)
        return -ENOTSUP;
    err = nacre_lane_watch(lane, info->epoll_fd, NACRE_TAG_HTTP);
    return err ? err : nacre_lane_watch(lane, lane->wake_fd, NACRE_TAG_WAKE);
}

int nacre_lane_init(struct nacre_lane *lane, struct nacre_shared *shared, uint32_t index, int listen_fd,
                    int done_fd)
{
    memset(lane, 0, sizeof *lane);
    lane->shared = shared;
    lane->index = index;
    lane->done_fd = done_fd;
    lane->epoll_fd = lane->wake_fd = lane->request_fd = lane->answer_fd = -1;
    lane->mail.request_fd = lane->mail.answer_fd = -1;
    lane->next_due_ns = UINT64_MAX;
    lane->now_ns = nacre_monotonic_ns();
    nacre_linger_init(&lane->linger);
    int err = -pthread_mutex_init(&lane->mail.lock, NULL);
    if (err)
        return err;
    const struct nacre_config *config = &shared->manifest->config;
    lane->mail.last_batch = &lane->mail.batches;
    err = nacre_slots_init(&lane->slots,
                           (uint32_t)(config->http_in_flight + config->jobs_concurrent + config->nsm_batch),
                           index);
    if (!err)
        err = nacre_inbox_init(&lane->inbox);
    if (!err)
        err = nacre_inbox_init(&lane->app_inbox);
    if (!err)
        err = nacre_outbox_init(&lane->outbox);
    if (!err)
        err = nacre_metrics_init(&lane->metrics, nacre_row_count(shared));
    if (!err && !nacre_json_reserve(&lane->out, 4096))
        err = -ENOMEM;
    if (!err)
        err = init_descriptors(lane, listen_fd);
    if (err)
        nacre_lane_free(lane);
    return err;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

void nacre_lane_free(struct nacre_lane *lane)
{
    nacre_server_stop(lane);
    nacre_linger_free(&lane->linger);
    close_fd(&lane->request_fd);
    close_fd(&lane->answer_fd);
    close_fd(&lane->mail.request_fd);
    close_fd(&lane->mail.answer_fd);
    close_fd(&lane->wake_fd);
    close_fd(&lane->epoll_fd);
    while (lane->mail.first) {
        struct nacre_mail_document *next = lane->mail.first->next;
        free(lane->mail.first);
        lane->mail.first = next;
    }
    nacre_mail_free_batches(lane->mail.batches);
    nacre_mail_free_batches(lane->batches);
    nacre_inbox_free(&lane->inbox);
    nacre_inbox_free(&lane->app_inbox);
    nacre_outbox_free(&lane->outbox);
    nacre_metrics_free(&lane->metrics);
    nacre_slots_free(&lane->slots);
    free(lane->out.base);
    lane->out = (struct nacre_json_out){0};
    (void)pthread_mutex_destroy(&lane->mail.lock);
}

struct nacre_json_out *nacre_lane_out(struct nacre_lane *lane)
{
    struct nacre_json_out *out = &lane->out;
    if (out->cap > OUT_KEPT) {
        free(out->base);
        *out = (struct nacre_json_out){0};
    }
    out->len = 0;
    out->failed = false;
    return out;
}

void nacre_conn_due(struct nacre_conn *conn, uint64_t due_ns)
{
    conn->due_ns = due_ns;
    if (due_ns < conn->lane->next_due_ns)
        conn->lane->next_due_ns = due_ns;
}

void nacre_lane_want_write(struct nacre_lane *lane, bool want)
{
    if (want == lane->wants_write || lane->request_fd < 0)
        return;
    struct epoll_event event = {.events = EPOLLIN | (want ? (uint32_t)EPOLLOUT : 0),
                                .data.u64 = NACRE_TAG_REQUEST};
    if (epoll_ctl(lane->epoll_fd, EPOLL_CTL_MOD, lane->request_fd, &event) == 0)
        lane->wants_write = want;
}

static void expire_slot(struct nacre_slot *slot, void *arg)
{
    struct nacre_lane *lane = arg;
    if (slot->deadline_ns > lane->now_ns)
        return;
    if (slot->job) {
        nacre_job_expired(lane, slot);
        return;
    }
    struct nacre_conn *conn = slot->owner;
    uint64_t ms = (slot->deadline_ns - conn->started_ns) / NS_PER_MS;
    struct nacre_refusal late = nacre_refuse_limit(504, "no answer in time, milliseconds",
                                                   (lane->now_ns - conn->started_ns) / NS_PER_MS, ms);
    (void)nacre_reply_refusal(conn, &late);
}

/* Cuts off a client that is too slow. libmicrohttpd sees the end of the stream and tidies up. */
static void cut(struct nacre_conn *conn)
{
    static const struct nacre_refusal slow = {.status = 408, .text = "the body did not come in time"};
    if (conn->phase == NACRE_PHASE_BODY)
        nacre_reply_raw(conn, &slow);
    if (conn->phase != NACRE_PHASE_IDLE)
        nacre_count(&conn->lane->metrics.timed_out, 1);
    conn->due_ns = UINT64_MAX;
    (void)shutdown(conn->fd, SHUT_RDWR);
}

static void expire_conns(struct nacre_lane *lane)
{
    lane->next_due_ns = UINT64_MAX;
    for (struct nacre_conn *c = lane->conns; c; c = c->next) {
        if (c->due_ns <= lane->now_ns)
            cut(c);
        else if (c->due_ns < lane->next_due_ns)
            lane->next_due_ns = c->due_ns;
    }
}

/* Milliseconds until something is due, or -1. */
static int time_left(const struct nacre_lane *lane)
{
    uint64_t next = lane->batches ? 0 : lane->slots.next_deadline_ns;
    if (lane->next_due_ns < next)
        next = lane->next_due_ns;
    if (lane->linger.used && lane->now_ns + NS_PER_MS * 1000 < next)
        next = lane->now_ns + NS_PER_MS * 1000;
    uint64_t jobs_ns = nacre_jobs_wake_ns(lane);
    if (jobs_ns < next)
        next = jobs_ns;
    if (lane->stopping && lane->now_ns + NS_PER_MS * 50 < next)
        next = lane->now_ns + NS_PER_MS * 50;
    uint64_t ms = next == UINT64_MAX     ? UINT64_MAX
                  : next <= lane->now_ns ? 0
                                         : (next - lane->now_ns) / NS_PER_MS + 1;
    uint64_t http_ms = nacre_wait_limit(lane);
    if (http_ms < ms)
        ms = http_ms;
    return ms == UINT64_MAX ? -1 : ms > 60000 ? 60000 : (int)ms;
}

static void handle(struct nacre_lane *lane, const struct epoll_event *event)
{
    if (nacre_shake_ready(event->data.u64))
        return;
    if (event->data.u64 >= NACRE_TAG_LINGER) {
        nacre_linger_read(&lane->linger, (uint32_t)(event->data.u64 - NACRE_TAG_LINGER));
        return;
    }
    switch ((enum nacre_lane_tag)event->data.u64) {
    case NACRE_TAG_REQUEST:
        if (event->events & EPOLLOUT)
            nacre_request_flush(lane);
        if (event->events & ~(uint32_t)EPOLLOUT)
            nacre_app_drain(lane);
        break;
    case NACRE_TAG_ANSWER:
        nacre_answers_drain(lane);
        break;
    case NACRE_TAG_WAKE:
        nacre_lane_take_mail(lane);
        break;
    case NACRE_TAG_HTTP:
    case NACRE_TAG_LINGER:
        break;
    }
}

/* Is nothing left that a client waits for? */
static bool is_idle(const struct nacre_lane *lane)
{
    for (const struct nacre_conn *c = lane->conns; c; c = c->next)
        if (c->phase != NACRE_PHASE_IDLE)
            return false;
    return true;
}

/* libmicrohttpd stops listening at its connection limit, and begins again in the run after one that ended some. */
static void run_http(struct nacre_lane *lane)
{
    unsigned turns = 0;
    uint64_t steps;
    do {
        steps = lane->n_steps;
        (void)MHD_run(lane->daemon);
        nacre_shake_turn(lane);
        nacre_request_post(lane);
        lane->again = nacre_wait_busy(lane, steps);
    } while (lane->again && ++turns < (lane->slots.used ? TURNS_IN_LOAD : TURNS_MAX));
}

void *nacre_lane_run(void *arg)
{
    struct nacre_lane *lane = arg;
    struct epoll_event events[16];
    uint64_t one = 1;
    nacre_lane_take_mail(lane);
    for (;;) {
        int n = epoll_wait(lane->epoll_fd, events, 16, time_left(lane));
        lane->now_ns = nacre_monotonic_ns();
        for (int i = 0; i < n; i++)
            handle(lane, &events[i]);
        if (lane->slots.next_deadline_ns <= lane->now_ns)
            nacre_slots_each(&lane->slots, expire_slot, lane);
        if (lane->next_due_ns <= lane->now_ns)
            expire_conns(lane);
        nacre_batch_answer_some(lane);
        nacre_linger_expire(&lane->linger, lane->now_ns);
        run_http(lane);
        nacre_jobs_run(lane);
        if (lane->stopping && (is_idle(lane) || lane->now_ns >= lane->stop_by_ns))
            break;
    }
    while (write(lane->done_fd, &one, sizeof one) < 0 && errno == EINTR)
        continue;
    return NULL;
}
