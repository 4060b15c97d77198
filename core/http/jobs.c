#include "jobs.h"

#include "common/bcs.h"
#include "errors.h"
#include "jobs_table.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

int nacre_jobs_init(struct nacre_jobs *jobs, const struct nacre_config *config)
{
    memset(jobs, 0, sizeof *jobs);
    jobs->config = config;
    jobs->cap = (uint32_t)(config->jobs_concurrent + config->jobs_queue + config->jobs_keep_count + 1);
    int err = -pthread_mutex_init(&jobs->lock, NULL);
    if (err)
        return err;
    jobs->at = calloc(jobs->cap, sizeof *jobs->at);
    return jobs->at ? 0 : -ENOMEM;
}

void nacre_jobs_free(struct nacre_jobs *jobs)
{
    if (!jobs->config)
        return;
    for (uint32_t i = 0; jobs->at && i < jobs->cap; i++)
        if (jobs->at[i].used)
            nacre_job_free(jobs, &jobs->at[i]);
    free(jobs->at);
    (void)pthread_mutex_destroy(&jobs->lock);
    memset(jobs, 0, sizeof *jobs);
}

/* The oldest job of the kind that `is` accepts. */
static struct nacre_job *oldest(struct nacre_jobs *jobs, bool (*is)(const struct nacre_job *))
{
    struct nacre_job *found = NULL;
    for (uint32_t i = 0; i < jobs->cap; i++) {
        struct nacre_job *job = &jobs->at[i];
        if (job->used && !job->forgotten && is(job) && (!found || job->number < found->number))
            found = job;
    }
    return found;
}

static bool is_queued(const struct nacre_job *job)
{
    return job->state == NACRE_JOB_QUEUED;
}

static uint64_t waiting(const struct nacre_jobs *jobs)
{
    return jobs->n_state[NACRE_JOB_QUEUED] + jobs->n_in_app;
}

static bool is_full(const struct nacre_jobs *jobs)
{
    return waiting(jobs) >= jobs->config->jobs_concurrent + jobs->config->jobs_queue;
}

bool nacre_jobs_full(struct nacre_jobs *jobs)
{
    nacre_jobs_lock(jobs);
    bool full = is_full(jobs);
    jobs->n_refused += full;
    nacre_jobs_unlock(jobs);
    return full;
}

uint64_t nacre_jobs_waiting(struct nacre_jobs *jobs)
{
    nacre_jobs_lock(jobs);
    uint64_t n = waiting(jobs);
    nacre_jobs_unlock(jobs);
    return n;
}

static struct nacre_job *free_place(struct nacre_jobs *jobs)
{
    for (uint32_t i = 0; i < jobs->cap; i++)
        if (!jobs->at[i].used)
            return &jobs->at[i];
    return NULL;
}

static void fill(struct nacre_jobs *jobs, struct nacre_job *job, const struct nacre_job_order *order,
                 uint8_t *request, uint64_t now_ns)
{
    *job = (struct nacre_job){.used = true,
                              .number = ++jobs->last_number,
                              .route = order->route,
                              .added_ns = now_ns,
                              .request = request,
                              .request_len = order->params_len + order->body_len,
                              .params_len = (uint32_t)order->params_len,
                              .sealed = order->sealed};
    randombytes_buf(job->id, sizeof job->id);
    jobs->bytes += job->request_len;
    jobs->request_bytes += job->request_len;
    jobs->n_state[NACRE_JOB_QUEUED]++;
    (void)atomic_fetch_add(&jobs->n_used, 1);
}

/* May a request of that length wait? Answers would find no place beside more than half of the bytes. */
static int judge(const struct nacre_jobs *jobs, const struct nacre_job *place, size_t len)
{
    const uint64_t most = jobs->config->jobs_keep_bytes / 2;
    return is_full(jobs) || !place            ? -EAGAIN
           : len > most                       ? -EMSGSIZE
           : jobs->request_bytes + len > most ? -ENOSPC
                                              : 0;
}

int nacre_jobs_add(struct nacre_jobs *jobs, const struct nacre_job_order *order, uint64_t now_ns,
                   uint8_t id[NACRE_JOB_ID])
{
    size_t len = order->params_len + order->body_len;
    uint8_t *request = malloc(len + 1);
    if (!request)
        return -ENOMEM;
    if (order->params_len)
        memcpy(request, order->params, order->params_len);
    if (order->body_len)
        memcpy(request + order->params_len, order->body, order->body_len);
    nacre_jobs_lock(jobs);
    struct nacre_job *job = free_place(jobs);
    int err = judge(jobs, job, len);
    if (err) {
        jobs->n_refused++;
    } else {
        (void)nacre_jobs_make_room(jobs, NULL, len, 0); /* what judge() lets pass fits */
        fill(jobs, job, order, request, now_ns);
        memcpy(id, job->id, NACRE_JOB_ID);
    }
    nacre_jobs_unlock(jobs);
    if (err) {
        sodium_memzero(request, len);
        free(request);
    }
    return err;
}

struct nacre_job *nacre_jobs_next(struct nacre_jobs *jobs, uint64_t now_ns)
{
    if (atomic_load(&jobs->n_used) == 0)
        return NULL;
    nacre_jobs_lock(jobs);
    struct nacre_job *job = jobs->n_in_app < jobs->config->jobs_concurrent ? oldest(jobs, is_queued) : NULL;
    if (job) {
        nacre_job_set_state(jobs, job, NACRE_JOB_RUNNING);
        job->in_app = true;
        job->started_ns = now_ns;
        jobs->n_in_app++;
    }
    nacre_jobs_unlock(jobs);
    return job;
}

void nacre_jobs_sent(struct nacre_jobs *jobs, struct nacre_job *job, uint64_t request_id)
{
    nacre_jobs_lock(jobs);
    nacre_job_drop_request(jobs, job);
    job->request_id = request_id;
    nacre_jobs_unlock(jobs);
}

void nacre_jobs_back(struct nacre_jobs *jobs, struct nacre_job *job)
{
    nacre_jobs_lock(jobs);
    if (job->state == NACRE_JOB_RUNNING) {
        nacre_job_set_state(jobs, job, NACRE_JOB_QUEUED);
        job->started_ns = 0;
    } else {
        nacre_job_drop_request(jobs, job);
    }
    nacre_job_let_go(jobs, job);
    nacre_jobs_unlock(jobs);
}

/* Bytes of text[0..len) without the beginning of a character whose end was cut off. */
static size_t whole_characters(const uint8_t *text, size_t len)
{
    for (size_t cut = 0; cut < 4 && cut < len; cut++)
        if (nacre_utf8_valid(text, len - cut))
            return len - cut;
    return len;
}

void nacre_jobs_progress(struct nacre_jobs *jobs, struct nacre_job *job, uint32_t permille,
                         const uint8_t *text, size_t len)
{
    nacre_jobs_lock(jobs);
    if (job->sealed) /* whoever polls may read it, and it may tell of what was sealed */
        len = 0;
    size_t n = len < sizeof job->message ? len : whole_characters(text, sizeof job->message);
    job->permille = permille > 1000 ? 1000 : permille;
    if (n)
        memcpy(job->message, text, n);
    nacre_error_clean((uint8_t *)job->message, n);
    job->message_len = (uint32_t)n;
    nacre_jobs_unlock(jobs);
}
