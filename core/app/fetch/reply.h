/* reply.h - what the app is given of a finished exchange, copied into the call's memory. */
#ifndef NACRE_FETCH_REPLY_H
#define NACRE_FETCH_REPLY_H

#include "body.h"

#include <app/fetch.h>

#include <curl/curl.h>

/*
 * Fills *out from the finished handle and the body: status, headers and trailers with lower-case names, in the order
 * they came, one entry a field. n_headers: how many fields the header block had; libcurl before 8.0 lists the
 * trailers of HTTP/2 after them. 0, or -ENOMEM when the call's memory does not hold it; *out is untouched then.
 */
int fetch_reply_fill(struct nacre_reply *out, const struct nacre_fetch_env *env, CURL *easy, size_t n_headers,
                     const struct fetch_body *body);

#endif
