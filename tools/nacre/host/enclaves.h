/* enclaves.h - the enclaves behind the daemon: which are well, which has the fewest connections. */
#ifndef NACRE_HOST_ENCLAVES_H
#define NACRE_HOST_ENCLAVES_H

#include "config.h"

#include <stdint.h>

enum nacre_hd_health { NACRE_HD_UNKNOWN, NACRE_HD_HEALTHY, NACRE_HD_UNHEALTHY };

struct nacre_hd_enclave {
    struct nacre_hd_enclave *next;
    struct nacre_hd_enclave_config config;
    enum nacre_hd_health health;
    uint32_t good, bad; /* probes in a row */
    uint64_t
        drain_until_ms; /* it takes no connections, and what it has is gone by then; 0: it is not drained */
    bool removed;       /* no longer configured; goes when its last connection goes */
    uint32_t connections;
    uint64_t served;                  /* connections made, ever */
    uint64_t failed;                  /* connections that could not be made */
    uint64_t lost;                    /* connections that the enclave broke off */
    struct nacre_hd_probe *probe;     /* or NULL */
    struct nacre_allow *allow;        /* of its image; NULL: nothing goes out */
    struct nacre_hd_console *console; /* or NULL */
};

/*
 * nacre_hd_choose - the enclave for a new connection: of those that are not draining and not unhealthy, the one with
 * the fewest connections, *turn deciding between equals; healthy ones before those not looked at yet. `except` is
 * passed over unless there is no other. NULL when there is none at all.
 */
struct nacre_hd_enclave *nacre_hd_choose(struct nacre_hd_enclave *list, const struct nacre_hd_enclave *except,
                                         uint32_t *turn);

/* A probe's result, by `fall` and `rise`. Returns whether the health has changed. */
bool nacre_hd_judge(struct nacre_hd_enclave *e, bool ok, uint64_t fall, uint64_t rise);

/* "unknown", "healthy" or "unhealthy". */
const char *nacre_hd_health_name(enum nacre_hd_health health);

#endif
