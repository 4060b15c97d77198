#include "plugin_ts_names.h"

#include <common/bcs.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Reserved words of TypeScript in modules, names of its types, and every name at the top of templates/client.ts. */
static const char *const reserved[] = {
    /* ECMA-262, 12.7.2, and strict mode */
    "arguments", "await", "break", "case", "catch", "class", "const", "continue", "debugger", "default",
    "delete", "do", "else", "enum", "eval", "export", "extends", "false", "finally", "for", "function", "if",
    "implements", "import", "in", "instanceof", "interface", "let", "new", "null", "package", "private",
    "protected", "public", "return", "static", "super", "switch", "this", "throw", "true", "try", "typeof",
    "var", "void", "while", "with", "yield",
    /* types, and words that begin a declaration */
    "any", "asserts", "bigint", "boolean", "declare", "global", "infer", "is", "keyof", "module", "namespace",
    "never", "number", "object", "readonly", "string", "symbol", "type", "undefined", "unique", "unknown",
    "async", "of", "abstract", "require", "exports",
    /* globals the file uses */
    "Array", "BigInt", "Error", "Infinity", "JSON", "Map", "NaN", "Number", "Object", "RangeError", "RegExp",
    "RegExpExecArray", "Math", "String", "SyntaxError", "TypeError", "Uint8Array", "parseInt", "Promise",
    /* its own */
    "BATCH_CONTEXT", "BATCH_MAX", "BcsType", "Intent", "Json", "MAX_DEPTH", "MAX_INTEGER", "NUMBER", "PLAIN",
    "Responses", "SIMPLE", "SIMPLE_ESCAPE", "UNICODE_ESCAPE", "Verified", "address", "attestedNonce",
    "batchHash", "bcs", "bigEndian", "decode", "ed25519", "intentMessage", "intents", "mismatch", "parseJson",
    "readAddress", "readBool", "readBytes", "readFields", "readInteger", "readObject", "readOption",
    "readString", "readU128", "readU16", "readU256", "readU32", "readU64", "readU8", "readVector", "readWide",
    "sha256", "u128", "u256", "u64", "unhex", "verifyResponse", NULL};

static bool has_form(const struct nacre_gen_types *g, const struct nacre_types *t, uint32_t i)
{
    return t->types[i].kind == NACRE_KIND_STRUCT && g->in_bcs[i] && g->first[i] == i;
}

/* An object literal with the key __proto__ has a prototype instead of a field. */
static int check_fields(const struct nacre_types *t, uint32_t index, char *why, size_t why_len)
{
    const struct nacre_type_decl *d = &t->types[index];
    for (uint32_t i = 0; i < d->n_fields; i++) {
        if (strcmp(t->fields[d->first_field + i].name, "__proto__") != 0)
            continue;
        (void)snprintf(why, why_len,
                       "struct %s: JavaScript objects cannot have the field __proto__: rename it", d->name);
        return -EINVAL;
    }
    return 0;
}

static int check_intents(const struct nacre_manifest *m, char *why, size_t why_len)
{
    for (uint32_t i = 0; i < m->n_intents; i++) {
        const char *name = m->intents[i].name;
        bool bad = strcmp(name, "__proto__") == 0 || !nacre_utf8_valid((const uint8_t *)name, strlen(name));
        for (uint32_t k = 0; k < i; k++)
            bad = bad || strcmp(name, m->intents[k].name) == 0;
        if (bad) {
            (void)snprintf(
                why, why_len,
                "intent %u: its name is another intent's too, or __proto__, or not UTF-8: rename it",
                m->intents[i].scope);
            return -EINVAL;
        }
    }
    return 0;
}

/* "decodeNAME" stands beside the type. */
static int take_both(struct nacre_gen_names *scope, char name[NACRE_GEN_NAME])
{
    char reader[NACRE_GEN_NAME + 8];
    for (;;) {
        int rc = nacre_gen_take_free(scope, name, reserved);
        if (rc)
            return rc;
        (void)snprintf(reader, sizeof reader, "decode%s", name);
        if (strlen(reader) >= NACRE_GEN_NAME)
            return -ENAMETOOLONG;
        rc = nacre_gen_take(scope, reader);
        if (rc != -EEXIST)
            return rc;
    }
}

static int name_structs(struct nacre_ts_names *out, struct nacre_gen_names *scope,
                        const struct nacre_gen_types *g, const struct nacre_types *t, bool response,
                        char *why, size_t why_len)
{
    int rc = 0;
    for (uint32_t i = 0; i < t->n_types && rc == 0; i++) {
        if (!has_form(g, t, i) || g->response[i] != response)
            continue;
        (void)snprintf(out->structs[i], NACRE_GEN_NAME, "%s", t->types[i].name);
        rc = check_fields(t, i, why, why_len);
        if (rc == 0)
            rc = take_both(scope, out->structs[i]);
    }
    return rc;
}

int nacre_ts_names_init(struct nacre_ts_names *out, const struct nacre_gen_types *types,
                        const struct nacre_manifest *m, char *why, size_t why_len)
{
    struct nacre_gen_names scope = {0};
    memset(out, 0, sizeof *out);
    int rc = check_intents(m, why, why_len);
    if (rc == 0) /* responses first: they keep their names */
        rc = name_structs(out, &scope, types, &m->types, true, why, why_len);
    if (rc == 0)
        rc = name_structs(out, &scope, types, &m->types, false, why, why_len);
    nacre_gen_names_free(&scope);
    return rc;
}
