/*
 * errors.h - what is said to a client whose request is not answered: a status, and a text for {"error":"..."} that
 * names the two values that disagree. Kept as numbers until it is written, because a request is often refused before
 * its answer can be sent.
 */
#ifndef NACRE_HTTP_ERRORS_H
#define NACRE_HTTP_ERRORS_H

#include "common/json_write.h"

#include <stdbool.h>
#include <stdint.h>

#define NACRE_ERROR_TEXT 512u /* bytes of an error's text; what is longer is cut */

/* Without Retry-After: nothing but a restart of the runtime brings it back. */
#define NACRE_APP_STOPPED "the app is stopped for good: it ended too often, see restart.stop_after"

struct nacre_refusal {
    uint32_t status;  /* 0: not refused */
    uint32_t retry_s; /* Retry-After; 0: none */
    uint32_t allowed; /* 405, and OPTIONS: bit set of enum nacre_method */
    bool close; /* the connection must not be used again: nobody can tell where its next request begins */
    const char *text;    /* static */
    uint64_t got, limit; /* with limit: "text: got, at most limit" */
};

/* The reasons, each in its own words. */
struct nacre_refusal nacre_refuse(uint32_t status, const char *text);
struct nacre_refusal nacre_refuse_limit(uint32_t status, const char *text, uint64_t got, uint64_t limit);
struct nacre_refusal nacre_refuse_later(uint32_t status, const char *text);

/* Appends {"error":"..."} for a refusal. */
void nacre_error_refusal(struct nacre_json_out *out, const struct nacre_refusal *refusal);

/* Makes text of another process plain: where it is not UTF-8, every byte past ASCII becomes '?'. */
void nacre_error_clean(uint8_t *text, size_t len);

/*
 * Appends {"error":"..."} with a text of another process: cut at NACRE_ERROR_TEXT bytes, and every byte that is no
 * UTF-8 replaced by '?'. An empty text becomes `instead`.
 */
void nacre_error_text(struct nacre_json_out *out, const uint8_t *text, size_t len, const char *instead);

#endif
