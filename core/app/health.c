/* health.c - checks every allowed endpoint in the background and tells nacre-http, which shows it. */
#include "app.h"

#include <common/log.h>

#include <errno.h>
#include <stdlib.h>

struct checker {
    struct nacre_app *app;
    struct nacre_health_frame results[NACRE_ENDPOINTS_MAX]; /* checked_ns 0: not yet */
    uint64_t told;                                          /* generation of the pair that has all results */
};

static int env_connect(void *ctx, uint32_t endpoint, uint32_t timeout_ms)
{
    return nacre_ask_connect(&((struct nacre_app *)ctx)->pending, endpoint, timeout_ms);
}

static int32_t env_fail(void *ctx, int32_t status, const char *text)
{
    (void)ctx, (void)text;
    return status;
}

/* A check is given up when the process is to end. */
static uint64_t env_remaining_ms(void *ctx)
{
    struct nacre_app *app = ctx;
    return atomic_load(&app->stopping) ? 0 : app->manifest.config.egress_connect_ms;
}

static void send(struct nacre_lane_pair *pair, struct nacre_health_frame *result)
{
    result->head.type = NACRE_FRAME_HEALTH;
    /* a nacre-http that is gone asks its successor: it is told again */
    (void)nacre_frame_send(pair->request, result, NULL, 0, NULL, 0, NULL, 0);
}

/* A restarted nacre-http knows nothing: it is told what is known. */
static void tell_successor(struct checker *c)
{
    struct nacre_lane_pair *pair = nacre_lanes_first(&c->app->lanes);
    for (uint32_t i = 0; pair && pair->generation != c->told && i < c->app->manifest.n_allow; i++)
        if (c->results[i].checked_ns)
            send(pair, &c->results[i]);
    if (pair)
        c->told = pair->generation;
    nacre_lanes_release(pair);
}

static void check(struct checker *c, uint32_t endpoint)
{
    const struct nacre_fetch_env env = {c->app, env_connect, NULL, env_fail, env_remaining_ms};
    const struct nacre_endpoint_decl *e = &c->app->manifest.allow[endpoint];
    struct nacre_health_frame *result = &c->results[endpoint];
    char why[NACRE_WHY] = "";
    int err = c->app->fetch->check(&env, endpoint, (uint32_t)c->app->manifest.config.egress_connect_ms, why,
                                   sizeof why);
    if (atomic_load(&c->app->stopping))
        return;
    const bool changed = result->checked_ns == 0 || result->ok != (err == 0);
    result->endpoint = endpoint;
    result->ok = err == 0;
    result->checked_ns = nacre_monotonic_ns();
    if (changed && err)
        nacre_log_event(NACRE_LEVEL_WARN, "endpoint is not reachable", NLS("host", e->host),
                        NLI("port", e->port), NLS("why", why), NLI("error", -err));
    else if (changed)
        nacre_log_event(NACRE_LEVEL_INFO, "endpoint is reachable", NLS("host", e->host),
                        NLI("port", e->port));
    struct nacre_lane_pair *pair = nacre_lanes_first(&c->app->lanes);
    if (pair)
        send(pair, result);
    nacre_lanes_release(pair);
}

void *nacre_health_run(void *arg)
{
    struct nacre_app *app = arg;
    const uint64_t interval_ns = app->manifest.config.egress_check_interval_s * 1000000000u;
    struct checker *c = calloc(1, sizeof *c);
    uint64_t due = 0;
    if (c)
        c->app = app;
    while (c && !atomic_load(&app->stopping)) {
        const uint64_t now = nacre_monotonic_ns();
        tell_successor(c);
        for (uint32_t i = 0; now >= due && i < app->manifest.n_allow && !atomic_load(&app->stopping); i++)
            check(c, i);
        if (now >= due)
            due = now + interval_ns;
        (void)nacre_app_wait(app, 1000);
    }
    app->fetch->thread_end();
    free(c);
    nacre_app_health_ends(app);
    return NULL;
}
