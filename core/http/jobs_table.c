#include "jobs_table.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

void nacre_jobs_lock(struct nacre_jobs *jobs)
{
    (void)pthread_mutex_lock(&jobs->lock);
}

void nacre_jobs_unlock(struct nacre_jobs *jobs)
{
    (void)pthread_mutex_unlock(&jobs->lock);
}

bool nacre_job_has_ended(const struct nacre_job *job)
{
    return job->state >= NACRE_JOB_DONE;
}

void nacre_job_drop_request(struct nacre_jobs *jobs, struct nacre_job *job)
{
    if (!job->request)
        return;
    sodium_memzero(job->request, job->request_len);
    free(job->request);
    job->request = NULL;
    jobs->bytes -= job->request_len;
    jobs->request_bytes -= job->request_len;
}

static void drop_document(struct nacre_jobs *jobs, struct nacre_job *job)
{
    if (job->document)
        jobs->bytes -= job->document->len;
    nacre_text_drop(job->document);
    job->document = NULL;
}

void nacre_job_free(struct nacre_jobs *jobs, struct nacre_job *job)
{
    nacre_job_drop_request(jobs, job);
    drop_document(jobs, job);
    sodium_memzero(job, sizeof *job);
    (void)atomic_fetch_sub(&jobs->n_used, 1);
}

void nacre_job_forget(struct nacre_jobs *jobs, struct nacre_job *job)
{
    jobs->n_state[job->state]--;
    job->forgotten = true;
    drop_document(jobs, job);
    if (!job->in_app)
        nacre_job_free(jobs, job);
}

void nacre_job_set_state(struct nacre_jobs *jobs, struct nacre_job *job, enum nacre_job_state state)
{
    jobs->n_state[job->state]--;
    jobs->n_state[state]++;
    job->state = state;
    if (nacre_job_has_ended(job))
        jobs->n_ended[state]++;
}

/* Compares with all, and each in the same time: nothing can be learned from how long a guess takes. */
struct nacre_job *nacre_jobs_find(struct nacre_jobs *jobs, const uint8_t id[NACRE_JOB_ID])
{
    struct nacre_job *found = NULL;
    for (uint32_t i = 0; i < jobs->cap; i++) {
        struct nacre_job *job = &jobs->at[i];
        if (job->used && !job->forgotten && sodium_memcmp(job->id, id, NACRE_JOB_ID) == 0)
            found = job;
    }
    return found;
}

void nacre_job_let_go(struct nacre_jobs *jobs, struct nacre_job *job)
{
    job->in_app = false;
    jobs->n_in_app--;
    if (job->forgotten)
        nacre_job_free(jobs, job);
}
