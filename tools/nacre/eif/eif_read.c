/* eif_read.c - an image taken apart, with nothing believed that can be checked. */
#include "eif.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

static uint64_t be(const uint8_t *p, size_t width)
{
    uint64_t v = 0;
    for (size_t i = 0; i < width; i++)
        v = v << 8 | p[i];
    return v;
}

static int wrong(char *why, size_t why_len, size_t at, const char *what, uint64_t is, uint64_t expected)
{
    (void)snprintf(why, why_len, "offset %zu: %s is %" PRIu64 ", expected %" PRIu64, at, what, is, expected);
    return -EBADMSG;
}

static int read_header(struct nacre_eif *eif, const uint8_t *data, size_t len, char *why, size_t why_len)
{
    if (len < NACRE_EIF_HEADER) {
        (void)snprintf(why, why_len, "offset %zu: the file ends, an image's header has %u bytes", len,
                       NACRE_EIF_HEADER);
        return -EBADMSG;
    }
    if (memcmp(data, ".eif", 4) != 0) {
        (void)snprintf(why, why_len, "offset 0: the magic is %08" PRIx64 ", expected 2e656966 (\".eif\")",
                       be(data, 4));
        return -EBADMSG;
    }
    uint64_t version = be(data + NACRE_EIF_AT_VERSION, 2), flags = be(data + NACRE_EIF_AT_FLAGS, 2);
    if (version != NACRE_EIF_VERSION)
        return wrong(why, why_len, NACRE_EIF_AT_VERSION, "the version", version, NACRE_EIF_VERSION);
    if (flags & ~(uint64_t)NACRE_EIF_FLAG_ARM64)
        return wrong(why, why_len, NACRE_EIF_AT_FLAGS, "the flags field", flags,
                     flags & NACRE_EIF_FLAG_ARM64);
    uint64_t reserved = be(data + NACRE_EIF_AT_RESERVED, 2), unused = be(data + NACRE_EIF_AT_UNUSED, 4);
    if (reserved != 0)
        return wrong(why, why_len, NACRE_EIF_AT_RESERVED, "the reserved field", reserved, 0);
    if (unused != 0)
        return wrong(why, why_len, NACRE_EIF_AT_UNUSED, "the unused field", unused, 0);
    uint64_t count = be(data + NACRE_EIF_AT_COUNT, 2);
    if (count < 1 || count > NACRE_EIF_SECTIONS_MAX) {
        (void)snprintf(why, why_len, "offset %u: %" PRIu64 " sections, expected 1 to %u", NACRE_EIF_AT_COUNT,
                       count, NACRE_EIF_SECTIONS_MAX);
        return -EBADMSG;
    }
    eif->flags = (uint16_t)flags;
    eif->memory = be(data + NACRE_EIF_AT_MEMORY, 8);
    eif->cpus = be(data + NACRE_EIF_AT_CPUS, 8);
    eif->crc = (uint32_t)be(data + NACRE_EIF_AT_CRC, 4);
    eif->count = (unsigned)count;
    return 0;
}

/* Section i begins at `at`. The table in the header and the section's own header must agree. */
static int read_section(struct nacre_eif *eif, unsigned i, const uint8_t *data, size_t len, size_t at,
                        char *why, size_t why_len)
{
    size_t offset_at = NACRE_EIF_AT_OFFSETS + 8 * (size_t)i, size_at = NACRE_EIF_AT_SIZES + 8 * (size_t)i;
    uint64_t offset = be(data + offset_at, 8), size = be(data + size_at, 8);
    char what[64];
    (void)snprintf(what, sizeof what, "the offset of section %u", i);
    if (offset != at)
        return wrong(why, why_len, offset_at, what, offset, at);
    if (len - at < NACRE_EIF_SECTION_HEADER) {
        (void)snprintf(why, why_len,
                       "offset %zu: the file ends in the header of section %u, at %zu with %u bytes", len, i,
                       at, NACRE_EIF_SECTION_HEADER);
        return -EBADMSG;
    }
    uint64_t left = len - at - NACRE_EIF_SECTION_HEADER;
    if (size > left) {
        (void)snprintf(why, why_len,
                       "offset %zu: section %u has %" PRIu64 " bytes, the file has %" PRIu64 " left", size_at,
                       i, size, left);
        return -EBADMSG;
    }
    uint64_t type = be(data + at, 2), flags = be(data + at + 2, 2), again = be(data + at + 4, 8);
    if (type < NACRE_EIF_KERNEL || type > NACRE_EIF_METADATA) {
        (void)snprintf(why, why_len, "offset %zu: section %u is of type %" PRIu64 ", known are 1 to 5", at, i,
                       type);
        return -EBADMSG;
    }
    (void)snprintf(what, sizeof what, "the flags field of section %u", i);
    if (flags != 0)
        return wrong(why, why_len, at + 2, what, flags, 0);
    (void)snprintf(what, sizeof what, "the size of section %u", i);
    if (again != size)
        return wrong(why, why_len, at + 4, what, again, size);
    eif->sections[i] = (struct nacre_eif_section){(uint16_t)type, at + NACRE_EIF_SECTION_HEADER,
                                                  data + at + NACRE_EIF_SECTION_HEADER, (size_t)size};
    return 0;
}

/* The table's entries past the last section must be empty, or two readers could see two images. */
static int check_rest_of_table(const uint8_t *data, unsigned count, char *why, size_t why_len)
{
    char what[64];
    for (unsigned i = count; i < NACRE_EIF_SECTIONS_MAX; i++) {
        size_t offset_at = NACRE_EIF_AT_OFFSETS + 8 * (size_t)i, size_at = NACRE_EIF_AT_SIZES + 8 * (size_t)i;
        uint64_t offset = be(data + offset_at, 8), size = be(data + size_at, 8);
        (void)snprintf(what, sizeof what, "the %s of section %u, past the last one,",
                       offset ? "offset" : "size", i);
        if (offset != 0 || size != 0)
            return wrong(why, why_len, offset ? offset_at : size_at, what, offset ? offset : size, 0);
    }
    return 0;
}

static uint32_t crc_of(const uint8_t *data, size_t len)
{
    uLong crc = crc32_z(0, data, NACRE_EIF_AT_CRC);
    return (uint32_t)crc32_z(crc, data + NACRE_EIF_HEADER, len - NACRE_EIF_HEADER);
}

int nacre_eif_read(struct nacre_eif *out, const uint8_t *data, size_t len, char *why, size_t why_len)
{
    struct nacre_eif eif = {0};
    int rc = read_header(&eif, data, len, why, why_len);
    size_t at = NACRE_EIF_HEADER;
    for (unsigned i = 0; rc == 0 && i < eif.count; i++) {
        rc = read_section(&eif, i, data, len, at, why, why_len);
        at += NACRE_EIF_SECTION_HEADER + eif.sections[i].size;
    }
    if (rc == 0)
        rc = check_rest_of_table(data, eif.count, why, why_len);
    if (rc == 0 && at != len) {
        (void)snprintf(why, why_len, "offset %zu: %zu bytes after the last section", at, len - at);
        rc = -EBADMSG;
    }
    if (rc == 0)
        rc = nacre_eif_check_order(&eif, why, why_len);
    if (rc)
        return rc;
    eif.computed_crc = crc_of(data, len);
    *out = eif;
    return 0;
}
