#include "plugin_cmds.h"
#include "plugin_gen.h"

#include <inttypes.h>
#include <string.h>

static const char help[] = "usage: nacre plugin show APP.so [-o FILE]\n"
                           "\n"
                           "Prints what a plugin declares: its digest (SHA-384, PCR16 is extended with it), "
                           "intents with the type that\n"
                           "is signed under each, routes, types, hosts it needs, secrets. What a route "
                           "leaves to the configuration is\n"
                           "shown with the configuration's default.\n"
                           "\n"
                           "  -o, --output FILE  where to write; standard output if left out\n"
                           "  -h, --help\n";

static void put_type(FILE *to, const struct nacre_types *types, uint32_t index)
{
    const struct nacre_type_decl *t = &types->types[index];
    if (t->kind == NACRE_KIND_STRUCT) {
        (void)fputs(t->name, to);
    } else if (t->kind == NACRE_KIND_VECTOR || t->kind == NACRE_KIND_OPTION) {
        (void)fprintf(to, "%s<", nacre_kind_name(t->kind));
        put_type(to, types, t->elem);
        (void)fputc('>', to);
    } else {
        (void)fputs(nacre_kind_name(t->kind), to);
    }
}

static void put_head(FILE *to, const struct nacre_manifest *m)
{
    char digest[NACRE_SHA384_HEX];
    nacre_hex(digest, m->plugin_digest, sizeof m->plugin_digest);
    (void)fprintf(to, "%s ", m->app);
    nacre_gen_plain(to, m->version);
    (void)fprintf(to, "\n  ABI      %u.%u, a descriptor of %u bytes\n  SHA-384  %s\n", m->abi_major,
                  m->abi_minor, m->abi_size, digest);
}

static void put_intents(FILE *to, const struct nacre_manifest *m)
{
    (void)fputs("\nIntents\n", to);
    for (uint32_t i = 0; i < m->n_intents; i++) {
        (void)fprintf(to, "  %3u  ", m->intents[i].scope);
        nacre_gen_plain(to, m->intents[i].name);
        (void)fputs(" signs ", to);
        put_type(to, &m->types, m->intents[i].response);
        (void)fputc('\n', to);
    }
}

static void put_routes(FILE *to, const struct nacre_manifest *m)
{
    (void)fputs("\nRoutes\n", to);
    for (uint32_t i = 0; i < m->n_routes; i++) {
        const struct nacre_route_decl *r = &m->routes[i];
        const struct nacre_intent_decl *intent = &m->intents[r->intent];
        (void)fprintf(to, "  %s %s\n    request    ", r->method, r->path);
        put_type(to, &m->types, r->request);
        (void)fputs("\n    response   ", to);
        put_type(to, &m->types, r->response);
        (void)fprintf(to, ", signed under intent %u (", intent->scope);
        nacre_gen_plain(to, intent->name);
        (void)fprintf(to, ")\n    limits     body %" PRIu64 " bytes, deadline %u ms\n    timestamp  ",
                      r->max_body, r->deadline_ms);
        if (r->time_rule == NACRE_TIME_APP)
            (void)fprintf(to, "set by the app, at most %" PRIu64 " ms old\n", r->max_age_ms);
        else
            (void)fputs("the time of signing\n", to);
    }
}

static void put_structs(FILE *to, const struct nacre_manifest *m)
{
    (void)fputs("\nTypes\n", to);
    for (uint32_t i = 0; i < m->types.n_types; i++) {
        const struct nacre_type_decl *t = &m->types.types[i];
        if (t->kind != NACRE_KIND_STRUCT)
            continue;
        (void)fprintf(to, "  %s\n", t->name);
        for (uint32_t k = 0; k < t->n_fields; k++) {
            const struct nacre_field_decl *f = &m->types.fields[t->first_field + k];
            (void)fprintf(to, "    %-20s ", f->name);
            put_type(to, &m->types, f->type);
            (void)fputs(f->source == NACRE_SOURCE_PATH ? " (from the path)\n" : "\n", to);
        }
    }
}

static void put_needs(FILE *to, const struct nacre_manifest *m)
{
    (void)fputs("\nEndpoints\n", to);
    for (uint32_t i = 0; i < m->n_endpoints; i++)
        (void)fprintf(to, "  %s:%u\n", m->endpoints[i].host, m->endpoints[i].port);
    if (m->n_endpoints == 0)
        (void)fputs("  none\n", to);
    (void)fputs("\nSecrets\n", to);
    for (uint32_t i = 0; i < m->n_secrets; i++) {
        (void)fputs("  ", to);
        nacre_gen_plain(to, m->secrets[i].name);
        (void)fputs(m->secrets[i].required ? " (required)\n" : " (optional)\n", to);
    }
    if (m->n_secrets == 0)
        (void)fputs("  none\n", to);
}

static int write_show(FILE *to, const struct nacre_manifest *m, const struct nacre_gen_request *request,
                      char *why, size_t why_len)
{
    (void)request;
    (void)why;
    (void)why_len;
    put_head(to, m);
    put_intents(to, m);
    put_routes(to, m);
    put_structs(to, m);
    put_needs(to, m);
    return 0;
}

int nacre_plugin_cmd_show(int argc, char **argv)
{
    static const struct nacre_gen gen = {help, NULL, write_show};
    return nacre_gen_run(&gen, argc, argv);
}
