/*
 * Any bytes as a manifest. What is accepted has indexes within its own tables: nacred and nacre-http follow them
 * without looking again.
 */
#include "fuzz.h"

#include "common/manifest.h"

#include <errno.h>

static void check_indexes(const struct nacre_manifest *m)
{
    need(m->n_routes <= NACRE_ROUTES_MAX && m->n_allow <= NACRE_ENDPOINTS_MAX);
    for (uint32_t i = 0; i < m->n_intents; i++)
        need(m->intents[i].response < m->types.n_types);
    for (uint32_t i = 0; i < m->n_routes; i++) {
        need(m->routes[i].intent < m->n_intents);
        need(m->routes[i].request < m->types.n_types && m->routes[i].response < m->types.n_types);
        need(m->routes[i].path[0] == '/');
    }
    for (uint32_t i = 0; i < m->n_endpoints; i++)
        need(nacre_manifest_allowed(m, m->endpoints[i].host, __builtin_strlen(m->endpoints[i].host),
                                    m->endpoints[i].port) >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct nacre_manifest manifest;
    char why[512] = "";
    int err = nacre_manifest_parse(&manifest, data, size, why, sizeof why);
    need(err == 0 || err == -ENOMEM || (err == -EINVAL && why[0] != '\0'));
    if (err)
        return 0;
    check_indexes(&manifest);
    nacre_manifest_free(&manifest);
    return 0;
}
