/* digest.h - SHA-384 (FIPS 180-4), the digest of PCRs and measured files. */
#ifndef NACRE_COMMON_DIGEST_H
#define NACRE_COMMON_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#define NACRE_SHA384_LEN 48u
#define NACRE_SHA384_HEX (2u * NACRE_SHA384_LEN + 1u)

/* Digest of data[0..len) into out. Cannot fail. */
void nacre_sha384(uint8_t out[NACRE_SHA384_LEN], const void *data, size_t len);

/* Lower-case hex of `len` bytes, terminated: out must hold 2 * len + 1. Not constant time: not for secrets.
 */
void nacre_hex(char *out, const void *data, size_t len);

/* Reads exactly 2 * len hex digits of either case from `text`. Returns 0, or -EINVAL for anything else. */
int nacre_unhex(uint8_t *out, size_t len, const char *text, size_t text_len);

#endif
