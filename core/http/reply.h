/* reply.h - an answer on its way out: headers, the log line, the counters, and the waking of a waiting connection. */
#ifndef NACRE_HTTP_REPLY_H
#define NACRE_HTTP_REPLY_H

#include "lane.h"

enum nacre_body_mode {
    NACRE_BODY_COPY,  /* is copied */
    NACRE_BODY_KEEP,  /* outlives every answer */
    NACRE_BODY_GIVE,  /* malloc'd, becomes libmicrohttpd's */
    NACRE_BODY_SHARE, /* part of `shared`, whose hold becomes libmicrohttpd's */
};

struct nacre_http_reply {
    uint32_t status;
    const char *type; /* Content-Type; NULL: no body */
    char *body;       /* only read, but for GIVE */
    size_t len;
    enum nacre_body_mode mode;
    uint32_t retry_s;          /* Retry-After; 0: none */
    uint32_t allowed;          /* Allow; 0: none */
    struct nacre_text *shared; /* SHARE */
    const char *tail;          /* SHARE: what follows the body, of this answer alone; copied */
    size_t tail_len;
    bool job;       /* the request became conn->job_id: the headers of a 202 */
    bool preflight; /* the headers of an answer to OPTIONS */
};

#define NACRE_TYPE_JSON "application/json"
#define NACRE_TYPE_TEXT "text/plain; charset=utf-8"

/*
 * nacre_reply - queue the answer, end the waiting, resume. The request's slot is released whatever happens.
 * Called once for each request, from its handler or while it is suspended. Returns false when no answer could be made:
 * the handler then returns MHD_NO, a suspended connection is resumed and closes itself.
 */
bool nacre_reply(struct nacre_conn *conn, const struct nacre_http_reply *reply);

/* The same for an error, in JSON. */
bool nacre_reply_refusal(struct nacre_conn *conn, const struct nacre_refusal *refusal);

/* The same for JSON in the lane's buffer, nacre_lane_out(). */
bool nacre_reply_out(struct nacre_conn *conn, uint32_t status, uint32_t retry_s);

/*
 * nacre_reply_raw - write an error past libmicrohttpd, which takes no answer while a body is being received. The
 * connection must be closed after it.
 */
void nacre_reply_raw(struct nacre_conn *conn, const struct nacre_refusal *refusal);

#endif
