#include "types.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

const char *nacre_kind_name(uint32_t kind)
{
    static const char *const names[] = {"?",      "bool",   "u8",     "u16",   "u32",     "u64",
                                        "u128",   "u256",   "string", "bytes", "address", "struct",
                                        "vector", "option", "f64",    "json"};
    return kind < sizeof names / sizeof names[0] ? names[kind] : names[0];
}

static bool name_ok(const char *name)
{
    size_t len = strlen(name);
    if (len == 0 || len > 64 || (name[0] >= '0' && name[0] <= '9'))
        return false;
    for (size_t i = 0; i < len; i++) {
        char c = name[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'))
            return false;
    }
    return true;
}

static int check_struct(struct nacre_types *types, uint32_t index, char *why, size_t why_len)
{
    struct nacre_type_decl *t = &types->types[index];
    if (!t->name || !name_ok(t->name)) {
        (void)snprintf(why, why_len, "type %u: '%.64s' is not a struct name", index, t->name ? t->name : "");
        return -EINVAL;
    }
    if (t->n_fields == 0 || t->first_field > types->n_fields ||
        t->n_fields > types->n_fields - t->first_field) {
        (void)snprintf(why, why_len, "struct %s: %u fields at %u, the table has %u", t->name, t->n_fields,
                       t->first_field, types->n_fields);
        return -EINVAL;
    }
    const struct nacre_field_decl *f = &types->fields[t->first_field];
    for (uint32_t i = 0; i < t->n_fields; i++) {
        if (!f[i].name || !name_ok(f[i].name) || f[i].type >= index || f[i].source > NACRE_SOURCE_PATH) {
            (void)snprintf(why, why_len, "struct %s: field %u ('%.64s', type %u) is out of form", t->name, i,
                           f[i].name ? f[i].name : "", f[i].type);
            return -EINVAL;
        }
        for (uint32_t k = 0; k < i; k++) {
            if (strcmp(f[i].name, f[k].name) == 0) {
                (void)snprintf(why, why_len, "struct %s: field '%s' is declared twice", t->name, f[i].name);
                return -EINVAL;
            }
        }
        const struct nacre_type_decl *inner = &types->types[f[i].type];
        if (inner->depth + 1 > t->depth)
            t->depth = inner->depth + 1;
        t->signable = t->signable && inner->signable && f[i].source == NACRE_SOURCE_BODY;
    }
    return 0;
}

static int check_type(struct nacre_types *types, uint32_t index, char *why, size_t why_len)
{
    struct nacre_type_decl *t = &types->types[index];
    t->depth = 1;
    t->signable = t->kind != NACRE_KIND_F64 && t->kind != NACRE_KIND_JSON;
    if (t->kind < NACRE_KIND_BOOL || t->kind > NACRE_KIND_JSON) {
        (void)snprintf(why, why_len, "type %u: kind %u, known are %u to %u", index, t->kind, NACRE_KIND_BOOL,
                       NACRE_KIND_JSON);
        return -EINVAL;
    }
    if (t->kind == NACRE_KIND_STRUCT) {
        int err = check_struct(types, index, why, why_len);
        if (err)
            return err;
    } else if (t->kind == NACRE_KIND_VECTOR || t->kind == NACRE_KIND_OPTION) {
        if (t->elem >= index) {
            (void)snprintf(why, why_len, "type %u: element type %u does not stand before it", index, t->elem);
            return -EINVAL;
        }
        t->depth = types->types[t->elem].depth + 1;
        t->signable = types->types[t->elem].signable;
        /* null would stand for both "absent" and "present but absent": JSON could not tell them apart */
        if (t->kind == NACRE_KIND_OPTION && types->types[t->elem].kind == NACRE_KIND_OPTION) {
            (void)snprintf(why, why_len, "type %u: an option directly inside an option", index);
            return -EINVAL;
        }
    }
    if (t->depth > NACRE_TYPE_DEPTH) {
        (void)snprintf(why, why_len, "type %u: nested %u deep, at most %u", index, t->depth,
                       NACRE_TYPE_DEPTH);
        return -EINVAL;
    }
    return 0;
}

int nacre_types_check(struct nacre_types *types, char *why, size_t why_len)
{
    if (types->n_types > NACRE_TYPES_MAX || types->n_fields > NACRE_FIELDS_MAX) {
        (void)snprintf(why, why_len, "%u types and %u fields, at most %u and %u", types->n_types,
                       types->n_fields, NACRE_TYPES_MAX, NACRE_FIELDS_MAX);
        return -EINVAL;
    }
    for (uint32_t i = 0; i < types->n_types; i++) {
        int err = check_type(types, i, why, why_len);
        if (err)
            return err;
    }
    return 0;
}
