/* head.h - what a request's head says, and whether the request is refused for it. */
#ifndef NACRE_HTTP_HEAD_H
#define NACRE_HTTP_HEAD_H

#include "lane.h"

/* The headers and the query in one look. Borrowed from libmicrohttpd, valid during the first call of the handler. */
struct nacre_head {
    struct nacre_slice content_type; /* ptr NULL: no such header */
    struct nacre_slice nonce;        /* ?nonce= */
    struct nacre_slice attest;       /* ?attest= */
    struct nacre_slice batch;        /* ?batch= */
    uint64_t content_length;         /* 0 when there is none */
    uint32_t n_content_length, n_transfer_encoding, n_host, n_nonce, n_attest, n_batch;
    bool bad_length;
    bool bad_field; /* a name or value that RFC 9110 does not allow */
    bool chunked;
    bool expects; /* Expect: 100-continue */
    bool browser; /* Origin */
    bool async;   /* Prefer: respond-async */
};

/* Fills *head from one header or query argument (is_query). Names are compared in any case, values as they are. */
void nacre_head_take(struct nacre_head *head, bool is_query, struct nacre_slice name,
                     struct nacre_slice value);

/* Does this value of Prefer ask for a job? */
bool nacre_prefers_async(struct nacre_slice prefer);

/* Is this Content-Type JSON's? Parameters are ignored. */
bool nacre_is_json(struct nacre_slice content_type);

/* Is it the one of sealed requests? */
bool nacre_is_sealed(struct nacre_slice content_type);

/*
 * nacre_head_judge - find the route and decide. Fills conn's path, method, content_length, chunked, params and nonce.
 * Returns the refusal, status 0 for a request that goes on. Sets conn->last where the end of the request could be seen in
 * another place by a party in front of us.
 */
struct nacre_refusal nacre_head_judge(struct nacre_conn *conn, const struct nacre_head *head,
                                      const char *target, const char *method);

#endif
