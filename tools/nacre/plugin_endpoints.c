#include "plugin_cmds.h"
#include "plugin_gen.h"
#include "yaml_allow.h"

#include <errno.h>
#include <stdlib.h>

static const char help[] = "usage: nacre plugin endpoints APP.so [-o FILE]\n"
                           "\n"
                           "Prints the allow list that the plugin needs at least, as allowed_endpoints.yaml: "
                           "for the operator to read,\n"
                           "to extend and to measure. Key pins are the operator's to add.\n"
                           "\n"
                           "  -o, --output FILE  where to write; standard output if left out\n"
                           "  -h, --help\n";

/* Hosts are checked by the reader of such files as they are written: what it would refuse is refused here. */
static int check(const struct nacre_manifest *m, const char *text, size_t len, char *why, size_t why_len)
{
    struct nacre_allow *read = calloc(1, sizeof *read);
    int rc = read ? nacre_yaml_allow(read, m->app, text, len, why, why_len) : -ENOMEM;
    free(read);
    return rc;
}

static void put_list(FILE *to, const struct nacre_manifest *m)
{
    (void)fprintf(to, "# Hosts that %s ", m->app);
    nacre_gen_plain(to, m->version);
    (void)fputs(" must be able to reach; everything else is refused.\n", to);
    if (m->n_endpoints == 0)
        (void)fputs("endpoints: []\n", to);
    else
        (void)fputs("endpoints:\n", to);
    for (uint32_t i = 0; i < m->n_endpoints; i++) {
        const struct nacre_endpoint_decl *e = &m->endpoints[i];
        if (e->port == NACRE_PORT_HTTPS)
            (void)fprintf(to, "  - \"%s\"\n", e->host);
        else
            (void)fprintf(to, "  - { host: \"%s\", port: %u }\n", e->host, e->port);
    }
}

static int write_endpoints(FILE *to, const struct nacre_manifest *m, const struct nacre_gen_request *request,
                           char *why, size_t why_len)
{
    char *text = NULL;
    size_t len = 0;
    (void)request;
    FILE *list = open_memstream(&text, &len);
    if (!list)
        return -ENOMEM;
    put_list(list, m);
    int rc = fclose(list) == 0 ? check(m, text, len, why, why_len) : -ENOMEM;
    if (rc == 0)
        (void)fwrite(text, 1, len, to);
    free(text);
    return rc;
}

int nacre_plugin_cmd_endpoints(int argc, char **argv)
{
    static const struct nacre_gen gen = {help, NULL, write_endpoints};
    return nacre_gen_run(&gen, argc, argv);
}
