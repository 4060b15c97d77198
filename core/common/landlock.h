/*
 * landlock.h - takes files away from a process for ever (Landlock, Documentation/userspace-api/landlock.rst), as a
 * second lock beside seccomp: it holds for every way to reach a file, whatever call is used.
 *
 * Each takes effect for the calling thread and those that it makes from then on; a later one can only take more away.
 * With a kernel that knows them also: no TCP socket is bound or connected, no signal and no abstract Unix socket
 * reaches out of the process's domain. After no_new_privs. 0; -EOPNOTSUPP when the kernel has no Landlock; or another
 * negative errno.
 */
#ifndef NACRE_COMMON_LANDLOCK_H
#define NACRE_COMMON_LANDLOCK_H

/* Files can be read and executed, and nothing else done with them. */
int nacre_landlock_read_only(void);
/* No file can be opened, for anything. */
int nacre_landlock_nothing(void);
/* The version of the kernel's Landlock; 0: none. */
int nacre_landlock_version(void);

#endif
