/*
 * worker.h - what a thread keeps between exchanges: one libcurl handle and its idle connections. Nothing is shared
 * between threads.
 */
#ifndef NACRE_FETCH_WORKER_H
#define NACRE_FETCH_WORKER_H

#include <app/fetch.h>

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

struct fetch_worker {
    CURLM *multi; /* owns the connections */
    CURL *easy;
    bool busy; /* an exchange is under way */
    bool sent; /* a request is on its way; set by the exchange */
};

/* Before the first and after the last use, in one thread. 0 or a negative errno. */
int fetch_workers_init(void);
void fetch_workers_stop(void);

/* The calling thread's, made at its first use; NULL when memory is out. */
struct fetch_worker *fetch_worker_get(void);

/* Closes and frees the calling thread's, if there is one; a thread that ends does it by itself. */
void fetch_worker_end(void);

/*
 * fetch_worker_run - does what the handle is set to, until it is done, or `deadline_ns` (CLOCK_MONOTONIC) has passed, or
 * by env->remaining_ms() nobody waits any more. The handle's results can be read until fetch_worker_finish(), which must follow.
 */
CURLcode fetch_worker_run(struct fetch_worker *worker, const struct nacre_fetch_env *env,
                          uint64_t deadline_ns);
void fetch_worker_finish(struct fetch_worker *worker);

#endif
