/* watch.c - the first thread of nacre-app, while the others work: relieves long calls, and ends what only a new process mends. */
#include "app.h"
#include "limits.h"

#include <common/log.h>

#include <unistd.h>

#define WATCH_MS   1000u
#define TICK_MS    2u    /* how soon a worker that computes for long is relieved of its turn */
#define TICKS_IDLE 50u   /* ticks without a call until the watch dozes */
#define LANE_MS    5000u /* on top of the longest wait before nacre-http is started again */

_Noreturn static void give_up(const char *event, const char *what, uint64_t found, const char *most,
                              uint64_t allowed)
{
    nacre_log_event(NACRE_LEVEL_ERROR, event, NLI(what, found), NLI(most, allowed), NLS("action", "exit"));
    _exit(3);
}

/* What only a new process mends. */
static void look_after(struct nacre_app *app, const struct nacre_app_limits *limits, uint64_t now)
{
    const uint64_t patience_ms = app->manifest.config.restart_max_ms + LANE_MS;
    const uint64_t threads = nacre_app_threads(limits);
    if (nacre_workers_stuck(app, now))
        give_up("workers are stuck", "workers", app->n_workers, "past_deadline_ms", NACRE_STUCK_MS);
    if (threads > limits->threads)
        give_up("too many threads", "threads", threads, "limit", limits->threads);
    if (nacre_lanes_lost(&app->lanes, now, patience_ms * 1000000))
        give_up("a lane to nacre-http is lost", "lanes", nacre_lanes_count(&app->lanes), "waited_ms",
                patience_ms);
}

/* Until told to stop. Ends the process when a lane has nobody left who could serve it. */
void nacre_app_watch(struct nacre_app *app, const struct nacre_app_limits *limits)
{
    uint32_t idle = 0;
    uint64_t looked_ns = 0;
    while (!(atomic_load(&app->dozing) ? nacre_app_doze(app, WATCH_MS) : nacre_app_wait(app, TICK_MS))) {
        const uint64_t now = nacre_monotonic_ns();
        idle = nacre_workers_relieve(app, now) ? 0 : idle + 1;
        if (idle > TICKS_IDLE) {
            atomic_store(&app->dozing, true);
            if (nacre_workers_relieve(app, now)) /* a call began meanwhile and saw us awake */
                atomic_store(&app->dozing, false);
        }
        if (now - looked_ns < WATCH_MS * (uint64_t)1000000)
            continue;
        looked_ns = now;
        look_after(app, limits, now);
    }
}
