/* child.h - a command of the configuration, run without a shell, its standard output read line by line or whole. */
#ifndef NACRE_HOST_CHILD_H
#define NACRE_HOST_CHILD_H

#include "loop.h"

#include <stddef.h>
#include <sys/types.h>

#define NACRE_HD_WORDS_MAX 24u

struct nacre_hd_child {
    struct nacre_hd_watch out_watch, exit_watch;
    struct nacre_hd_loop *loop;
    int out, exit_fd;
    pid_t pid; /* 0: none runs */
    bool exited;
    int status; /* as waitpid() gives it */
    void (*output)(struct nacre_hd_child *child, const char *data, size_t len);
    void (*ended)(struct nacre_hd_child *child, int status); /* after its last output; may start it again */
};

/*
 * nacre_hd_child_start - run `command`, words separated by spaces, with "{id}" in any of them replaced by `id` (may be
 * NULL). `output` and `ended` are set. 0 or negative errno: -ENOENT when there is no such program.
 */
int nacre_hd_child_start(struct nacre_hd_loop *loop, struct nacre_hd_child *child, const char *command,
                         const char *id);

/* Kills it, without `ended`. Accepts one that does not run. */
void nacre_hd_child_kill(struct nacre_hd_child *child);

#endif
