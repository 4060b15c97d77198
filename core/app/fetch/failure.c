#include "failure.h"

#include <errno.h>
#include <openssl/x509.h>
#include <stdio.h>

/* The reason a callback gave; 0 when none did. */
static int32_t explain_stop(const struct fetch_exchange *x, char *why, size_t len)
{
    const char *text = NULL;
    switch (x->stop) {
    case FETCH_GOING:
        return 0;
    case FETCH_NO_CONNECTION:
        text = strerrordesc_np(-x->connect_error);
        (void)snprintf(why, len, "cannot connect: %s", text ? text : "unknown error");
        return x->connect_error == -ETIMEDOUT ? 504 : 502;
    case FETCH_SENT_BEFORE:
        text = "the connection broke before a reply came; the request is not sent twice";
        break;
    case FETCH_NOT_HTTP2:
        text = "does not offer HTTP/2";
        break;
    case FETCH_WRONG_CONNECTION:
        text = "the connection is not this host's";
        break;
    case FETCH_BODY_LARGE:
        (void)snprintf(why, len, "the reply's body is larger than %zu bytes", x->body.max);
        return 502;
    case FETCH_SINK_REFUSED:
        (void)snprintf(why, len, "the app takes no more of the reply");
        return x->sink_status;
    case FETCH_HEADERS_LARGE:
        (void)snprintf(why, len, "the reply's headers are more than %u bytes or %u lines",
                       NACRE_FETCH_HEADER_MAX, FETCH_HEADER_LINES_MAX);
        return 502;
    case FETCH_NO_MEMORY:
        (void)snprintf(why, len, "out of memory for the reply");
        return 500;
    }
    (void)snprintf(why, len, "%s", text);
    return 502;
}

/* libcurl's own detailed messages are not passed on: they may quote a URL or what a server sent. */
static int32_t explain_code(const struct fetch_exchange *x, CURLcode code, char *why, size_t len)
{
    long verdict = X509_V_OK;
    switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
        (void)snprintf(why, len, "no complete reply in time");
        return 504;
    case CURLE_PEER_FAILED_VERIFICATION:
        (void)curl_easy_getinfo(x->easy, CURLINFO_SSL_VERIFYRESULT, &verdict);
        if (verdict == X509_V_ERR_APPLICATION_VERIFICATION)
            (void)snprintf(why, len, "certificate refused: its key is not pinned");
        else if (verdict != X509_V_OK && verdict != X509_V_ERR_UNSPECIFIED) /* what libcurl begins with */
            (void)snprintf(why, len, "certificate refused: %s", X509_verify_cert_error_string(verdict));
        else
            (void)snprintf(why, len, "certificate refused: made out to another name");
        return 502;
    case CURLE_OUT_OF_MEMORY: /* libcurl's word for a line that outgrows its buffer, too */
        (void)snprintf(why, len, "a line of the reply is too long, or memory is out");
        return 502;
    case CURLE_FAILED_INIT:
        (void)snprintf(why, len, "%s", curl_easy_strerror(code));
        return 500;
    default:
        (void)snprintf(why, len, "%s", curl_easy_strerror(code));
        return 502;
    }
}

int32_t fetch_explain(const struct fetch_exchange *x, CURLcode code, char *why, size_t len)
{
    int n = snprintf(why, len, "upstream %s: ", x->endpoint->host);
    size_t at = n < 0 || (size_t)n >= len ? 0 : (size_t)n;
    int32_t status = explain_stop(x, why + at, len - at);
    return status ? status : explain_code(x, code, why + at, len - at);
}
