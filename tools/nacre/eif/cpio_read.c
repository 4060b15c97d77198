/* cpio_read.c - an archive read back, refusing whatever the writer would not have written. */
#include "cpio.h"

#include <common/digest.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define HEADER 110u

enum field {
    INO,
    MODE,
    UID,
    GID,
    NLINK,
    MTIME,
    SIZE,
    DEV_MAJOR,
    DEV_MINOR,
    RDEV_MAJOR,
    RDEV_MINOR,
    NAMESIZE,
    CHECK
};
#define FIELDS 13u

static const char *const field_names[FIELDS] = {
    "inode number", "mode",         "owner",      "group",      "link count", "time",     "file size",
    "device major", "device minor", "rdev major", "rdev minor", "name size",  "checksum",
};

struct reader {
    const uint8_t *data;
    size_t len, at; /* at: of the entry */
    uint32_t field[FIELDS];
    const char *name; /* in data, terminated */
    char *why;
    size_t why_len;
};

__attribute__((format(printf, 3, 4))) static int wrong(const struct reader *r, size_t at, const char *format,
                                                       ...)
{
    int n = snprintf(r->why, r->why_len, "offset %zu of the archive: ", at);
    va_list args;
    va_start(args, format);
    if (n > 0 && (size_t)n < r->why_len)
        (void)vsnprintf(r->why + n, r->why_len - (size_t)n, format, args);
    va_end(args);
    return -EBADMSG;
}

static size_t field_at(const struct reader *r, enum field field)
{
    return r->at + 6 + 8 * (size_t)field;
}

/* Eight hex digits in upper case: the kernel's reader would take "0x", blanks and more. */
static int read_field(struct reader *r, enum field field)
{
    uint32_t v = 0;
    size_t at = field_at(r, field);
    for (size_t i = 0; i < 8; i++) {
        uint8_t c = r->data[at + i];
        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'F')))
            return wrong(r, at, "the %s has byte %02x, expected upper-case hex digits", field_names[field],
                         c);
        v = v << 4 | (uint32_t)(c <= '9' ? c - '0' : c - 'A' + 10);
    }
    r->field[field] = v;
    return 0;
}

static int read_header(struct reader *r)
{
    if (r->len - r->at < HEADER)
        return wrong(r, r->len, "the archive ends in the header of an entry at %zu", r->at);
    char magic[13];
    nacre_hex(magic, r->data + r->at, 6);
    if (memcmp(r->data + r->at, "070701", 6) != 0)
        return wrong(r, r->at, "the magic is %s, expected 303730373031 (\"070701\")", magic);
    for (unsigned i = 0; i < FIELDS; i++) {
        int rc = read_field(r, (enum field)i);
        if (rc)
            return rc;
    }
    return 0;
}

/* Checks that [at, at + size) and its padding to 4 are there and the padding is NUL; *next is behind it. */
static int span(const struct reader *r, size_t at, size_t size, const char *what, size_t *next)
{
    if (size > r->len - at)
        return wrong(r, at, "the %s has %zu bytes, the archive has %zu left", what, size, r->len - at);
    size_t end = at + size;
    for (; end % 4 != 0; end++)
        if (end >= r->len || r->data[end] != 0)
            return wrong(r, end, "no NUL where the %s is filled up", what);
    *next = end;
    return 0;
}

static int read_name(struct reader *r, size_t *next)
{
    size_t at = r->at + HEADER, size = r->field[NAMESIZE];
    if (size < 2 || size > NACRE_CPIO_NAME_MAX + 1)
        return wrong(r, field_at(r, NAMESIZE), "a name of %zu bytes, allowed are 2 to %u", size,
                     NACRE_CPIO_NAME_MAX + 1);
    int rc = span(r, at, size, "name", next);
    if (rc)
        return rc;
    const uint8_t *nul = memchr(r->data + at, 0, size);
    if (!nul || nul != r->data + at + size - 1)
        return wrong(r, at, "the name's NUL is not at its end of %zu bytes", size);
    r->name = (const char *)r->data + at;
    return 0;
}

static int expect(const struct reader *r, enum field field, uint32_t value)
{
    if (r->field[field] == value)
        return 0;
    return wrong(r, field_at(r, field), "'%.200s': the %s is %08X, expected %08X", r->name,
                 field_names[field], r->field[field], value);
}

static int expect_zero(const struct reader *r)
{
    static const enum field zero[] = {UID, GID, MTIME, DEV_MAJOR, DEV_MINOR, CHECK};
    for (size_t i = 0; i < sizeof zero / sizeof zero[0]; i++) {
        int rc = expect(r, zero[i], 0);
        if (rc)
            return rc;
    }
    return 0;
}

static int check_mode(const struct reader *r)
{
    uint32_t mode = r->field[MODE], perm = mode & ~(uint32_t)S_IFMT;
    bool node = S_ISCHR(mode) || S_ISBLK(mode);
    bool good = (S_ISREG(mode) && (perm == 0644 || perm == 0755)) || (S_ISDIR(mode) && perm == 0755) ||
                (S_ISLNK(mode) && perm == 0777) || (node && perm <= 0777);
    if (!good)
        return wrong(r, field_at(r, MODE), "'%.200s': the mode %08X is of no kind that is written here",
                     r->name, mode);
    if (!node && (r->field[RDEV_MAJOR] || r->field[RDEV_MINOR]))
        return expect(r, r->field[RDEV_MAJOR] ? RDEV_MAJOR : RDEV_MINOR, 0);
    if (!S_ISREG(mode) && !S_ISLNK(mode) && r->field[SIZE])
        return expect(r, SIZE, 0);
    return 0;
}

static int check_entry(const struct reader *r, const struct nacre_cpio *got)
{
    const char *fault = nacre_cpio_name_fault(r->name);
    char shown[NACRE_CPIO_SHOWN];
    if (fault)
        return wrong(r, r->at + HEADER, "the name '%s' %s", nacre_cpio_shown(shown, r->name), fault);
    if (got->n > 0) {
        int order = strcmp(got->entries[got->n - 1].name, r->name);
        if (order >= 0)
            return wrong(r, r->at,
                         order ? "'%.200s' comes after '%.200s', but names are sorted"
                               : "'%.200s' is there twice",
                         r->name, got->entries[got->n - 1].name);
    }
    int rc = expect_zero(r);
    if (rc == 0)
        rc = check_mode(r);
    if (rc == 0)
        rc = expect(r, NLINK, S_ISDIR(r->field[MODE]) ? 2 : 1); /* more would be a hard link */
    return rc ? rc : expect(r, INO, (uint32_t)got->n + 1);
}

static int take(const struct reader *r, struct nacre_cpio *got, size_t data_at)
{
    size_t size = r->field[SIZE];
    uint32_t mode = r->field[MODE];
    if (S_ISCHR(mode) || S_ISBLK(mode))
        return nacre_cpio_add_node(got, r->name, mode, r->field[RDEV_MAJOR], r->field[RDEV_MINOR], r->why,
                                   r->why_len);
    uint8_t *copy = S_ISDIR(mode) ? NULL : malloc(size + 1);
    if (copy && size > 0)
        memcpy(copy, r->data + data_at, size);
    if (!copy && !S_ISDIR(mode))
        return -ENOMEM;
    return nacre_cpio_add(got, r->name, mode, copy, size, r->why, r->why_len);
}

static int check_trailer(const struct reader *r, size_t next)
{
    static const enum field zero[] = {INO, MODE, SIZE, RDEV_MAJOR, RDEV_MINOR};
    int rc = expect_zero(r);
    for (size_t i = 0; rc == 0 && i < sizeof zero / sizeof zero[0]; i++)
        rc = expect(r, zero[i], 0);
    if (rc == 0)
        rc = expect(r, NLINK, 1);
    if (rc == 0 && next != r->len) {
        bool again = r->len - next >= 6 && memcmp(r->data + next, "07070", 5) == 0;
        rc =
            wrong(r, next, "%zu bytes after the trailer%s", r->len - next, again ? ": a second archive" : "");
    }
    return rc;
}

static int read_entries(struct reader *r, struct nacre_cpio *got)
{
    for (;;) {
        size_t data_at = 0, next = 0;
        int rc = read_header(r);
        if (rc == 0)
            rc = read_name(r, &data_at);
        if (rc)
            return rc;
        if (strcmp(r->name, "TRAILER!!!") == 0)
            return check_trailer(r, data_at);
        rc = check_entry(r, got);
        if (rc == 0)
            rc = span(r, data_at, r->field[SIZE], "file", &next);
        if (rc == 0)
            rc = take(r, got, data_at);
        if (rc)
            return rc;
        r->at = next;
    }
}

int nacre_cpio_read(struct nacre_cpio *out, const uint8_t *data, size_t len, char *why, size_t why_len)
{
    struct nacre_cpio got = {0};
    struct reader r = {.data = data, .len = len, .name = "", .why = why, .why_len = why_len};
    int rc = read_entries(&r, &got);
    if (rc) {
        nacre_cpio_free(&got);
        return rc == -EINVAL ? -EBADMSG : rc;
    }
    *out = got;
    return 0;
}
