/*
 * types.h - the declared types as the manifest carries them: a flat table in which every type refers only to
 * types before it, so that no walk over it can loop, and nesting has a known depth.
 */
#ifndef NACRE_COMMON_TYPES_H
#define NACRE_COMMON_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The values of `kind` are the NACRE_KIND_* of nacre/plugin.h: they are part of the ABI. */
#include <nacre/plugin.h>

#define NACRE_TYPES_MAX   256u /* types in one manifest */
#define NACRE_FIELDS_MAX  1024u
#define NACRE_TYPE_DEPTH  16u         /* structs, vectors and options inside each other */
#define NACRE_BCS_SEQ_MAX 0x7fffffffu /* BCS: a sequence has at most 2^31-1 elements */

struct nacre_field_decl {
    const char *name; /* terminated, [A-Za-z_][A-Za-z0-9_]*, at most 64 bytes */
    uint32_t type;    /* index, less than the struct's own */
    uint32_t source;  /* NACRE_SOURCE_* */
};

struct nacre_type_decl {
    uint32_t kind;
    uint32_t depth;       /* 1 for scalars */
    uint32_t elem;        /* VECTOR, OPTION: index of the type inside, less than its own */
    uint32_t first_field; /* STRUCT: index into fields */
    uint32_t n_fields;    /* STRUCT: at least 1 */
    bool signable;        /* no F64 and no JSON anywhere inside */
    const char *name;     /* STRUCT: terminated; else NULL */
};

struct nacre_types {
    struct nacre_type_decl *types;
    uint32_t n_types;
    struct nacre_field_decl *fields;
    uint32_t n_fields;
};

/*
 * nacre_types_check - is the table well formed? Back references only, names in form and unique within their
 * struct, depth within NACRE_TYPE_DEPTH, no empty struct. Fills depth and signable. Returns 0, or -EINVAL
 * with the reason in `why` (why_len bytes).
 */
int nacre_types_check(struct nacre_types *types, char *why, size_t why_len);

/* The kind's name as error messages print it: "u64", "string"; "?" for a number that is none. */
const char *nacre_kind_name(uint32_t kind);

#endif
