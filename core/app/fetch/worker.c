#include "worker.h"

#include "memory.h"

#include <common/frame.h>

#define IDLE_CONNECTIONS 8L

static _Thread_local struct fetch_worker *mine;

static void destroy(struct fetch_worker *worker)
{
    curl_easy_cleanup(worker->easy);
    if (worker->multi)
        (void)curl_multi_cleanup(worker->multi);
    fetch_free(worker);
}

struct fetch_worker *fetch_worker_get(void)
{
    if (mine)
        return mine;
    struct fetch_worker *worker = fetch_calloc(1, sizeof *worker);
    if (!worker)
        return NULL;
    worker->multi = curl_multi_init();
    worker->easy = curl_easy_init();
    if (!worker->multi || !worker->easy ||
        curl_multi_setopt(worker->multi, CURLMOPT_MAXCONNECTS, IDLE_CONNECTIONS) != CURLM_OK) {
        destroy(worker);
        return NULL;
    }
    mine = worker;
    return worker;
}

void fetch_worker_end(void)
{
    if (mine)
        destroy(mine);
    mine = NULL;
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

static int wait_ms(uint64_t deadline_ns)
{
    uint64_t now = nacre_monotonic_ns();
    if (now >= deadline_ns)
        return 0;
    uint64_t ms = (deadline_ns - now) / 1000000u + 1;
    return ms > 60000u ? 60000 : (int)ms;
}

CURLcode fetch_worker_run(struct fetch_worker *worker, uint64_t deadline_ns)
{
    int running = 1, ms;
    if (curl_multi_add_handle(worker->multi, worker->easy) != CURLM_OK)
        return CURLE_FAILED_INIT;
    worker->busy = true;
    while (curl_multi_perform(worker->multi, &running) == CURLM_OK) {
        if (!running)
            return result_of(worker);
        if (!(ms = wait_ms(deadline_ns)))
            return CURLE_OPERATION_TIMEDOUT;
        if (curl_multi_poll(worker->multi, NULL, 0, ms, NULL) != CURLM_OK)
            break;
    }
    return CURLE_FAILED_INIT;
}

void fetch_worker_finish(struct fetch_worker *worker)
{
    if (worker->busy)
        (void)curl_multi_remove_handle(worker->multi, worker->easy);
    worker->busy = false;
    curl_easy_reset(worker->easy);
}
