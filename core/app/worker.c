#include "worker.h"

#include <common/log.h>

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int nacre_worker_init(struct nacre_worker *w, struct nacre_app *app, uint32_t index)
{
    *w = (struct nacre_worker){.app = app, .index = index};
    (void)pthread_mutex_init(&w->results_lock, NULL);
    w->response_cap = (size_t)app->manifest.config.app_response_bytes;
    void *response = mmap(NULL, w->response_cap, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (response == MAP_FAILED)
        return -ENOMEM;
    w->response = response;
    int err = nacre_scratch_init(&w->scratch, (size_t)app->manifest.config.app_scratch_bytes);
    if (!err)
        err = nacre_inbox_init(&w->inbox);
    if (!err)
        err = nacre_outbox_init(&w->results);
    if (err)
        nacre_worker_free(w);
    return err;
}

void nacre_worker_free(struct nacre_worker *w)
{
    if (w->response)
        (void)munmap(w->response, w->response_cap);
    nacre_scratch_free(&w->scratch);
    nacre_inbox_free(&w->inbox);
    nacre_outbox_free(&w->results);
    w->response = NULL;
}

/* Lock held. */
static void send_results(struct nacre_worker *w)
{
    int err = w->pair ? nacre_outbox_send(&w->results, w->pair->result) : 0;
    if (err)
        nacre_log_event(NACRE_LEVEL_ERROR, "results not sent", NLI("error", -err));
    /* nacred closes its end when this process ends, and then only: whoever shut it down, nothing is signed any more */
    if (err == -EPIPE && !atomic_load(&w->app->stopping))
        _exit(3);
    nacre_outbox_drop(&w->results);
}

void nacre_worker_send(struct nacre_worker *w)
{
    (void)pthread_mutex_lock(&w->results_lock);
    send_results(w);
    (void)pthread_mutex_unlock(&w->results_lock);
}

/* From here on its results go to this pair; NULL: to none. */
static void use_pair(struct nacre_worker *w, const struct nacre_lane_pair *pair)
{
    (void)pthread_mutex_lock(&w->results_lock);
    send_results(w);
    w->pair = pair;
    (void)pthread_mutex_unlock(&w->results_lock);
}

/* In the place of a worker that is in a long call: what others wait for must not wait for that. Main thread. */
static void relieve(struct nacre_worker *w)
{
    nacre_turn_give(w->turn, w);
    if (pthread_mutex_trylock(&w->results_lock) == 0) { /* else it is sending them itself */
        send_results(w);
        (void)pthread_mutex_unlock(&w->results_lock);
    }
}

void nacre_worker_step_aside(struct nacre_worker *w)
{
    if (!w)
        return;
    nacre_worker_send(w);
    nacre_turn_give(w->turn, w);
}

/*
 * The lane's next request into the worker's own inbox: the next of the message that came last, else one that is waited
 * for, and before anything is waited for, the results so far are sent. As nacre_frame_receive().
 */
static int next_request(struct nacre_worker *w, const struct nacre_lane_pair *pair)
{
    struct nacre_app_lane *lane = w->arrivals;
    int got = 0;
    if (pthread_mutex_trylock(&lane->lock) != 0) { /* its turn has just been taken away */
        nacre_worker_send(w);
        (void)pthread_mutex_lock(&lane->lock);
    }
    if (lane->generation < pair->generation) { /* what a nacre-http that is gone has asked */
        nacre_inbox_drop(&lane->inbox);
        lane->generation = pair->generation;
    }
    if (lane->generation == pair->generation) {
        if (!nacre_inbox_more(&lane->inbox))
            nacre_worker_send(w);
        got = nacre_frame_receive_packed(pair->request, &lane->inbox, NACRE_PAYLOAD_MAX, false);
        if (got == 1 || got == -ENOMEM)
            nacre_inbox_move(&w->inbox, &lane->inbox);
    }
    (void)pthread_mutex_unlock(&lane->lock);
    return got;
}

/*
 * Serves one pair of sockets for as long as it is this worker's turn. True when the request socket has ended. Nobody
 * waits for a turn with a pair in hand: that would keep the descriptors of a dead nacre-http open.
 */
static bool serve_pair(struct nacre_worker *w, const struct nacre_lane_pair *pair)
{
    bool complained = false;
    while (nacre_turn_is(w->turn, w)) {
        int got = next_request(w, pair);
        if (got == 1) {
            nacre_worker_serve(w, pair);
        } else if (got == -ENOMEM) {
            nacre_worker_refuse(w, pair);
        } else if (got == -EBADMSG) {
            if (!complained) /* once: who sends one of them can send a million */
                nacre_log_event(NACRE_LEVEL_WARN, "request message dropped", NLS("peer", "nacre-http"),
                                NLI("error", -got));
            complained = true;
        } else if (got != -EINTR) {
            return true;
        }
    }
    return false;
}

static void *run(void *arg)
{
    struct nacre_worker *w = arg;
    uint64_t stale = 0;
    for (;;) {
        nacre_turn_take(w->turn, w);
        struct nacre_lane_pair *pair = nacre_lanes_await(&w->app->lanes, w->index, stale);
        if (!pair)
            break;
        use_pair(w, pair);
        if (serve_pair(w, pair)) {
            stale = pair->generation;
            nacre_lanes_ended(&w->app->lanes, w->index, pair);
        }
        use_pair(w, NULL);
        nacre_lanes_release(pair);
    }
    nacre_turn_give(w->turn, w); /* the next one finds out for itself that it is over */
    if (w->app->fetch)
        w->app->fetch->thread_end();
    return NULL;
}

int nacre_workers_start(struct nacre_app *app)
{
    const uint32_t wanted = (uint32_t)app->manifest.config.app_workers;
    const uint32_t lanes = nacre_lanes_count(&app->lanes);
    /* no lane without a worker; and whichever lane the jobs come by, as many as run there leave all those to calls */
    const uint32_t n =
        (wanted < lanes ? lanes : wanted) + lanes * (uint32_t)app->manifest.config.jobs_concurrent;
    if (lanes == 0)
        return 0; /* stopped before there was anything to do */
    app->workers = calloc(n, sizeof *app->workers);
    if (!app->workers)
        return -ENOMEM;
    for (uint32_t i = 0; i < lanes; i++)
        if (nacre_inbox_init(&app->arrivals[i].inbox) < 0)
            return -ENOMEM;
    for (uint32_t i = 0; i < n; i++) {
        int err = nacre_worker_init(&app->workers[i], app, i);
        if (err)
            return err;
        app->workers[i].turn = &app->turns[i % lanes];
        app->workers[i].arrivals = &app->arrivals[i % lanes];
        err = pthread_create(&app->workers[i].thread, NULL, run, &app->workers[i]);
        if (err) {
            nacre_worker_free(&app->workers[i]);
            return -err;
        }
        app->n_workers++;
    }
    atomic_store_explicit(&app->n_ready, app->n_workers, memory_order_release);
    return 0;
}

void nacre_workers_join(struct nacre_app *app)
{
    for (uint32_t i = 0; i < app->n_workers; i++) {
        (void)pthread_join(app->workers[i].thread, NULL);
        nacre_worker_free(&app->workers[i]);
    }
    free(app->workers);
    app->workers = NULL;
    app->n_workers = 0;
    for (uint32_t i = 0; i < NACRE_LANES_MAX; i++)
        nacre_inbox_free(&app->arrivals[i].inbox);
}

/* Is this worker's call past its deadline for so long that it counts as stuck? Logs a late call once. */
static bool is_stuck(struct nacre_worker *w, uint64_t now_ns)
{
    const uint64_t until = atomic_load_explicit(&w->busy_until_ns, memory_order_acquire);
    const uint64_t id = atomic_load_explicit(&w->busy_id, memory_order_relaxed);
    if (until == 0 || now_ns <= until)
        return false;
    if (w->reported_id != id)
        nacre_log_event(NACRE_LEVEL_WARN, "handler is past its deadline",
                        NLS("req", nacre_request_hex(id).text), NLI("late_ms", (now_ns - until) / 1000000u));
    w->reported_id = id;
    return now_ns - until >= NACRE_STUCK_MS * (uint64_t)1000000;
}

void nacre_workers_cancel(struct nacre_app *app, uint64_t id)
{
    /* too early, and the message comes again */
    const uint32_t n = atomic_load_explicit(&app->n_ready, memory_order_acquire);
    for (uint32_t i = 0; i < n; i++) {
        struct nacre_worker *w = &app->workers[i];
        /* ids come but once: should that job have ended meanwhile, no other is mistaken for it */
        if (atomic_load_explicit(&w->busy_id, memory_order_relaxed) == id)
            atomic_store_explicit(&w->cancelled_id, id, memory_order_relaxed);
    }
}

bool nacre_workers_stuck(struct nacre_app *app, uint64_t now_ns)
{
    uint32_t workers[NACRE_LANES_MAX] = {0}, stuck[NACRE_LANES_MAX] = {0};
    const uint32_t lanes = nacre_lanes_count(&app->lanes);
    bool any = false;
    for (uint32_t i = 0; i < app->n_workers; i++) {
        const bool is = is_stuck(&app->workers[i], now_ns);
        workers[i % lanes]++;
        stuck[i % lanes] += is;
        any = any || (is && atomic_load_explicit(&app->workers[i].busy_job, memory_order_relaxed));
    }
    for (uint32_t i = 0; i < lanes; i++)
        any = any || (workers[i] > 0 && workers[i] == stuck[i]);
    return any;
}

bool nacre_workers_relieve(struct nacre_app *app, uint64_t now_ns)
{
    bool any = false;
    for (uint32_t i = 0; i < app->n_workers; i++) {
        struct nacre_worker *w = &app->workers[i];
        const uint64_t since = atomic_load(&w->busy_since_ns);
        any = any || since;
        if (since && now_ns > since && now_ns - since > NACRE_LONG_CALL_NS)
            relieve(w);
    }
    return any;
}
