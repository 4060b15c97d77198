/* app.h - the one process-wide state of nacre-app, and what its files offer each other. */
#ifndef NACRE_APP_APP_H
#define NACRE_APP_APP_H

#include "clock.h"
#include "fetch.h"
#include "lanes.h"
#include "pending.h"
#include "secrets.h"
#include "turn.h"

#include <common/manifest.h>
#include <nacre/plugin.h>
#include <stdatomic.h>

#define NACRE_WHY 512u /* bytes of a reason for not starting, with its terminator */

struct nacre_worker;

/* What a request's route index leads to, from the plugin's own tables. */
struct nacre_app_route {
    const struct nacre_route_decl *decl; /* limits, time rule, from the manifest */
    const struct nacre_type *request, *response;
    nacre_handler handler;
    const struct nacre_field *params[NACRE_PATH_PARAMS]; /* in the order of the path */
    uint32_t n_params;
    bool needs_body;
};

/* What came on a lane and is not served yet: whoever has the turn takes the next of it. */
struct nacre_app_lane {
    pthread_mutex_t lock; /* held while receiving */
    struct nacre_inbox inbox;
    uint64_t generation; /* of the pair that `inbox` is from */
};

struct nacre_app {
    struct nacre_manifest manifest;
    const struct nacre_plugin *plugin;
    void *plugin_handle;
    struct nacre_app_route routes[NACRE_ROUTES_MAX];
    const struct nacre_fetch_module *fetch; /* NULL when nothing is on the allow list */
    uint8_t *ca_pem;
    size_t ca_len;
    struct nacre_secrets secrets;
    struct nacre_app_clock clock;
    struct nacre_lanes lanes;
    struct nacre_pending pending;
    uint8_t job_key[32];      /* of sealed requests that wait as jobs, see open.h */
    struct nacre_inbox inbox; /* of the control socket */
    struct nacre_worker *workers;
    uint32_t n_workers;
    atomic_uint
        n_ready; /* n_workers, once all of them are there: what other threads than the main one may look at */
    struct nacre_turn turns[NACRE_LANES_MAX]; /* of the lanes' workers */
    struct nacre_app_lane arrivals[NACRE_LANES_MAX];
    atomic_bool dozing;   /* the main thread watches once a second only, until a call begins */
    bool has_secrets;     /* the SECRETS frame has come; of the receiving thread */
    atomic_bool stopping; /* the STOP frame has come */
    pthread_mutex_t wake_lock;
    pthread_cond_t wake; /* signalled when stopping or health_ended is set; CLOCK_MONOTONIC */
    bool health_ended;   /* under wake_lock: the health thread has nothing more to do */
};

/* After the manifest has been read: locks, lanes, clock. */
void nacre_app_init(struct nacre_app *app);

/* Waits until stopping, at most `ms` milliseconds. Returns stopping. Any thread. */
bool nacre_app_wait(struct nacre_app *app, uint64_t ms);

/* The same, and no longer than `dozing` is set. Main thread. */
bool nacre_app_doze(struct nacre_app *app, uint64_t ms);

/* A call begins: ends the main thread's doze. Costs one atomic load when it is awake. */
void nacre_app_rouse(struct nacre_app *app);

/* The health thread says that it ends; the main thread waits for that, at most `ms` milliseconds. True: it has. */
void nacre_app_health_ends(struct nacre_app *app);
bool nacre_app_health_ended(struct nacre_app *app, uint64_t ms);

/* Sets stopping, ends receiving, wakes who waits. */
void nacre_app_stop(struct nacre_app *app);

/* ---- control.c: what nacred says -------------------------------------------------------------------------- */

/*
 * nacre_control_receive - one message from nacred, waited for and acted upon. Returns 1; 0 when nacred is gone; or a
 * negative errno with `why` when the start cannot go on (secrets). One thread at a time.
 */
int nacre_control_receive(struct nacre_app *app, char why[NACRE_WHY]);

/* The control thread; arg is the app. Ends the process when nacred is gone. */
void *nacre_control_run(void *arg);

/* READY, or FAILED with its text. 0 or a negative errno. */
int nacre_control_ready(void);
int nacre_control_failed(const char *why);

/* ---- routes.c ---------------------------------------------------------------------------------------------- */

/* Fills app->routes. Returns 0, or -EINVAL with `why`. */
int nacre_routes_build(struct nacre_app *app, char why[NACRE_WHY]);

/* ---- module.c ---------------------------------------------------------------------------------------------- */

/* Reads the CA bundle and loads the module when there is an allow list. 0, or a negative errno with `why`. */
int nacre_module_load(struct nacre_app *app, char why[NACRE_WHY]);

struct nacre_kms_module;

/* Loads the module that asks KMS; NULL with *err and `why`. */
const struct nacre_kms_module *nacre_module_kms(int *err, char why[NACRE_WHY]);

/* ---- worker.c ---------------------------------------------------------------------------------------------- */

/* Makes the workers and starts their threads, once the number of lanes is known. 0 or a negative errno. */
int nacre_workers_start(struct nacre_app *app);

/* After nacre_lanes_stop(): waits for all of them. */
void nacre_workers_join(struct nacre_app *app);

/* A job that nobody waits for any more: its handler sees that no time is left. Any thread. */
void nacre_workers_cancel(struct nacre_app *app, uint64_t id);

/*
 * Logs workers that are past their deadline; true when all of a lane have been for NACRE_STUCK_MS, or one with a job
 * has: jobs have places of their own, and one that never ends would keep one for ever.
 */
bool nacre_workers_stuck(struct nacre_app *app, uint64_t now_ns);

#define NACRE_STUCK_MS 10000u

/*
 * Takes the turn away from workers that have computed for more than NACRE_LONG_CALL_NS, so that calls behind theirs
 * are served by others. True when any worker is in a call. Main thread.
 */
bool nacre_workers_relieve(struct nacre_app *app, uint64_t now_ns);

#define NACRE_LONG_CALL_NS 1000000u

/* ---- health.c ---------------------------------------------------------------------------------------------- */

/* The thread that checks endpoints; arg is the app. */
void *nacre_health_run(void *arg);

#endif
