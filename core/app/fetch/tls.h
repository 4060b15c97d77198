/*
 * tls.h - whom a connection is accepted from: a certificate that chains to the CA bundle and carries the host's name,
 * or, where the allow list names keys, one with such a key; issuer, name and dates then do not count.
 */
#ifndef NACRE_FETCH_TLS_H
#define NACRE_FETCH_TLS_H

#include <app/fetch.h>

#include <curl/curl.h>

/*
 * fetch_tls_init - OpenSSL is set up, without its configuration file, and the CA bundle read.
 * Returns 0, or -EINVAL with `why`: no certificate in the bundle, or no bundle while a host without pins needs one.
 */
int fetch_tls_init(const struct nacre_fetch_setup *setup, char *why, size_t why_len);
void fetch_tls_stop(void);

/*
 * Puts the rules for `endpoint`, which must outlive every connection, on a handle. With `resumes` a session that the handle
 * has from an earlier connection to the same host and port may take the place of a look at the certificate.
 */
CURLcode fetch_tls_apply(CURL *easy, const struct nacre_endpoint_decl *endpoint, bool resumes);

/* From inside a callback: was the connection in use accepted under the rules for this very endpoint? */
bool fetch_tls_made_for(CURL *easy, const struct nacre_endpoint_decl *endpoint);

/* From inside a callback: did the server choose HTTP/2? */
bool fetch_tls_is_http2(CURL *easy);

#endif
