/*
 * nitro.h - what the hypervisor says of the enclaves on vsock: `nitro-cli describe-enclaves`, run now and then. Nothing
 * is run when no enclave is on vsock.
 */
#ifndef NACRE_HOST_NITRO_H
#define NACRE_HOST_NITRO_H

#include "daemon.h"
#include "nitro_parse.h"

/* 0 or -ENOMEM. */
int nacre_hd_nitro_start(struct nacre_hd *d);
void nacre_hd_nitro_stop(struct nacre_hd *d);

/* After a new configuration: look soon. */
void nacre_hd_nitro_look(struct nacre_hd *d);

/* The last answer. */
struct nacre_hd_nitro_view {
    const struct nacre_hd_described *list;
    int n;             /* -1: there is none yet */
    uint64_t at_ms;    /* of the last answer; monotonic */
    const char *error; /* of the last look; NULL: it went well */
};
struct nacre_hd_nitro_view nacre_hd_nitro_last(const struct nacre_hd *d);

/* What it says of an enclave, or NULL. */
const struct nacre_hd_described *nacre_hd_nitro_of(const struct nacre_hd *d,
                                                   const struct nacre_hd_enclave *e);

#endif
