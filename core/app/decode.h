/*
 * decode.h - from JSON text to a C struct by its field table, in one pass and without a tree.
 *
 * Exact: integers are integers in range, nothing is rounded, cut or converted; a missing key is an error
 * unless its type is an option; a known key given twice is an error. Unknown keys are read over. Memory grows
 * with the input.
 */
#ifndef NACRE_APP_DECODE_H
#define NACRE_APP_DECODE_H

#include "place.h"
#include "scratch.h"

#include <common/types.h>
#include <nacre/plugin.h>
#include <stdbool.h>

struct nacre_decode {
    struct nacre_scratch *scratch; /* owns what the result points to */
    bool borrow;                   /* strings without escapes may point into the text itself */
    const char *root;              /* what messages call the whole value: "body" */
    char why[NACRE_PLACE_TEXT];    /* after a failure: `payload.location: expected string, got number` */
};

/*
 * nacre_decode_text - text[0..len) is one value of `type`, into `out` (type->c_size zeroed bytes). Fields
 * with NACRE_SOURCE_PATH are passed over. Returns 0, -EBADMSG when the text is at fault, -EINVAL when the
 * type table is, -ENOMEM past the scratch's limit; `why` is filled each time, and *out is then undefined.
 */
int nacre_decode_text(struct nacre_decode *d, const struct nacre_type *type, void *out, const char *text,
                      size_t len);

/* Has the struct a field that comes from the body? When not, there need be no body. */
bool nacre_decode_needs_body(const struct nacre_type *type);

/*
 * nacre_decode_param - one path parameter into its field of `out`: a string (UTF-8 checked), or u8..u64 in
 * plain decimal. Returns as nacre_decode_text().
 */
int nacre_decode_param(struct nacre_decode *d, const struct nacre_field *field, void *out, const char *text,
                       size_t len);

/* Field i of a struct type: tables are walked by the size that the plugin was compiled with. */
static inline const struct nacre_field *nacre_field_at(const struct nacre_type *type, uint32_t i)
{
    return (const struct nacre_field *)(const void *)((const char *)type->fields +
                                                      (size_t)i * type->field_size);
}

/* Bytes of a kind's C representation; 0 for structs, whose own table says it, and for unknown kinds. */
size_t nacre_kind_size(uint32_t kind);

#endif
