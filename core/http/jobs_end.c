/* How jobs end, and what is kept of them for how long. */
#include "jobs_table.h"

#include "job_document.h"

#include <string.h>

#define NS_PER_S 1000000000ull

/* Could it be kept, were nothing else? */
static bool fits(const struct nacre_jobs *jobs, size_t len)
{
    return jobs->request_bytes + len <= jobs->config->jobs_keep_bytes;
}

bool nacre_jobs_make_room(struct nacre_jobs *jobs, const struct nacre_job *for_job, size_t len, uint64_t more)
{
    const struct nacre_config *c = jobs->config;
    while (fits(jobs, len)) {
        uint64_t n = 0;
        for (unsigned s = NACRE_JOB_DONE; s < NACRE_JOB_STATES; s++)
            n += jobs->n_state[s];
        if (n + more <= c->jobs_keep_count && jobs->bytes + len <= c->jobs_keep_bytes)
            return true;
        struct nacre_job *old = NULL;
        for (uint32_t i = 0; i < jobs->cap; i++) {
            struct nacre_job *job = &jobs->at[i];
            if (job->used && !job->forgotten && job != for_job && nacre_job_has_ended(job) &&
                (!old || job->ended_ns < old->ended_ns))
                old = job;
        }
        if (!old)
            break;
        nacre_job_forget(jobs, old);
    }
    return false;
}

/* The job ends with this document, which becomes the table's; NULL, and it is forgotten. */
static void keep(struct nacre_jobs *jobs, struct nacre_job *job, const struct nacre_job_ending *ending,
                 struct nacre_text *document)
{
    job->ended_ns = ending->ended_ns;
    job->status = ending->status;
    if (document && !nacre_jobs_make_room(jobs, job, document->len, 1)) {
        nacre_text_drop(document);
        document = NULL;
    }
    nacre_job_set_state(jobs, job, ending->state);
    if (!document) {
        nacre_job_forget(jobs, job);
        return;
    }
    job->document = document;
    jobs->bytes += document->len;
    job->answer_sealed = ending->sealed;
    job->answer_len = ending->len;
    job->answer_at = document->len - (ending->sealed ? 0 : 1) - ending->len;
    job->document_len = ending->sealed ? job->answer_at : document->len;
}

static struct nacre_job_ending error_ending(enum nacre_job_state state, uint32_t status, const char *answer,
                                            uint64_t now_ns)
{
    return (struct nacre_job_ending){state, status, answer, strlen(answer), now_ns, false};
}

enum nacre_job_state nacre_jobs_end(struct nacre_jobs *jobs, struct nacre_job *job, uint64_t now_ns,
                                    uint32_t status, const char *answer, size_t len)
{
    struct nacre_job_ending ending = {
        status == 200 ? NACRE_JOB_DONE : NACRE_JOB_FAILED, status, answer, len, now_ns, job->seals_answer};
    /* not under the lock, for it may be long: what it says of the job changes in this lane only */
    struct nacre_text *document = nacre_job_document(jobs, job, &ending);
    nacre_jobs_lock(jobs);
    nacre_job_drop_request(jobs, job);
    if (!document || !fits(jobs, document->len)) {
        nacre_text_drop(document);
        ending =
            error_ending(NACRE_JOB_FAILED, 500,
                         "{\"error\":\"the answer is too large to be kept, see jobs.keep_bytes\"}", now_ns);
        document = nacre_job_document(jobs, job, &ending);
    }
    if (job->state == NACRE_JOB_RUNNING)
        keep(jobs, job, &ending, document);
    else
        nacre_text_drop(document);
    enum nacre_job_state state = job->state;
    nacre_job_let_go(jobs, job);
    nacre_jobs_unlock(jobs);
    return state;
}

static void view_ended(struct nacre_job_view *view, const struct nacre_job *job)
{
    view->status = job->status;
    view->document = nacre_text_hold(job->document);
    view->document_len = job->document_len;
    view->answer_sealed = job->answer_sealed;
    view->answer_at = job->answer_at;
    view->answer_len = job->answer_len;
}

struct nacre_job_view nacre_jobs_get(struct nacre_jobs *jobs, const uint8_t id[NACRE_JOB_ID], uint64_t now_ns,
                                     struct nacre_json_out *out)
{
    struct nacre_job_view view = {0};
    nacre_jobs_lock(jobs);
    const struct nacre_job *job = nacre_jobs_find(jobs, id);
    if (job) {
        view.found = true;
        view.state = job->state;
        if (nacre_job_has_ended(job))
            view_ended(&view, job);
        else
            nacre_job_write(out, jobs, job, now_ns);
    }
    nacre_jobs_unlock(jobs);
    return view;
}

static void cancel(struct nacre_jobs *jobs, struct nacre_job *job, uint64_t now_ns)
{
    const struct nacre_job_ending ending =
        error_ending(NACRE_JOB_CANCELLED, 410, "{\"error\":\"the job was cancelled\"}", now_ns);
    struct nacre_text *document = nacre_job_document(jobs, job, &ending);
    if (!job->in_app)
        nacre_job_drop_request(jobs, job);
    keep(jobs, job, &ending, document);
}

struct nacre_job_view nacre_jobs_cancel(struct nacre_jobs *jobs, const uint8_t id[NACRE_JOB_ID],
                                        uint64_t now_ns)
{
    struct nacre_job_view view = {0};
    nacre_jobs_lock(jobs);
    struct nacre_job *job = nacre_jobs_find(jobs, id);
    if (job) {
        view.found = true;
        bool ended = nacre_job_has_ended(job);
        if (!ended) {
            view.cancel_id = job->in_app ? job->request_id : 0;
            cancel(jobs, job, now_ns);
        }
        view.state = job->used ? job->state : NACRE_JOB_CANCELLED;
        if (job->used && job->document)
            view_ended(&view, job);
        if (ended)
            nacre_job_forget(jobs, job);
    }
    nacre_jobs_unlock(jobs);
    return view;
}

uint32_t nacre_jobs_sweep(struct nacre_jobs *jobs, uint64_t now_ns, uint64_t *cancelled, uint32_t cap)
{
    uint32_t n = 0;
    nacre_jobs_lock(jobs);
    for (uint32_t i = 0; i < jobs->cap; i++) {
        struct nacre_job *job = &jobs->at[i];
        if (!job->used)
            continue;
        if (job->in_app && job->state == NACRE_JOB_CANCELLED && job->request_id && n < cap)
            cancelled[n++] = job->request_id;
        if (!job->forgotten && nacre_job_has_ended(job) && now_ns > job->ended_ns &&
            now_ns - job->ended_ns >= jobs->config->jobs_keep_s * NS_PER_S)
            nacre_job_forget(jobs, job);
    }
    nacre_jobs_unlock(jobs);
    return n;
}

void nacre_jobs_count(struct nacre_jobs *jobs, uint64_t now[NACRE_JOB_STATES],
                      uint64_t ended[NACRE_JOB_STATES], uint64_t *refused)
{
    nacre_jobs_lock(jobs);
    memcpy(now, jobs->n_state, sizeof jobs->n_state);
    memcpy(ended, jobs->n_ended, sizeof jobs->n_ended);
    *refused = jobs->n_refused;
    nacre_jobs_unlock(jobs);
}
