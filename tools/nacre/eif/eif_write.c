#include "eif.h"

#include <errno.h>
#include <stdio.h>
#include <zlib.h>

static void put_table(struct nacre_blob *out, const struct nacre_eif *eif)
{
    uint64_t at = NACRE_EIF_HEADER;
    for (unsigned i = 0; i < NACRE_EIF_SECTIONS_MAX; i++) {
        nacre_blob_be(out, i < eif->count ? at : 0, 8);
        at += i < eif->count ? NACRE_EIF_SECTION_HEADER + eif->sections[i].size : 0;
    }
    for (unsigned i = 0; i < NACRE_EIF_SECTIONS_MAX; i++)
        nacre_blob_be(out, i < eif->count ? eif->sections[i].size : 0, 8);
}

static void put_header(struct nacre_blob *out, const struct nacre_eif *eif)
{
    nacre_blob_text(out, ".eif");
    nacre_blob_be(out, NACRE_EIF_VERSION, 2);
    nacre_blob_be(out, eif->flags, 2);
    nacre_blob_be(out, eif->memory, 8);
    nacre_blob_be(out, eif->cpus, 8);
    nacre_blob_be(out, 0, 2);
    nacre_blob_be(out, eif->count, 2);
    put_table(out, eif);
    nacre_blob_be(out, 0, 4);
    nacre_blob_be(out, 0, 4); /* the CRC, once it is known */
}

static int check_size(const struct nacre_eif *eif, char *why, size_t why_len)
{
    size_t left = NACRE_EIF_FILE_MAX - NACRE_EIF_HEADER;
    for (unsigned i = 0; i < eif->count; i++) {
        size_t size = eif->sections[i].size;
        if (size > left || left - size < NACRE_EIF_SECTION_HEADER) {
            (void)snprintf(why, why_len, "the image would have more than %zu bytes", NACRE_EIF_FILE_MAX);
            return -EFBIG;
        }
        left -= size + NACRE_EIF_SECTION_HEADER;
    }
    return 0;
}

int nacre_eif_write(struct nacre_blob *out, const struct nacre_eif *eif, char *why, size_t why_len)
{
    int rc = check_size(eif, why, why_len);
    if (rc)
        return rc;
    put_header(out, eif);
    for (unsigned i = 0; i < eif->count; i++) {
        nacre_blob_be(out, eif->sections[i].type, 2);
        nacre_blob_be(out, 0, 2);
        nacre_blob_be(out, eif->sections[i].size, 8);
        nacre_blob_put(out, eif->sections[i].data, eif->sections[i].size);
    }
    if (out->failed)
        return -ENOMEM;
    uLong crc = crc32_z(0, out->data, NACRE_EIF_AT_CRC);
    crc = crc32_z(crc, out->data + NACRE_EIF_HEADER, out->len - NACRE_EIF_HEADER);
    for (unsigned i = 0; i < 4; i++)
        out->data[NACRE_EIF_AT_CRC + i] = (uint8_t)(crc >> (24 - 8 * i));
    return 0;
}
