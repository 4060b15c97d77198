/* daemon.h - the whole daemon's state. One thread owns all of it. */
#ifndef NACRE_HOST_DAEMON_H
#define NACRE_HOST_DAEMON_H

#include "clients.h"
#include "conn.h"
#include "enclaves.h"

/* Why a connection was not let in. */
enum nacre_hd_refusal {
    NACRE_HD_REFUSED_FULL,
    NACRE_HD_REFUSED_CLIENT_CONNECTIONS,
    NACRE_HD_REFUSED_CLIENT_RATE,
    NACRE_HD_REFUSED_NO_ENCLAVE,
    NACRE_HD_REFUSALS,
};

struct nacre_hd_counters {
    uint64_t accepted, refused[NACRE_HD_REFUSALS];
    uint64_t redials;
    uint64_t client_bytes, enclave_bytes;
    uint64_t closed_idle, closed_first_byte, closed_answer, closed_half, closed_drain;
    uint64_t reloads, reloads_failed;
    uint64_t accept_errors;
    uint64_t egress_turned_away;
};

struct nacre_hd_listener {
    struct nacre_hd_watch watch;
    struct nacre_hd_timer again; /* accepting resumes after a pause */
    struct nacre_hd_grave grave;
    struct nacre_hd_listener *next;
    struct nacre_hd *daemon;
    struct nacre_hd_ingress_config config;
    int fd;
    uint64_t accepted;
};

struct nacre_hd {
    struct nacre_hd_loop loop;
    struct nacre_hd_config *config;
    const char *config_file;
    struct nacre_hd_enclave *enclaves; /* in the order of the configuration; removed ones behind */
    struct nacre_hd_listener *listeners;
    struct nacre_hd_clients clients;
    struct nacre_hd_conn *conns;
    size_t n_conns;   /* of both directions */
    size_t n_ingress; /* of clients */
    size_t n_egress;  /* of enclaves */
    struct nacre_hd_outlet *outlets;
    struct nacre_hd_upstream *upstreams;
    uint64_t egress_tries; /* configurations that were prepared */
    uint64_t egress_taken; /* the try that is in force: others may have been refused since */
    uint64_t max_conns;
    uint32_t turn;
    bool draining; /* SIGTERM was received */
    uint64_t drain_until_ms;
    struct nacre_hd_timer sweep;
    bool sweep_soon;                /* something waits to be dialled again */
    uint64_t started_ms, loaded_ms; /* monotonic; of the configuration in force */
    struct nacre_hd_counters counters;
    struct nacre_hd_admin *admin;
    struct nacre_hd_nitro *nitro;
    struct nacre_hd_resolver *resolver;
};

/* ingress.c: a client has connected. Takes over the descriptor. */
void nacre_hd_ingress_admit(struct nacre_hd_listener *l, int fd, const struct sockaddr *from);

/*
 * nacre_hd_listen_prepare - open the ports that `config` has and the daemon has not. Nothing is accepted there yet.
 * Returns 0 and a list, or a negative errno with `why` filled and nothing left open.
 */
int nacre_hd_listen_prepare(struct nacre_hd *d, const struct nacre_hd_config *config,
                            struct nacre_hd_listener **fresh, char *why, size_t why_len);
/* Closes what `config` does not have any more and accepts on the fresh ones. */
void nacre_hd_listen_commit(struct nacre_hd *d, const struct nacre_hd_config *config,
                            struct nacre_hd_listener *fresh);
void nacre_hd_listen_abandon(struct nacre_hd_listener *fresh);
/* Closes all. */
void nacre_hd_listen_stop(struct nacre_hd *d);

/* The enclave's last connection may have gone: frees it when it is not configured any more. */
void nacre_hd_enclave_left(struct nacre_hd *d, struct nacre_hd_enclave *e);

/* Sets the sweep to run within `ms`. */
void nacre_hd_sweep_within(struct nacre_hd *d, uint64_t ms);

#endif
