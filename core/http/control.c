#include "control.h"

#include "common/log.h"
#include "tls_control.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define WORD_MS 5

enum { TAG_CONTROL, TAG_ADMIN, TAG_DONE };

static int watch(struct nacre_control *c, int fd, uint64_t tag)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = tag};
    return epoll_ctl(c->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static int make_lanes(struct nacre_control *c, const struct nacre_init_frame *init)
{
    struct nacre_shared *shared = &c->shared;
    shared->lanes = calloc(init->n_lanes, sizeof *shared->lanes);
    if (!shared->lanes)
        return -ENOMEM;
    uint32_t made = 0;
    shared->n_lanes = init->n_lanes; /* what each lane's share of the limits is reckoned from */
    int err = 0;
    while (!err && made < init->n_lanes) {
        int fd = nacre_inbox_take_fd(&c->inbox, made);
        err = nacre_lane_init(&shared->lanes[made], shared, made, fd, c->done_fd);
        if (err)
            (void)close(fd);
        else
            made++;
    }
    shared->n_lanes = made;
    return err;
}

static int take_init(struct nacre_control *c, char *why, size_t why_len)
{
    const struct nacre_init_frame *init = (const void *)c->inbox.head;
    if (init->head.type != NACRE_FRAME_INIT) {
        (void)snprintf(why, why_len, "first message is of type %u, expected %u", init->head.type,
                       (unsigned)NACRE_FRAME_INIT);
        return -EPROTO;
    }
    if (init->n_lanes == 0 || init->n_lanes > NACRE_LANES_MAX || init->has_admin > 1 ||
        c->inbox.n_fds != init->n_lanes + init->has_admin) {
        (void)snprintf(why, why_len, "%u lanes and %u admin listeners with %zu descriptors", init->n_lanes,
                       init->has_admin, c->inbox.n_fds);
        return -EPROTO;
    }
    c->shared.is_vsock = init->is_vsock == 1;
    memcpy(c->shared.ticket_key, init->ticket_key, sizeof c->shared.ticket_key);
    int err = nacre_tls_begin(c, init, why, why_len);
    if (err)
        return err;
    err = make_lanes(c, init);
    if (!err && init->has_admin) {
        int fd = nacre_inbox_take_fd(&c->inbox, init->n_lanes);
        err = nacre_admin_start(&c->admin, &c->shared, fd);
        if (err)
            (void)close(fd);
        else
            err = watch(c, nacre_admin_fd(&c->admin), TAG_ADMIN);
    }
    if (err)
        (void)snprintf(why, why_len, "cannot serve: %s", strerror(-err));
    return err;
}

static int receive_init(struct nacre_control *c, char *why, size_t why_len)
{
    int got;
    do {
        got = nacre_frame_receive(c->shared.control_fd, &c->inbox, NACRE_TLS_BLOB, false);
    } while (got == -EINTR);
    if (got != 1) {
        (void)snprintf(why, why_len, "no INIT: %s", got ? strerror(-got) : "the core has closed");
        return got ? got : -EPIPE;
    }
    int err = take_init(c, why, why_len);
    nacre_inbox_clear(&c->inbox); /* wipes the ticket key's copy */
    return err;
}

int nacre_control_init(struct nacre_control *c, const struct nacre_manifest *manifest, int control_fd,
                       char *why, size_t why_len)
{
    memset(c, 0, sizeof *c);
    c->epoll_fd = c->done_fd = -1;
    int err = nacre_shared_init(&c->shared, manifest, why, why_len);
    if (err)
        return err;
    c->shared.control_fd = control_fd;
    c->shared.log_requests = strcmp(manifest->config.log_level, "debug") == 0;
    c->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    c->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    err = c->epoll_fd < 0 || c->done_fd < 0 ? -errno : nacre_inbox_init(&c->inbox);
    if (!err)
        err = receive_init(c, why, why_len);
    if (!err)
        err = watch(c, c->done_fd, TAG_DONE);
    if (!err)
        err = watch(c, control_fd, TAG_CONTROL);
    /* lanes write here too, and may not wait for nacred */
    if (!err && fcntl(control_fd, F_SETFL, O_NONBLOCK) < 0)
        err = -errno;
    if (err)
        nacre_control_free(c);
    return err;
}

void nacre_control_free(struct nacre_control *c)
{
    nacre_admin_stop(&c->admin);
    for (uint32_t i = 0; i < c->shared.n_lanes; i++)
        nacre_lane_free(&c->shared.lanes[i]);
    free(c->shared.lanes);
    c->shared.lanes = NULL;
    c->shared.n_lanes = 0;
    nacre_inbox_free(&c->inbox);
    if (c->epoll_fd >= 0)
        (void)close(c->epoll_fd);
    if (c->done_fd >= 0)
        (void)close(c->done_fd);
    c->epoll_fd = c->done_fd = -1;
    nacre_shared_free(&c->shared);
}

static void stop(struct nacre_control *c)
{
    if (c->stopping)
        return;
    c->stopping = true;
    for (uint32_t i = 0; i < c->shared.n_lanes; i++)
        nacre_lane_post_stop(&c->shared.lanes[i]);
}

static void take_lane(struct nacre_control *c)
{
    const struct nacre_lane_frame *lane = (const void *)c->inbox.head;
    size_t at = 0;
    if (lane->lane >= c->shared.n_lanes)
        return;
    int request_fd = lane->what & NACRE_LANE_REQUEST ? nacre_inbox_take_fd(&c->inbox, at++) : -1;
    int answer_fd = lane->what & NACRE_LANE_SIGNED ? nacre_inbox_take_fd(&c->inbox, at++) : -1;
    nacre_lane_post_sockets(&c->shared.lanes[lane->lane], request_fd, answer_fd);
}

static void take_document(struct nacre_control *c)
{
    const struct nacre_document_frame *d = (const void *)c->inbox.head;
    uint32_t lane = nacre_slots_lane_of(d->id);
    if (d->id == 0 && d->status == 200)
        nacre_shared_set_document(&c->shared, c->inbox.payload, c->inbox.payload_len, d->made_ns);
    else if (nacre_batch_done(&c->shared, d->id, d->status, c->inbox.payload, c->inbox.payload_len))
        return;
    else if (d->id != 0 && lane < c->shared.n_lanes)
        nacre_lane_post_document(&c->shared.lanes[lane], d->id, d->status, c->inbox.payload,
                                 c->inbox.payload_len);
}

static void take(struct nacre_control *c)
{
    switch (c->inbox.head->type) {
    case NACRE_FRAME_LANE:
        take_lane(c);
        break;
    case NACRE_FRAME_STATE:
        nacre_shared_set_state(&c->shared, (const void *)c->inbox.head);
        break;
    case NACRE_FRAME_DOCUMENT:
        take_document(c);
        break;
    case NACRE_FRAME_TLS:
        nacre_tls_came(c);
        break;
    case NACRE_FRAME_STOP:
        stop(c);
        break;
    default:
        nacre_log_event(NACRE_LEVEL_WARN, "message of an unexpected type", NLI("type", c->inbox.head->type));
    }
}

/* Everything that is there. 0, or negative errno when nacred is gone. */
static int drain(struct nacre_control *c)
{
    for (;;) {
        int got = nacre_frame_receive(c->shared.control_fd, &c->inbox, NACRE_TLS_BLOB, true);
        if (got == -EAGAIN)
            return 0;
        if (got == 1)
            take(c);
        else if (got == -EBADMSG || got == -ENOMEM)
            nacre_log_event(NACRE_LEVEL_WARN, "message from the core dropped", NLI("err", got));
        else if (got != -EINTR)
            return got ? got : -EPIPE;
    }
}

static int start_lanes(struct nacre_control *c)
{
    for (uint32_t i = 0; i < c->shared.n_lanes; i++) {
        struct nacre_lane *lane = &c->shared.lanes[i];
        int err = pthread_create(&lane->thread, NULL, nacre_lane_run, lane);
        if (err)
            return -err;
        c->n_running++;
    }
    return 0;
}

static int say_ready(struct nacre_control *c)
{
    struct nacre_plain_frame ready = {.head.type = NACRE_FRAME_READY};
    return nacre_frame_send(c->shared.control_fd, &ready, NULL, 0, NULL, 0, NULL, 0);
}

static uint32_t lanes_done(struct nacre_control *c)
{
    uint64_t n = 0;
    return read(c->done_fd, &n, sizeof n) == (ssize_t)sizeof n ? (uint32_t)n : 0;
}

/* Milliseconds. What nacred has still to hear is tried again soon. */
static int timeout(const struct nacre_control *c)
{
    int ms = nacre_admin_timeout(&c->admin);
    return c->owes_word && (ms < 0 || ms > WORD_MS) ? WORD_MS : ms;
}

int nacre_control_run(struct nacre_control *c)
{
    struct epoll_event events[8];
    uint32_t done = 0;
    /* the lanes' sockets came behind INIT: with them in place, the first client finds an app */
    int err = drain(c);
    if (!err)
        err = start_lanes(c);
    if (!err)
        err = say_ready(c);
    while (!err && done < c->n_running) {
        nacre_tls_say(c);
        int n = epoll_wait(c->epoll_fd, events, 8, timeout(c));
        for (int i = 0; i < n && !err; i++) {
            if (events[i].data.u64 == TAG_CONTROL)
                err = drain(c);
            else if (events[i].data.u64 == TAG_DONE)
                done += lanes_done(c);
        }
        nacre_inbox_clear(&c->inbox);
        nacre_admin_run(&c->admin);
    }
    stop(c);
    for (uint32_t i = 0; i < c->n_running; i++)
        (void)pthread_join(c->shared.lanes[i].thread, NULL);
    return err;
}
