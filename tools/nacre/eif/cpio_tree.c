/* cpio_tree.c - the content of a directory. */
#include "../file.h"
#include "cpio.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX 32u

struct walk {
    struct nacre_cpio *cpio;
    bool links;
    unsigned depth;
    char *why;
    size_t why_len;
};

static int fail(const struct walk *w, const char *path, const char *what, int error)
{
    return nacre_file_error(path, what, error, w->why, w->why_len);
}

static int add_file(const struct walk *w, const char *path, const char *name, uint32_t mode)
{
    uint8_t *data = NULL;
    size_t size = 0;
    int rc = nacre_file_read(&data, &size, path, NACRE_CPIO_FILE_MAX, w->why, w->why_len);
    return rc ? rc : nacre_cpio_add(w->cpio, name, mode, data, size, w->why, w->why_len);
}

static int add_link(const struct walk *w, const char *path, const char *name)
{
    char target[PATH_MAX];
    ssize_t n = readlink(path, target, sizeof target);
    if (n < 0 || (size_t)n >= sizeof target)
        return fail(w, path, "cannot read the link", n < 0 ? errno : ENAMETOOLONG);
    uint8_t *copy = malloc((size_t)n + 1);
    if (!copy)
        return -ENOMEM;
    memcpy(copy, target, (size_t)n);
    return nacre_cpio_add(w->cpio, name, S_IFLNK, copy, (size_t)n, w->why, w->why_len);
}

static int add_dir(struct walk *w, const char *path, const char *name);

static int add_one(struct walk *w, const char *path, const char *name)
{
    struct stat st;
    if (lstat(path, &st) < 0)
        return fail(w, path, "cannot stat", errno);
    if (S_ISREG(st.st_mode))
        return add_file(w, path, name, st.st_mode);
    if (S_ISDIR(st.st_mode)) {
        int rc = nacre_cpio_add(w->cpio, name, S_IFDIR, NULL, 0, w->why, w->why_len);
        return rc ? rc : add_dir(w, path, name);
    }
    if (S_ISLNK(st.st_mode) && w->links)
        return add_link(w, path, name);
    (void)snprintf(w->why, w->why_len, "%s: %s; only regular files and directories%s can go in", path,
                   S_ISLNK(st.st_mode)                          ? "a symbolic link"
                   : S_ISBLK(st.st_mode) || S_ISCHR(st.st_mode) ? "a device"
                                                                : "a socket or FIFO",
                   w->links ? ", and symbolic links," : "");
    return -EINVAL;
}

static int add_entry(struct walk *w, const char *path, const char *prefix, const char *entry)
{
    char full[PATH_MAX], name[PATH_MAX];
    int rc = nacre_file_join(full, sizeof full, path, entry);
    if (rc == 0 && prefix[0])
        rc = nacre_file_join(name, sizeof name, prefix, entry);
    if (rc)
        return fail(w, path, "cannot add an entry", -rc);
    return add_one(w, full, prefix[0] ? name : entry);
}

static int add_dir(struct walk *w, const char *path, const char *name)
{
    if (w->depth >= DEPTH_MAX) {
        (void)snprintf(w->why, w->why_len, "%s: more than %u directories deep", path, DEPTH_MAX);
        return -EINVAL;
    }
    DIR *dir = opendir(path);
    if (!dir)
        return fail(w, path, "cannot open", errno);
    int rc = 0;
    const struct dirent *entry;
    w->depth++;
    while (rc == 0 && (errno = 0, entry = readdir(dir)) != NULL)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            rc = add_entry(w, path, name, entry->d_name);
    if (rc == 0 && errno != 0)
        rc = fail(w, path, "cannot read the directory", errno);
    w->depth--;
    (void)closedir(dir);
    return rc;
}

int nacre_cpio_add_tree(struct nacre_cpio *c, const char *root, const char *prefix, bool links, char *why,
                        size_t why_len)
{
    struct walk walk = {c, links, 0, why, why_len};
    return add_dir(&walk, root, prefix);
}
