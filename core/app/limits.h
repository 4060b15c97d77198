/*
 * limits.h - how much memory, how many threads and descriptors the process with the plugin may have. Who takes more ends
 * this process at most: the others' memory is theirs, and the kernel's choice, should the machine run out, is this one.
 */
#ifndef NACRE_APP_LIMITS_H
#define NACRE_APP_LIMITS_H

#include <common/config.h>

#include <stdbool.h>

struct nacre_app_limits {
    uint64_t memory_bytes; /* private and writable, mapped; the workers' stacks and buffers are on top */
    uint64_t threads;      /* all together */
    uint64_t descriptors;
    bool by_kernel; /* the thread limit; else the watch counts, see nacre_app_threads() */
    int status;     /* /proc/self/stat, or -1 */
};

/* First of all, while /proc/self is still this process's own: it is the one to end when the machine's memory is out. */
int nacre_app_first_victim(void);

/* What the configuration asks for on this machine. */
void nacre_app_limits_of(struct nacre_app_limits *out, const struct nacre_config *config);

/* Sets them, for good, and logs them. Before the first filter. 0 or a negative errno. */
int nacre_app_limits_set(struct nacre_app_limits *limits, const struct nacre_config *config);

/* Threads that the process has; 0 when it cannot be told. */
uint64_t nacre_app_threads(const struct nacre_app_limits *limits);

struct nacre_app;

/* watch.c: until told to stop. Ends the process when a lane has nobody left who could serve it, or a limit is passed. */
void nacre_app_watch(struct nacre_app *app, const struct nacre_app_limits *limits);

#endif
