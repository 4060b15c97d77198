#include "plugin_cmds.h"
#include "plugin_gen.h"
#include "plugin_move_names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Sui's protocol limit on the fields of a struct (max_fields_in_struct). */
#define FIELDS_MAX 32u

static const char help[] = "usage: nacre plugin move APP.so [--module ADDRESS::NAME] [-o FILE]\n"
                           "\n"
                           "Prints a Move 2024 module with the structs that the plugin's answers consist of, "
                           "a constructor for each, and\n"
                           "for each intent a function that aborts unless an enclave registered with the "
                           "`enclave` package of Nautilus\n"
                           "signed the answer. Names that Move does not allow get '_' appended or another "
                           "first letter; BCS carries no\n"
                           "names, so what is signed stays the same.\n"
                           "\n"
                           "  --module ADDRESS::NAME  the module's name; default: app::<the app's name>\n"
                           "  -o, --output FILE       where to write; standard output if left out\n"
                           "  -h, --help\n";

struct mover {
    FILE *to;
    const struct nacre_manifest *m;
    struct nacre_gen_types types;
    struct nacre_move_names names;
};

static const char *scalar_name(uint32_t kind)
{
    switch (kind) {
    case NACRE_KIND_STRING:
        return "String";
    case NACRE_KIND_BYTES:
        return "vector<u8>";
    default:
        return nacre_kind_name(kind); /* bool, u8 to u256 and address are Move's own names */
    }
}

static void put_type(const struct mover *v, uint32_t index)
{
    const struct nacre_type_decl *t = &v->m->types.types[index];
    if (t->kind == NACRE_KIND_STRUCT) {
        (void)fputs(v->names.structs[v->types.first[index]], v->to);
    } else if (t->kind == NACRE_KIND_VECTOR || t->kind == NACRE_KIND_OPTION) {
        (void)fputs(t->kind == NACRE_KIND_VECTOR ? "vector<" : "Option<", v->to);
        put_type(v, t->elem);
        (void)fputc('>', v->to);
    } else {
        (void)fputs(scalar_name(t->kind), v->to);
    }
}

static bool uses_strings(const struct mover *v)
{
    for (uint32_t i = 0; i < v->m->types.n_types; i++)
        if (v->types.response[i] && v->m->types.types[i].kind == NACRE_KIND_STRING)
            return true;
    return false;
}

static void put_head(const struct mover *v)
{
    (void)fprintf(v->to, "// Made by `nacre plugin move` from %s ", v->m->app);
    nacre_gen_plain(v->to, v->m->version);
    (void)fprintf(
        v->to,
        ". When the plugin's types change, make it again.\n"
        "//\n"
        "// Edition 2024. Needs the `enclave` package of github.com/MystenLabs/nautilus (move/enclave).\n"
        "module %s;\n"
        "\n"
        "use enclave::enclave::Enclave;\n"
        "%s"
        "use sui::clock::Clock;\n"
        "\n"
        "/// The enclave did not sign these values at this time under this intent.\n"
        "const EInvalidSignature: u64 = 0;\n"
        "/// The answer is from after the chain's time.\n"
        "const EFromTheFuture: u64 = 1;\n"
        "/// The answer is older than the caller accepts.\n"
        "const ETooOld: u64 = 2;\n"
        "\n",
        v->names.module, uses_strings(v) ? "use std::string::String;\n" : "");
    for (uint32_t i = 0; i < v->m->n_intents; i++) {
        char upper[NACRE_GEN_NAME];
        nacre_gen_upper(upper, v->names.intents[i]);
        (void)fputs("/// ", v->to);
        nacre_gen_plain(v->to, v->m->intents[i].name);
        (void)fprintf(v->to, "\nconst %s_INTENT: u8 = %u;\n", upper, v->m->intents[i].scope);
    }
}

static void put_fields(const struct mover *v, const struct nacre_type_decl *t)
{
    for (uint32_t i = 0; i < t->n_fields; i++) {
        const struct nacre_field_decl *f = &v->m->types.fields[t->first_field + i];
        const char *name = v->names.fields[t->first_field + i];
        if (strcmp(name, f->name) != 0)
            (void)fprintf(v->to, "    /// %s in JSON\n", f->name);
        (void)fprintf(v->to, "    %s: ", name);
        put_type(v, f->type);
        (void)fputs(",\n", v->to);
    }
}

static void put_parameters(const struct mover *v, const struct nacre_type_decl *t)
{
    for (uint32_t i = 0; i < t->n_fields; i++) {
        (void)fprintf(v->to, "    %s: ", v->names.fields[t->first_field + i]);
        put_type(v, v->m->types.fields[t->first_field + i].type);
        (void)fputs(",\n", v->to);
    }
}

/* "a, b" */
static void put_names(const struct mover *v, const struct nacre_type_decl *t)
{
    for (uint32_t i = 0; i < t->n_fields; i++)
        (void)fprintf(v->to, "%s%s", i ? ", " : "", v->names.fields[t->first_field + i]);
}

/* Move has no tuple of one. */
static void put_unpack(const struct mover *v, const struct nacre_type_decl *t, const char *name,
                       const char *word)
{
    bool tuple = t->n_fields > 1;
    (void)fprintf(v->to, "\npublic fun unpack_%s(value: %s): %s", word, name, tuple ? "(" : "");
    for (uint32_t i = 0; i < t->n_fields; i++) {
        (void)fputs(i ? ", " : "", v->to);
        put_type(v, v->m->types.fields[t->first_field + i].type);
    }
    (void)fprintf(v->to, "%s {\n    let %s { ", tuple ? ")" : "", name);
    put_names(v, t);
    (void)fprintf(v->to, " } = value;\n    %s", tuple ? "(" : "");
    put_names(v, t);
    (void)fprintf(v->to, "%s\n}\n", tuple ? ")" : "");
}

/* The struct, what makes one of its fields, and what gives its fields back. */
static void put_struct(const struct mover *v, uint32_t index)
{
    const struct nacre_type_decl *t = &v->m->types.types[index];
    const char *name = v->names.structs[index], *word = v->names.struct_words[index];
    (void)fprintf(v->to, "\npublic struct %s has copy, drop {\n", name);
    put_fields(v, t);
    (void)fprintf(v->to, "}\n\npublic fun new_%s(\n", word);
    put_parameters(v, t);
    (void)fprintf(v->to, "): %s {\n    %s { ", name, name);
    put_names(v, t);
    (void)fputs(" }\n}\n", v->to);
    put_unpack(v, t, name, word);
}

static void put_intent(const struct mover *v, uint32_t index)
{
    const char *word = v->names.intents[index];
    const char *type = v->names.structs[v->types.first[v->m->intents[index].response]];
    char upper[NACRE_GEN_NAME];
    nacre_gen_upper(upper, word);
    (void)fprintf(
        v->to,
        "\npublic fun intent_%s(): u8 {\n"
        "    %s_INTENT\n"
        "}\n"
        "\n"
        "/// Aborts unless `enclave` signed exactly this. How old it may be, and that it is not used twice,\n"
        "/// is the caller's to check.\n"
        "public fun verify_%s<T>(\n"
        "    enclave: &Enclave<T>,\n"
        "    timestamp_ms: u64,\n"
        "    payload: %s,\n"
        "    signature: &vector<u8>,\n"
        ") {\n"
        "    let valid = enclave.verify_signature(%s_INTENT, timestamp_ms, payload, signature);\n"
        "    assert!(valid, EInvalidSignature);\n"
        "}\n",
        word, upper, word, type, upper);
    (void)fprintf(v->to,
                  "\n/// The same, and aborts unless it was signed within the last `max_age_ms`.\n"
                  "public fun verify_recent_%s<T>(\n"
                  "    enclave: &Enclave<T>,\n"
                  "    timestamp_ms: u64,\n"
                  "    payload: %s,\n"
                  "    signature: &vector<u8>,\n"
                  "    max_age_ms: u64,\n"
                  "    clock: &Clock,\n"
                  ") {\n"
                  "    let now_ms = clock.timestamp_ms();\n"
                  "    assert!(timestamp_ms <= now_ms, EFromTheFuture);\n"
                  "    assert!(now_ms - timestamp_ms <= max_age_ms, ETooOld);\n"
                  "    verify_%s(enclave, timestamp_ms, payload, signature);\n"
                  "}\n",
                  word, type, word);
}

static int check_limits(const struct mover *v, char *why, size_t why_len)
{
    for (uint32_t i = 0; i < v->m->types.n_types; i++) {
        const struct nacre_type_decl *t = &v->m->types.types[i];
        if (!v->types.response[i] || t->kind != NACRE_KIND_STRUCT || t->n_fields <= FIELDS_MAX)
            continue;
        (void)snprintf(why, why_len, "struct %s has %u fields, Sui takes at most %u: nest some of them",
                       t->name, t->n_fields, FIELDS_MAX);
        return -EINVAL;
    }
    return 0;
}

static int write_move(FILE *to, const struct nacre_manifest *m, const struct nacre_gen_request *request,
                      char *why, size_t why_len)
{
    struct mover *v = calloc(1, sizeof *v);
    if (!v)
        return -ENOMEM;
    v->to = to;
    v->m = m;
    int rc = nacre_gen_types_init(&v->types, m, why, why_len);
    if (rc == 0)
        rc = check_limits(v, why, why_len);
    if (rc == 0)
        rc = nacre_move_names_init(&v->names, &v->types, m, request->extra, why, why_len);
    if (rc == 0) {
        put_head(v);
        for (uint32_t i = 0; i < m->types.n_types; i++)
            if (v->types.response[i] && m->types.types[i].kind == NACRE_KIND_STRUCT)
                put_struct(v, i);
        for (uint32_t i = 0; i < m->n_intents; i++)
            put_intent(v, i);
    }
    free(v);
    return rc;
}

int nacre_plugin_cmd_move(int argc, char **argv)
{
    static const struct nacre_gen gen = {help, "module", write_move};
    return nacre_gen_run(&gen, argc, argv);
}
