/* request.h - an app's request in the form libcurl takes it, after everything that could mislead a server is refused. */
#ifndef NACRE_FETCH_REQUEST_H
#define NACRE_FETCH_REQUEST_H

#include <nacre/plugin.h>

#include <curl/curl.h>
#include <stdbool.h>

#define FETCH_METHOD_MAX       16u    /* bytes */
#define FETCH_HEADERS_MAX      64u    /* header fields of a request */
#define FETCH_HEADER_BYTES_MAX 32768u /* names and values of a request together */

struct fetch_request {
    char method[FETCH_METHOD_MAX + 1];
    struct curl_slist *headers; /* owned */
    bool repeatable;            /* an idempotent method (RFC 9110, 9.2.2): sending it twice does no harm */
};

/*
 * Checks method, HTTP version and headers. Refused: CONNECT, TRACE; header fields that are the connection's own
 * (Host, Content-Length, Transfer-Encoding, Connection and so on), TE other than "trailers"; names that are not
 * tokens, values with control characters.
 * Returns 0, or 500 with the reason in `why` (names at most, never values). *out is untouched then.
 */
int32_t fetch_request_read(struct fetch_request *out, const struct nacre_fetch *in, char *why,
                           size_t why_len);

/* Sets method, headers, body and HTTP version on the handle; all of it must outlive the exchange. */
CURLcode fetch_request_apply(const struct fetch_request *request, const struct nacre_fetch *in, CURL *easy);

/* Frees the headers; accepts a zeroed struct. */
void fetch_request_free(struct fetch_request *request);

#endif
