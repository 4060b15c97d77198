#include "gzip.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#define ZLIB_CONST
#include <zlib.h>

#define STEP ((size_t)1 << 20)

__attribute__((format(printf, 4, 5))) static int wrong(char *why, size_t why_len, size_t at,
                                                       const char *format, ...)
{
    int n = snprintf(why, why_len, "offset %zu: ", at);
    va_list args;
    va_start(args, format);
    if (n > 0 && (size_t)n < why_len)
        (void)vsnprintf(why + n, why_len - (size_t)n, format, args);
    va_end(args);
    return -EBADMSG;
}

static uint32_t le32(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static int check_header(const uint8_t *data, size_t len, char *why, size_t why_len)
{
    if (len < NACRE_GZIP_HEADER + NACRE_GZIP_TRAILER)
        return wrong(why, why_len, len, "the archive ends, gzip needs %u bytes",
                     NACRE_GZIP_HEADER + NACRE_GZIP_TRAILER);
    if (data[0] != 0x1f || data[1] != 0x8b)
        return wrong(why, why_len, 0, "%02x%02x is no gzip magic, expected 1f8b", data[0], data[1]);
    if (data[2] != 8)
        return wrong(why, why_len, 2, "gzip method %u, expected 8 (deflate)", data[2]);
    if (data[3] != 0)
        return wrong(why, why_len, 3, "gzip flags %02x (name, extra field, comment or checksum), expected 00",
                     data[3]);
    if (le32(data + 4) != 0)
        return wrong(why, why_len, 4, "gzip time %u, expected 0", le32(data + 4));
    return 0;
}

/* Inflates until the stream ends or something is wrong; *used says how much of the input it was. */
static int inflate_all(struct nacre_blob *out, z_stream *z, const uint8_t *data, size_t len, size_t *used)
{
    size_t in = NACRE_GZIP_HEADER;
    int rc = Z_OK;
    while (rc == Z_OK) {
        if (z->avail_in == 0 && in < len) {
            z->next_in = data + in;
            z->avail_in = (uInt)(len - in < STEP ? len - in : STEP);
            in += z->avail_in;
        }
        uint8_t *room = out->len < NACRE_GUNZIP_MAX ? nacre_blob_room(out, STEP) : NULL;
        if (!room)
            return out->failed ? Z_MEM_ERROR : Z_BUF_ERROR;
        z->next_out = room;
        z->avail_out = STEP;
        rc = inflate(z, Z_NO_FLUSH);
        out->len -= z->avail_out;
    }
    *used = in - z->avail_in;
    return rc;
}

static int check_end(const struct nacre_blob *out, const uint8_t *data, size_t len, size_t used, char *why,
                     size_t why_len)
{
    if (len - used < NACRE_GZIP_TRAILER)
        return wrong(why, why_len, len, "the archive ends inside gzip's trailer");
    uint32_t crc = (uint32_t)crc32_z(0, out->data, out->len);
    if (le32(data + used) != crc)
        return wrong(why, why_len, used, "gzip's CRC is %08x, of the content %08x", le32(data + used), crc);
    if (le32(data + used + 4) != (uint32_t)out->len)
        return wrong(why, why_len, used + 4, "gzip's length is %u, the content has %zu bytes",
                     le32(data + used + 4), out->len);
    used += NACRE_GZIP_TRAILER;
    if (len - used >= 2 && data[used] == 0x1f && data[used + 1] == 0x8b)
        return wrong(why, why_len, used, "a second gzip member of %zu bytes", len - used);
    if (used != len)
        return wrong(why, why_len, used, "%zu bytes after the end of the archive", len - used);
    return 0;
}

int nacre_gunzip(struct nacre_blob *out, const uint8_t *data, size_t len, char *why, size_t why_len)
{
    int rc = check_header(data, len, why, why_len);
    if (rc)
        return rc;
    z_stream z = {0};
    if (inflateInit2(&z, -MAX_WBITS) != Z_OK)
        return -ENOMEM;
    size_t used = 0;
    int status = inflate_all(out, &z, data, len, &used);
    if (status == Z_STREAM_END)
        rc = check_end(out, data, len, used, why, why_len);
    else if (status == Z_MEM_ERROR)
        rc = -ENOMEM;
    else if (out->len >= NACRE_GUNZIP_MAX)
        rc = wrong(why, why_len, used, "more than %zu bytes of content", NACRE_GUNZIP_MAX);
    else
        rc = wrong(why, why_len, used, "%s", z.msg ? z.msg : "the compressed data ends too early");
    (void)inflateEnd(&z);
    if (rc)
        nacre_blob_free(out);
    return rc;
}
