/* open.h - a sealed request, opened before anything else of the app sees its body. docs/SEALED.md */
#ifndef NACRE_APP_OPEN_H
#define NACRE_APP_OPEN_H

#include "call.h"

/* Where the parts of a request's payload are, and the key of its answer when it came sealed. */
struct nacre_request_parts {
    const uint8_t *params;
    uint8_t *body;
    size_t params_len, body_len;
    uint8_t answer_key[32]; /* when it came sealed */
};

/*
 * nacre_request_take - the parts of the message in the worker's inbox; of a sealed one, once it has been opened in its
 * place and nacre-http has been given the key for its answer. 0, or the status to fail with, its text noted.
 */
int32_t nacre_request_take(struct nacre_app_call *call, struct nacre_inbox *in,
                           struct nacre_request_parts *parts);

/*
 * nacre_request_prepare - opens a sealed request that is to be a job, while it is fresh, and gives it back to nacre-http
 * in a box that only this process can open: nacre-http keeps what it cannot read. 0, or the status to fail with.
 */
int32_t nacre_request_prepare(struct nacre_app_call *call, struct nacre_inbox *in);

#endif
