#include "loop.h"

#include <errno.h>
#include <stddef.h>
#include <time.h>
#include <unistd.h>

#define BATCH 256

static uint64_t monotonic_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000u + (uint64_t)t.tv_nsec / 1000000u;
}

int nacre_hd_loop_init(struct nacre_hd_loop *loop)
{
    *loop = (struct nacre_hd_loop){.epoll = epoll_create1(EPOLL_CLOEXEC), .now_ms = monotonic_ms()};
    return loop->epoll < 0 ? -errno : 0;
}

static void empty_graves(struct nacre_hd_loop *loop)
{
    while (loop->graves) {
        struct nacre_hd_grave *grave = loop->graves;
        loop->graves = grave->next;
        grave->release(grave);
    }
}

void nacre_hd_loop_close(struct nacre_hd_loop *loop)
{
    empty_graves(loop);
    if (loop->epoll >= 0)
        (void)close(loop->epoll);
    loop->epoll = -1;
}

static int control(struct nacre_hd_loop *loop, int op, int fd, uint32_t events, struct nacre_hd_watch *watch)
{
    struct epoll_event event = {.events = events, .data = {.ptr = watch}};
    return epoll_ctl(loop->epoll, op, fd, &event) ? -errno : 0;
}

int nacre_hd_watch_add(struct nacre_hd_loop *loop, int fd, uint32_t events, struct nacre_hd_watch *watch)
{
    return control(loop, EPOLL_CTL_ADD, fd, events, watch);
}

int nacre_hd_watch_change(struct nacre_hd_loop *loop, int fd, uint32_t events, struct nacre_hd_watch *watch)
{
    return control(loop, EPOLL_CTL_MOD, fd, events, watch);
}

void nacre_hd_watch_remove(struct nacre_hd_loop *loop, int fd)
{
    (void)control(loop, EPOLL_CTL_DEL, fd, 0, NULL);
}

void nacre_hd_timer_clear(struct nacre_hd_loop *loop, struct nacre_hd_timer *timer)
{
    if (!timer->set)
        return;
    if (timer->prev)
        timer->prev->next = timer->next;
    else
        loop->timers = timer->next;
    if (timer->next)
        timer->next->prev = timer->prev;
    timer->prev = timer->next = NULL;
    timer->set = false;
}

/* Kept in order: there are a few for each enclave, none for a connection. */
void nacre_hd_timer_set(struct nacre_hd_loop *loop, struct nacre_hd_timer *timer, uint64_t ms)
{
    nacre_hd_timer_clear(loop, timer);
    timer->due_ms = loop->now_ms + ms;
    struct nacre_hd_timer *before = NULL, *after = loop->timers;
    while (after && after->due_ms <= timer->due_ms) {
        before = after;
        after = after->next;
    }
    timer->prev = before;
    timer->next = after;
    if (before)
        before->next = timer;
    else
        loop->timers = timer;
    if (after)
        after->prev = timer;
    timer->set = true;
}

void nacre_hd_bury(struct nacre_hd_loop *loop, struct nacre_hd_grave *grave)
{
    grave->next = loop->graves;
    loop->graves = grave;
}

static int time_left(const struct nacre_hd_loop *loop)
{
    if (!loop->timers)
        return -1;
    uint64_t due = loop->timers->due_ms;
    return due <= loop->now_ms ? 0 : (int)(due - loop->now_ms > 60000 ? 60000 : due - loop->now_ms);
}

static void fire_due(struct nacre_hd_loop *loop)
{
    while (loop->timers && loop->timers->due_ms <= loop->now_ms) {
        struct nacre_hd_timer *timer = loop->timers;
        nacre_hd_timer_clear(loop, timer);
        timer->fire(timer);
    }
}

int nacre_hd_loop_run(struct nacre_hd_loop *loop)
{
    struct epoll_event events[BATCH];
    while (!loop->stop) {
        int n = epoll_wait(loop->epoll, events, BATCH, time_left(loop));
        if (n < 0 && errno != EINTR)
            return -errno;
        loop->now_ms = monotonic_ms();
        for (int i = 0; i < n; i++) {
            struct nacre_hd_watch *watch = events[i].data.ptr;
            watch->ready(watch, events[i].events);
        }
        fire_due(loop);
        empty_graves(loop);
    }
    return 0;
}
