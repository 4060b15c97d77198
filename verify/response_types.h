/* Declared types, read from a type file: what an answer's data has to be. */
#ifndef NACRE_VFY_RESPONSE_TYPES_H
#define NACRE_VFY_RESPONSE_TYPES_H

#include "common_names.h"

#include "common/json_read.h"
#include "common/types.h"

#include "nacre/verify.h"

#define NACRE_VFY_NAME_SIZE 65u /* of a struct, a field or an intent, with its NUL */

struct nacre_vfy_intent {
    char name[NACRE_VFY_NAME_SIZE];
    uint32_t type; /* index of what is signed under it */
    bool declared;
};

struct nacre_verify_types {
    struct nacre_types table;
    struct nacre_type_decl type[NACRE_TYPES_MAX];
    struct nacre_field_decl field[NACRE_FIELDS_MAX];
    char struct_name[NACRE_TYPES_MAX][NACRE_VFY_NAME_SIZE];
    char field_name[NACRE_FIELDS_MAX][NACRE_VFY_NAME_SIZE];
    struct nacre_vfy_intent intent[256];
};

/* One file being read. */
struct nacre_vfy_types_reader {
    struct nacre_verify_types *out;
    struct nacre_json json;
    nacre_verify_error *error;
};

/*
 * The index of the type that `text` names: a scalar's name, "vector<...>", "option<...>", or a struct that stands
 * before it. False, with the reason in the reader's error. The table never holds one vector or option twice.
 */
bool nacre_vfy_type_of(struct nacre_vfy_types_reader *reader, const char *text, size_t size, uint32_t *index);

/* The struct of that name, or false. */
bool nacre_vfy_type_find(const struct nacre_verify_types *types, const char *name, size_t size,
                         uint32_t *index);

/* Fills the error; false, so that a refusal is one statement. */
bool nacre_vfy_types_refuse(struct nacre_vfy_types_reader *reader, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
