/*
 * loop.h - one thread, one epoll set, a few timers. Everything in the daemon but name resolution happens here, so
 * nothing here needs a lock.
 */
#ifndef NACRE_HOST_LOOP_H
#define NACRE_HOST_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include <sys/epoll.h>

/* Something with a descriptor. Stands in the struct it belongs to. */
struct nacre_hd_watch {
    void (*ready)(struct nacre_hd_watch *watch, uint32_t events);
};

/* Fires once, when due. Stands in the struct it belongs to. Zeroed is unset. */
struct nacre_hd_timer {
    void (*fire)(struct nacre_hd_timer *timer);
    uint64_t due_ms;
    struct nacre_hd_timer *prev, *next;
    bool set;
};

/* What is freed only after the events at hand: one of them may still point to it. */
struct nacre_hd_grave {
    void (*release)(struct nacre_hd_grave *grave);
    struct nacre_hd_grave *next;
};

struct nacre_hd_loop {
    int epoll;
    uint64_t now_ms; /* monotonic, as of the last wake-up */
    bool stop;
    struct nacre_hd_timer *timers;
    struct nacre_hd_grave *graves;
};

#define NACRE_HD_OF(PTR, TYPE, MEMBER) ((TYPE *)(void *)((char *)(PTR)-offsetof(TYPE, MEMBER)))

/* 0 or negative errno. */
int nacre_hd_loop_init(struct nacre_hd_loop *loop);
void nacre_hd_loop_close(struct nacre_hd_loop *loop);

/* Add a descriptor. 0 or negative errno. Closing the descriptor removes it. */
int nacre_hd_watch_add(struct nacre_hd_loop *loop, int fd, uint32_t events, struct nacre_hd_watch *watch);
int nacre_hd_watch_change(struct nacre_hd_loop *loop, int fd, uint32_t events, struct nacre_hd_watch *watch);
void nacre_hd_watch_remove(struct nacre_hd_loop *loop, int fd);

/* (Re)sets a timer to fire in `ms`. */
void nacre_hd_timer_set(struct nacre_hd_loop *loop, struct nacre_hd_timer *timer, uint64_t ms);
void nacre_hd_timer_clear(struct nacre_hd_loop *loop, struct nacre_hd_timer *timer);

/* Calls grave->release once the events at hand are done. */
void nacre_hd_bury(struct nacre_hd_loop *loop, struct nacre_hd_grave *grave);

/* Runs until `stop` is set. 0 or negative errno. */
int nacre_hd_loop_run(struct nacre_hd_loop *loop);

#endif
