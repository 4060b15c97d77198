/* A route's method and the type of its answer, from the OpenAPI document that the enclave serves. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/json_read.h"

#include "cmd_call.h"

#define STRUCTS_MAX 256u
#define NAME_SIZE   96u
#define DEPTH_MAX   16u

/* The type file while it grows. Structs are written before those that hold them. */
struct builder {
    struct nacre_vcmd_json schemas;
    FILE *structs;
    char (*done)[NAME_SIZE];
    unsigned count;
    unsigned depth;
    nacre_verify_error *why;
};

static bool is(struct nacre_vcmd_json text, const char *word)
{
    return text.size == strlen(word) && memcmp(text.text, word, text.size) == 0;
}

static bool member_is(struct nacre_vcmd_json object, const char *key, const char *word)
{
    struct nacre_vcmd_json value;
    return nacre_vcmd_json_any(object, key, &value, NULL) == NACRE_CHECKED && is(value, word);
}

static int put_schema(struct builder *b, struct nacre_vcmd_json schema, FILE *to);

/* "Reading.2", as the document calls the second struct of a name, is no name of the ABI. */
static int struct_name(struct builder *b, struct nacre_vcmd_json ref, char name[NAME_SIZE], size_t *prefix)
{
    static const char start[] = "#/components/schemas/";
    *prefix = sizeof start - 1;
    if (ref.size <= *prefix || ref.size - *prefix >= NAME_SIZE || memcmp(ref.text, start, *prefix) != 0) {
        return nacre_vcmd_unchecked(b->why, "openapi.json: the reference '%.*s' is none to a schema",
                                    (int)(ref.size < 100 ? ref.size : 100), ref.text);
    }
    for (size_t i = *prefix; i < ref.size; i++) {
        char c = ref.text[i];
        name[i - *prefix] = (char)(isalnum((unsigned char)c) ? c : '_');
    }
    name[ref.size - *prefix] = '\0';
    return NACRE_CHECKED;
}

/* {"a":schema,...} as [["a","type"],...]. */
static int put_fields(struct builder *b, struct nacre_vcmd_json properties, FILE *to)
{
    struct nacre_json json;
    const char *between = "";
    int r = NACRE_CHECKED;
    nacre_json_init(&json, properties.text, properties.size);
    if (nacre_json_next(&json) != NACRE_JSON_OBJECT) {
        return nacre_vcmd_unchecked(b->why, "openapi.json: the properties of a schema are no object");
    }
    while (r == NACRE_CHECKED && nacre_json_next(&json) == NACRE_JSON_KEY) {
        (void)fprintf(to, "%s[\"%.*s\",\"", between, (int)json.text_len, json.text);
        between = ",";
        enum nacre_json_token token = nacre_json_next(&json);
        struct nacre_vcmd_json schema = {.text = json.at - 1};
        if (token != NACRE_JSON_OBJECT || nacre_json_skip(&json, token) != 0) {
            return nacre_vcmd_unchecked(b->why, "openapi.json: a property without a schema");
        }
        schema.size = (size_t)(json.at - schema.text);
        r = put_schema(b, schema, to);
        (void)fputs("\"]", to);
    }
    return r;
}

static int put_struct(struct builder *b, struct nacre_vcmd_json ref, FILE *to)
{
    char name[NAME_SIZE];
    char key[NAME_SIZE];
    size_t prefix = 0;
    int r = struct_name(b, ref, name, &prefix);
    if (r != NACRE_CHECKED) {
        return r;
    }
    (void)fputs(name, to);
    for (unsigned i = 0; i < b->count; i++) {
        if (strcmp(b->done[i], name) == 0) {
            return NACRE_CHECKED;
        }
    }
    (void)snprintf(key, sizeof key, "%.*s", (int)(ref.size - prefix), ref.text + prefix);
    const char *const path[] = {key, "properties", NULL};
    struct nacre_vcmd_json properties = {0};
    char *fields = NULL;
    size_t size = 0;
    FILE *inner = open_memstream(&fields, &size);
    if (inner == NULL || b->count == STRUCTS_MAX) {
        r = nacre_vcmd_unchecked(b->why, "openapi.json: out of memory, or more than %u schemas", STRUCTS_MAX);
    } else {
        r = nacre_vcmd_json_path(b->schemas, path, &properties, b->why);
    }
    if (r == NACRE_CHECKED) {
        r = put_fields(b, properties, inner);
    }
    if (inner != NULL && fclose(inner) != 0) {
        r = nacre_vcmd_unchecked(b->why, "out of memory");
    }
    if (r == NACRE_CHECKED && b->count < STRUCTS_MAX) {
        (void)fprintf(b->structs, "%s{\"name\":\"%s\",\"fields\":[%s]}", b->count > 0 ? "," : "", name,
                      fields);
        (void)snprintf(b->done[b->count++], NAME_SIZE, "%s", name);
    }
    free(fields);
    return r;
}

static int put_array(struct builder *b, struct nacre_vcmd_json schema, FILE *to)
{
    struct nacre_vcmd_json items;
    struct nacre_vcmd_json format;
    int r = nacre_vcmd_json_object(schema, "items", &items, b->why);
    if (r != NACRE_CHECKED) {
        return r;
    }
    /* Bytes and addresses are arrays of integers that say no width; a vector<u8> is the same in BCS. */
    if (member_is(items, "type", "integer") &&
        nacre_vcmd_json_any(items, "format", &format, NULL) != NACRE_CHECKED) {
        (void)fputs(member_is(schema, "minItems", "32") && member_is(schema, "maxItems", "32") ? "address"
                                                                                               : "bytes",
                    to);
        return NACRE_CHECKED;
    }
    (void)fputs("vector<", to);
    r = put_schema(b, items, to);
    (void)fputc('>', to);
    return r;
}

static int put_scalar(struct builder *b, struct nacre_vcmd_json schema, FILE *to)
{
    static const char *const known[][3] = {
        {"integer", "uint8", "u8"},   {"integer", "uint16", "u16"},  {"integer", "uint32", "u32"},
        {"integer", "uint64", "u64"}, {"string", "uint128", "u128"}, {"string", "uint256", "u256"},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (member_is(schema, "type", known[i][0]) && member_is(schema, "format", known[i][1])) {
            (void)fputs(known[i][2], to);
            return NACRE_CHECKED;
        }
    }
    if (member_is(schema, "type", "boolean") || member_is(schema, "type", "string")) {
        (void)fputs(member_is(schema, "type", "boolean") ? "bool" : "string", to);
        return NACRE_CHECKED;
    }
    return nacre_vcmd_unchecked(b->why, "openapi.json: the schema %.*s is no type that can be signed",
                                (int)(schema.size < 200 ? schema.size : 200), schema.text);
}

/* {"anyOf":[schema,{"type":"null"}]} */
static int put_option(struct builder *b, struct nacre_vcmd_json any, FILE *to)
{
    struct nacre_json json;
    nacre_json_init(&json, any.text, any.size);
    (void)nacre_json_next(&json);
    enum nacre_json_token token = nacre_json_next(&json);
    struct nacre_vcmd_json first = {.text = json.at - 1};
    if (token != NACRE_JSON_OBJECT || nacre_json_skip(&json, token) != 0) {
        return nacre_vcmd_unchecked(b->why, "openapi.json: anyOf without a schema");
    }
    first.size = (size_t)(json.at - first.text);
    (void)fputs("option<", to);
    int r = put_schema(b, first, to);
    (void)fputc('>', to);
    return r;
}

static int put_schema(struct builder *b, struct nacre_vcmd_json schema, FILE *to)
{
    struct nacre_vcmd_json part;
    int r = NACRE_CHECKED;
    if (b->depth == DEPTH_MAX) {
        return nacre_vcmd_unchecked(b->why, "openapi.json: schemas nested deeper than %u", DEPTH_MAX);
    }
    b->depth++;
    if (nacre_vcmd_json_string(schema, "$ref", &part, NULL) == NACRE_CHECKED) {
        r = put_struct(b, part, to);
    } else if (nacre_vcmd_json_any(schema, "anyOf", &part, NULL) == NACRE_CHECKED) {
        r = put_option(b, part, to);
    } else if (member_is(schema, "type", "array")) {
        r = put_array(b, schema, to);
    } else {
        r = put_scalar(b, schema, to);
    }
    b->depth--;
    return r;
}

/* Segment by segment; {name} stands for any one. What follows '?' in the route is no part of it. */
static bool route_matches(const char *pattern, size_t size, const char *route)
{
    size_t i = 0;
    while (i < size && *route != '\0' && *route != '?') {
        if (pattern[i] == '{') {
            const char *close = memchr(pattern + i, '}', size - i);
            size_t segment = strcspn(route, "/?");
            if (close == NULL || segment == 0) {
                return false;
            }
            i = (size_t)(close - pattern) + 1;
            route += segment;
        } else if (pattern[i++] != *route++) {
            return false;
        }
    }
    return i == size && (*route == '\0' || *route == '?');
}

static int find_route(struct nacre_vcmd_json document, const char *route, struct nacre_vcmd_json *methods,
                      nacre_verify_error *why)
{
    struct nacre_vcmd_json paths;
    struct nacre_json json;
    int r = nacre_vcmd_json_object(document, "paths", &paths, why);
    if (r != NACRE_CHECKED) {
        return r;
    }
    nacre_json_init(&json, paths.text, paths.size);
    (void)nacre_json_next(&json);
    while (nacre_json_next(&json) == NACRE_JSON_KEY) {
        bool ours = route_matches(json.text, json.text_len, route);
        enum nacre_json_token token = nacre_json_next(&json);
        methods->text = json.at - 1;
        if (nacre_json_skip(&json, token) != 0) {
            break;
        }
        methods->size = (size_t)(json.at - methods->text);
        if (ours && token == NACRE_JSON_OBJECT) {
            return NACRE_CHECKED;
        }
    }
    return nacre_vcmd_unchecked(why, "openapi.json has no route %.200s", route);
}

/* Whichever the path has; with a body, one that takes bodies comes first. */
static void choose_method(struct nacre_vcmd_json methods, bool has_body, char method[NACRE_VCALL_METHOD_SIZE])
{
    static const char *const names[] = {"get", "post", "put", "patch", "delete"};
    for (size_t i = 0; i < 5 && method[0] == '\0'; i++) {
        const char *name = names[has_body ? (i + 1) % 5 : i];
        if (nacre_vcmd_json_has(methods, name)) {
            for (size_t k = 0; k <= strlen(name); k++) {
                method[k] = (char)toupper((unsigned char)name[k]);
            }
        }
    }
}

static int find_answer(struct nacre_vcmd_json methods, const char *method, struct nacre_vcmd_json *intent,
                       struct nacre_vcmd_json *data, nacre_verify_error *why)
{
    char lower[NACRE_VCALL_METHOD_SIZE] = "";
    struct nacre_vcmd_json response;
    for (size_t i = 0; i + 1 < sizeof lower && method[i] != '\0'; i++) {
        lower[i] = (char)tolower((unsigned char)method[i]);
    }
    const char *const to_response[] = {lower,    "responses",  "200",      "content",    "application/json",
                                       "schema", "properties", "response", "properties", NULL};
    int r = nacre_vcmd_json_path(methods, to_response, &response, why);
    if (r == NACRE_CHECKED) {
        r = nacre_vcmd_json_object(response, "data", data, why);
    }
    if (r == NACRE_CHECKED) {
        r = nacre_vcmd_json_object(response, "intent", intent, why);
    }
    return r == NACRE_CHECKED ? nacre_vcmd_json_any(*intent, "const", intent, why) : r;
}

static int make_types(struct nacre_vcmd_json document, struct nacre_vcmd_json intent,
                      struct nacre_vcmd_json data, char **text, nacre_verify_error *why)
{
    static const char *const to_schemas[] = {"components", "schemas", NULL};
    struct builder b = {.done = calloc(STRUCTS_MAX, sizeof *b.done), .why = why};
    char *structs = NULL;
    char *type = NULL;
    size_t structs_size = 0;
    size_t type_size = 0;
    FILE *to = open_memstream(&type, &type_size);
    b.structs = open_memstream(&structs, &structs_size);
    int r = NACRE_CHECKED;
    if (b.done == NULL || b.structs == NULL || to == NULL) {
        r = nacre_vcmd_unchecked(why, "out of memory");
    } else {
        r = nacre_vcmd_json_path(document, to_schemas, &b.schemas, why);
    }
    if (r == NACRE_CHECKED) {
        r = put_schema(&b, data, to);
    }
    bool closed = b.structs == NULL || fclose(b.structs) == 0;
    closed = (to == NULL || fclose(to) == 0) && closed;
    if (r == NACRE_CHECKED &&
        (!closed ||
         asprintf(text,
                  "{\"nacre_types\":1,\"structs\":[%s],"
                  "\"intents\":[{\"intent\":%.*s,\"name\":\"%.*s\",\"type\":\"%s\"}]}",
                  structs, (int)intent.size, intent.text, (int)intent.size, intent.text, type) < 0)) {
        r = nacre_vcmd_unchecked(why, "out of memory");
    }
    free(b.done);
    free(structs);
    free(type);
    return r;
}

int nacre_vcall_openapi(struct nacre_vcmd_json document, const char *route, bool has_body,
                        char method[NACRE_VCALL_METHOD_SIZE], char **text, nacre_verify_error *why)
{
    struct nacre_vcmd_json methods = {0};
    struct nacre_vcmd_json intent;
    struct nacre_vcmd_json data;
    int r = find_route(document, route, &methods, why);
    if (r != NACRE_CHECKED) {
        return r;
    }
    choose_method(methods, has_body, method);
    if (text == NULL) {
        return NACRE_CHECKED;
    }
    r = find_answer(methods, method, &intent, &data, why);
    return r == NACRE_CHECKED ? make_types(document, intent, data, text, why) : r;
}
