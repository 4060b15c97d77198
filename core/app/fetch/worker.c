#include "worker.h"

#include "memory.h"

#include <common/frame.h>
#include <pthread.h>

#define IDLE_CONNECTIONS 8L
#define LOOK_AGAIN_MS    50
#define SESSIONS_NS      600000000000ull /* a server's certificate is looked at again after this, at the latest */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct fetch_worker *resting; /* the one used last comes first */

/* What the thread holds. Not _Thread_local: the leak checker of gcc 12 reads wrong addresses for that in a module
 * loaded at run time. */
static pthread_key_t mine;

static bool misses_ends; /* see look_again() */

static void destroy(struct fetch_worker *worker)
{
    curl_easy_cleanup(worker->easy);
    if (worker->multi)
        (void)curl_multi_cleanup(worker->multi);
    fetch_free(worker);
}

int fetch_workers_init(void)
{
    misses_ends = curl_version_info(CURLVERSION_NOW)->version_num < 0x080000;
    return -pthread_key_create(&mine, NULL);
}

/* Takes the worker at *at out of the list. */
static struct fetch_worker *take(struct fetch_worker **at)
{
    struct fetch_worker *worker = *at;
    if (worker)
        *at = worker->next;
    return worker;
}

void fetch_workers_stop(void)
{
    struct fetch_worker *worker;
    while ((worker = take(&resting)))
        destroy(worker);
    (void)pthread_key_delete(mine);
}

static struct fetch_worker *make(void)
{
    struct fetch_worker *worker = fetch_calloc(1, sizeof *worker);
    if (!worker)
        return NULL;
    worker->multi = curl_multi_init();
    if (worker->multi && curl_multi_setopt(worker->multi, CURLMOPT_MAXCONNECTS, IDLE_CONNECTIONS) == CURLM_OK)
        return worker;
    destroy(worker);
    return NULL;
}

static struct fetch_worker *find(uint64_t endpoint)
{
    struct fetch_worker **at = &resting;
    (void)pthread_mutex_lock(&lock);
    while (*at && !((*at)->endpoints & endpoint))
        at = &(*at)->next;
    struct fetch_worker *worker = take(*at ? at : &resting);
    (void)pthread_mutex_unlock(&lock);
    return worker;
}

/* A handle goes with its TLS sessions: a resumed one does not show its certificate, so none may live on by being used. */
static bool need_handle(struct fetch_worker *worker)
{
    uint64_t now = nacre_monotonic_ns();
    if (worker->easy && now - worker->easy_since_ns < SESSIONS_NS)
        return true;
    curl_easy_cleanup(worker->easy);
    worker->easy = curl_easy_init();
    worker->easy_since_ns = now;
    return worker->easy != NULL;
}

struct fetch_worker *fetch_worker_get(uint32_t endpoint)
{
    const uint64_t bit = endpoint < 64 ? 1ull << endpoint : 0;
    struct fetch_worker *worker = find(bit);
    if (!worker)
        worker = make();
    if (!worker)
        return NULL;
    if (!need_handle(worker) || pthread_setspecific(mine, worker) != 0) {
        destroy(worker);
        return NULL;
    }
    worker->endpoints |= bit;
    return worker;
}

bool fetch_worker_held(void)
{
    return pthread_getspecific(mine) != NULL;
}

void fetch_worker_end(void)
{
    (void)pthread_mutex_lock(&lock);
    struct fetch_worker *worker = take(&resting);
    (void)pthread_mutex_unlock(&lock);
    if (worker)
        destroy(worker);
}

/* The result of the one transfer there is. */
static CURLcode result_of(struct fetch_worker *worker)
{
    int left = 0;
    const CURLMsg *msg;
    while ((msg = curl_multi_info_read(worker->multi, &left))) {
        if (msg->msg == CURLMSG_DONE && msg->easy_handle == worker->easy)
            return msg->data.result;
    }
    return CURLE_FAILED_INIT;
}

/*
 * libcurl before 8.0 can miss that an HTTP/2 stream has ended, when that came along with other frames: nothing more
 * arrives then, and it would wait for ever. To pause and go on has it look at what it has read already.
 */
static void look_again(struct fetch_worker *worker)
{
    if (worker->sent && misses_ends) {
        (void)curl_easy_pause(worker->easy, CURLPAUSE_RECV);
        (void)curl_easy_pause(worker->easy, CURLPAUSE_CONT);
    }
}

static int wait_ms(uint64_t deadline_ns)
{
    uint64_t now = nacre_monotonic_ns();
    if (now >= deadline_ns)
        return 0;
    uint64_t ms = (deadline_ns - now) / 1000000u + 1;
    return ms > LOOK_AGAIN_MS ? LOOK_AGAIN_MS : (int)ms;
}

CURLcode fetch_worker_run(struct fetch_worker *worker, const struct nacre_fetch_env *env,
                          uint64_t deadline_ns)
{
    int running = 1, ms, ready = 0;
    if (curl_multi_add_handle(worker->multi, worker->easy) != CURLM_OK)
        return CURLE_FAILED_INIT;
    worker->running = true;
    worker->sent = worker->opened = false;
    while (curl_multi_perform(worker->multi, &running) == CURLM_OK) {
        if (!running)
            return result_of(worker);
        if (!(ms = wait_ms(deadline_ns)) || env->remaining_ms(env->ctx) == 0)
            return CURLE_OPERATION_TIMEDOUT;
        if (worker
                ->opened) /* it stands already, and libcurl before 8.0 waits for nothing that would tell it so */
            ms = 0;
        worker->opened = false;
        if (curl_multi_poll(worker->multi, NULL, 0, ms, &ready) != CURLM_OK)
            break;
        if (!ready)
            look_again(worker);
    }
    return CURLE_FAILED_INIT;
}

void fetch_worker_finish(struct fetch_worker *worker)
{
    if (worker->running)
        (void)curl_multi_remove_handle(worker->multi, worker->easy);
    worker->running = false;
    curl_easy_reset(worker->easy);
    (void)pthread_setspecific(mine, NULL);
    (void)pthread_mutex_lock(&lock);
    worker->next = resting;
    resting = worker;
    (void)pthread_mutex_unlock(&lock);
}
