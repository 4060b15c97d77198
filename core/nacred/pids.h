/* pids.h - a PID namespace for the helpers, in which none of them is process 1. */
#ifndef NACRE_NACRED_PIDS_H
#define NACRE_NACRED_PIDS_H

#include <sys/types.h>

struct nacre_pids {
    int own, inner; /* the namespaces, as descriptors: ours, theirs; -1: there is none */
    pid_t init;     /* their process 1, which waits and does nothing; 0: there is none */
};

/* -EPERM without CAP_SYS_ADMIN, or where the kernel has no such namespaces; then *p holds none. 0: there is one. */
int nacre_pids_open(struct nacre_pids *p);

/*
 * Children that the calling thread makes come into the namespace between these two. No thread can be made there, so
 * who cannot leave must not go on. 0 or negative errno; nothing at all without a namespace, or with p NULL.
 */
int nacre_pids_enter(const struct nacre_pids *p);
int nacre_pids_leave(const struct nacre_pids *p);

/* Ends process 1 of it. Its other processes, which end with it, have been reaped: the kernel waits for that, too. */
void nacre_pids_close(struct nacre_pids *p);

#endif
