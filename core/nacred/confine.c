#include "confine.h"

#include "common/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct {
    int flag;
    const char *name;
} kinds[] = {{CLONE_NEWUSER, "user"}, {CLONE_NEWNET, "net"}, {CLONE_NEWNS, "mnt"},
             {CLONE_NEWIPC, "ipc"},   {CLONE_NEWUTS, "uts"}, {CLONE_NEWCGROUP, "cgroup"},
             {CLONE_NEWPID, "pid"}};
#define KINDS (sizeof kinds / sizeof kinds[0])
#define TRIED (KINDS - 1) /* whoever makes a PID namespace in here would be told of one that nobody can use */

/* Bits of `kinds`, as an exit status. Root needs no user namespace, and would only be confused by one. */
static int try_all(void)
{
    int had = 0;
    for (size_t i = geteuid() == 0 ? 1 : 0; i < TRIED; i++)
        if (unshare(kinds[i].flag) == 0)
            had |= 1 << i;
        else if (i == 0)
            return 0;
    return had;
}

static enum nacre_cores try_cores(void)
{
    if (prctl(PR_SCHED_CORE, PR_SCHED_CORE_CREATE, 0, PR_SCHED_CORE_SCOPE_THREAD, 0) == 0)
        return NACRE_CORES_APART;
    return errno == ENODEV ? NACRE_CORES_SINGLE : NACRE_CORES_SHARED;
}

int nacre_confine_namespaces(enum nacre_cores *cores)
{
    int status = 0, flags = 0;
    pid_t pid = fork();
    if (pid == 0)
        _exit(try_all() | (int)try_cores() << TRIED);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (pid <= 0 || !WIFEXITED(status))
        status = 0;
    for (size_t i = 0; i < TRIED; i++)
        if (WEXITSTATUS(status) & 1 << i)
            flags |= kinds[i].flag;
    *cores = (enum nacre_cores)(WEXITSTATUS(status) >> TRIED);
    return flags;
}

void nacre_confine_text(int namespaces, char out[64])
{
    size_t n = 0;
    out[0] = '\0';
    for (size_t i = 0; i < KINDS && n < 64; i++)
        if (namespaces & kinds[i].flag)
            n += (size_t)snprintf(out + n, 64 - n, "%s%s", n ? " " : "", kinds[i].name);
}

#ifndef NACRE_SANITIZED
static const char *const calls[] = {
    /* clang-format off */
    /* descriptors, sockets, waiting */
    "read", "write", "readv", "writev", "pread64", "lseek", "close", "close_range", "fcntl", "dup", "dup2", "dup3",
    "fstat", "newfstatat", "ioctl", "pipe2", "eventfd2", "signalfd4", "timerfd_create", "timerfd_settime",
    "memfd_create", "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2", "poll",
    "ppoll", "select", "pselect6", "socket", "socketpair", "bind", "listen", "connect", "accept", "accept4",
    "shutdown", "sendto", "sendmsg", "recvfrom", "recvmsg", "setsockopt", "getsockopt", "getsockname", "getpeername",
    /* files to read: the loader's, when a helper is executed, and the plugin's second digest */
    "open", "openat", "access", "faccessat", "faccessat2", "readlink", "readlinkat", "stat", "statx", "getdents64",
    "getcwd",
    /* sockets with a name in a development run */
    "unlink", "unlinkat", "fchmod",
    /* memory */
    "mmap", "munmap", "mremap", "mprotect", "madvise", "brk", "mlock", "mlock2", "munlock",
    /* threads and helpers, and what those give up before they run anything of others */
    "clone", "clone3", "fork", "vfork", "execve", "wait4", "waitid", "kill", "tgkill", "exit", "exit_group", "futex",
    "set_robust_list", "set_tid_address", "rseq", "arch_prctl", "prctl", "seccomp", "unshare", "setns", "setsid", "setgroups",
    "setresuid", "setresgid", "capget", "capset", "landlock_create_ruleset", "landlock_add_rule",
    "landlock_restrict_self", "getrlimit", "setrlimit", "prlimit64", "sched_setscheduler", "sched_getaffinity",
    "sched_setaffinity", "sched_yield", "sysinfo", "uname", "getrusage",
    "getpid", "gettid", "getppid", "getuid", "geteuid", "getgid", "getegid",
    /* signals, time, randomness */
    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "restart_syscall", "clock_gettime",
    "clock_getres", "clock_nanosleep", "nanosleep", "gettimeofday", "time", "getrandom", "clock_settime",
    "clock_adjtime", "adjtimex", "settimeofday",
    /* the end of an enclave */
    "sync", "reboot",
    /* clang-format on */
};
#endif

#ifndef NACRE_SANITIZED
#define REFUSE SCMP_ACT_ERRNO(EPERM)

/* All families but four: packets, the kernel's own and its cryptography are nobody's business here. */
static int refuse_sockets(scmp_filter_ctx ctx)
{
    int err = seccomp_rule_add(ctx, REFUSE, SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_GE, AF_MAX, 0));
    for (int family = 0; family < AF_MAX && !err; family++)
        if (family != AF_UNIX && family != AF_INET && family != AF_INET6 && family != AF_VSOCK)
            err = seccomp_rule_add(ctx, REFUSE, SCMP_SYS(socket), 1,
                                   SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)family, 0));
    return err;
}

/* Files come into being, or lose what is in them, by a flag of a call that is needed to read. */
static int refuse_files(scmp_filter_ctx ctx)
{
    const scmp_datum_t flags[] = {O_CREAT, O_TRUNC};
    int err = 0;
    for (size_t i = 0; i < sizeof flags / sizeof flags[0] && !err; i++) {
        err = seccomp_rule_add(ctx, REFUSE, SCMP_SYS(openat), 1,
                               SCMP_A2(SCMP_CMP_MASKED_EQ, flags[i], flags[i]));
#ifdef SYS_open
        if (!err)
            err = seccomp_rule_add(ctx, REFUSE, SCMP_SYS(open), 1,
                                   SCMP_A1(SCMP_CMP_MASKED_EQ, flags[i], flags[i]));
#endif
    }
    return err;
}

static int refuse_arguments(void *ctx)
{
    static const unsigned long typing[] = {TIOCSTI, TIOCLINUX}; /* as if somebody sat at the terminal */
    int err = refuse_sockets(ctx);
    if (!err)
        err = refuse_files(ctx);
    if (!err) /* into the helpers' PID namespace and back */
        err = seccomp_rule_add(ctx, REFUSE, SCMP_SYS(setns), 1, SCMP_A1(SCMP_CMP_NE, CLONE_NEWPID, 0));
    for (size_t i = 0; i < sizeof typing / sizeof typing[0] && !err; i++)
        err = seccomp_rule_add(ctx, REFUSE, SCMP_SYS(ioctl), 1,
                               SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffffu, typing[i]));
    return err;
}
#endif

int nacre_confine_self(void)
{
#ifdef NACRE_SANITIZED /* they trace, and write reports */
    return 0;
#else
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return -errno;
    int err = nacre_sandbox_refuse(refuse_arguments);
    return err ? err : nacre_sandbox_list(calls, sizeof calls / sizeof calls[0]);
#endif
}
