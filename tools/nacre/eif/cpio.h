/*
 * cpio.h - a ramdisk's archive: cpio in the "new ASCII" format (Documentation/driver-api/early-userspace/
 * buffer-format.rst of the kernel), written in one way only and read back strictly.
 *
 * The one way: names sorted byte by byte, inode numbers 1, 2, 3 ... in that order, owner 0:0, time 0, one link
 * (a directory two), modes 0755 and 0644, fields in upper-case hex, padding to 4 of NUL, the trailer, nothing
 * after it. So equal files give equal bytes, whoever writes them, when and where.
 */
#ifndef NACRE_EIF_CPIO_H
#define NACRE_EIF_CPIO_H

#include "blob.h"

#include <sys/types.h>

#define NACRE_CPIO_NAME_MAX    1024u
#define NACRE_CPIO_ENTRIES_MAX 65536u
#define NACRE_CPIO_FILE_MAX    ((size_t)1 << 30) /* bytes of one file */

struct nacre_cpio_entry {
    char *name;    /* without '/' at the start or the end; malloc'd */
    uint32_t mode; /* S_IFMT and permissions */
    uint32_t rdev_major, rdev_minor;
    uint8_t *data; /* of a file, or a symbolic link's target; malloc'd */
    size_t size;
};

struct nacre_cpio {
    struct nacre_cpio_entry *entries;
    size_t n, cap;
};

/*
 * nacre_cpio_add - one more entry. `data` is taken over, also on failure. Permissions are normalised. 0,
 * -ENOMEM, or -EINVAL with `why` filled when the name is empty, absolute, too long, or has an empty part, ".",
 * ".." or a byte that is no printable ASCII.
 */
int nacre_cpio_add(struct nacre_cpio *c, const char *name, uint32_t mode, uint8_t *data, size_t size,
                   char *why, size_t why_len);

/* The same for a device node: type S_IFCHR or S_IFBLK, with its permissions. */
int nacre_cpio_add_node(struct nacre_cpio *c, const char *name, uint32_t mode, uint32_t major, uint32_t minor,
                        char *why, size_t why_len);

/*
 * nacre_cpio_add_tree - everything below the directory `root`, under `prefix` ("" for the top). Regular files,
 * directories and, with `links`, symbolic links (not followed); anything else is refused. 0, or a negative
 * errno with `why` filled.
 */
int nacre_cpio_add_tree(struct nacre_cpio *c, const char *root, const char *prefix, bool links, char *why,
                        size_t why_len);

/* Sorts, makes the directories that names need, and refuses duplicates. 0, -ENOMEM or -EINVAL with `why`. */
int nacre_cpio_finish(struct nacre_cpio *c, char *why, size_t why_len);

/* The archive of a finished list at the end of *out. 0 or -ENOMEM. */
int nacre_cpio_write(struct nacre_blob *out, const struct nacre_cpio *c);

/*
 * nacre_cpio_read - the entries of the one archive that data[0..len) is, as the writer above makes it: every
 * field that could vary must have the value it gives, names must come sorted and once. 0, -ENOMEM, or -EBADMSG
 * with `why` = "offset N: ..."; *out is untouched then. Free with nacre_cpio_free().
 */
int nacre_cpio_read(struct nacre_cpio *out, const uint8_t *data, size_t len, char *why, size_t why_len);

/* The name rule by itself: NULL when it is a good one, else what is wrong with it. */
const char *nacre_cpio_name_fault(const char *name);

/* A name for a message: bytes that are not printable ASCII as "\\x0a", cut to the room. Returns out. */
#define NACRE_CPIO_SHOWN 200u
const char *nacre_cpio_shown(char out[NACRE_CPIO_SHOWN], const char *name);

/* Frees the entries. Accepts NULL and a zeroed struct. */
void nacre_cpio_free(struct nacre_cpio *c);

#endif
