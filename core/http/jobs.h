/*
 * jobs.h - requests that nobody waits for on a connection: accepted with 202, queued, run a few at a time, their answers
 * kept for a while. One table for all lanes, under a lock; bounded in number and bytes. It knows nothing of sockets:
 * job_run.h moves jobs between it and the app.
 *
 * A job has an id of 128 random bits. Whoever has it may look at the job and cancel it, nobody else.
 */
#ifndef NACRE_HTTP_JOBS_H
#define NACRE_HTTP_JOBS_H

#include "common/config.h"
#include "common/frame.h"
#include "common/json_write.h"
#include "text.h"

#include <pthread.h>
#include <stdatomic.h>

#define NACRE_JOB_ID      16u /* bytes */
#define NACRE_JOB_ID_TEXT 33u /* hex digits and a terminator */

enum nacre_job_state {
    NACRE_JOB_QUEUED,
    NACRE_JOB_RUNNING,
    NACRE_JOB_DONE,      /* its answer was signed */
    NACRE_JOB_FAILED,    /* it was answered with an error */
    NACRE_JOB_CANCELLED, /* by DELETE; the app may still be at it */
    NACRE_JOB_STATES,
};

struct nacre_job {
    bool used;
    bool in_app;    /* between next() and end() or back(): a lane works with it */
    bool forgotten; /* no longer to be found; waits for the app to let go of it */
    enum nacre_job_state state;
    uint8_t id[NACRE_JOB_ID];
    uint64_t number; /* in the order of arrival */
    uint32_t route;
    uint64_t request_id; /* as in the log and in the ticket; 0 before it runs */
    uint64_t added_ns, started_ns, ended_ns;
    uint32_t permille;
    uint32_t message_len;
    char message[NACRE_PROGRESS_TEXT];
    uint8_t *request; /* path parameters, then body; NULL once the app has it */
    size_t request_len;
    uint32_t params_len;
    bool sealed;                 /* the request is an envelope: its progress is shown without text */
    bool seals_answer;           /* what end() is given is a sealed answer; of the lane that ends it */
    bool answer_sealed;          /* once ended */
    struct nacre_text *document; /* once ended: what GET answers, then a sealed answer */
    size_t document_len, answer_at, answer_len;
    uint32_t status;
};

struct nacre_jobs {
    const struct nacre_config *config;
    _Atomic uint32_t n_used; /* records in use; read without the lock */
    pthread_mutex_t lock;    /* over all below */
    struct nacre_job *at;
    uint32_t cap;
    uint32_t n_in_app;
    uint64_t bytes;         /* of requests and documents */
    uint64_t request_bytes; /* of these, those of requests: at most half of keep_bytes */
    uint64_t last_number;
    uint64_t n_state[NACRE_JOB_STATES]; /* to be found now */
    uint64_t n_ended[NACRE_JOB_STATES]; /* ever, of the states that end a job */
    uint64_t n_refused;
};

/* 0 or a negative errno. Free with nacre_jobs_free(), which accepts a zeroed struct. config must outlive it. */
int nacre_jobs_init(struct nacre_jobs *jobs, const struct nacre_config *config);
void nacre_jobs_free(struct nacre_jobs *jobs);

void nacre_job_id_text(char out[NACRE_JOB_ID_TEXT], const uint8_t id[NACRE_JOB_ID]);
bool nacre_job_id_parse(uint8_t id[NACRE_JOB_ID], const char *text, size_t len);

/* What is said of the request that was to become a job. */
struct nacre_job_order {
    uint32_t route;
    const void *params, *body; /* copied */
    size_t params_len, body_len;
    bool sealed; /* params begin with a pass, see seal.h */
};

/*
 * nacre_jobs_add - queues a job and fills id; the oldest answers make room for its request. 0; -EAGAIN when the queue is
 * full, -EMSGSIZE for a request that never fits, -ENOSPC for one that does not beside those that wait, or -ENOMEM.
 */
int nacre_jobs_add(struct nacre_jobs *jobs, const struct nacre_job_order *order, uint64_t now_ns,
                   uint8_t id[NACRE_JOB_ID]);

/* Would add() say -EAGAIN? Counts a refusal then. */
bool nacre_jobs_full(struct nacre_jobs *jobs);

/* How many run or wait, and how many may: for the text of a refusal. */
uint64_t nacre_jobs_waiting(struct nacre_jobs *jobs);

/*
 * nacre_jobs_next - the job whose turn it is, marked as running, or NULL. It stays the caller's until end() or back().
 * The caller reads its request, route and params_len; everything else may change under it.
 */
struct nacre_job *nacre_jobs_next(struct nacre_jobs *jobs, uint64_t now_ns);

/* The app has it, under this request id: its request is wiped. Or it could not be sent, and waits again, first in line. */
void nacre_jobs_sent(struct nacre_jobs *jobs, struct nacre_job *job, uint64_t request_id);
void nacre_jobs_back(struct nacre_jobs *jobs, struct nacre_job *job);

/* What the app says of a running job. Text that is no UTF-8 is made plain. */
void nacre_jobs_progress(struct nacre_jobs *jobs, struct nacre_job *job, uint32_t permille,
                         const uint8_t *text, size_t len);

/*
 * nacre_jobs_end - a job that next() gave has come to its end: status 200 and the signed JSON, or an error status and
 * {"error":"..."}. Copied. Nothing is kept for one that was cancelled meanwhile. Returns the state it ended in.
 */
enum nacre_job_state nacre_jobs_end(struct nacre_jobs *jobs, struct nacre_job *job, uint64_t now_ns,
                                    uint32_t status, const char *answer, size_t len);

/* What get() and cancel() find. */
struct nacre_job_view {
    bool found;
    enum nacre_job_state state;
    uint32_t status;             /* once ended: of the answer */
    struct nacre_text *document; /* once ended: held for the caller, see text.h */
    size_t document_len, answer_at, answer_len;
    bool answer_sealed;
    uint64_t cancel_id; /* cancel(): the request that the app is to be told about; 0: none */
};

/* Looks at a job. One that has not ended is written to *out. */
struct nacre_job_view nacre_jobs_get(struct nacre_jobs *jobs, const uint8_t id[NACRE_JOB_ID], uint64_t now_ns,
                                     struct nacre_json_out *out);

/* Cancels a job that waits or runs. One that has ended is forgotten. */
struct nacre_job_view nacre_jobs_cancel(struct nacre_jobs *jobs, const uint8_t id[NACRE_JOB_ID],
                                        uint64_t now_ns);

/* Forgets what was kept for long enough. Fills the request ids of cancelled jobs that the app is still at; returns how many. */
uint32_t nacre_jobs_sweep(struct nacre_jobs *jobs, uint64_t now_ns, uint64_t *cancelled, uint32_t cap);

/* n_state, n_ended and n_refused as they are now. */
void nacre_jobs_count(struct nacre_jobs *jobs, uint64_t now[NACRE_JOB_STATES],
                      uint64_t ended[NACRE_JOB_STATES], uint64_t *refused);

const char *nacre_job_state_name(enum nacre_job_state state);

#endif
