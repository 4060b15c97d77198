/* gzip.h - one gzip member (RFC 1952) in and out. */
#ifndef NACRE_EIF_GZIP_H
#define NACRE_EIF_GZIP_H

#include "blob.h"

#define NACRE_GZIP_HEADER  10u
#define NACRE_GZIP_TRAILER 8u
#define NACRE_GUNZIP_MAX   ((size_t)512 << 20) /* bytes that come out of one member */

/*
 * nacre_gzip_stored - data[0..len) as a member of stored blocks, nothing compressed, at the end of *out. Every
 * byte follows from the two RFCs, so the result is the same with every library and version: for what others
 * must rebuild to the byte. Adds 5 bytes per 65,535, and 18. 0 or -ENOMEM.
 */
int nacre_gzip_stored(struct nacre_blob *out, const uint8_t *data, size_t len);

/*
 * nacre_gzip_deflated - the same, compressed by zlib at level 9. The bytes depend on zlib's version.
 * 0 or -ENOMEM.
 */
int nacre_gzip_deflated(struct nacre_blob *out, const uint8_t *data, size_t len);

/*
 * nacre_gunzip - the content of the one member that data[0..len) is, into *out (empty before). Refused: a
 * header that says anything (name, time, extra field, comment, checksum), damaged or cut-off data, a length or
 * CRC that does not fit, a second member, bytes after the end, more than NACRE_GUNZIP_MAX bytes of content.
 * 0, -ENOMEM, or -EBADMSG with `why` = "offset N: ..."; *out is empty then.
 */
int nacre_gunzip(struct nacre_blob *out, const uint8_t *data, size_t len, char *why, size_t why_len);

#endif
