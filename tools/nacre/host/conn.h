/*
 * conn.h - one proxied connection. `near` came to us, `far` is whom we called for it: client and enclave on the way
 * in, enclave and upstream on the way out.
 *
 * A connection at rest holds two descriptors and this struct: no buffer, no pipe. Bytes go through one buffer of the
 * thread, and what the other side does not take at once is kept (and nothing more is read) until it does.
 */
#ifndef NACRE_HOST_CONN_H
#define NACRE_HOST_CONN_H

#include "dial.h"
#include "loop.h"

#include <stddef.h>

#define NACRE_HD_BLOCK       65536u /* bytes read at once */
#define NACRE_HD_EVENTS      (EPOLLIN | EPOLLRDHUP | EPOLLET)
#define NACRE_HD_REDIAL_MS   25u
#define NACRE_HD_SWEEP_MS    250u
#define NACRE_HD_VSOCK_WRITE 32768u /* bytes written to a vsock socket at once: some kernels corrupt more */

struct nacre_hd;
struct nacre_hd_conn;

struct nacre_hd_side {
    struct nacre_hd_watch watch;
    struct nacre_hd_conn *conn;
    int fd;         /* -1: none */
    bool is_vsock;  /* or may lead to one: written to in small pieces */
    bool readable;  /* there may be something to read */
    bool hup;       /* it has ended its side, or the connection: a short read is not the end of it */
    bool eof;       /* all it ever sends was read */
    bool shut;      /* nothing more is written to it */
    bool wants_out; /* it is watched for room to write as well */
    uint32_t at, len;
    uint8_t *pending; /* bytes at..len wait to be written to it; NULL: none */
};

enum nacre_hd_phase {
    NACRE_HD_WAITING,  /* for the near side's first bytes, or for a name to be resolved */
    NACRE_HD_DIALLING, /* the far side is being connected */
    NACRE_HD_REDIAL,   /* it could not be; soon again */
    NACRE_HD_OPEN,
    NACRE_HD_LINGER, /* over; what the near side still sends is thrown away so that it can read our last bytes */
    NACRE_HD_CLOSED,
};

struct nacre_hd_conn_ops {
    bool first_bytes; /* the far side is dialled when the near side has said something */
    /* Milliseconds for dialling, all tries together. */
    uint64_t (*dial_ms)(const struct nacre_hd_conn *conn);
    /* Begin to dial: conn->dial is filled and nacre_hd_conn_dialled() called, or the connection ended. */
    void (*dial)(struct nacre_hd_conn *conn);
    /* Dialling failed with a negative errno: redial, or end the connection. */
    void (*failed)(struct nacre_hd_conn *conn, int error);
    /* When what it belongs to is being drained: the time at which it must be gone; else 0. */
    uint64_t (*drain_until)(const struct nacre_hd_conn *conn);
    /* The far side is there; may be NULL. */
    void (*opened)(struct nacre_hd_conn *conn);
    /* The far side broke off in the middle; may be NULL. */
    void (*broken)(struct nacre_hd_conn *conn);
    /* The connection is gone; release what it held. */
    void (*closed)(struct nacre_hd_conn *conn);
};

struct nacre_hd_conn {
    struct nacre_hd_side near, far;
    struct nacre_hd *daemon;
    const struct nacre_hd_conn_ops *ops;
    struct nacre_hd_conn *prev, *next; /* of all connections */
    struct nacre_hd_grave grave;
    struct nacre_hd_dial dial;
    uint8_t phase;        /* enum nacre_hd_phase */
    bool quiet;           /* the far side spoke last, or nobody has: a good moment to end */
    bool cut_half;        /* the far side's transport cannot be half-closed */
    uint64_t since_ms;    /* of the last byte; of the beginning of the phase before the first */
    uint64_t asked_ms;    /* while not quiet: when the near side began to speak */
    uint64_t deadline_ms; /* while dialling */
    /* The owner's. */
    void *target; /* the enclave, or the upstream */
    void *client; /* whose limits it counts against */
    uint32_t port;
    uint32_t tries;
    bool resolving;
    uint64_t until_ms;                /* of all tries, where each has a deadline of its own */
    uint64_t *near_bytes, *far_bytes; /* counters of what each side sent */
};

/*
 * nacre_hd_conn_open - take over near_fd (non-blocking), in phase WAITING. The owner fills in its own fields. NULL
 * (and the descriptor closed) when there is no memory.
 */
struct nacre_hd_conn *nacre_hd_conn_open(struct nacre_hd *daemon, int near_fd,
                                         const struct nacre_hd_conn_ops *ops);

/* Dial the far side now. The connection may be gone when this returns. */
void nacre_hd_conn_dial(struct nacre_hd_conn *conn);

/* Dial again after NACRE_HD_REDIAL_MS. */
void nacre_hd_conn_redial(struct nacre_hd_conn *conn);

/* The far side is being dialled or is there: its descriptor is in conn->dial. `rc` as nacre_hd_dial_place() says. */
void nacre_hd_conn_dialled(struct nacre_hd_conn *conn, int rc);

/* Ends it now. With `reset` the near side sees an error instead of an orderly end. */
void nacre_hd_conn_close(struct nacre_hd_conn *conn, bool reset);

/* Sends text[0..len) to the near side as the last thing it hears, and ends. */
void nacre_hd_conn_refuse(struct nacre_hd_conn *conn, const char *text, size_t len);

/* Closes what has been silent, or has waited, for too long. Called by the daemon's sweep. */
void nacre_hd_conn_sweep(struct nacre_hd *daemon);

/* relay.c: carry bytes both ways as far as they go now. */
void nacre_hd_relay(struct nacre_hd_conn *conn);

/* relay.c: what the near side sends before the far side is there is kept. 0, or -1: it has ended or broken. */
int nacre_hd_relay_early(struct nacre_hd_conn *conn);

#endif
