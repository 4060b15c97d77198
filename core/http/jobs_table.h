/* jobs_table.h - the records of the table, for the files that implement jobs.h. All with the lock held. */
#ifndef NACRE_HTTP_JOBS_TABLE_H
#define NACRE_HTTP_JOBS_TABLE_H

#include "jobs.h"

void nacre_jobs_lock(struct nacre_jobs *jobs);
void nacre_jobs_unlock(struct nacre_jobs *jobs);

bool nacre_job_has_ended(const struct nacre_job *job);

/* The job with this id that is not forgotten, or NULL. */
struct nacre_job *nacre_jobs_find(struct nacre_jobs *jobs, const uint8_t id[NACRE_JOB_ID]);

/* Moves the job from one count to the other. */
void nacre_job_set_state(struct nacre_jobs *jobs, struct nacre_job *job, enum nacre_job_state state);

/* Wipes and frees what a job holds. */
void nacre_job_drop_request(struct nacre_jobs *jobs, struct nacre_job *job);
void nacre_job_free(struct nacre_jobs *jobs, struct nacre_job *job);

/*
 * Forgets ended jobs but for_job, the oldest first, until `len` more bytes and `more` more ended jobs fit. False when
 * the requests that wait leave no room for the bytes; then nothing is forgotten.
 */
bool nacre_jobs_make_room(struct nacre_jobs *jobs, const struct nacre_job *for_job, size_t len,
                          uint64_t more);

/* Is found no longer. The record goes as soon as no lane works with it. */
void nacre_job_forget(struct nacre_jobs *jobs, struct nacre_job *job);

/* No lane works with it any more. */
void nacre_job_let_go(struct nacre_jobs *jobs, struct nacre_job *job);

#endif
