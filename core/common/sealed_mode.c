#include "sealed_mode.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* -1 for a word that is no mode. */
static int mode_of(const char *text, size_t len)
{
    static const char *const names[] = {"allowed", "off", "required"};
    for (int i = 0; i < 3; i++)
        if (strlen(names[i]) == len && memcmp(names[i], text, len) == 0)
            return i;
    return -1;
}

/* "/path=mode" */
static int apply(struct nacre_manifest *m, const char *entry, size_t len, char *why, size_t why_len)
{
    const char *mark = memchr(entry, '=', len);
    const size_t path_len = mark ? (size_t)(mark - entry) : len;
    const int mode = mark ? mode_of(mark + 1, len - path_len - 1) : -1;
    bool found = false;
    if (mode < 0) {
        (void)snprintf(why, why_len, "sealed.routes: '%.*s' is not /path=off, =allowed or =required",
                       (int)len, entry);
        return -EINVAL;
    }
    for (uint32_t i = 0; i < m->n_routes; i++) {
        struct nacre_route_decl *route = &m->routes[i];
        if (strlen(route->path) != path_len || memcmp(route->path, entry, path_len) != 0)
            continue;
        route->sealed = (uint32_t)mode;
        found = true;
    }
    if (found)
        return 0;
    (void)snprintf(why, why_len, "sealed.routes: the app has no route %.*s", (int)path_len, entry);
    return -EINVAL;
}

int nacre_sealed_modes(struct nacre_manifest *m, char *why, size_t why_len)
{
    const int mode = mode_of(m->config.sealed_mode, strlen(m->config.sealed_mode));
    for (uint32_t i = 0; i < m->n_routes; i++)
        m->routes[i].sealed = mode < 0 ? NACRE_SEALED_ALLOWED : (uint32_t)mode;
    for (const char *at = m->config.sealed_routes; *(at += strspn(at, " "));) {
        const size_t len = strcspn(at, " ");
        int err = apply(m, at, len, why, why_len);
        if (err)
            return err;
        at += len;
    }
    return 0;
}
