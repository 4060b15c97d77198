#include "plugin_types.h"

#include "plugin_cmds.h"
#include "plugin_gen.h"
#include "plugin_names.h"

#include <errno.h>
#include <stdlib.h>

static const char help[] =
    "usage: nacre plugin types APP.so [-o FILE]\n"
    "\n"
    "Prints the types that the plugin's intents sign, as a type file: what `nacre call`, "
    "`nacre verify response` and\n"
    "libnacre-verify need to verify an answer from its JSON. The same plugin always gives "
    "the same file.\n"
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

static void put_struct(FILE *to, const struct nacre_types *types, const struct nacre_type_decl *t)
{
    (void)fprintf(to, "  {\"name\":\"%s\",\"fields\":[", t->name);
    for (uint32_t i = 0; i < t->n_fields; i++) {
        const struct nacre_field_decl *f = &types->fields[t->first_field + i];
        (void)fprintf(to, "%s[\"%s\",\"", i > 0 ? "," : "", f->name);
        put_type(to, types, f->type);
        (void)fputs("\"]", to);
    }
    (void)fputs("]}", to);
}

static int check_name(const char *name, char *why, size_t why_len)
{
    for (const char *c = name; *c; c++) {
        if ((unsigned char)*c < ' ' || *c == '"' || *c == '\\') {
            (void)snprintf(why, why_len,
                           "the intent's name '%s' has a character that a type file cannot hold", name);
            return -EINVAL;
        }
    }
    return 0;
}

static int put_intents(FILE *to, const struct nacre_manifest *m, char *why, size_t why_len)
{
    const char *between = "";
    for (uint32_t scope = 0; scope <= UINT8_MAX; scope++) {
        for (uint32_t i = 0; i < m->n_intents; i++) {
            const struct nacre_intent_decl *intent = &m->intents[i];
            if (intent->scope != scope)
                continue;
            int rc = check_name(intent->name, why, why_len);
            if (rc)
                return rc;
            (void)fprintf(to, "%s  {\"intent\":%u,\"name\":\"%s\",\"type\":\"", between, scope, intent->name);
            put_type(to, &m->types, intent->response);
            (void)fputs("\"}", to);
            between = ",\n";
        }
    }
    return 0;
}

int nacre_plugin_types_write(FILE *to, const struct nacre_manifest *m, char *why, size_t why_len)
{
    struct nacre_gen_types *gen = calloc(1, sizeof *gen);
    const char *between = "";
    if (!gen)
        return -ENOMEM;
    int rc = nacre_gen_types_init(gen, m, why, why_len);
    (void)fputs("{\"nacre_types\":1,\n \"structs\":[\n", to);
    for (uint32_t i = 0; rc == 0 && i < m->types.n_types; i++) {
        if (!gen->response[i] || m->types.types[i].kind != NACRE_KIND_STRUCT)
            continue;
        (void)fputs(between, to);
        put_struct(to, &m->types, &m->types.types[i]);
        between = ",\n";
    }
    (void)fputs("],\n \"intents\":[\n", to);
    if (rc == 0)
        rc = put_intents(to, m, why, why_len);
    (void)fputs("]}\n", to);
    free(gen);
    return rc;
}

static int write_types(FILE *to, const struct nacre_manifest *m, const struct nacre_gen_request *request,
                       char *why, size_t why_len)
{
    (void)request;
    return nacre_plugin_types_write(to, m, why, why_len);
}

int nacre_plugin_cmd_types(int argc, char **argv)
{
    static const struct nacre_gen gen = {help, NULL, write_types};
    return nacre_gen_run(&gen, argc, argv);
}
