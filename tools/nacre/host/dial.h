/* dial.h - a connection to an enclave or to an address, made without waiting: connect, and the greeting if any. */
#ifndef NACRE_HOST_DIAL_H
#define NACRE_HOST_DIAL_H

#include "config.h"

#include <sys/socket.h>

enum nacre_hd_dial_stage { NACRE_HD_CONNECTING, NACRE_HD_GREETING, NACRE_HD_CONNECTED };

struct nacre_hd_dial {
    int fd; /* -1: none; the owner's to close */
    enum nacre_hd_dial_stage stage;
    bool greets; /* the Firecracker way */
    uint32_t port;
};

/*
 * nacre_hd_dial_place - begin to connect to `port` of an enclave. Returns 1 when connected already, 0 when events on
 * dial->fd will tell, or a negative errno (then there is no descriptor).
 */
int nacre_hd_dial_place(struct nacre_hd_dial *dial, const struct nacre_hd_place *place, uint32_t port);

/* The address in the kernel's form. Returns its length. */
socklen_t nacre_hd_sockaddr(struct sockaddr_storage *out, const struct nacre_netaddr *address);

/* The same to a TCP address. */
int nacre_hd_dial_address(struct nacre_hd_dial *dial, const struct sockaddr *address, socklen_t len);

/*
 * nacre_hd_dial_events - after events on the descriptor. Returns 1 when connected, 0 to go on waiting, or a negative
 * errno: -EAGAIN when a guest is there but does not listen yet, -EPROTO for an answer that is none. The descriptor
 * stays open either way.
 */
int nacre_hd_dial_events(struct nacre_hd_dial *dial, uint32_t events);

#endif
