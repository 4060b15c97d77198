/* eif.c - what reading and writing share: names, order, kernels. */
#include "eif.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

const char *nacre_eif_type_name(uint16_t type)
{
    static const char *const names[] = {"invalid", "kernel",    "command line",
                                        "ramdisk", "signature", "metadata"};
    return type < sizeof names / sizeof names[0] ? names[type] : "unknown";
}

const char *nacre_eif_arch_name(uint16_t flags)
{
    return flags & NACRE_EIF_FLAG_ARM64 ? "aarch64" : "x86_64";
}

const struct nacre_eif_section *nacre_eif_find(const struct nacre_eif *eif, uint16_t type)
{
    for (unsigned i = 0; i < eif->count; i++)
        if (eif->sections[i].type == type)
            return &eif->sections[i];
    return NULL;
}

const struct nacre_eif_section *nacre_eif_ramdisk(const struct nacre_eif *eif, unsigned i)
{
    for (unsigned s = 0; s < eif->count; s++)
        if (eif->sections[s].type == NACRE_EIF_RAMDISK && i-- == 0)
            return &eif->sections[s];
    return NULL;
}

/* Where a type stands in the order; each may appear once, ramdisks as often as they like. */
static unsigned rank_of(uint16_t type)
{
    static const unsigned ranks[] = {0, 1, 2, 4, 5, 3};
    return ranks[type];
}

int nacre_eif_check_order(const struct nacre_eif *eif, char *why, size_t why_len)
{
    uint16_t before = 0;
    for (unsigned i = 0; i < eif->count; i++) {
        uint16_t type = eif->sections[i].type;
        bool repeats = type == before && type != NACRE_EIF_RAMDISK;
        if (rank_of(type) < rank_of(before) || repeats) {
            (void)snprintf(why, why_len,
                           "offset %llu: section %u is a %s after a %s; the order is kernel, command line, "
                           "metadata, ramdisks, signature",
                           (unsigned long long)eif->sections[i].offset - NACRE_EIF_SECTION_HEADER, i,
                           nacre_eif_type_name(type), nacre_eif_type_name(before));
            return -EBADMSG;
        }
        before = type;
    }
    static const uint16_t needed[] = {NACRE_EIF_KERNEL, NACRE_EIF_CMDLINE, NACRE_EIF_RAMDISK};
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
        const struct nacre_eif_section *section = nacre_eif_find(eif, needed[i]);
        if (!section || (section->size == 0 && needed[i] != NACRE_EIF_CMDLINE)) {
            (void)snprintf(why, why_len, "%s %s section among %u", section ? "an empty" : "no",
                           nacre_eif_type_name(needed[i]), eif->count);
            return -EBADMSG;
        }
    }
    const struct nacre_eif_section *cmdline = nacre_eif_find(eif, NACRE_EIF_CMDLINE);
    if (cmdline->size > NACRE_EIF_CMDLINE_MAX) {
        (void)snprintf(why, why_len, "the command line has %zu bytes, a kernel takes %u", cmdline->size,
                       NACRE_EIF_CMDLINE_MAX);
        return -EBADMSG;
    }
    const uint8_t *nul = cmdline->size ? memchr(cmdline->data, 0, cmdline->size) : NULL;
    if (nul) {
        (void)snprintf(why, why_len, "offset %llu: a NUL byte in the command line",
                       (unsigned long long)cmdline->offset + (size_t)(nul - cmdline->data));
        return -EBADMSG;
    }
    return 0;
}
