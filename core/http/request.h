/* request.h - a request's way to the app and, with a nonce, to nacred: slot, ticket, frame. */
#ifndef NACRE_HTTP_REQUEST_H
#define NACRE_HTTP_REQUEST_H

#include "lane.h"

/*
 * nacre_request_send - give the request with this body to the app of its lane, with nacre_request_post() at the latest.
 * The body is borrowed.
 * Returns a refusal with status 0 when it is under way: the connection's slot then waits.
 */
struct nacre_refusal nacre_request_send(struct nacre_conn *conn, const uint8_t *body, size_t len);

/* The same, or into the line of jobs when the client prefers that; a sealed one goes to the app first. */
struct nacre_refusal nacre_request_give(struct nacre_conn *conn, const uint8_t *body, size_t len);

/* The same for /get_attestation?nonce=: nacred only. */
struct nacre_refusal nacre_request_attest(struct nacre_conn *conn);

/* Sends the requests that were given since the last call. */
void nacre_request_post(struct nacre_lane *lane);

/* The app's socket has room again: sends what waits for it and what is in line, in order. */
void nacre_request_flush(struct nacre_lane *lane);

/* Takes a piece of a body that does not come whole. False when there is no room for it. */
bool nacre_request_keep(struct nacre_conn *conn, const void *data, size_t len);

/* The request waits no longer: releases its slot, its place in line and what was kept for it. Any time, any number of times. */
void nacre_request_end(struct nacre_conn *conn);

#endif
