/*
 * worker.h - what is kept between exchanges: libcurl handles, each with its idle connections. An exchange has one for
 * itself, from fetch_worker_get() to fetch_worker_finish(); whoever needs one takes the one used last, so that few calls
 * keep few connections and those stay warm, whichever threads they come from.
 */
#ifndef NACRE_FETCH_WORKER_H
#define NACRE_FETCH_WORKER_H

#include <app/fetch.h>

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

#define FETCH_ANY_ENDPOINT UINT32_MAX

struct fetch_worker {
    CURLM *multi;              /* owns the connections */
    CURL *easy;                /* owns the TLS sessions that connections may resume */
    struct fetch_worker *next; /* of those at rest */
    uint64_t easy_since_ns;
    uint64_t endpoints; /* bits of the allow list: whom it has had a connection to */
    bool running;       /* the handle is in the multi handle */
    bool opened;        /* a connection was just handed over; set by the exchange */
    bool sent;          /* a request is on its way; set by the exchange */
};

/* Before the first and after the last use, in one thread. 0 or a negative errno. */
int fetch_workers_init(void);
void fetch_workers_stop(void);

/*
 * One for an exchange with an entry of the allow list: of those at rest the one used last that has had a connection to it,
 * else the one used last, else a new one. NULL when memory is out.
 */
struct fetch_worker *fetch_worker_get(uint32_t endpoint);

/* Does the calling thread have one already? A sink is called in the middle of an exchange. */
bool fetch_worker_held(void);

/* Frees one that is at rest, if there is one: a thread that used some has ended. */
void fetch_worker_end(void);

/*
 * fetch_worker_run - does what the handle is set to, until it is done, or `deadline_ns` (CLOCK_MONOTONIC) has passed, or
 * by env->remaining_ms() nobody waits any more. The handle's results can be read until fetch_worker_finish(), which must
 * follow fetch_worker_get() in the same thread in any case.
 */
CURLcode fetch_worker_run(struct fetch_worker *worker, const struct nacre_fetch_env *env,
                          uint64_t deadline_ns);
void fetch_worker_finish(struct fetch_worker *worker);

#endif
