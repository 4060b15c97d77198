/*
 * address.h - the addresses of configuration and allow list as text: "tcp:192.0.2.1:80", "tcp:[::1]:80", "vsock:80",
 * "unix:/run/x". Numeric only: nacred never resolves a name.
 */
#ifndef NACRE_NACRED_ADDRESS_H
#define NACRE_NACRED_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <linux/vm_sockets.h>

#define NACRE_BACKLOG 1024

struct nacre_sockaddr {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_vm vm;
        struct sockaddr_un un;
    } u;
    socklen_t len;
};

/* Reads `text`; a vsock address gets `cid`. Returns 0, or -EINVAL for anything out of form. */
int nacre_sockaddr_parse(struct nacre_sockaddr *out, const char *text, uint32_t cid);

/* A vsock address from its numbers. */
void nacre_sockaddr_vsock(struct nacre_sockaddr *out, uint32_t cid, uint32_t port);

/* The port number; 0 for another family. */
uint32_t nacre_sockaddr_port(const struct nacre_sockaddr *address);

/*
 * nacre_sockaddr_listen - a listening stream socket, non-blocking, close-on-exec. `shared` lets several lanes bind one
 * TCP address. A Unix socket is for its owner alone and replaces one that an earlier run has left behind.
 * Returns the descriptor, or a negative errno.
 */
int nacre_sockaddr_listen(const struct nacre_sockaddr *address, bool shared);

#endif
