/* reach.h - what an enclave, or the daemon, says over HTTP, wherever it is reached. */
#ifndef NACRE_OPS_REACH_H
#define NACRE_OPS_REACH_H

#include "state.h"

#define NACRE_OPS_ANSWER 262144u /* bytes of an answer */

/*
 * nacre_ops_get - GET `path` at `place` (as nacre_deliver() takes it). *body is the answer's, terminated, the caller's
 * to free. Returns the HTTP status, or a negative errno with `why`.
 */
int nacre_ops_get(const char *place, const char *path, char **body, size_t *len, char *why, size_t why_len);

/* The same for any request in plain HTTP, which says "Connection: close"; `path` is for messages. */
int nacre_ops_ask(const char *place, const char *request, const char *path, char **body, size_t *len,
                  char *why, size_t why_len);

/* The enclave's `port`, as nacre_deliver() takes it. */
void nacre_ops_place(const struct nacre_ops_slot *slot, uint32_t port, char out[NACRE_OPS_PLACE_MAX + 16]);

/*
 * nacre_ops_member - the text of a member of a JSON object (of any depth 1) as it stands, strings without quotes and
 * with escapes, into out. False: there is none, or it does not fit, or the text is no JSON object.
 */
bool nacre_ops_member(const char *json, size_t len, const char *key, char *out, size_t room);

/* The process id that the daemon's /health names; 0: it does not say. */
uint64_t nacre_ops_daemon_pid(const struct nacre_ops_daemon *d);

/*
 * nacre_ops_daemon_view - what the daemon's /health says of the enclave `title`: "healthy" or the like into health, and
 * its open connections. False: the daemon does not say.
 */
bool nacre_ops_daemon_view(const struct nacre_ops_daemon *d, const char *title, char health[24],
                           uint64_t *connections);

#endif
