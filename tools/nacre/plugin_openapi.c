#include "plugin_cmds.h"
#include "plugin_gen.h"

#include <http/openapi.h>
#include <stdlib.h>

static const char help[] = "usage: nacre plugin openapi APP.so [-o FILE]\n"
                           "\n"
                           "Prints the OpenAPI 3.1 document that the app serves at /openapi.json, in one "
                           "line. Limits that a route leaves\n"
                           "to the configuration have the configuration's default.\n"
                           "\n"
                           "  -o, --output FILE  where to write; standard output if left out\n"
                           "  -h, --help\n";

static int write_openapi(FILE *to, const struct nacre_manifest *m, const struct nacre_gen_request *request,
                         char *why, size_t why_len)
{
    struct nacre_json_out out = {0};
    (void)request;
    (void)why;
    (void)why_len;
    int rc = nacre_openapi_write(&out, m, false);
    if (rc == 0) {
        (void)fwrite(out.base, 1, out.len, to);
        (void)fputc('\n', to);
    }
    free(out.base);
    return rc;
}

int nacre_plugin_cmd_openapi(int argc, char **argv)
{
    static const struct nacre_gen gen = {help, NULL, write_openapi};
    return nacre_gen_run(&gen, argc, argv);
}
