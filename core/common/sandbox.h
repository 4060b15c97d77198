/*
 * sandbox.h - what a helper gives up before it touches anything from outside: new privileges, core dumps, and
 * every system call that is not on its list (seccomp, by libseccomp).
 */
#ifndef NACRE_COMMON_SANDBOX_H
#define NACRE_COMMON_SANDBOX_H

#include <stddef.h>

/* no_new_privs, not dumpable, no core file, die with the parent. 0 or negative errno. */
int nacre_sandbox_basics(void);

/*
 * nacre_sandbox_allow - installs a filter that allows the named system calls and refuses the rest: with
 * EPERM, or by killing the process when kill is non-zero. clone() is allowed for threads only, clone3()
 * answers ENOSYS so that glibc falls back to clone(). Names unknown to libseccomp or the architecture are
 * passed over. 0 or negative errno.
 */
int nacre_sandbox_allow(const char *const *names, size_t n, int kill);

#endif
