/* A directory for the files of one test. */
#ifndef NACRE_SIM_SCRATCH_H
#define NACRE_SIM_SCRATCH_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct scratch {
    char dir[32];
    char path[64]; /* "file" in it, which need not exist */
};

static inline void scratch_open(struct scratch *scratch)
{
    (void)snprintf(scratch->dir, sizeof(scratch->dir), "/tmp/nacre-sim-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(scratch->dir));
    (void)snprintf(scratch->path, sizeof(scratch->path), "%s/file", scratch->dir);
}

/* Fails when anything but path was left behind. */
static inline void scratch_close(const struct scratch *scratch)
{
    (void)unlink(scratch->path);
    ck_assert_int_eq(rmdir(scratch->dir), 0);
}

#endif
