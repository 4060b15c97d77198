/*
 * eif_kernel.c - what a kernel says about itself: the x86 boot protocol's setup header
 * (Documentation/arch/x86/boot.rst) and the arm64 Image header (Documentation/arch/arm64/booting.rst).
 */
#include "eif.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define BZ_BOOT_FLAG_AT 0x1feu /* 55 aa */
#define BZ_MAGIC_AT     0x202u /* "HdrS" */
#define BZ_VERSION_AT   0x20eu /* u16 little endian: offset of a text, less 0x200 */
#define BZ_LEAST        0x210u
#define ARM_MAGIC_AT    56u /* "ARM\x64" */
#define ARM_LEAST       64u

static bool has(const uint8_t *data, size_t size, size_t at, const char *magic, size_t len)
{
    return at + len <= size && memcmp(data + at, magic, len) == 0;
}

static bool is_bzimage(const uint8_t *data, size_t size)
{
    return size >= BZ_LEAST && has(data, size, BZ_BOOT_FLAG_AT, "\x55\xaa", 2) &&
           has(data, size, BZ_MAGIC_AT, "HdrS", 4);
}

static bool is_arm64(const uint8_t *data, size_t size)
{
    return size >= ARM_LEAST && has(data, size, ARM_MAGIC_AT, "ARM\x64", 4);
}

int nacre_eif_kernel_arch(uint16_t *flags, const uint8_t *data, size_t size, char *why, size_t why_len)
{
    if (is_bzimage(data, size)) {
        *flags = 0;
        return 0;
    }
    if (is_arm64(data, size)) {
        *flags = NACRE_EIF_FLAG_ARM64;
        return 0;
    }
    (void)snprintf(why, why_len,
                   "a kernel of %zu bytes with neither a bzImage's \"HdrS\" at %u nor an arm64 Image's "
                   "\"ARM\\x64\" at %u",
                   size, BZ_MAGIC_AT, ARM_MAGIC_AT);
    return -EBADMSG;
}

int nacre_eif_check_kernel(const struct nacre_eif_section *kernel, uint16_t flags, char *why, size_t why_len)
{
    uint16_t is = 0;
    char inner[256];
    if (nacre_eif_kernel_arch(&is, kernel->data, kernel->size, inner, sizeof inner)) {
        (void)snprintf(why, why_len, "offset %llu: %s", (unsigned long long)kernel->offset, inner);
        return -EBADMSG;
    }
    if (is == (flags & NACRE_EIF_FLAG_ARM64))
        return 0;
    (void)snprintf(why, why_len, "offset %llu: the kernel is for %s, the header's flags say %s",
                   (unsigned long long)kernel->offset, nacre_eif_arch_name(is), nacre_eif_arch_name(flags));
    return -EBADMSG;
}

void nacre_eif_kernel_version(char *out, size_t room, const uint8_t *data, size_t size)
{
    (void)snprintf(out, room, "Unknown");
    if (!is_bzimage(data, size))
        return;
    size_t at = 0x200u + data[BZ_VERSION_AT] + 256u * data[BZ_VERSION_AT + 1], n = 0;
    if (at == 0x200u)
        return;
    /* "6.12.90 (user@host) #1 SMP ...": the first word, of characters that are safe in any text. */
    while (at + n < size && n + 1 < room && data[at + n] > ' ' && data[at + n] < 127 && data[at + n] != '"' &&
           data[at + n] != '\\')
        n++;
    if (n > 0)
        (void)snprintf(out, room, "%.*s", (int)n, (const char *)data + at);
}
