#include "plugin_cmds.h"
#include "plugin_gen.h"
#include "plugin_template.h"
#include "plugin_ts_names.h"

#include <common/json_write.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: nacre plugin ts APP.so [-o FILE]\n"
    "\n"
    "Prints a TypeScript file with the @mysten/bcs types of the plugin, a JSON reader that loses no digit, "
    "and\n"
    "verifyResponse(publicKeyHex, responseText), which checks an answer's signature with @noble/curves and "
    "returns\n"
    "what was signed, typed. Structs with f64 or json inside have no BCS form and are left out.\n"
    "attestedNonce(nonceHex, text) says which nonce a document must carry, its own or a batch's root.\n"
    "\n"
    "  -o, --output FILE  where to write; standard output if left out\n"
    "  -h, --help\n";

struct writer {
    const struct nacre_manifest *m;
    struct nacre_gen_types types;
    struct nacre_ts_names names;
    bool used[NACRE_TYPES_MAX]; /* part of what is written */
};

/* What each kind is called: as a BCS type, and what reads it from JSON ("" where the generator composes that). */
static const struct {
    const char *bcs, *reader;
} kinds[] = {
    [NACRE_KIND_BOOL] = {"bcs.bool()", "readBool"},
    [NACRE_KIND_U8] = {"bcs.u8()", "readU8"},
    [NACRE_KIND_U16] = {"bcs.u16()", "readU16"},
    [NACRE_KIND_U32] = {"bcs.u32()", "readU32"},
    [NACRE_KIND_U64] = {"u64", "readU64"},
    [NACRE_KIND_U128] = {"u128", "readU128"},
    [NACRE_KIND_U256] = {"u256", "readU256"},
    [NACRE_KIND_STRING] = {"bcs.string()", "readString"},
    [NACRE_KIND_BYTES] = {"bcs.byteVector()", "readBytes"},
    [NACRE_KIND_ADDRESS] = {"address", "readAddress"},
};

/* vector<u8> is bytes, whichever way it was declared. */
static uint32_t effective_kind(const struct nacre_types *types, uint32_t index)
{
    const struct nacre_type_decl *t = &types->types[index];
    bool bytes = t->kind == NACRE_KIND_VECTOR && types->types[t->elem].kind == NACRE_KIND_U8;
    return bytes ? NACRE_KIND_BYTES : t->kind;
}

static void put_bcs(FILE *to, const struct writer *w, uint32_t index)
{
    const struct nacre_type_decl *t = &w->m->types.types[index];
    uint32_t kind = effective_kind(&w->m->types, index);
    if (kind == NACRE_KIND_STRUCT) {
        (void)fputs(w->names.structs[w->types.first[index]], to);
    } else if (kind == NACRE_KIND_VECTOR || kind == NACRE_KIND_OPTION) {
        (void)fputs(kind == NACRE_KIND_VECTOR ? "bcs.vector(" : "bcs.option(", to);
        put_bcs(to, w, t->elem);
        (void)fputc(')', to);
    } else {
        (void)fputs(kinds[kind].bcs, to);
    }
}

/* A function (v, at) => value. */
static void put_reader(FILE *to, const struct writer *w, uint32_t index)
{
    const struct nacre_type_decl *t = &w->m->types.types[index];
    uint32_t kind = effective_kind(&w->m->types, index);
    if (kind == NACRE_KIND_STRUCT) {
        (void)fprintf(to, "decode%s", w->names.structs[w->types.first[index]]);
    } else if (kind == NACRE_KIND_VECTOR || kind == NACRE_KIND_OPTION) {
        (void)fprintf(to, "(v, at) => %s(v, at, ", kind == NACRE_KIND_VECTOR ? "readVector" : "readOption");
        put_reader(to, w, t->elem);
        (void)fputc(')', to);
    } else {
        (void)fputs(kinds[kind].reader, to);
    }
}

static void put_field_read(FILE *to, const struct writer *w, const struct nacre_field_decl *f)
{
    const struct nacre_type_decl *t = &w->m->types.types[f->type];
    uint32_t kind = effective_kind(&w->m->types, f->type);
    (void)fprintf(to, "    %s: ", f->name);
    if (kind == NACRE_KIND_VECTOR || kind == NACRE_KIND_OPTION) {
        (void)fprintf(to, "%s(o[\"%s\"], `${at}.%s`, ",
                      kind == NACRE_KIND_VECTOR ? "readVector" : "readOption", f->name, f->name);
        put_reader(to, w, t->elem);
        (void)fputs("),\n", to);
    } else {
        put_reader(to, w, f->type);
        (void)fprintf(to, "(o[\"%s\"], `${at}.%s`),\n", f->name, f->name);
    }
}

static void put_decoder(FILE *to, const struct writer *w, const struct nacre_type_decl *t, const char *name)
{
    const struct nacre_field_decl *f = &w->m->types.fields[t->first_field];
    (void)fprintf(
        to, "\nfunction decode%s(v: Json | undefined, at: string): %s {\n  const o = readFields(v, at, [",
        name, name);
    for (uint32_t i = 0; i < t->n_fields; i++)
        (void)fprintf(to, "%s\"%s\"", i ? ", " : "", f[i].name);
    (void)fputs("]);\n  return {\n", to);
    for (uint32_t i = 0; i < t->n_fields; i++)
        put_field_read(to, w, &f[i]);
    (void)fputs("  };\n}\n", to);
}

static void put_structs(FILE *to, const struct writer *w)
{
    for (uint32_t i = 0; i < w->m->types.n_types; i++) {
        const struct nacre_type_decl *t = &w->m->types.types[i];
        const char *name = w->names.structs[i];
        if (!name[0])
            continue;
        (void)fprintf(to, "\nexport const %s = bcs.struct(\"%s\", {\n", name, t->name);
        for (uint32_t k = 0; k < t->n_fields; k++) {
            const struct nacre_field_decl *f = &w->m->types.fields[t->first_field + k];
            (void)fprintf(to, "  %s: ", f->name);
            put_bcs(to, w, f->type);
            (void)fputs(",\n", to);
        }
        (void)fprintf(to, "});\nexport type %s = typeof %s.$inferType;\n", name, name);
        if (w->types.response[i])
            put_decoder(to, w, t, name);
    }
}

static const char *response_name(const struct writer *w, uint32_t intent)
{
    return w->names.structs[w->types.first[w->m->intents[intent].response]];
}

static void put_cases(FILE *to, const struct writer *w)
{
    for (uint32_t i = 0; i < w->m->n_intents; i++) {
        const char *name = response_name(w, i);
        unsigned scope = w->m->intents[i].scope;
        (void)fprintf(
            to,
            "    case %u: {\n"
            "      const data = decode%s(json, \"response.data\");\n"
            "      const message = intentMessage(%s).serialize({ intent, timestamp_ms, data }).toBytes();\n"
            "      return [{ intent: %u, timestampMs, data }, message];\n"
            "    }\n",
            scope, name, name, scope);
    }
}

static void put_string(FILE *to, const char *text)
{
    struct nacre_json_out out = {0};
    nacre_json_string(&out, text, strlen(text));
    (void)fwrite(out.base, 1, out.len, to);
    free(out.base);
}

static void put_here(FILE *to, const void *user, const char *what)
{
    const struct writer *w = user;
    if (strcmp(what, "head") == 0) {
        (void)fprintf(to, "// Made by `nacre plugin ts` from %s ", w->m->app);
        nacre_gen_plain(to, w->m->version);
        (void)fputs(". When the plugin's types change, make it again.\n"
                    "// Needs the packages @mysten/bcs, @noble/curves and @noble/hashes, all version 2, as "
                    "ES modules.\n",
                    to);
    } else if (strcmp(what, "structs") == 0) {
        put_structs(to, w);
    } else if (strcmp(what, "cases") == 0) {
        put_cases(to, w);
    }
    for (uint32_t i = 0; i < w->m->n_intents && strcmp(what, "intents") == 0; i++) {
        (void)fputs("  ", to);
        put_string(to, w->m->intents[i].name);
        (void)fprintf(to, ": %u,\n", w->m->intents[i].scope);
    }
    for (uint32_t i = 0; i < w->m->n_intents && strcmp(what, "responses") == 0; i++)
        (void)fprintf(to, "  %u: %s;\n", w->m->intents[i].scope, response_name(w, i));
}

static void mark_used(struct writer *w)
{
    const struct nacre_types *types = &w->m->types;
    for (uint32_t i = types->n_types; i-- > 0;) {
        const struct nacre_type_decl *t = &types->types[i];
        w->used[i] = w->used[i] || w->names.structs[i][0];
        if (!w->used[i])
            continue;
        if (t->kind == NACRE_KIND_VECTOR || t->kind == NACRE_KIND_OPTION)
            w->used[t->elem] = true;
        for (uint32_t k = 0; t->kind == NACRE_KIND_STRUCT && k < t->n_fields; k++)
            w->used[types->fields[t->first_field + k].type] = true;
    }
}

static bool has_kind(const struct writer *w, uint32_t kind, const bool in[NACRE_TYPES_MAX])
{
    for (uint32_t i = 0; i < w->m->types.n_types; i++)
        if (in[i] && effective_kind(&w->m->types, i) == kind)
            return true;
    return false;
}

static bool wants(const void *user, const char *feature)
{
    const struct writer *w = user;
    bool reads = strncmp(feature, "read-", 5) == 0;
    const char *name = reads ? feature + 5 : feature;
    const bool *in = reads ? w->types.response : w->used;
    if (strcmp(name, "wide") == 0)
        return has_kind(w, NACRE_KIND_U128, in) || has_kind(w, NACRE_KIND_U256, in);
    if (strcmp(name, "vector") == 0 &&
        (has_kind(w, NACRE_KIND_BYTES, in) || has_kind(w, NACRE_KIND_ADDRESS, in)))
        return true; /* they are read as vectors of u8 */
    for (uint32_t kind = NACRE_KIND_BOOL; kind <= NACRE_KIND_OPTION; kind++)
        if (strcmp(nacre_kind_name(kind), name) == 0)
            return has_kind(w, kind, in);
    return false;
}

static int write_ts(FILE *to, const struct nacre_manifest *m, const struct nacre_gen_request *request,
                    char *why, size_t why_len)
{
    struct writer *w = calloc(1, sizeof *w);
    const struct nacre_template *t = nacre_template_find("client.ts");
    (void)request;
    int rc = w && t ? 0 : -ENOMEM;
    if (rc == 0) {
        w->m = m;
        rc = nacre_gen_types_init(&w->types, m, why, why_len);
    }
    if (rc == 0)
        rc = nacre_ts_names_init(&w->names, &w->types, m, why, why_len);
    if (rc == 0) {
        mark_used(w);
        const struct nacre_template_calls calls = {wants, put_here, w};
        rc = nacre_template_write(to, t, &calls);
    }
    free(w);
    return rc;
}

int nacre_plugin_cmd_ts(int argc, char **argv)
{
    static const struct nacre_gen gen = {help, NULL, write_ts};
    return nacre_gen_run(&gen, argc, argv);
}
