/* routes.c - from a route's index, which is all a request carries, to handler, types and path fields. */
#include "app.h"
#include "decode.h"

#include <errno.h>
#include <stdio.h>

static const struct nacre_type *response_of(const struct nacre_plugin *plugin, uint32_t scope)
{
    for (uint32_t i = 0; i < plugin->n_intents; i++)
        if (plugin->intents[i].scope == scope)
            return plugin->intents[i].response;
    return NULL;
}

static const struct nacre_field *path_field(const struct nacre_type *request, const char *name, size_t len)
{
    for (uint32_t i = 0; i < request->n_fields; i++) {
        const struct nacre_field *f = nacre_field_at(request, i);
        if (f->source == NACRE_SOURCE_PATH && f->name.len == len && memcmp(f->name.ptr, name, len) == 0)
            return f;
    }
    return NULL;
}

/* The fields of {a} and {b} in "/x/{a}/{b}", in that order. The manifest's check has found them all. */
static int bind_params(struct nacre_app_route *route, const char *path)
{
    for (const char *open = strchr(path, '{'); open; open = strchr(open, '{')) {
        size_t len = strcspn(++open, "}");
        const struct nacre_field *field = path_field(route->request, open, len);
        if (!field || route->n_params == NACRE_PATH_PARAMS)
            return -EINVAL;
        route->params[route->n_params++] = field;
    }
    return 0;
}

int nacre_routes_build(struct nacre_app *app, char why[NACRE_WHY])
{
    const struct nacre_plugin *plugin = app->plugin;
    for (uint32_t i = 0; i < app->manifest.n_routes; i++) {
        const struct nacre_route *declared = &plugin->routes[i];
        struct nacre_app_route *route = &app->routes[i];
        *route = (struct nacre_app_route){.decl = &app->manifest.routes[i],
                                          .request = declared->request,
                                          .response = response_of(plugin, declared->intent),
                                          .handler = declared->handler};
        if (!route->response || !route->handler || bind_params(route, route->decl->path) < 0) {
            (void)snprintf(why, NACRE_WHY, "route %s: the plugin's tables do not fit the manifest",
                           route->decl->path);
            return -EINVAL;
        }
        route->needs_body = nacre_decode_needs_body(route->request);
    }
    return 0;
}
