/*
 * shake.h - handshakes of TLS. libmicrohttpd takes no notice when one has to wait for the client: it would be run again
 * at once and without end. So a connection is suspended until its socket is ready, for as long as its handshake lasts.
 */
#ifndef NACRE_HTTP_SHAKE_H
#define NACRE_HTTP_SHAKE_H

#include "lane.h"

/* A new connection, before its handshake. 0 or negative errno. */
int nacre_shake_begin(struct nacre_conn *conn);

/* After each run of libmicrohttpd: those that have come no further wait. */
void nacre_shake_turn(struct nacre_lane *lane);

/* The socket of one that waits is ready; `data` is what the epoll set says. False: it says something else. */
bool nacre_shake_ready(uint64_t data);

/* The connection ends. */
void nacre_shake_end(struct nacre_conn *conn);

/* Nothing is to be suspended any more. */
void nacre_shake_stop(struct nacre_lane *lane);

#endif
