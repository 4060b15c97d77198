/*
 * Listening Unix sockets that belong to a path.
 */
#ifndef NACRE_SIM_SOCKET_H
#define NACRE_SIM_SOCKET_H

#include <sys/types.h>

struct nacre_sim_socket {
    int fd;           /* -1: none */
    const char *path; /* borrowed; NULL for a descriptor that was inherited */
    dev_t dev;        /* of the path when it was made */
    ino_t ino;
};

/*
 * Listens at path with mode 0600; type is SOCK_SEQPACKET or SOCK_STREAM. A socket file that nobody listens
 * on any more is replaced. Returns 0, -EADDRINUSE when somebody listens there, -EEXIST when the path is no
 * socket, -ENAMETOOLONG, or another negative errno; *out is untouched on failure.
 */
int nacre_sim_socket_listen(struct nacre_sim_socket *out, const char *path, int type);

/*
 * Adopts an inherited descriptor. Returns 0, or -EINVAL when it is no listening SOCK_SEQPACKET Unix socket.
 */
int nacre_sim_socket_adopt(struct nacre_sim_socket *out, int fd);

/* Closes, and removes the path unless another socket has taken it. Accepts NULL. */
void nacre_sim_socket_close(struct nacre_sim_socket *sock);

#endif
