/* nacre call --ptb: a verified answer as arguments of a Move call. */
#include "verify/response_types.h"

#include <stdlib.h>
#include <string.h>

#include "cmd_call.h"
#include "ptb.h"

struct writer {
    const nacre_verify_types *types;
    struct nacre_json *json;
    FILE *to;
    nacre_verify_error *why;
};

static int put_value(const struct writer *w, uint32_t type, enum nacre_json_token token);

/* How `sui client ptb` reads escapes is nowhere said: what would need one is refused. */
static int put_string(const struct writer *w)
{
    const char *text = w->json->text;
    size_t size = w->json->text_len;
    char quote = memchr(text, '\'', size) != NULL ? '"' : '\'';
    if (w->json->escaped || memchr(text, quote, size) != NULL) {
        return nacre_vcmd_unchecked(w->why,
                                    "the string '%.*s' needs escapes, which `sui client ptb` has no form for",
                                    (int)(size < 100 ? size : 100), text);
    }
    (void)fprintf(w->to, "%c%.*s%c", quote, (int)size, text, quote);
    return NACRE_CHECKED;
}

static int put_list(const struct writer *w, uint32_t elem, const char *suffix)
{
    enum nacre_json_token token = NACRE_JSON_ERROR;
    const char *between = "";
    int r = NACRE_CHECKED;
    (void)fputs("vector[", w->to);
    while (r == NACRE_CHECKED && (token = nacre_json_next(w->json)) != NACRE_JSON_ARRAY_END &&
           token != NACRE_JSON_ERROR) {
        (void)fputs(between, w->to);
        between = ",";
        if (suffix != NULL) {
            (void)fprintf(w->to, "%.*s%s", (int)w->json->text_len, w->json->text, suffix);
        } else {
            r = put_value(w, elem, token);
        }
    }
    (void)fputc(']', w->to);
    return r;
}

static void put_address(const struct writer *w)
{
    (void)fputs("@0x", w->to);
    while (nacre_json_next(w->json) == NACRE_JSON_NUMBER) {
        (void)fprintf(w->to, "%02lx", strtoul(w->json->text, NULL, 10));
    }
}

static int put_option(const struct writer *w, uint32_t elem, enum nacre_json_token token)
{
    if (token == NACRE_JSON_NULL) {
        (void)fputs("none", w->to);
        return NACRE_CHECKED;
    }
    (void)fputs("some(", w->to);
    int r = put_value(w, elem, token);
    (void)fputc(')', w->to);
    return r;
}

/* The value has been verified: it is of its type. */
static int put_value(const struct writer *w, uint32_t type, enum nacre_json_token token)
{
    const struct nacre_type_decl *t = &w->types->table.types[type];
    switch (t->kind) {
    case NACRE_KIND_BOOL:
        (void)fputs(token == NACRE_JSON_TRUE ? "true" : "false", w->to);
        return NACRE_CHECKED;
    case NACRE_KIND_STRING:
        return put_string(w);
    case NACRE_KIND_BYTES:
        return put_list(w, 0, "u8");
    case NACRE_KIND_ADDRESS:
        put_address(w);
        return NACRE_CHECKED;
    case NACRE_KIND_VECTOR:
        return put_list(w, t->elem, NULL);
    case NACRE_KIND_OPTION:
        return put_option(w, t->elem, token);
    case NACRE_KIND_STRUCT:
        return nacre_vcmd_unchecked(w->why,
                                    "the answer holds a struct %s, which is no argument of a Move call: "
                                    "`nacre plugin move` makes one",
                                    t->name);
    default:
        (void)fprintf(w->to, "%.*s%s", (int)w->json->text_len, w->json->text, nacre_kind_name(t->kind));
        return NACRE_CHECKED;
    }
}

static int add_field(struct nacre_ptb *ptb, const nacre_verify_types *types, nacre_verify_bytes data,
                     const struct nacre_field_decl *field, nacre_verify_error *why)
{
    char *text = NULL;
    size_t size = 0;
    struct nacre_json json;
    nacre_json_init(&json, (const char *)data.data, data.size);
    enum nacre_json_token token = nacre_json_next(&json);
    while (token != NACRE_JSON_ERROR && nacre_json_next(&json) == NACRE_JSON_KEY) {
        bool ours = nacre_json_key_is(&json, field->name, strlen(field->name));
        token = nacre_json_next(&json);
        if (ours) {
            break;
        }
        (void)nacre_json_skip(&json, token);
    }
    struct writer w = {.types = types, .json = &json, .to = open_memstream(&text, &size), .why = why};
    if (w.to == NULL) {
        return nacre_vcmd_unchecked(why, "out of memory");
    }
    int r = put_value(&w, field->type, token);
    if (fclose(w.to) != 0) {
        r = nacre_vcmd_unchecked(why, "out of memory");
    }
    if (r == NACRE_CHECKED) {
        nacre_ptb_add(ptb, "%s", text);
    }
    free(text);
    return r;
}

static const char *or_else(const char *text, const char *placeholder)
{
    return text != NULL ? text : placeholder;
}

static void begin(struct nacre_ptb *ptb, const struct nacre_vcall_ptb *ids,
                  const nacre_verify_signed *content)
{
    nacre_ptb_begin(ptb);
    nacre_ptb_add(ptb, "--assign");
    nacre_ptb_add(ptb, "sig");
    nacre_ptb_add_bytes(ptb, content->signature, content->signature_size);
    nacre_ptb_add(ptb, "--move-call");
    nacre_ptb_add(ptb, "%s::%s::%s%s%s%s", or_else(ids->package, "PACKAGE_ID"),
                  or_else(ids->module, "MODULE"), or_else(ids->function, "FUNCTION"),
                  ids->type != NULL ? "<" : "", or_else(ids->type, ""), ids->type != NULL ? ">" : "");
}

int nacre_vcall_ptb(const struct nacre_vcall_ptb *ids, const nacre_verify_types *types,
                    const nacre_verify_report *report, nacre_verify_error *why)
{
    struct nacre_ptb ptb = {0};
    const nacre_verify_signed *content = nacre_verify_report_signed(report);
    const struct nacre_type_decl *type = &types->table.types[types->intent[content->intent].type];
    int r = NACRE_CHECKED;
    begin(&ptb, ids, content);
    for (uint32_t i = 0; i < type->n_fields && r == NACRE_CHECKED; i++) {
        r = add_field(&ptb, types, nacre_verify_report_data(report),
                      &types->table.fields[type->first_field + i], why);
    }
    nacre_ptb_add(&ptb, "%lluu64", (unsigned long long)content->timestamp_ms);
    nacre_ptb_add(&ptb, "sig");
    nacre_ptb_add(&ptb, "@%s", or_else(ids->enclave, "ENCLAVE_ID"));
    nacre_ptb_add(&ptb, "--gas-budget");
    nacre_ptb_add(&ptb, "%s", or_else(ids->gas, NACRE_PTB_GAS));
    if (r == NACRE_CHECKED && ptb.failed) {
        r = nacre_vcmd_unchecked(why, "out of memory, or more than %u words", NACRE_PTB_WORDS_MAX);
    }
    if (r == NACRE_CHECKED) {
        nacre_ptb_print(&ptb, stdout);
    }
    nacre_ptb_free(&ptb);
    return r;
}

int nacre_vcall_ptb_check(struct nacre_vcall_ptb *ids, nacre_verify_error *why)
{
    uint64_t gas = 0;
    if ((ids->package != NULL && !nacre_ptb_is_id(ids->package)) ||
        (ids->enclave != NULL && !nacre_ptb_is_id(ids->enclave))) {
        return nacre_vcmd_unchecked(why, "--package and --enclave are 0x and up to 64 hex digits");
    }
    if ((ids->module != NULL && !nacre_ptb_is_name(ids->module)) ||
        (ids->function != NULL && !nacre_ptb_is_name(ids->function))) {
        return nacre_vcmd_unchecked(why, "--module and --function are Move identifiers");
    }
    if (ids->gas != NULL &&
        nacre_vcmd_parse_u64(ids->gas, strlen(ids->gas), UINT64_MAX, &gas) != NACRE_CHECKED) {
        return nacre_vcmd_unchecked(why, "--gas-budget is '%.100s', expected MIST", ids->gas);
    }
    return NACRE_CHECKED;
}
