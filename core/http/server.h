/*
 * server.h - libmicrohttpd's side of a lane: connections, heads, bodies. A request is looked at as soon as its head is
 * there; what will be refused is refused before its body is read.
 */
#ifndef NACRE_HTTP_SERVER_H
#define NACRE_HTTP_SERVER_H

#include "lane.h"

/* Starts the lane's daemon on listen_fd, which becomes the lane's. 0 or negative errno. */
int nacre_server_start(struct nacre_lane *lane, int listen_fd);

/* Answers what still waits with 503, closes all connections. The thread of the lane has ended. */
void nacre_server_stop(struct nacre_lane *lane);

#endif
