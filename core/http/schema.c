#include "schema.h"

static void put_string(struct nacre_json_out *out, const char *text)
{
    nacre_json_string(out, text, strlen(text));
}

void nacre_schema_name(struct nacre_json_out *out, const struct nacre_types *types, uint32_t index,
                       enum nacre_schema_side side)
{
    nacre_json_lit(out, types->types[index].name);
    nacre_json_lit(out, side == NACRE_SCHEMA_REQUEST ? ".request" : "");
    for (uint32_t i = 0; i < index; i++) {
        if (types->types[i].kind == NACRE_KIND_STRUCT &&
            strcmp(types->types[i].name, types->types[index].name) == 0) {
            nacre_json_lit(out, ".");
            nacre_json_u64(out, index);
            return;
        }
    }
}

static void put_integer(struct nacre_json_out *out, uint32_t kind)
{
    static const char *const maxima[] = {"255", "65535", "4294967295", "18446744073709551615"};
    nacre_json_lit(out, "{\"type\":\"integer\",\"format\":\"uint");
    nacre_json_u64(out, 8u << (kind - NACRE_KIND_U8));
    nacre_json_lit(out, "\",\"minimum\":0,\"maximum\":");
    nacre_json_lit(out, maxima[kind - NACRE_KIND_U8]);
    nacre_json_lit(out, "}");
}

static const char byte_array[] =
    "\"type\":\"array\",\"items\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":255}";

static void put_address(struct nacre_json_out *out, enum nacre_schema_side side)
{
    if (side == NACRE_SCHEMA_REQUEST)
        nacre_json_lit(out, "{\"oneOf\":[");
    nacre_json_lit(out, "{");
    nacre_json_lit(out, byte_array);
    nacre_json_lit(out, ",\"minItems\":32,\"maxItems\":32}");
    if (side == NACRE_SCHEMA_REQUEST)
        nacre_json_lit(out, ",{\"type\":\"string\",\"pattern\":\"^0x[0-9a-fA-F]{64}$\"}]}");
}

static void put_inner(struct nacre_json_out *out, const struct nacre_types *types,
                      const struct nacre_type_decl *t, enum nacre_schema_side side)
{
    if (t->kind == NACRE_KIND_VECTOR) {
        nacre_json_lit(out, "{\"type\":\"array\",\"items\":");
        nacre_schema_type(out, types, t->elem, side);
        nacre_json_lit(out, "}");
    } else {
        nacre_json_lit(out, "{\"anyOf\":[");
        nacre_schema_type(out, types, t->elem, side);
        nacre_json_lit(out, ",{\"type\":\"null\"}]}");
    }
}

void nacre_schema_type(struct nacre_json_out *out, const struct nacre_types *types, uint32_t index,
                       enum nacre_schema_side side)
{
    const struct nacre_type_decl *t = &types->types[index];
    switch (t->kind) {
    case NACRE_KIND_BOOL:
        nacre_json_lit(out, "{\"type\":\"boolean\"}");
        return;
    case NACRE_KIND_U8:
    case NACRE_KIND_U16:
    case NACRE_KIND_U32:
    case NACRE_KIND_U64:
        put_integer(out, t->kind);
        return;
    case NACRE_KIND_U128:
        nacre_json_lit(out,
                       "{\"type\":\"string\",\"format\":\"uint128\",\"pattern\":\"^(0|[1-9][0-9]{0,38})$\"}");
        return;
    case NACRE_KIND_U256:
        nacre_json_lit(out,
                       "{\"type\":\"string\",\"format\":\"uint256\",\"pattern\":\"^(0|[1-9][0-9]{0,77})$\"}");
        return;
    case NACRE_KIND_STRING:
        nacre_json_lit(out, "{\"type\":\"string\"}");
        return;
    case NACRE_KIND_BYTES:
        nacre_json_lit(out, "{");
        nacre_json_lit(out, byte_array);
        nacre_json_lit(out, "}");
        return;
    case NACRE_KIND_ADDRESS:
        put_address(out, side);
        return;
    case NACRE_KIND_STRUCT:
        nacre_json_lit(out, "{\"$ref\":\"#/components/schemas/");
        nacre_schema_name(out, types, index, side);
        nacre_json_lit(out, "\"}");
        return;
    case NACRE_KIND_F64:
        nacre_json_lit(out, "{\"type\":\"number\",\"format\":\"double\"}");
        return;
    case NACRE_KIND_VECTOR:
    case NACRE_KIND_OPTION:
        put_inner(out, types, t, side);
        return;
    default: /* JSON: anything */
        nacre_json_lit(out, "{}");
    }
}

static bool is_required(const struct nacre_types *types, const struct nacre_field_decl *f,
                        enum nacre_schema_side side)
{
    return side == NACRE_SCHEMA_RESPONSE || types->types[f->type].kind != NACRE_KIND_OPTION;
}

void nacre_schema_struct(struct nacre_json_out *out, const struct nacre_types *types, uint32_t index,
                         enum nacre_schema_side side)
{
    const struct nacre_type_decl *t = &types->types[index];
    const struct nacre_field_decl *fields = &types->fields[t->first_field];
    const char *comma = "";
    nacre_json_lit(out, "{\"type\":\"object\",\"properties\":{");
    for (uint32_t i = 0; i < t->n_fields; i++) {
        if (fields[i].source != NACRE_SOURCE_BODY)
            continue;
        nacre_json_lit(out, comma);
        put_string(out, fields[i].name);
        nacre_json_lit(out, ":");
        nacre_schema_type(out, types, fields[i].type, side);
        comma = ",";
    }
    nacre_json_lit(out, "},\"required\":[");
    comma = "";
    for (uint32_t i = 0; i < t->n_fields; i++) {
        if (fields[i].source != NACRE_SOURCE_BODY || !is_required(types, &fields[i], side))
            continue;
        nacre_json_lit(out, comma);
        put_string(out, fields[i].name);
        comma = ",";
    }
    nacre_json_lit(out, "]}");
}

bool nacre_schema_has_body(const struct nacre_types *types, uint32_t index)
{
    const struct nacre_type_decl *t = &types->types[index];
    for (uint32_t i = 0; i < t->n_fields; i++)
        if (types->fields[t->first_field + i].source == NACRE_SOURCE_BODY)
            return true;
    return false;
}

void nacre_schema_mark(const struct nacre_types *types, uint32_t index, bool *seen)
{
    seen[index] = true;
    /* from the root down: a type refers only to types before it, so one pass sees them all */
    for (uint32_t i = index + 1; i-- > 0;) {
        const struct nacre_type_decl *t = &types->types[i];
        if (!seen[i])
            continue;
        if (t->kind == NACRE_KIND_VECTOR || t->kind == NACRE_KIND_OPTION)
            seen[t->elem] = true;
        for (uint32_t k = 0; t->kind == NACRE_KIND_STRUCT && k < t->n_fields; k++)
            seen[types->fields[t->first_field + k].type] = true;
    }
}
