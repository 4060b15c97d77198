/*
 * job_run.h - jobs on their way: accepted from a connection, given to the app by whichever lane has a place for them,
 * ended by that lane. A running job has a slot of its lane, as a waiting connection has, and that slot's deadline.
 */
#ifndef NACRE_HTTP_JOB_RUN_H
#define NACRE_HTTP_JOB_RUN_H

#include "lane.h"

/* Before the body is received: the refusal of a request that cannot become a job. */
struct nacre_refusal nacre_job_judge(const struct nacre_conn *conn);

/* Queues the request with this body; conn->job_id is its job's then. */
struct nacre_refusal nacre_job_submit(struct nacre_conn *conn, const uint8_t *body, size_t len);

/* A sealed request that the app has opened and given back in a form for itself: queued, and answered. */
void nacre_job_prepared(struct nacre_conn *conn, const uint8_t *body, size_t len);

/* The 202 for what submit() took. As nacre_reply(). */
bool nacre_job_accepted(struct nacre_conn *conn);

/* GET and DELETE /jobs/{id}, GET /jobs/{id}/answer. As nacre_reply(). */
bool nacre_job_show(struct nacre_conn *conn, bool answer_only);
bool nacre_job_delete(struct nacre_conn *conn);

/* What comes of a slot's job, which is released: the signed JSON in the lane's buffer, an error's text, or a refusal. */
void nacre_job_signed(struct nacre_lane *lane, struct nacre_slot *slot);
void nacre_job_failed(struct nacre_lane *lane, struct nacre_slot *slot, uint32_t status, const uint8_t *text,
                      size_t len);
void nacre_job_refused(struct nacre_lane *lane, struct nacre_slot *slot, struct nacre_refusal refusal);
void nacre_job_expired(struct nacre_lane *lane, struct nacre_slot *slot);

/* Once in every turn of the lane's loop: starts what may be started; lane 0 also forgets what is old. */
void nacre_jobs_run(struct nacre_lane *lane);

/* When the lane has to do that next if nothing happens; UINT64_MAX: never. */
uint64_t nacre_jobs_wake_ns(const struct nacre_lane *lane);

#endif
