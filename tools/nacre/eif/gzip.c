#include "gzip.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#define ZLIB_CONST
#include <zlib.h>

#define STORED_MAX 65535u            /* bytes of a stored block, RFC 1951 section 3.2.4 */
#define STEP       ((size_t)1 << 30) /* zlib counts in unsigned int */

/* No flags, no time, "maximum compression" or nothing said, Unix or unknown system: nothing that could vary. */
static void put_header(struct nacre_blob *out, bool best)
{
    const uint8_t header[NACRE_GZIP_HEADER] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, best ? 2 : 0, 255};
    nacre_blob_put(out, header, sizeof header);
}

static void put_le32(struct nacre_blob *out, uint32_t v)
{
    for (unsigned i = 0; i < 4; i++)
        nacre_blob_be(out, v >> (8 * i) & 0xff, 1);
}

static int put_trailer(struct nacre_blob *out, const uint8_t *data, size_t len)
{
    put_le32(out, (uint32_t)crc32_z(0, data, len));
    put_le32(out, (uint32_t)len);
    return out->failed ? -ENOMEM : 0;
}

int nacre_gzip_stored(struct nacre_blob *out, const uint8_t *data, size_t len)
{
    size_t at = 0;
    put_header(out, false);
    do {
        size_t n = len - at < STORED_MAX ? len - at : STORED_MAX;
        const uint8_t head[5] = {at + n == len, (uint8_t)n, (uint8_t)(n >> 8), (uint8_t)~n,
                                 (uint8_t)(~n >> 8)};
        nacre_blob_put(out, head, sizeof head);
        nacre_blob_put(out, data + at, n);
        at += n;
    } while (at < len && !out->failed);
    return put_trailer(out, data, len);
}

/* Compresses into `room` bytes at `to`; returns how many, 0 on failure. */
static size_t deflate_into(uint8_t *to, size_t room, const uint8_t *data, size_t len)
{
    z_stream z = {0};
    if (deflateInit2(&z, Z_BEST_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 9, Z_DEFAULT_STRATEGY) != Z_OK)
        return 0;
    int rc = Z_OK;
    size_t in = 0, produced = 0;
    z.next_in = data;
    z.next_out = to;
    while (rc == Z_OK) {
        if (z.avail_in == 0 && in < len) {
            z.avail_in = (uInt)(len - in < STEP ? len - in : STEP);
            in += z.avail_in;
        }
        size_t left = room - produced;
        z.avail_out = (uInt)(left < STEP ? left : STEP);
        uInt before = z.avail_out;
        rc = deflate(&z, in == len ? Z_FINISH : Z_NO_FLUSH);
        produced += before - z.avail_out;
    }
    (void)deflateEnd(&z);
    return rc == Z_STREAM_END ? produced : 0;
}

int nacre_gzip_deflated(struct nacre_blob *out, const uint8_t *data, size_t len)
{
    put_header(out, true);
    size_t room = len + len / 1000 + 1024, before = out->len; /* more than zlib's own bound */
    uint8_t *to = nacre_blob_room(out, room);
    size_t n = to ? deflate_into(to, room, data, len) : 0;
    if (n == 0) {
        out->failed = true;
        return -ENOMEM;
    }
    out->len = before + n;
    return put_trailer(out, data, len);
}
