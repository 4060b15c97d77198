/* encode.h - from a C struct to BCS by its field table. What it refuses, the signer would refuse as well. */
#ifndef NACRE_APP_ENCODE_H
#define NACRE_APP_ENCODE_H

#include "place.h"

#include <common/bytes.h>
#include <nacre/plugin.h>

/*
 * nacre_encode - append the value at `value` (type->c_size bytes) to `out`. Returns 0; -EBADMSG with `why`
 * (of NACRE_PLACE_TEXT bytes) naming the field: text that is not UTF-8, a bool that is neither 0 nor 1, a
 * NULL with a length, a sequence past 2^31-1; -EINVAL for a type that BCS does not have; -ENOSPC when `out`
 * is full.
 */
int nacre_encode(struct nacre_writer *out, const struct nacre_type *type, const void *value,
                 char why[NACRE_PLACE_TEXT]);

#endif
