/*
 * egress.h - from the enclaves outward. One vsock port (or Unix socket "PATH_PORT", where the enclave is a VM behind
 * one) for each entry of an enclave's allow list, and nothing else: an enclave cannot even ask for another host.
 */
#ifndef NACRE_HOST_EGRESS_H
#define NACRE_HOST_EGRESS_H

#include "allow.h"
#include "daemon.h"

/* Where connections outward lead, and what became of them. Kept as long as the daemon runs. */
struct nacre_hd_upstream {
    struct nacre_hd_upstream *next;
    char host[NACRE_HOST_MAX + 1];
    uint32_t port;
    uint32_t connections;
    uint64_t opened, failed, unresolved, refused;
    uint64_t out_bytes, in_bytes;
};

struct nacre_hd_outlets;

/*
 * nacre_hd_egress_prepare - read the allow lists of `config` and open what has to listen for them and does not yet.
 * 0 and *out, or a negative errno with `why` filled and nothing left open.
 */
int nacre_hd_egress_prepare(struct nacre_hd *d, const struct nacre_hd_config *config,
                            struct nacre_hd_outlets **out, char *why, size_t why_len);
/* The enclaves of the configuration are in the daemon's list by now. */
void nacre_hd_egress_commit(struct nacre_hd *d, struct nacre_hd_outlets *outlets);
void nacre_hd_egress_abandon(struct nacre_hd *d, struct nacre_hd_outlets *outlets);
/* Closes what no enclave has any more. */
void nacre_hd_egress_close_unneeded(struct nacre_hd *d);
void nacre_hd_egress_stop(struct nacre_hd *d);

/* egress_listen.c: a socket that listens, or a negative errno. */
int nacre_hd_egress_listen_unix(const char *path);
int nacre_hd_egress_listen_vsock(uint32_t port);

/* egress_conn.c: a connection of `enclave` for entry `index` of its allow list. Takes over the descriptor. */
void nacre_hd_egress_admit(struct nacre_hd *d, int fd, struct nacre_hd_enclave *enclave, uint32_t index);

#endif
