#include "plugin_move_names.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Words of the language and its built-in types, of the 2024 edition and of those before it. */
static const char *const reserved_words[] = {
    "abort", "acquires", "as",     "break", "const",  "continue", "copy",    "else",      "enum",   "entry",
    "false", "for",      "friend", "fun",   "has",    "if",       "in",      "invariant", "let",    "loop",
    "macro", "match",    "module", "move",  "mut",    "native",   "package", "phantom",   "public", "return",
    "spec",  "struct",   "true",   "type",  "use",    "while",    "Self",    "assert",    "freeze", "address",
    "bool",  "signer",   "u8",     "u16",   "u32",    "u64",      "u128",    "u256",      "i8",     "i16",
    "i32",   "i64",      "i128",   "i256",  "vector", "drop",     "store",   "key",       "where",  NULL};

/* Types that the module uses by these names. */
static const char *const taken_types[] = {"Clock", "Enclave", "Option", "Self", "String", NULL};

static int refuse_struct(const char *name, const char *word, char *why, size_t why_len)
{
    (void)snprintf(why, why_len,
                   "struct %s would get the constructor new_%s, which another one has: rename one", name,
                   word);
    return -EINVAL;
}

static int refuse_intent(const struct nacre_intent_decl *intent, const char *word, char *why, size_t why_len)
{
    (void)snprintf(
        why, why_len,
        "intent %u would get the function verify_%s, which clashes with another intent's: rename one",
        intent->scope, word);
    return -EINVAL;
}

/* Fields and parameters begin with a small letter. */
static int name_fields(struct nacre_move_names *out, const struct nacre_types *types,
                       const struct nacre_type_decl *t)
{
    struct nacre_gen_names scope = {0};
    int rc = 0;
    for (uint32_t i = 0; i < t->n_fields && rc == 0; i++) {
        const char *name = types->fields[t->first_field + i].name;
        char *to = out->fields[t->first_field + i];
        const char *before = islower((unsigned char)name[0]) ? "" : name[0] == '_' ? "f" : "f_";
        (void)snprintf(to, NACRE_GEN_NAME, "%s%s", before, name);
        rc = nacre_gen_take_free(&scope, to, reserved_words);
    }
    nacre_gen_names_free(&scope);
    return rc;
}

static int name_struct(struct nacre_move_names *out, struct nacre_gen_names *scope,
                       struct nacre_gen_names *words, const struct nacre_types *types, uint32_t index,
                       char *why, size_t why_len)
{
    const struct nacre_type_decl *t = &types->types[index];
    char *name = out->structs[index];
    (void)snprintf(name, NACRE_GEN_NAME, "%s%s", t->name[0] == '_' ? "S" : "", t->name);
    name[0] = (char)toupper((unsigned char)name[0]);
    int rc = nacre_gen_take_free(scope, name, taken_types);
    if (rc)
        return rc;
    nacre_gen_snake(out->struct_words[index], t->name);
    rc = nacre_gen_take(words, out->struct_words[index]);
    if (rc == -EEXIST)
        return refuse_struct(t->name, out->struct_words[index], why, why_len);
    return rc ? rc : name_fields(out, types, t);
}

static int name_structs(struct nacre_move_names *out, const struct nacre_gen_types *g,
                        const struct nacre_manifest *m, char *why, size_t why_len)
{
    struct nacre_gen_names scope = {0}, words = {0};
    int rc = 0;
    for (uint32_t i = 0; i < m->types.n_types && rc == 0; i++)
        if (g->response[i] && m->types.types[i].kind == NACRE_KIND_STRUCT)
            rc = name_struct(out, &scope, &words, &m->types, i, why, why_len);
    nacre_gen_names_free(&scope);
    nacre_gen_names_free(&words);
    return rc;
}

static int name_intents(struct nacre_move_names *out, const struct nacre_manifest *m, char *why,
                        size_t why_len)
{
    struct nacre_gen_names scope = {0};
    int rc = 0;
    for (uint32_t i = 0; i < m->n_intents && rc == 0; i++) {
        char *word = out->intents[i], recent[NACRE_GEN_NAME];
        nacre_gen_snake(word, m->intents[i].name);
        (void)snprintf(recent, sizeof recent, "recent_%.*s", (int)sizeof recent - 8, word);
        rc = nacre_gen_take(&scope, word);
        if (rc == 0)
            rc = nacre_gen_take(&scope, recent); /* verify_recent_WORD stands beside verify_WORD */
        if (rc == -EEXIST)
            rc = refuse_intent(&m->intents[i], word, why, why_len);
    }
    nacre_gen_names_free(&scope);
    return rc;
}

static bool address_ok(const char *text, size_t len)
{
    bool hex = len > 2 && text[0] == '0' && text[1] == 'x';
    if (len == 0 || (hex && len > 66))
        return false;
    for (size_t i = hex ? 2 : 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (hex ? !isxdigit(c) : !(islower(c) || c == '_' || (i > 0 && isdigit(c))))
            return false;
    }
    return true;
}

static bool word_ok(const char *text)
{
    for (size_t i = 0; text[i]; i++)
        if (!islower((unsigned char)text[i]) &&
            (i == 0 || (text[i] != '_' && !isdigit((unsigned char)text[i]))))
            return false;
    for (size_t i = 0; reserved_words[i]; i++)
        if (strcmp(text, reserved_words[i]) == 0)
            return false;
    return text[0] != '\0';
}

static int name_module(struct nacre_move_names *out, const struct nacre_manifest *m, const char *module,
                       char *why, size_t why_len)
{
    if (!module) {
        char word[NACRE_GEN_NAME];
        nacre_gen_snake(word, m->app);
        (void)snprintf(out->module, sizeof out->module, "app::%s%s", word, word_ok(word) ? "" : "_");
        return 0;
    }
    const char *colons = strstr(module, "::");
    if (!colons || strlen(module) >= sizeof out->module || !address_ok(module, (size_t)(colons - module)) ||
        !word_ok(colons + 2)) {
        (void)snprintf(
            why, why_len,
            "--module is '%s', expected ADDRESS::NAME: a name or 0x and hex digits, then a lower-case name "
            "that Move does not reserve",
            module);
        return -EINVAL;
    }
    (void)snprintf(out->module, sizeof out->module, "%s", module);
    return 0;
}

int nacre_move_names_init(struct nacre_move_names *out, const struct nacre_gen_types *types,
                          const struct nacre_manifest *m, const char *module, char *why, size_t why_len)
{
    memset(out, 0, sizeof *out);
    int rc = name_module(out, m, module, why, why_len);
    if (rc == 0)
        rc = name_structs(out, types, m, why, why_len);
    return rc ? rc : name_intents(out, m, why, why_len);
}
