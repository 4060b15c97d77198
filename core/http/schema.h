/*
 * schema.h - JSON Schema (2020-12, as OpenAPI 3.1 uses it) of declared types. A struct is written once, under
 * components, and referred to: types share parts, and written out in place they could grow without bound.
 */
#ifndef NACRE_HTTP_SCHEMA_H
#define NACRE_HTTP_SCHEMA_H

#include "common/json_write.h"
#include "common/types.h"

/* Requests take more than responses give: an address also as hex text, an option also left out. */
enum nacre_schema_side { NACRE_SCHEMA_REQUEST, NACRE_SCHEMA_RESPONSE };

/*
 * A struct's name under components: "Answer", or "Answer.request", and ".5" added when an earlier struct has the name
 * already. A dot is in no struct's own name, so no two meet.
 */
void nacre_schema_name(struct nacre_json_out *out, const struct nacre_types *types, uint32_t index,
                       enum nacre_schema_side side);

/* The schema of any type, a reference for structs. */
void nacre_schema_type(struct nacre_json_out *out, const struct nacre_types *types, uint32_t index,
                       enum nacre_schema_side side);

/* The schema of a struct itself: an object of its body fields. */
void nacre_schema_struct(struct nacre_json_out *out, const struct nacre_types *types, uint32_t index,
                         enum nacre_schema_side side);

/* Does the struct have any field that comes from the body? */
bool nacre_schema_has_body(const struct nacre_types *types, uint32_t index);

/* Marks in seen[0..n_types) the structs that `index` consists of, itself included. */
void nacre_schema_mark(const struct nacre_types *types, uint32_t index, bool *seen);

#endif
