/*
 * canonical.h - JSON Canonicalization Scheme (RFC 8785): keys in the order of their UTF-16 code units, no
 * white space, one form for each string and number. Numbers are doubles, as the RFC has it: integers beyond
 * 2^53 lose digits here, which is why they should travel as strings.
 */
#ifndef NACRE_APP_CANONICAL_H
#define NACRE_APP_CANONICAL_H

#include "scratch.h"

#include <common/json_read.h>
#include <nacre/plugin.h>

/*
 * nacre_canonical - read one value, whose first token the caller has just read, to its end, and write its
 * canonical text into `scratch`. Returns 0, -EBADMSG with *why a few fixed words (a duplicate key, a number
 * beyond doubles; or the reader's own error, then *why is NULL), or -ENOMEM.
 */
int nacre_canonical(struct nacre_scratch *scratch, struct nacre_json *j, enum nacre_json_token first,
                    struct nacre_str *out, const char **why);

/* Order of two texts by UTF-16 code units, as memcmp() tells it. Both must be valid UTF-8. */
int nacre_utf16_order(const char *a, size_t a_len, const char *b, size_t b_len);

#endif
