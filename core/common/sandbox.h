/*
 * sandbox.h - what a helper gives up before it touches anything from outside: new privileges, core dumps, and
 * every system call that is not on its list (seccomp, by libseccomp).
 */
#ifndef NACRE_COMMON_SANDBOX_H
#define NACRE_COMMON_SANDBOX_H

#include <stddef.h>

/*
 * no_new_privs, not dumpable, no core file, die with the parent, no capability but to read files. Before there are
 * threads. 0 or negative errno.
 */
int nacre_sandbox_basics(void);

/*
 * nacre_sandbox_report - from here on a refused call is logged by its name, each once, and answers EPERM. Before nacre_sandbox_allow(), which
 * then keeps this handler of SIGSYS in its place. A thread that blocks SIGSYS is killed by a call that is refused. 0 or
 * negative errno.
 */
int nacre_sandbox_report(void);

/*
 * nacre_sandbox_allow - installs a filter that allows the named system calls and refuses the rest: with
 * SIGSYS, see nacre_sandbox_report(), or by killing the process when kill is non-zero. clone() is allowed for threads only, clone3()
 * answers ENOSYS so that glibc falls back to clone(). Names unknown to libseccomp or the architecture are
 * passed over. Arguments that would reach beyond the process are refused whatever the list says: signals to others,
 * SO_LINGER, MSG_FASTOPEN. After nacre_sandbox_basics(). 0 or negative errno.
 */
int nacre_sandbox_allow(const char *const *names, size_t n, int kill);

/*
 * nacre_sandbox_list - for a process that starts others: the named calls, with any arguments, for itself and for what it
 * executes; the rest as with nacre_sandbox_allow(). A program that it executes must take its own measures before it
 * makes a call that is not named: until then that is its end. After no_new_privs. 0 or negative errno.
 */
int nacre_sandbox_list(const char *const *names, size_t n);

/*
 * nacre_sandbox_refuse - installs a filter for all threads that lets everything pass but what `add` refuses, which is
 * given a libseccomp filter; it comes on top of those in force. Once a list is in force, that must have seccomp() on
 * it. After nacre_sandbox_basics(). 0 or negative errno.
 */
int nacre_sandbox_refuse(int (*add)(void *ctx));

/* For an `add`: no memory becomes executable any more, what runs is what was loaded. 0 or negative errno. */
int nacre_sandbox_no_exec(void *ctx);

#endif
