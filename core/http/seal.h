/* seal.h - sealed requests on their way through this process: passes for the app, answers sealed. docs/SEALED.md */
#ifndef NACRE_HTTP_SEAL_H
#define NACRE_HTTP_SEAL_H

#include "lane.h"

#define NACRE_TYPE_SEALED "application/vnd.nacre.sealed"

/* Bytes of body that the request's route takes: around the largest one when it is sealed, and never more than fit. */
uint64_t nacre_conn_max_body(const struct nacre_conn *conn);

/* Begins conn's params, which have the room, with a pass for its path. */
void nacre_pass_begin(struct nacre_conn *conn, const char *path, size_t len);

/*
 * nacre_pass_end - fills in the mac of the pass that `params` begins with, for the ticket and the envelope that follows.
 * False for an envelope without a whole header.
 */
bool nacre_pass_end(const struct nacre_shared *shared, uint8_t *params, const struct nacre_ticket *ticket,
                    const uint8_t *envelope, size_t len);

/* Puts what is in the lane's buffer into a sealed answer of that status. Without memory the buffer has failed. */
void nacre_seal_out(struct nacre_lane *lane, const uint8_t key[32], uint32_t status);

#endif
