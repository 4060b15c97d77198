/* The name of a type, "vector<option<u64>>", into the table. */
#include <string.h>

#include "response_types.h"

struct wrapper {
    const char *open; /* "vector<" */
    uint32_t kind;
};

static const struct wrapper wrappers[] = {{"vector<", NACRE_KIND_VECTOR}, {"option<", NACRE_KIND_OPTION}};

bool nacre_vfy_type_find(const struct nacre_verify_types *types, const char *name, size_t size,
                         uint32_t *index)
{
    for (uint32_t i = 0; i < types->table.n_types; i++) {
        const struct nacre_type_decl *type = &types->type[i];
        if (type->kind == NACRE_KIND_STRUCT && strlen(type->name) == size &&
            memcmp(type->name, name, size) == 0) {
            *index = i;
            return true;
        }
    }
    return false;
}

/* The entry of this kind around `elem` (0 for scalars), made when there is none yet. */
static bool intern(struct nacre_vfy_types_reader *reader, uint32_t kind, uint32_t elem, uint32_t *index)
{
    struct nacre_types *table = &reader->out->table;
    for (uint32_t i = 0; i < table->n_types; i++) {
        if (table->types[i].kind == kind && table->types[i].elem == elem) {
            *index = i;
            return true;
        }
    }
    if (table->n_types == NACRE_TYPES_MAX) {
        return nacre_vfy_types_refuse(reader, "more than %u types", NACRE_TYPES_MAX);
    }
    table->types[table->n_types] = (struct nacre_type_decl){.kind = kind, .elem = elem};
    *index = table->n_types++;
    return true;
}

/* What stands for a value in BCS: f64 and json do not. */
static uint32_t scalar_of(const char *name, size_t size)
{
    for (uint32_t kind = NACRE_KIND_BOOL; kind <= NACRE_KIND_ADDRESS; kind++) {
        const char *known = nacre_kind_name(kind);
        if (strlen(known) == size && memcmp(known, name, size) == 0) {
            return kind;
        }
    }
    return 0;
}

bool nacre_vfy_type_of(struct nacre_vfy_types_reader *reader, const char *text, size_t size, uint32_t *index)
{
    uint32_t kinds[NACRE_TYPE_DEPTH];
    unsigned depth = 0;
    const char *name = text;
    size_t left = size;
    for (size_t i = 0; i < sizeof wrappers / sizeof wrappers[0];) {
        size_t open = strlen(wrappers[i].open);
        if (left <= open || memcmp(name, wrappers[i].open, open) != 0 || name[left - 1] != '>') {
            i++;
            continue;
        }
        if (depth == NACRE_TYPE_DEPTH) {
            return nacre_vfy_types_refuse(reader, "type '%.100s' is nested deeper than %u", text,
                                          NACRE_TYPE_DEPTH);
        }
        kinds[depth++] = wrappers[i].kind;
        name += open;
        left -= open + 1;
        i = 0;
    }
    uint32_t at = 0;
    uint32_t scalar = scalar_of(name, left);
    if (scalar != 0 ? !intern(reader, scalar, 0, &at) : !nacre_vfy_type_find(reader->out, name, left, &at)) {
        return scalar == 0 &&
               nacre_vfy_types_refuse(reader, "'%.*s' is neither a scalar nor a struct that stands before it",
                                      (int)(left < 100 ? left : 100), name);
    }
    while (depth > 0) {
        if (!intern(reader, kinds[--depth], at, &at)) {
            return false;
        }
    }
    *index = at;
    return true;
}
