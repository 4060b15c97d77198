/* exchange.h - one exchange, or one handshake, with one allow-list entry over a descriptor from the broker. */
#ifndef NACRE_FETCH_EXCHANGE_H
#define NACRE_FETCH_EXCHANGE_H

#include <app/fetch.h>

#include <curl/curl.h>

/* What the process keeps; made by init(), unchanged until stop(). */
struct fetch_state {
    const struct nacre_manifest *manifest;
    struct curl_slist *resolve[NACRE_ENDPOINTS_MAX]; /* per endpoint: an address, so that nobody asks DNS */
};

/* As nacre_fetch_module's perform() and check(). */
int32_t fetch_perform(const struct fetch_state *state, const struct nacre_fetch_env *env,
                      const struct nacre_fetch *request, struct nacre_reply *reply);
int fetch_check(const struct fetch_state *state, const struct nacre_fetch_env *env, uint32_t endpoint,
                uint32_t timeout_ms, char *why, size_t why_len);

#endif
