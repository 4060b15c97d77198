/*
 * secrets.h - receives the secrets object once, as a blob that nacred does not look into, and keeps it for every
 * start of nacre-app.
 */
#ifndef NACRE_NACRED_SECRETS_H
#define NACRE_NACRED_SECRETS_H

#include "common/frame.h"

struct nacre_secrets {
    int epoll; /* sockets are registered here, edge-triggered, with data `tag`; both set by the caller */
    uint64_t tag;
    uint8_t *blob; /* guarded memory of NACRE_SECRETS_BLOB + 1 bytes; NULL when there is no source */
    size_t len;
    bool settled;             /* the blob is what it will ever be */
    int listener, connection; /* -1: none */
    uint64_t give_up_ns;      /* CLOCK_MONOTONIC: then go on without */
    uint64_t stalled_ns;      /* when the connection has taken too long */
};

/*
 * nacre_secrets_open - `source` as in the configuration: "none", "file:PATH" (read now), "unix:PATH" or "vsock:PORT"
 * (listens). Returns 0, -EFBIG for a file of more than NACRE_SECRETS_BLOB bytes, or another negative errno.
 */
int nacre_secrets_open(struct nacre_secrets *s, const char *source, uint64_t timeout_s);

/*
 * nacre_secrets_step - accept or read what is there without blocking; call when a descriptor is readable and once a
 * second. One connection at a time; it ends with end of file, and one that is empty, too long or broken
 * counts for nothing. Returns true when something happened that the log should know: *what, a static text.
 */
bool nacre_secrets_step(struct nacre_secrets *s, uint64_t now_ns, const char **what);

/* Wipes the blob, closes the rest. */
void nacre_secrets_close(struct nacre_secrets *s);

#endif
