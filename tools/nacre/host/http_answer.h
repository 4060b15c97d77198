/* http_answer.h - the little of HTTP/1.1 that a health probe needs: status and body of one answer. */
#ifndef NACRE_HOST_HTTP_ANSWER_H
#define NACRE_HOST_HTTP_ANSWER_H

#include <stdbool.h>
#include <stddef.h>

#define NACRE_HD_HEAD_MAX 16384u /* bytes of status line and headers */
#define NACRE_HD_BODY_MAX 65536u

struct nacre_hd_http_answer {
    int status;
    const char *body; /* borrowed */
    size_t body_len;
};

/*
 * nacre_hd_http_answer - data[0..len) as far as it has come; `ended`: no more will come. Returns 1 and *out when the
 * answer is whole, 0 when more is needed, -EBADMSG when it is no answer, -EMSGSIZE when it is too long. A body without
 * Content-Length goes to the end; a chunked one is passed over (body_len 0), which is enough for a status.
 */
int nacre_hd_http_answer(struct nacre_hd_http_answer *out, const char *data, size_t len, bool ended);

#endif
