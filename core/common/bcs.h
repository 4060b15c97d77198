/*
 * bcs.h - Binary Canonical Serialization: reading its scalars, and the walk that decides whether bytes are
 * exactly one value of a declared type (what nacred does before it signs anything). Source:
 * github.com/diem/bcs, the specification; Sui's limits: ULEB128 fits u32, sequences up to 2^31-1.
 */
#ifndef NACRE_COMMON_BCS_H
#define NACRE_COMMON_BCS_H

#include "bytes.h"
#include "types.h"

/* A ULEB128 length: minimal form, at most NACRE_BCS_SEQ_MAX; marks the reader failed otherwise. */
uint32_t nacre_bcs_read_len(struct nacre_reader *r);

/* Appends `len` as ULEB128 in minimal form; fails the writer above NACRE_BCS_SEQ_MAX. */
void nacre_bcs_write_len(struct nacre_writer *w, uint64_t len);

/* True when the bytes are well-formed UTF-8 (Unicode 15, table 3-7): no surrogates, no overlong forms. */
bool nacre_utf8_valid(const uint8_t *p, size_t len);

/*
 * nacre_bcs_check - are data[0..len) exactly one value of type `root`, nothing before, between or after?
 * Strings must be valid UTF-8, bools 0 or 1, options 0 or 1 elements, lengths minimal.
 * Returns 0, or -EBADMSG with *offset (may be NULL) set to where reading stopped making sense.
 */
int nacre_bcs_check(const struct nacre_types *types, uint32_t root, const uint8_t *data, size_t len,
                    size_t *offset);

#endif
