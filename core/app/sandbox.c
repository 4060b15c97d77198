#include "sandbox.h"

#include <common/landlock.h>
#include <common/sandbox.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char *const allowed[] = {
    /* descriptors that are there: sockets, pipes, standard error */
    "read",
    "write",
    "readv",
    "writev",
    "close",
    "fstat",
    "newfstatat",
    "recvmsg",
    "sendmsg",
    "recvfrom",
    "sendto",
    "poll",
    "ppoll",
    "select",
    "pselect6",
    "epoll_create1",
    "epoll_ctl",
    "epoll_wait",
    "epoll_pwait",
    "shutdown",
    "getsockname",
    "getpeername",
    /* SO_ERROR, TCP_NODELAY, keep-alive on sockets that the core has connected; O_NONBLOCK of them */
    "getsockopt",
    "setsockopt",
    "fcntl",
    /* payloads too large for a message, see common/frame.h */
    "memfd_create",
    "pread64",
    "lseek",
    "connect", /* never made, see pass_over_connect() */
    /* libcurl wakes its own poll with one of these; socketpair makes streams only */
    "eventfd2",
    "pipe2",
    "socketpair",
    /* memory; the locked memory of libsodium */
    "mmap",
    "munmap",
    "mremap",
    "mprotect",
    "madvise",
    "brk",
    "mlock",
    "munlock",
    /* threads; how many CPUs and how much memory there are, for thread pools and older qsort() */
    "futex",
    "set_robust_list",
    "rseq",
    "sched_yield",
    "sched_getaffinity",
    "sysinfo",
    "gettid",
    "exit",
    "exit_group",
    /* who and where we are; getrlimit() for thread stacks, of this process only */
    "uname",
    "getpid",
    "getuid",
    "geteuid",
    "getgid",
    "getegid",
    "getrusage",
    "prlimit64",
    /* signals to ourselves: abort() */
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "sigaltstack",
    "restart_syscall",
    "tgkill",
    /* time and randomness */
    "clock_gettime",
    "clock_getres",
    "clock_nanosleep",
    "nanosleep",
    "gettimeofday",
    "time",
    "getrandom",
    /* files to read, and the second filter: until that filter takes them away */
    "openat",
    "open",
    "access",
    "faccessat",
    "faccessat2",
    "readlink",
    "readlinkat",
    "statx",
    "getdents64",
    "getcwd",
    "seccomp",
    "landlock_create_ruleset",
    "landlock_restrict_self",
#ifdef NACRE_SANITIZED
    /* thread names; is standard error a terminal? */
    "prctl",
    "arch_prctl",
    "personality",
    "setrlimit",
    "getrlimit",
    "ioctl",
#endif
};

#define REFUSE SCMP_ACT_ERRNO(EPERM)

/* Opening to write, to create, or to empty, for which reading is enough. */
static int refuse_writing(scmp_filter_ctx ctx)
{
    const scmp_datum_t flags[] = {O_WRONLY, O_RDWR, O_CREAT, O_TRUNC};
    int err = 0;
    for (size_t i = 0; i < sizeof flags / sizeof flags[0] && !err; i++) {
        scmp_datum_t mask = flags[i] & O_ACCMODE ? (scmp_datum_t)O_ACCMODE : flags[i];
        err = seccomp_rule_add(ctx, REFUSE, SCMP_SYS(openat), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, mask, flags[i]));
#ifdef SYS_open
        if (!err)
            err =
                seccomp_rule_add(ctx, REFUSE, SCMP_SYS(open), 1, SCMP_A1(SCMP_CMP_MASKED_EQ, mask, flags[i]));
#endif
    }
    return err;
}

/* Ways to reach another process through a call that is allowed for our own use. */
static int refuse_others(scmp_filter_ctx ctx)
{
    int err = seccomp_rule_add(ctx, REFUSE, SCMP_SYS(prlimit64), 1, SCMP_A0(SCMP_CMP_NE, 0, 0));
    /* a datagram socket can send to any address, connected or not */
    if (!err)
        err = seccomp_rule_add(ctx, REFUSE, SCMP_SYS(socketpair), 1,
                               SCMP_A0(SCMP_CMP_NE, (scmp_datum_t)AF_UNIX, 0));
    for (scmp_datum_t type = 0; type < 16 && !err; type++)
        if (type != SOCK_STREAM)
            err = seccomp_rule_add(ctx, REFUSE, SCMP_SYS(socketpair), 1,
                                   SCMP_A1(SCMP_CMP_MASKED_EQ, 0xf, type));
    return err;
}

/*
 * libcurl before 8.0 calls connect() even on the connected descriptors that it is given, and gives up at any error
 * but this one. The call is not made: sockets are the broker's to connect.
 */
static int pass_over_connect(scmp_filter_ctx ctx)
{
    return seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EINPROGRESS), SCMP_SYS(connect), 0);
}

/* A library's code is mapped from its file, and never written: what is both, or was, is nobody's who is loaded. */
static int refuse_written_code(scmp_filter_ctx ctx)
{
    const scmp_datum_t both = PROT_WRITE | PROT_EXEC;
    int err = seccomp_rule_add(ctx, REFUSE, SCMP_SYS(mmap), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, both, both));
    if (!err)
        err = seccomp_rule_add(ctx, REFUSE, SCMP_SYS(mprotect), 1,
                               SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, PROT_EXEC));
    return err;
}

static int first_rules(scmp_filter_ctx ctx)
{
    int err = refuse_writing(ctx);
    if (!err)
        err = refuse_written_code(ctx);
    if (!err)
        err = refuse_others(ctx);
    return err ? err : pass_over_connect(ctx);
}

/* Where the kernel has it. The files that are needed are read before the second filter. */
static int landlock(int (*restrict_files)(void))
{
    int err = restrict_files();
    return err == -EOPNOTSUPP ? 0 : err;
}

int nacre_app_sandbox_first(void)
{
    int err = landlock(nacre_landlock_read_only);
    if (err)
        return err;
    err = nacre_sandbox_allow(allowed, sizeof allowed / sizeof allowed[0], 0);
    return err ? err : nacre_sandbox_refuse(first_rules);
}

int nacre_app_sandbox_loaded(void)
{
    return nacre_sandbox_refuse(nacre_sandbox_no_exec);
}

static int second_rules(scmp_filter_ctx ctx)
{
    int err = 0;
    (void)ctx;          /* under a sanitizer there is no rule */
#ifndef NACRE_SANITIZED /* a report reads /proc/self/maps */
    static const char *const files[] = {"openat",
                                        "open",
                                        "access",
                                        "faccessat",
                                        "faccessat2",
                                        "readlink",
                                        "statx",
                                        "readlinkat",
                                        "getcwd",
                                        "seccomp",
                                        "getdents64",
                                        "landlock_create_ruleset",
                                        "landlock_restrict_self"};
    for (size_t i = 0; i < sizeof files / sizeof files[0] && !err; i++) {
        int nr = seccomp_syscall_resolve_name(files[i]);
        if (nr >= 0)
            err = seccomp_rule_add(ctx, REFUSE, nr, 0);
    }
    /* fstat() of newer C libraries is this call with an empty path; with a path it asks about files */
    if (!err)
        err = seccomp_rule_add(ctx, REFUSE, SCMP_SYS(newfstatat), 1,
                               SCMP_A3(SCMP_CMP_MASKED_EQ, AT_EMPTY_PATH, 0));
#endif
    return err;
}

int nacre_app_sandbox_second(void)
{
#ifndef NACRE_SANITIZED
    int err = landlock(nacre_landlock_nothing);
    if (err)
        return err;
#endif
    return nacre_sandbox_refuse(second_rules);
}
