/*
 * listen.h - the listening sockets. They are nacred's, so that nacre-http can die without losing a connection that
 * waits in the queue.
 */
#ifndef NACRE_NACRED_LISTEN_H
#define NACRE_NACRED_LISTEN_H

#include "common/frame.h"

struct nacre_listeners {
    int fds[NACRE_LANES_MAX + 1]; /* one a lane, then the admin listener; on vsock all lanes share one */
    uint32_t n_lanes;
    uint32_t has_admin;
    uint32_t is_vsock; /* the API's listener */
    uint32_t port;     /* the API's, also when the configuration says 0 */
};

/*
 * nacre_listeners_open - bind `api` once per lane and `admin` once, unless it is "none". Non-blocking, close-on-exec.
 * Returns 0, -EINVAL for an address out of form, or another negative errno; nothing stays open on failure.
 */
int nacre_listeners_open(struct nacre_listeners *out, const char *api, const char *admin, uint32_t n_lanes);

/* For a new nacre-http: undoes a shutdown() and a change to blocking by the one before, which has had these sockets. */
void nacre_listeners_renew(const struct nacre_listeners *l);

/* Accepts a zeroed struct. */
void nacre_listeners_close(struct nacre_listeners *l);

#endif
