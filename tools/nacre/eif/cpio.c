/* cpio.c - the list of entries. */
#include "cpio.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static bool part_is_dots(const char *part, size_t len)
{
    return (len == 1 && part[0] == '.') || (len == 2 && part[0] == '.' && part[1] == '.');
}

/* Anything else could play tricks on a terminal or on another reader. */
static bool printable(char c)
{
    return c >= ' ' && c <= '~';
}

const char *nacre_cpio_name_fault(const char *name)
{
    if (name[0] == '\0')
        return "is empty";
    if (name[0] == '/')
        return "is absolute";
    if (strlen(name) > NACRE_CPIO_NAME_MAX)
        return "is longer than 1024 bytes";
    if (strcmp(name, "TRAILER!!!") == 0)
        return "is the archive's end mark";
    for (const char *at = name; *at; at++)
        if (!printable(*at))
            return "has a byte that is no printable ASCII";
    for (const char *part = name;;) {
        size_t len = strcspn(part, "/");
        if (len == 0)
            return "has an empty part";
        if (part_is_dots(part, len))
            return "has a part '.' or '..'";
        if (part[len] == '\0')
            return NULL;
        part += len + 1;
    }
}

const char *nacre_cpio_shown(char out[NACRE_CPIO_SHOWN], const char *name)
{
    size_t n = 0;
    for (; *name && n + 5 < NACRE_CPIO_SHOWN; name++) {
        int len = snprintf(out + n, NACRE_CPIO_SHOWN - n, printable(*name) ? "%c" : "\\x%02x",
                           (unsigned char)*name);
        n += len > 0 ? (size_t)len : 0;
    }
    out[n] = '\0';
    return out;
}

static uint32_t normal_mode(uint32_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFDIR:
        return S_IFDIR | 0755;
    case S_IFLNK:
        return S_IFLNK | 0777;
    case S_IFREG:
        return S_IFREG | (mode & 0111 ? 0755 : 0644);
    default:
        return mode & (S_IFMT | 0777);
    }
}

static int grow(struct nacre_cpio *c)
{
    if (c->n < c->cap)
        return 0;
    size_t cap = c->cap ? 2 * c->cap : 64;
    struct nacre_cpio_entry *entries = realloc(c->entries, cap * sizeof *entries);
    if (!entries)
        return -ENOMEM;
    c->entries = entries;
    c->cap = cap;
    return 0;
}

static int append(struct nacre_cpio *c, const struct nacre_cpio_entry *entry, char *why, size_t why_len)
{
    const char *fault = nacre_cpio_name_fault(entry->name);
    if (fault) {
        char shown[NACRE_CPIO_SHOWN];
        (void)snprintf(why, why_len, "the name '%s' %s", nacre_cpio_shown(shown, entry->name), fault);
        return -EINVAL;
    }
    if (c->n >= NACRE_CPIO_ENTRIES_MAX) {
        (void)snprintf(why, why_len, "more than %u entries", NACRE_CPIO_ENTRIES_MAX);
        return -EINVAL;
    }
    if (grow(c))
        return -ENOMEM;
    char *name = strdup(entry->name);
    if (!name)
        return -ENOMEM;
    c->entries[c->n] = *entry;
    c->entries[c->n].name = name;
    c->entries[c->n++].mode = normal_mode(entry->mode);
    return 0;
}

int nacre_cpio_add(struct nacre_cpio *c, const char *name, uint32_t mode, uint8_t *data, size_t size,
                   char *why, size_t why_len)
{
    struct nacre_cpio_entry entry = {(char *)(uintptr_t)name, mode, 0, 0, data, size};
    int rc = append(c, &entry, why, why_len);
    if (rc)
        free(data);
    return rc;
}

int nacre_cpio_add_node(struct nacre_cpio *c, const char *name, uint32_t mode, uint32_t major, uint32_t minor,
                        char *why, size_t why_len)
{
    struct nacre_cpio_entry entry = {(char *)(uintptr_t)name, mode, major, minor, NULL, 0};
    return append(c, &entry, why, why_len);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct nacre_cpio_entry *)a)->name, ((const struct nacre_cpio_entry *)b)->name);
}

static bool knows(const struct nacre_cpio *c, size_t sorted, const char *name)
{
    struct nacre_cpio_entry key = {.name = (char *)(uintptr_t)name};
    return sorted > 0 && bsearch(&key, c->entries, sorted, sizeof key, by_name) != NULL;
}

/* Bytes that two names have in common from the beginning. */
static size_t common_of(const char *a, const char *b)
{
    size_t n = 0;
    while (a[n] != '\0' && a[n] == b[n])
        n++;
    return n;
}

/*
 * The kernel makes no directory by itself: "a/b" needs "a". The names are sorted, so those below one directory stand
 * together: what the name before has as well was seen to there.
 */
static int add_parents(struct nacre_cpio *c, char *why, size_t why_len)
{
    size_t given = c->n;
    char parent[NACRE_CPIO_NAME_MAX + 1];
    for (size_t i = 0; i < given; i++) {
        size_t common = i > 0 ? common_of(c->entries[i - 1].name, c->entries[i].name) : 0;
        for (size_t len = common > 1 ? common : 1; c->entries[i].name[len]; len++) {
            if (c->entries[i].name[len] != '/')
                continue;
            (void)snprintf(parent, sizeof parent, "%.*s", (int)len, c->entries[i].name);
            if (knows(c, given, parent))
                continue;
            int rc = nacre_cpio_add(c, parent, S_IFDIR, NULL, 0, why, why_len);
            if (rc)
                return rc;
        }
    }
    return 0;
}

/* Whatever has something below it must be a directory. */
static int check_parents(const struct nacre_cpio *c, char *why, size_t why_len)
{
    char parent[NACRE_CPIO_NAME_MAX + 1];
    for (size_t i = 0; i < c->n; i++) {
        const char *slash = strrchr(c->entries[i].name, '/');
        if (!slash)
            continue;
        (void)snprintf(parent, sizeof parent, "%.*s", (int)(slash - c->entries[i].name), c->entries[i].name);
        struct nacre_cpio_entry key = {.name = parent};
        const struct nacre_cpio_entry *dir = bsearch(&key, c->entries, c->n, sizeof key, by_name);
        if (!dir || !S_ISDIR(dir->mode)) {
            (void)snprintf(why, why_len, "'%.200s' lies below '%.200s', which is no directory",
                           c->entries[i].name, parent);
            return -EINVAL;
        }
    }
    return 0;
}

int nacre_cpio_finish(struct nacre_cpio *c, char *why, size_t why_len)
{
    if (c->n == 0) {
        (void)snprintf(why, why_len, "nothing to put into the archive");
        return -EINVAL;
    }
    qsort(c->entries, c->n, sizeof *c->entries, by_name);
    int rc = add_parents(c, why, why_len);
    if (rc)
        return rc;
    qsort(c->entries, c->n, sizeof *c->entries, by_name);
    for (size_t i = 1; i < c->n; i++) {
        if (strcmp(c->entries[i - 1].name, c->entries[i].name) == 0) {
            (void)snprintf(why, why_len, "'%.200s' is there twice", c->entries[i].name);
            return -EINVAL;
        }
    }
    return check_parents(c, why, why_len);
}

void nacre_cpio_free(struct nacre_cpio *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->n; i++) {
        free(c->entries[i].name);
        free(c->entries[i].data);
    }
    free(c->entries);
    *c = (struct nacre_cpio){0};
}
