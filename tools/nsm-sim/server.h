/*
 * The loop: connections of the device socket and of the control socket, one request at a time.
 */
#ifndef NACRE_SIM_SERVER_H
#define NACRE_SIM_SERVER_H

#include "device.h"
#include "socket.h"

#define NACRE_SIM_CLIENTS     64  /* connections to the device; further ones wait in the backlog */
#define NACRE_SIM_CONTROLLERS 8   /* connections to the control socket */
#define NACRE_SIM_LINE_MAX    256 /* bytes of a control line with its newline */

enum nacre_sim_state {
    NACRE_SIM_IDLE,
    NACRE_SIM_DELAYED, /* a request was read and waits to be carried out */
    NACRE_SIM_HELD     /* it was carried out and its reply waits to be sent */
};

struct nacre_sim_controller {
    int fd;
    char line[NACRE_SIM_LINE_MAX];
    size_t len;
};

struct nacre_sim_server {
    struct nacre_sim_device *device; /* borrowed */
    struct nacre_sim_socket socket;
    struct nacre_sim_socket control; /* fd -1 when there is none */
    int signal_fd;                   /* readable when the program is to stop; borrowed */
    int clients[NACRE_SIM_CLIENTS];  /* -1: free */
    struct nacre_sim_controller controllers[NACRE_SIM_CONTROLLERS];
    size_t turn; /* the client that is looked at first, so that none is starved */

    /* The request under way, as if the device's mutex were held for clients[busy]. */
    enum nacre_sim_state state;
    size_t busy;
    int64_t deadline; /* CLOCK_MONOTONIC, milliseconds */
    struct nacre_sim_job job;
    struct nacre_sim_reply reply;
};

/* Makes all slots free; sockets and device are set by the caller afterwards. */
void nacre_sim_server_init(struct nacre_sim_server *server);

/* Serves until signal_fd is readable. Returns 0, or a negative errno when poll failed. */
int nacre_sim_server_run(struct nacre_sim_server *server);

/* Closes all connections and both sockets. */
void nacre_sim_server_close(struct nacre_sim_server *server);

#endif
