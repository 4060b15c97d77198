/* sample.h - an app with every kind of value, every method and path parameters, as the tests of nacre-http use it. */
#ifndef NACRE_TESTS_HTTP_SAMPLE_H
#define NACRE_TESTS_HTTP_SAMPLE_H

#include "common/manifest.h"

/* Routes of the sample, by their index in the manifest. */
enum {
    ROUTE_PROCESS,  /* POST /process_data -> Weather, intent 0 */
    ROUTE_REGISTER, /* POST /{network}/register-agent -> Everything, intent 7 */
    ROUTE_ITEM,     /* GET /item/{id}/{name} -> Weather */
    ROUTE_REPLACE,  /* PUT /process_data -> Everything */
    ROUTE_DELETE,   /* DELETE /item/{id}/{name} -> Weather */
    ROUTE_SMALL,    /* POST /small -> Weather, 64 bytes of body, 300 ms */
    ROUTE_LIST,     /* POST /item/{id}/list -> Weather */
    ROUTES,
};

/* The manifest's bytes, from malloc; config NULL: the defaults. Fails the test on error. */
uint8_t *sample_bytes(size_t *len, const struct nacre_config *config);

/* The same, parsed. Its allow list: api.example.com:443, api.example.com:8443, other.example.org:443. */
void sample_load(struct nacre_manifest *manifest, const struct nacre_config *config);

/* The response type of a route. */
uint32_t sample_response(const struct nacre_manifest *manifest, uint32_t route);

#endif
