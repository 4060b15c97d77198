/*
 * wait.h - a connection whose answer is due from another process. libmicrohttpd's way to wait is to suspend it: out of
 * its epoll set, later back into it, and a read in between that finds nothing; three system calls for an answer. A
 * connection that is not suspended is asked for its answer in every run instead, which costs none, but time for every
 * connection that waits so. So a few of them do, for a while, on a lane whose answers come soon.
 *
 * As long as one does, MHD_get_timeout() says 0 and means nothing. What it would mean is told by lane->n_steps, and by a
 * look once in a while: see nacre_wait_limit().
 */
#ifndef NACRE_HTTP_WAIT_H
#define NACRE_HTTP_WAIT_H

#include "lane.h"

enum MHD_Result;

/* From the handler, with a request that is complete: nothing more to do until its answer comes. Returns MHD_YES. */
enum MHD_Result nacre_conn_wait(struct nacre_conn *conn);

/* From the handler, asked again: queues the answer when there is one. What the handler returns. */
enum MHD_Result nacre_conn_ask(struct nacre_conn *conn);

/* It waits no more, if it did without being suspended; an answer that was not queued is dropped. */
void nacre_conn_wake(struct nacre_conn *conn);

/* Has libmicrohttpd something left to do at once, after a run before which n_steps was `steps`? */
bool nacre_wait_busy(const struct nacre_lane *lane, uint64_t steps);

/* Milliseconds until it wants to be run, whatever happens; UINT64_MAX for never. */
uint64_t nacre_wait_limit(const struct nacre_lane *lane);

#endif
