/*
 * dev_dir.h - the directory of one run of `nacre dev`. A small process of its own waits for the end of this
 * one and removes it then, so that not even SIGKILL leaves anything behind.
 */
#ifndef NACRE_TOOL_DEV_DIR_H
#define NACRE_TOOL_DEV_DIR_H

#include <stddef.h>
#include <sys/types.h>

#define NACRE_DEV_PATH 108u /* as much as sockaddr_un.sun_path holds */

struct nacre_dev_dir {
    char path[NACRE_DEV_PATH];
    char socket[NACRE_DEV_PATH]; /* the simulated NSM */
    char root[NACRE_DEV_PATH];   /* PEM of its test root */
    char manifest[NACRE_DEV_PATH];
    pid_t keeper;  /* the process that removes it; 0 when it is kept */
    int keeper_fd; /* closed with this process: the keeper's sign; -1 when there is none */
};

/*
 * nacre_dev_dir_make - a new directory with mode 0700 below $TMPDIR or /tmp; or `keep`, made if it does not
 * exist and left at the end. Forks: call it before there are threads. Returns 0, or a negative errno with
 * `why` filled.
 */
int nacre_dev_dir_make(struct nacre_dev_dir *out, const char *keep, char *why, size_t why_len);

/* Removes the directory unless it is kept. Returns 0, or -EIO when something of it is left. */
int nacre_dev_dir_remove(struct nacre_dev_dir *dir);

#endif
