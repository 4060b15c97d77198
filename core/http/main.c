/*
 * nacre-http - speaks HTTP to the network and renders what nacred has signed. Holds no secret, opens nothing, connects
 * to nothing: all its descriptors are given to it. Started by nacred only.
 */
#include "common/landlock.h"
#include "common/log.h"
#include "common/sandbox.h"
#include "control.h"
#include "server.h"

#include <errno.h>
#include <netinet/in.h>
#include <seccomp.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

/* What libmicrohttpd, epoll, threads and memory need. Descriptors of new things come from accept and from nacred only. */
static const char *const allowed_calls[] = {
    /* clang-format off */
    "accept4", "accept", "read", "write", "readv", "writev", "recvfrom", "recvmsg", "sendto", "sendmsg",
    "shutdown", "close", "fcntl", "setsockopt", "getsockopt", "getsockname", "getpeername", "epoll_wait",
    "epoll_pwait", "epoll_pwait2", "epoll_ctl", "poll", "ppoll", "memfd_create", "pread64", "fstat",
    "newfstatat", "futex", "mmap", "munmap", "mremap", "madvise", "mprotect", "brk", "clock_gettime", "clock_nanosleep",
    "gettimeofday", "getrandom", "exit", "exit_group", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn",
    "restart_syscall", "set_robust_list", "rseq", "sched_yield", "getpid", "gettid", "tgkill",
#ifdef NACRE_SANITIZED
    /* the sanitizers read maps, look for leaks with all threads stopped, and write reports */
    "open", "openat", "readlink", "readlinkat", "getdents", "getdents64", "lseek", "stat", "statx", "ioctl",
    "sigaltstack", "prctl", "arch_prctl", "clone", "ptrace", "wait4", "kill", "tkill", "getppid", "personality",
    "getrlimit", "prlimit64", "sched_getaffinity", "uname", "pipe2", "nanosleep",
#endif
    /* clang-format on */
};

#ifdef NACRE_SANITIZED
/* The search for leaks looks its threads up in /proc, which a PID namespace of its own makes another's. */
__attribute__((visibility("default"))) int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
    return 1;
}
#endif

/* Options of a listening socket outlive this process, since nacred keeps the socket. libmicrohttpd sets TCP_NODELAY. */
static int refuse_arguments(void *ctx)
{
    int err = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(setsockopt), 1,
                               SCMP_A1(SCMP_CMP_NE, (scmp_datum_t)IPPROTO_TCP, 0));
    return err ? err : nacre_sandbox_no_exec(ctx);
}

static int fail(const char *why)
{
    struct nacre_plain_frame failed = {.head.type = NACRE_FRAME_FAILED};
    nacre_log_event(NACRE_LEVEL_ERROR, "cannot start", NLS("why", why));
    (void)nacre_frame_send(NACRE_FD_CONTROL, &failed, why, strlen(why), NULL, 0, NULL, 0);
    return EXIT_FAILURE;
}

static int serve(const struct nacre_manifest *manifest)
{
    static struct nacre_control control;
    char why[512] = "out of memory";
    int err = nacre_control_init(&control, manifest, NACRE_FD_CONTROL, why, sizeof why);
    if (err)
        return fail(why);
        /* lanes and listeners are made, nothing was accepted: from here on this process cannot reach for anything new */
#ifndef NACRE_SANITIZED
    err = nacre_landlock_nothing();
    if (err == -EOPNOTSUPP)
        err = 0;
#endif
    if (!err)
        err = nacre_sandbox_refuse(refuse_arguments);
    if (!err)
        err = nacre_sandbox_allow(allowed_calls, sizeof allowed_calls / sizeof allowed_calls[0], 0);
    if (err) {
        (void)snprintf(why, sizeof why, "no system call filter: %s", strerror(-err));
        nacre_control_free(&control);
        return fail(why);
    }
    err = nacre_control_run(&control);
    if (err)
        nacre_log_event(NACRE_LEVEL_ERROR, "the core is gone", NLS("err", strerror(-err)));
    nacre_control_free(&control);
    return err ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* Room for all connections in the table of descriptors: raises the soft limit to the hard one. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

int main(void)
{
    struct nacre_manifest manifest = {0};
    char why[512] = "out of memory";
    nacre_log_setup("nacre-http", NACRE_LEVEL_INFO, false);
    (void)signal(SIGPIPE, SIG_IGN); /* who reads the log may go */
    int err = nacre_sandbox_basics();
    if (err) {
        (void)snprintf(why, sizeof why, "no sandbox: %s", strerror(-err));
        return fail(why);
    }
    if (sodium_init() < 0)
        return fail("libsodium does not start");
    if (nacre_manifest_load_fd(&manifest, NACRE_FD_MANIFEST, why, sizeof why) < 0)
        return fail(why);
    (void)close(NACRE_FD_MANIFEST);
    nacre_log_setup("nacre-http", nacre_log_level_of(manifest.config.log_level),
                    strcmp(manifest.config.log_format, "json") == 0);
    raise_descriptor_limit();
    int status = serve(&manifest);
    nacre_manifest_free(&manifest);
    return status;
}
