#include "response_encode.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "response_number.h"

#define ADDRESS_SIZE 32u
#define FIRST_ROOM   256u

struct encoder {
    const struct nacre_verify_types *types;
    struct nacre_json *json;
    struct nacre_vfy_bcs *out;
};

static bool refuse(const struct encoder *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The first reason stays: those after it follow from it. */
static bool refuse(const struct encoder *e, const char *format, ...)
{
    char text[200];
    va_list args;
    if (e->out->why[0] != '\0') {
        return false;
    }
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    (void)snprintf(e->out->why, sizeof e->out->why, "%s at byte %zu",
                   e->json->why != NULL ? e->json->why : text, (size_t)(e->json->at - e->json->begin));
    return false;
}

static uint8_t *room(struct nacre_vfy_bcs *out, size_t size)
{
    size_t end = 0;
    if (__builtin_add_overflow(out->size, size, &end)) {
        out->out_of_memory = true;
        return NULL;
    }
    if (end > out->room) {
        size_t more = end < FIRST_ROOM ? FIRST_ROOM : end + end / 2;
        uint8_t *base = more >= end ? realloc(out->base, more) : NULL;
        if (base == NULL) {
            out->out_of_memory = true;
            return NULL;
        }
        out->base = base;
        out->room = more;
    }
    uint8_t *at = out->base + out->size;
    out->size = end;
    return at;
}

static bool put(const struct encoder *e, const void *data, size_t size)
{
    uint8_t *to = room(e->out, size);
    if (to != NULL && size > 0) {
        memcpy(to, data, size);
    }
    return to != NULL;
}

/* ULEB128 in its shortest form. */
static bool put_length(const struct encoder *e, size_t length)
{
    uint8_t bytes[5];
    size_t n = 0;
    if (length > NACRE_BCS_SEQ_MAX) {
        return refuse(e, "%zu elements, at most %u", length, NACRE_BCS_SEQ_MAX);
    }
    while (length >= 0x80) {
        bytes[n++] = (uint8_t)(length | 0x80);
        length >>= 7;
    }
    bytes[n++] = (uint8_t)length;
    return put(e, bytes, n);
}

static bool encode(const struct encoder *e, uint32_t type, enum nacre_json_token token);

static bool encode_integer(const struct encoder *e, uint32_t kind, enum nacre_json_token token)
{
    size_t width = (size_t)1 << (kind - NACRE_KIND_U8);
    enum nacre_json_token expected = kind >= NACRE_KIND_U128 ? NACRE_JSON_STRING : NACRE_JSON_NUMBER;
    uint8_t value[32];
    if (token != expected) {
        return refuse(e, "expected a %s%s", nacre_kind_name(kind),
                      expected == NACRE_JSON_STRING ? " in a string" : "");
    }
    if (!nacre_vfy_decimal(e->json->text, e->json->text_len, value, width)) {
        return refuse(e, "%.*s is no %s", (int)(e->json->text_len < 90 ? e->json->text_len : 90),
                      e->json->text, nacre_kind_name(kind));
    }
    return put(e, value, width);
}

static bool encode_string(const struct encoder *e, enum nacre_json_token token)
{
    if (token != NACRE_JSON_STRING) {
        return refuse(e, "expected a string");
    }
    size_t raw_size = e->json->text_len;
    char *plain = malloc(raw_size + 1);
    if (plain == NULL) {
        e->out->out_of_memory = true;
        return false;
    }
    size_t size = nacre_json_unescape(plain, e->json->text, raw_size);
    bool good = put_length(e, size) && put(e, plain, size);
    free(plain);
    return good;
}

/* How many values the array has whose bracket was just read. The reader stays where it is. */
static bool count_values(const struct encoder *e, size_t *count)
{
    struct nacre_json ahead = *e->json;
    enum nacre_json_token token = nacre_json_next(&ahead);
    for (*count = 0; token != NACRE_JSON_ARRAY_END; (*count)++) {
        if (nacre_json_skip(&ahead, token) != 0) {
            *e->json = ahead;
            return refuse(e, "bad JSON");
        }
        token = nacre_json_next(&ahead);
    }
    return true;
}

static bool encode_bytes(const struct encoder *e, uint32_t kind, enum nacre_json_token token)
{
    size_t count = 0;
    if (token != NACRE_JSON_ARRAY) {
        return refuse(e, "expected %s as an array of numbers", nacre_kind_name(kind));
    }
    if (!count_values(e, &count)) {
        return false;
    }
    if (kind == NACRE_KIND_ADDRESS && count != ADDRESS_SIZE) {
        return refuse(e, "an address of %zu bytes, expected %u", count, ADDRESS_SIZE);
    }
    if (kind == NACRE_KIND_BYTES && !put_length(e, count)) {
        return false;
    }
    while ((token = nacre_json_next(e->json)) != NACRE_JSON_ARRAY_END) {
        if (!encode_integer(e, NACRE_KIND_U8, token)) {
            return false;
        }
    }
    return true;
}

static bool encode_vector(const struct encoder *e, uint32_t elem, enum nacre_json_token token)
{
    size_t count = 0;
    if (token != NACRE_JSON_ARRAY) {
        return refuse(e, "expected an array");
    }
    if (!count_values(e, &count) || !put_length(e, count)) {
        return false;
    }
    while ((token = nacre_json_next(e->json)) != NACRE_JSON_ARRAY_END) {
        if (!encode(e, elem, token)) {
            return false;
        }
    }
    return true;
}

/* Where each field's value begins: JSON has no order, BCS has the declared one. */
static bool find_fields(const struct encoder *e, const struct nacre_type_decl *type, struct nacre_json *begin)
{
    enum nacre_json_token token = NACRE_JSON_ERROR;
    uint32_t found = 0;
    while ((token = nacre_json_next(e->json)) == NACRE_JSON_KEY) {
        uint32_t i = 0;
        const struct nacre_field_decl *field = e->types->table.fields + type->first_field;
        while (i < type->n_fields && !nacre_json_key_is(e->json, field[i].name, strlen(field[i].name))) {
            i++;
        }
        /* Not signed, yet beside what is: whoever reads it would believe it. */
        if (i == type->n_fields) {
            return refuse(e, "%s has no field \"%.*s\"", type->name,
                          (int)(e->json->text_len < 64 ? e->json->text_len : 64), e->json->text);
        }
        if (begin[i].begin != NULL) {
            return refuse(e, "the field \"%s\" comes twice", field[i].name);
        }
        begin[i] = *e->json;
        found++;
        if (nacre_json_skip(e->json, nacre_json_next(e->json)) != 0) {
            return refuse(e, "bad JSON");
        }
    }
    if (token != NACRE_JSON_OBJECT_END) {
        return refuse(e, "bad JSON");
    }
    for (uint32_t i = 0; found < type->n_fields && i < type->n_fields; i++) {
        if (begin[i].begin == NULL) {
            return refuse(e, "%s lacks the field \"%s\"", type->name,
                          e->types->table.fields[type->first_field + i].name);
        }
    }
    return true;
}

static bool encode_struct(const struct encoder *e, const struct nacre_type_decl *type,
                          enum nacre_json_token token)
{
    if (token != NACRE_JSON_OBJECT) {
        return refuse(e, "expected an object: %s", type->name);
    }
    struct nacre_json *begin = calloc(type->n_fields, sizeof *begin);
    if (begin == NULL) {
        e->out->out_of_memory = true;
        return false;
    }
    bool good = find_fields(e, type, begin);
    for (uint32_t i = 0; good && i < type->n_fields; i++) {
        struct encoder inner = {.types = e->types, .json = &begin[i], .out = e->out};
        good = encode(&inner, e->types->table.fields[type->first_field + i].type, nacre_json_next(&begin[i]));
    }
    free(begin);
    return good;
}

static bool encode_option(const struct encoder *e, uint32_t elem, enum nacre_json_token token)
{
    bool present = token != NACRE_JSON_NULL;
    return put_length(e, present ? 1 : 0) && (!present || encode(e, elem, token));
}

/* The value whose first token is `token`. Types nest NACRE_TYPE_DEPTH deep at most, and so does this. */
static bool encode(const struct encoder *e, uint32_t type, enum nacre_json_token token)
{
    const struct nacre_type_decl *t = &e->types->table.types[type];
    switch (t->kind) {
    case NACRE_KIND_BOOL:
        if (token != NACRE_JSON_TRUE && token != NACRE_JSON_FALSE) {
            return refuse(e, "expected true or false");
        }
        return put(e, token == NACRE_JSON_TRUE ? "\1" : "\0", 1);
    case NACRE_KIND_U8:
    case NACRE_KIND_U16:
    case NACRE_KIND_U32:
    case NACRE_KIND_U64:
    case NACRE_KIND_U128:
    case NACRE_KIND_U256:
        return encode_integer(e, t->kind, token);
    case NACRE_KIND_STRING:
        return encode_string(e, token);
    case NACRE_KIND_BYTES:
    case NACRE_KIND_ADDRESS:
        return encode_bytes(e, t->kind, token);
    case NACRE_KIND_STRUCT:
        return encode_struct(e, t, token);
    case NACRE_KIND_VECTOR:
        return encode_vector(e, t->elem, token);
    case NACRE_KIND_OPTION:
        return encode_option(e, t->elem, token);
    default:
        return refuse(e, "%s cannot be signed", nacre_kind_name(t->kind));
    }
}

bool nacre_vfy_encode(const struct nacre_verify_types *types, uint32_t type, struct nacre_json *json,
                      struct nacre_vfy_bcs *out)
{
    struct encoder e = {.types = types, .json = json, .out = out};
    return encode(&e, type, nacre_json_next(json));
}
