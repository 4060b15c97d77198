/*
 * resolve.h - names to addresses in threads of their own, because the C library's resolver waits. The only part of the
 * daemon that is not in its one thread: a request goes over with its own copy of the name and comes back whole.
 */
#ifndef NACRE_HOST_RESOLVE_H
#define NACRE_HOST_RESOLVE_H

#include "loop.h"

#include <stddef.h>
#include <sys/socket.h>

#define NACRE_HD_ADDRESSES_MAX 16u
#define NACRE_HD_LOOKUPS_MAX   1024u /* waiting at once */

struct nacre_hd_lookup {
    struct nacre_hd_lookup *next;
    char host[256];
    char service[8];
    struct sockaddr_storage addresses[NACRE_HD_ADDRESSES_MAX];
    socklen_t lens[NACRE_HD_ADDRESSES_MAX];
    size_t n;
    int error; /* EAI_*, 0 when it went well */
    /* In the loop's thread, once resolved. Frees the lookup. */
    void (*done)(struct nacre_hd_lookup *lookup);
    void *owner;
};

struct nacre_hd_resolver;

/* Starts `threads` threads. 0 or negative errno. */
int nacre_hd_resolver_start(struct nacre_hd_resolver **out, struct nacre_hd_loop *loop, unsigned threads);

/* Ends them. One that waits for a name server is not waited for. Accepts NULL. */
void nacre_hd_resolver_stop(struct nacre_hd_resolver *resolver);

/*
 * nacre_hd_resolve - host, service and done are set. 0, or -EAGAIN when too many wait already. The lookup is the
 * resolver's until `done` is called. Those that ask for one name and service at the same time share one answer.
 */
int nacre_hd_resolve(struct nacre_hd_resolver *resolver, struct nacre_hd_lookup *lookup);

/* The answer is not wanted any more: out of the queue, or `done` is not called. The lookup is gone. */
void nacre_hd_resolve_forget(struct nacre_hd_resolver *resolver, struct nacre_hd_lookup *lookup);

#endif
