/* dev_child.h - a program that `nacre dev` runs: started, watched and ended by its process id. */
#ifndef NACRE_TOOL_DEV_CHILD_H
#define NACRE_TOOL_DEV_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define NACRE_DEV_READY_FD   "3" /* where each child writes its ready line */
#define NACRE_DEV_READY_LINE 256u

struct nacre_dev_child {
    const char *name;
    pid_t pid;  /* 0: not running */
    int status; /* of waitpid(), once it has ended */
    bool started;
    int ready_fd; /* -1 once the line has come */
    char line[NACRE_DEV_READY_LINE];
    size_t line_len;
};

/*
 * nacre_dev_child_start - run the program argv[0] (a path). It gets /dev/null as input, our standard error as
 * output, descriptor 3 for its ready line, a process group of its own (Ctrl-C reaches us alone) and SIGKILL
 * when this process ends. Returns 0 once it has been executed, or a negative errno with `why` filled.
 */
int nacre_dev_child_start(struct nacre_dev_child *child, const char *name, const char *const argv[],
                          char *why, size_t why_len);

/* Reads what there is of the ready line. 1 when it is whole (terminated in `line`), 0 when not yet, -EPIPE,
 * -EBADMSG. */
int nacre_dev_child_read(struct nacre_dev_child *child);

/* Has it ended? Never blocks. */
bool nacre_dev_child_ended(struct nacre_dev_child *child);

/* "NAME stopped with exit code 2" or "... by signal 11 (Segmentation fault)". */
void nacre_dev_child_describe(const struct nacre_dev_child *child, char *out, size_t room);

/*
 * nacre_dev_child_stop - SIGTERM, and SIGKILL after grace_ms. Returns 0 when it ended with exit code 0 or was
 * not running, else -EIO: ended otherwise, or -ETIMEDOUT: had to be killed.
 */
int nacre_dev_child_stop(struct nacre_dev_child *child, int grace_ms);

#endif
