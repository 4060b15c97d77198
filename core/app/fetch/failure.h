/* failure.h - the state of one exchange, and what the client is told when it fails. */
#ifndef NACRE_FETCH_FAILURE_H
#define NACRE_FETCH_FAILURE_H

#include "body.h"
#include "worker.h"

#include <app/fetch.h>

#include <curl/curl.h>

#define FETCH_HEADER_LINES_MAX 256u /* of a reply, trailers too */

/* Why a callback ended the exchange. */
enum fetch_stop {
    FETCH_GOING,
    FETCH_NO_CONNECTION,
    FETCH_SENT_BEFORE,
    FETCH_NOT_HTTP2,
    FETCH_WRONG_CONNECTION,
    FETCH_BODY_LARGE,
    FETCH_SINK_REFUSED,
    FETCH_HEADERS_LARGE,
    FETCH_NO_MEMORY
};

struct fetch_exchange {
    const struct nacre_fetch_env *env;
    const struct nacre_endpoint_decl *endpoint;
    uint32_t index; /* the endpoint's, in the allow list */
    uint64_t deadline_ns;
    uint64_t connect_ms; /* for one connection */
    struct fetch_worker *worker;
    CURL *easy;      /* the worker's */
    bool http2;      /* nothing less will do */
    bool resumes;    /* a TLS session of an earlier connection will do, without a look at the certificate */
    bool repeatable; /* may be sent again when a kept connection turns out dead */
    bool sent;
    enum fetch_stop stop;
    int connect_error; /* FETCH_NO_CONNECTION: negative errno */
    size_t header_bytes;
    size_t header_lines;
    size_t n_fields;   /* of the last header block so far */
    bool fields_ended; /* what comes now are trailers */
    struct fetch_body body;
    nacre_sink sink; /* takes the body of a 2xx; NULL: the reply has it */
    void *sink_ctx;
    int32_t sink_status; /* FETCH_SINK_REFUSED: what it returned; the text is its own */
    uint64_t sunk;       /* bytes that it was given */
};

/*
 * Writes "upstream HOST: reason" and returns the status for it: 504 when time ran out, 500 when memory did, else 502.
 * `code` is the result of the transfer, not CURLE_OK. Quotes neither URL, headers nor what the server sent.
 */
int32_t fetch_explain(const struct fetch_exchange *x, CURLcode code, char *why, size_t len);

#endif
