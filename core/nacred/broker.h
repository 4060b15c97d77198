/*
 * broker.h - connects to allowed endpoints for nacre-app, which cannot open sockets. It asks by allow-list index, so
 * that what is not on the list cannot even be named.
 */
#ifndef NACRE_NACRED_BROKER_H
#define NACRE_NACRED_BROKER_H

#include "common/manifest.h"

#define NACRE_BROKER_MAX  128u /* connects in flight; nacre-app is not heard while there are so many */
#define NACRE_PARENT_CID  3u
#define NACRE_EGRESS_PORT 8101u /* of entry 0 on the parent */

struct nacre_connecting {
    int fd; /* -1: free */
    uint64_t id;
    uint64_t deadline_ns;
};

struct nacre_broker {
    const struct nacre_manifest *manifest;
    int epoll; /* connecting sockets are registered here, one-shot, with data tag | slot */
    uint64_t tag;
    struct nacre_connecting slots[NACRE_BROKER_MAX];
    uint32_t in_flight;
    /* Called once for every connect. fd is the callee's to pass on, the broker closes it; -1 with error > 0 */
    void (*done)(void *arg, uint64_t id, int fd, int error);
    void *arg;
};

/* All other fields are set by the caller before. */
void nacre_broker_init(struct nacre_broker *b);

/* Begin to connect to allow[endpoint]; `done` is called now or later. */
void nacre_broker_connect(struct nacre_broker *b, uint64_t id, uint32_t endpoint, uint64_t now_ns);

/* The socket in `slot` has become writable or failed. */
void nacre_broker_event(struct nacre_broker *b, uint32_t slot);

/* Ends those past their deadline. Returns the next deadline, or UINT64_MAX. */
uint64_t nacre_broker_expire(struct nacre_broker *b, uint64_t now_ns);

/* Closes all without calling anyone: who asked is gone. */
void nacre_broker_reset(struct nacre_broker *b);

#endif
