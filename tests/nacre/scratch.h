/* scratch.h - a directory of its own for a test. */
#ifndef NACRE_TESTS_NACRE_SCRATCH_H
#define NACRE_TESTS_NACRE_SCRATCH_H

#include "suite.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char scratch[64];

static inline void scratch_make(void)
{
    (void)snprintf(scratch, sizeof scratch, "/tmp/nacre-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(scratch));
}

/* How many entries a directory has; -1 when there is none. */
static inline int scratch_count(const char *path)
{
    DIR *dir = opendir(path);
    int n = 0;
    if (!dir)
        return -1;
    while (readdir(dir))
        n++;
    (void)closedir(dir);
    return n - 2;
}

static inline void scratch_remove(void)
{
    DIR *dir = opendir(scratch);
    const struct dirent *entry;
    while (dir && (entry = readdir(dir)))
        (void)unlinkat(dirfd(dir), entry->d_name, 0);
    if (dir)
        (void)closedir(dir);
    (void)rmdir(scratch);
}

static inline const char *scratch_path(const char *name)
{
    static char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", scratch, name);
    return path;
}

#endif
