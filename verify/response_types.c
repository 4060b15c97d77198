/* Type files: {"nacre_types":1,"structs":[{"name","fields":[[name,type]...]}...],"intents":[{"intent","name","type"}]}. */
#include "response_types.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "response_number.h"
#include "text.h"

#define TYPES_VERSION 1u

bool nacre_vfy_types_refuse(struct nacre_vfy_types_reader *reader, const char *format, ...)
{
    if (reader->error != NULL) {
        va_list args;
        va_start(args, format);
        (void)vsnprintf(reader->error->text, sizeof reader->error->text, format, args);
        va_end(args);
    }
    return false;
}

static bool refuse_json(struct nacre_vfy_types_reader *reader, const char *expected)
{
    const struct nacre_json *json = &reader->json;
    return nacre_vfy_types_refuse(reader, "byte %zu: %s", (size_t)(json->at - json->begin),
                                  json->why != NULL ? json->why : expected);
}

static bool want(struct nacre_vfy_types_reader *reader, enum nacre_json_token token, const char *expected)
{
    return nacre_json_next(&reader->json) == token || refuse_json(reader, expected);
}

/* No name in the ABI has an escape: one here is meant to confuse. */
static bool read_name(struct nacre_vfy_types_reader *reader, char out[NACRE_VFY_NAME_SIZE])
{
    const struct nacre_json *json = &reader->json;
    if (!want(reader, NACRE_JSON_STRING, "expected a name")) {
        return false;
    }
    if (json->escaped || json->text_len == 0 || json->text_len >= NACRE_VFY_NAME_SIZE) {
        return nacre_vfy_types_refuse(reader, "a name of %zu bytes, expected 1 to %u without escapes",
                                      json->text_len, NACRE_VFY_NAME_SIZE - 1);
    }
    memcpy(out, json->text, json->text_len);
    out[json->text_len] = '\0';
    return true;
}

static bool read_type(struct nacre_vfy_types_reader *reader, uint32_t *index)
{
    return want(reader, NACRE_JSON_STRING, "expected a type") &&
           nacre_vfy_type_of(reader, reader->json.text, reader->json.text_len, index);
}

/* [name, type], the bracket already read. */
static bool read_field(struct nacre_vfy_types_reader *reader)
{
    struct nacre_types *table = &reader->out->table;
    uint32_t at = table->n_fields;
    if (at == NACRE_FIELDS_MAX) {
        return nacre_vfy_types_refuse(reader, "more than %u fields", NACRE_FIELDS_MAX);
    }
    struct nacre_field_decl *field = &table->fields[at];
    if (!read_name(reader, reader->out->field_name[at]) || !read_type(reader, &field->type) ||
        !want(reader, NACRE_JSON_ARRAY_END, "expected the end of a field")) {
        return false;
    }
    field->name = reader->out->field_name[at];
    field->source = NACRE_SOURCE_BODY;
    table->n_fields++;
    return true;
}

static bool read_fields(struct nacre_vfy_types_reader *reader)
{
    enum nacre_json_token token = NACRE_JSON_ERROR;
    if (!want(reader, NACRE_JSON_ARRAY, "expected an array of fields")) {
        return false;
    }
    while ((token = nacre_json_next(&reader->json)) == NACRE_JSON_ARRAY) {
        if (!read_field(reader)) {
            return false;
        }
    }
    return token == NACRE_JSON_ARRAY_END || refuse_json(reader, "expected a field: [name, type]");
}

static bool want_key(struct nacre_vfy_types_reader *reader, const char *key)
{
    enum nacre_json_token token = nacre_json_next(&reader->json);
    if (token == NACRE_JSON_KEY && nacre_json_key_is(&reader->json, key, strlen(key))) {
        return true;
    }
    if (token == NACRE_JSON_ERROR) {
        return refuse_json(reader, "");
    }
    return nacre_vfy_types_refuse(reader, "byte %zu: expected the key \"%s\"",
                                  (size_t)(reader->json.at - reader->json.begin), key);
}

static bool add_struct(struct nacre_vfy_types_reader *reader, const char *name, uint32_t first_field)
{
    struct nacre_types *table = &reader->out->table;
    uint32_t twin = 0;
    if (nacre_vfy_type_find(reader->out, name, strlen(name), &twin)) {
        return nacre_vfy_types_refuse(reader, "struct %s is declared twice", name);
    }
    if (table->n_types == NACRE_TYPES_MAX) {
        return nacre_vfy_types_refuse(reader, "more than %u types", NACRE_TYPES_MAX);
    }
    char *own = reader->out->struct_name[table->n_types];
    (void)snprintf(own, NACRE_VFY_NAME_SIZE, "%s", name);
    table->types[table->n_types++] = (struct nacre_type_decl){.kind = NACRE_KIND_STRUCT,
                                                              .elem = UINT32_MAX,
                                                              .name = own,
                                                              .first_field = first_field,
                                                              .n_fields = table->n_fields - first_field};
    return true;
}

static bool read_struct(struct nacre_vfy_types_reader *reader)
{
    char name[NACRE_VFY_NAME_SIZE];
    uint32_t first_field = reader->out->table.n_fields;
    return want_key(reader, "name") && read_name(reader, name) && want_key(reader, "fields") &&
           read_fields(reader) && want(reader, NACRE_JSON_OBJECT_END, "expected the end of a struct") &&
           add_struct(reader, name, first_field);
}

static bool read_intent(struct nacre_vfy_types_reader *reader)
{
    uint8_t scope = 0;
    char name[NACRE_VFY_NAME_SIZE];
    uint32_t type = 0;
    const struct nacre_json *json = &reader->json;
    if (!want_key(reader, "intent") || !want(reader, NACRE_JSON_NUMBER, "expected an intent") ||
        !nacre_vfy_decimal(json->text, json->text_len, &scope, 1)) {
        return refuse_json(reader, "expected an intent from 0 to 255");
    }
    if (!want_key(reader, "name") || !read_name(reader, name) || !want_key(reader, "type") ||
        !read_type(reader, &type) || !want(reader, NACRE_JSON_OBJECT_END, "expected the end of an intent")) {
        return false;
    }
    struct nacre_vfy_intent *intent = &reader->out->intent[scope];
    if (intent->declared) {
        return nacre_vfy_types_refuse(reader, "intent %u is declared twice", scope);
    }
    *intent = (struct nacre_vfy_intent){.type = type, .declared = true};
    memcpy(intent->name, name, sizeof name);
    return true;
}

static bool read_list(struct nacre_vfy_types_reader *reader, const char *key,
                      bool (*read_one)(struct nacre_vfy_types_reader *))
{
    enum nacre_json_token token = NACRE_JSON_ERROR;
    unsigned count = 0;
    if (!want_key(reader, key) || !want(reader, NACRE_JSON_ARRAY, "expected an array")) {
        return false;
    }
    while ((token = nacre_json_next(&reader->json)) == NACRE_JSON_OBJECT) {
        if (!read_one(reader)) {
            return false;
        }
        count++;
    }
    if (token == NACRE_JSON_ARRAY_END && count == 0) {
        return nacre_vfy_types_refuse(reader, "\"%s\" is empty", key);
    }
    return token == NACRE_JSON_ARRAY_END || refuse_json(reader, "expected an object");
}

/* Keys come in one order: a file has one form, so that files can be compared. */
static bool read_file(struct nacre_vfy_types_reader *reader)
{
    uint8_t version = 0;
    const struct nacre_json *json = &reader->json;
    if (!want(reader, NACRE_JSON_OBJECT, "expected an object") || !want_key(reader, "nacre_types") ||
        !want(reader, NACRE_JSON_NUMBER, "expected a version")) {
        return false;
    }
    if (!nacre_vfy_decimal(json->text, json->text_len, &version, 1) || version != TYPES_VERSION) {
        return nacre_vfy_types_refuse(reader, "version %.*s, this library knows %u",
                                      (int)(json->text_len < 20 ? json->text_len : 20), json->text,
                                      TYPES_VERSION);
    }
    if (!read_list(reader, "structs", read_struct) || !read_list(reader, "intents", read_intent) ||
        !want(reader, NACRE_JSON_OBJECT_END, "expected the end of the object") ||
        !want(reader, NACRE_JSON_END, "expected the end of the file")) {
        return false;
    }
    char why[256] = "";
    return nacre_types_check(&reader->out->table, why, sizeof why) == 0 ||
           nacre_vfy_types_refuse(reader, "%s", why);
}

int nacre_verify_types_parse(const char *text, size_t size, nacre_verify_types **types,
                             nacre_verify_error *error)
{
    nacre_verify_error inner = {.text = ""};
    if (text == NULL || types == NULL || size > NACRE_VERIFY_TYPES_MAX) {
        return nacre_vfy_fail(error, NACRE_VERIFY_E_ARGUMENT, "no type file, or one of more than %u bytes",
                              NACRE_VERIFY_TYPES_MAX);
    }
    struct nacre_vfy_types_reader reader = {.out = calloc(1, sizeof *reader.out), .error = &inner};
    if (reader.out == NULL) {
        return nacre_vfy_fail(error, NACRE_VERIFY_E_MEMORY, "out of memory");
    }
    reader.out->table.types = reader.out->type;
    reader.out->table.fields = reader.out->field;
    nacre_json_init(&reader.json, text, size);
    if (!read_file(&reader)) {
        nacre_verify_types_free(reader.out);
        return nacre_vfy_fail(error, NACRE_VERIFY_E_ARGUMENT, "type file: %s", inner.text);
    }
    *types = reader.out;
    return NACRE_VERIFY_OK;
}

void nacre_verify_types_free(nacre_verify_types *types)
{
    free(types);
}
