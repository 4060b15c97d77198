/* decode_scalar.h - one JSON token to one C scalar. */
#ifndef NACRE_APP_DECODE_SCALAR_H
#define NACRE_APP_DECODE_SCALAR_H

#include "scratch.h"

#include <common/json_read.h>
#include <nacre/plugin.h>

#define NACRE_REASON_TEXT 128u

/* "string", "number", "null": what messages call a token. */
const char *nacre_token_name(enum nacre_json_token token);

/* Writes "expected KIND, got TOKEN" into reason (NACRE_REASON_TEXT bytes). Returns -EBADMSG. */
int nacre_reason_type(char *reason, const char *expected, enum nacre_json_token token);

/*
 * nacre_decode_scalar - bool, u8..u256, string, f64, and an address given as text. The token has been read.
 * Returns 0, -EBADMSG with `reason` filled, or -ENOMEM.
 */
int nacre_decode_scalar(struct nacre_scratch *scratch, bool borrow, const struct nacre_json *j,
                        enum nacre_json_token token, uint32_t kind, void *out, char *reason);

/* An integer of kind U8 to U64 from its decimal text, stored at `out`. Returns as nacre_decode_scalar(). */
int nacre_decode_integer(const char *text, size_t len, uint32_t kind, void *out, char *reason);

#endif
