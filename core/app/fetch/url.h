/*
 * url.h - which allow-list entry a URL means. The URL is read twice, by a few lines of ours and by libcurl's parser;
 * only what both read alike is used, and libcurl is then given its own parse, not the text.
 */
#ifndef NACRE_FETCH_URL_H
#define NACRE_FETCH_URL_H

#include <common/manifest.h>
#include <curl/curl.h>

#define FETCH_URL_MAX 16384u /* bytes */

struct fetch_url {
    CURLU *parsed;     /* owned */
    uint32_t endpoint; /* allow-list index */
};

/*
 * Accepts https://host[:port][/path][?query] in visible ASCII, host and port on the allow list. No user, password,
 * fragment, backslash, percent-encoded or bracketed host.
 * Returns 0, or 500 with the reason in `why` (host and port at most, never path or query). *out is untouched then.
 */
int32_t fetch_url_read(struct fetch_url *out, const struct nacre_manifest *manifest, struct nacre_str text,
                       char *why, size_t why_len);

/* Frees the parse; accepts a zeroed struct. */
void fetch_url_free(struct fetch_url *url);

#endif
