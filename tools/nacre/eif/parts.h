/* parts.h - an image's measured parts, from files. */
#ifndef NACRE_EIF_PARTS_H
#define NACRE_EIF_PARTS_H

#include "eif.h"

#define NACRE_EIF_RAMDISKS_MAX (NACRE_EIF_SECTIONS_MAX - 4u)

struct nacre_eif_parts {
    const char *kernel;
    const char *cmdline, *cmdline_file; /* one of them */
    const char *ramdisks[NACRE_EIF_RAMDISKS_MAX];
    unsigned n_ramdisks;
    const char *app;  /* the ramdisk that comes last, and is checked to be an app's; or NULL */
    const char *arch; /* "x86_64" or "aarch64", or NULL for what the kernel says */
    uint8_t *loaded[NACRE_EIF_SECTIONS_MAX]; /* private */
    unsigned n_loaded;
};

/*
 * nacre_eif_parts_load - read the files: kernel, command line and ramdisks into eif->sections, in this order,
 * flags by the kernel's architecture. The sections borrow from *p. 0, or a negative errno with `why` filled.
 */
int nacre_eif_parts_load(struct nacre_eif *eif, struct nacre_eif_parts *p, char *why, size_t why_len);

/* Frees what was loaded. */
void nacre_eif_parts_free(struct nacre_eif_parts *p);

/* One more section that borrows its data. */
void nacre_eif_add(struct nacre_eif *eif, uint16_t type, const uint8_t *data, size_t size);

/* Is --kernel, --cmdline (once) and --ramdisk there? 0, or the exit code after a message. */
int nacre_eif_parts_usage(const struct nacre_eif_parts *p, const char *program);

/*
 * nacre_eif_parts_option - take an option of getopt_long into *p: the val of NACRE_EIF_PARTS_OPTIONS. 0, -1
 * when it is not one of these, or the exit code after a message.
 */
int nacre_eif_parts_option(struct nacre_eif_parts *p, int opt, char *arg, const char *program);

/* clang-format off */
#define NACRE_EIF_PARTS_OPTIONS                                                                              \
    {"kernel", required_argument, NULL, 'k'}, {"cmdline", required_argument, NULL, 'c'},                     \
    {"cmdline-file", required_argument, NULL, 'f'}, {"ramdisk", required_argument, NULL, 'r'},               \
    {"app-ramdisk", required_argument, NULL, 'a'}, {"arch", required_argument, NULL, 'A'}
/* clang-format on */

#define NACRE_EIF_PARTS_HELP                                                                                 \
    "  --kernel FILE        a bzImage (x86-64) or an uncompressed Image (arm64)\n"                           \
    "  --cmdline TEXT       the kernel's command line, or\n"                                                 \
    "  --cmdline-file FILE  the same from a file; one newline at its end is not part of it\n"                \
    "  --ramdisk FILE       a ramdisk; repeat for more, the order counts\n"                                  \
    "  --app-ramdisk FILE   the last ramdisk, refused when it is not an app's\n"                             \
    "  --arch NAME          x86_64 or aarch64: refuse a kernel of the other one\n"

#endif
