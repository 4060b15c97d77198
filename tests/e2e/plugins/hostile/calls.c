/*
 * calls - system calls: files, sockets, other processes and the kernel, by name and by number, in the machine's own
 * calling convention and in others that the kernel knows.
 */
#include "hostile.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define NUMBERS 512

struct attempt {
    const char *name;
    long nr;
    long a, b, c, d, e;
};
#define PARENT (-770001l) /* stand for numbers that are known when it runs */
#define SELF   (-770002l)
#define P(X)   (long)(X)

static const char shell[] = "/bin/sh", passwd[] = "/etc/passwd", made[] = "/tmp/hostile-was-here";
static char *const argv[] = {(char *)(uintptr_t)shell, NULL};
static char buffer[256];
static uint64_t how[3] = {O_RDONLY, 0, 0}; /* struct open_how */
static const struct iovec ours = {buffer, sizeof buffer};
static const struct sockaddr_un abstract = {AF_UNIX, "\0x"};
static const struct iovec theirs = {(void *)(uintptr_t)0x400000, 16};
static uint8_t big[4096]; /* zeroes for what wants a struct */

/* Files, sockets, programs and processes, the kernel. */
static const struct attempt attempts[] = {
    /* files */
    {"openat", SYS_openat, AT_FDCWD, P(passwd), O_RDONLY, 0, 0},
    {"openat self/mem", SYS_openat, AT_FDCWD, P("/proc/self/mem"), O_RDWR, 0, 0},
    {"openat O_CREAT", SYS_openat, AT_FDCWD, P(made), O_CREAT | O_WRONLY, 0600, 0},
    {"openat O_TMPFILE", SYS_openat, AT_FDCWD, P("/tmp"), O_TMPFILE | O_RDWR, 0600, 0},
    {"openat O_PATH", SYS_openat, AT_FDCWD, P("/"), O_PATH, 0, 0},
    {"openat2", SYS_openat2, AT_FDCWD, P(passwd), P(how), sizeof how, 0},
    {"name_to_handle_at", SYS_name_to_handle_at, AT_FDCWD, P("/"), P(big), P(buffer), 0},
    {"open_by_handle_at", SYS_open_by_handle_at, AT_FDCWD, P(big), O_RDONLY, 0, 0},
    {"open_tree", SYS_open_tree, AT_FDCWD, P("/"), 1, 0, 0},
    {"statx", SYS_statx, AT_FDCWD, P(passwd), 0, 0x7ff, P(big)},
    {"newfstatat", SYS_newfstatat, AT_FDCWD, P(passwd), P(big), 0, 0},
    {"readlinkat", SYS_readlinkat, AT_FDCWD, P("/proc/self/exe"), P(buffer), sizeof buffer, 0},
    {"unlinkat", SYS_unlinkat, AT_FDCWD, P(made), 0, 0, 0},
    {"mknodat", SYS_mknodat, AT_FDCWD, P(made), 0010600, 0, 0},
    {"symlinkat", SYS_symlinkat, P(passwd), AT_FDCWD, P(made), 0, 0},
    {"inotify_init1", SYS_inotify_init1, 0, 0, 0, 0, 0},
    {"fanotify_init", SYS_fanotify_init, 0, 0, 0, 0, 0},
    {"mount", SYS_mount, P("none"), P("/tmp"), P("tmpfs"), 0, 0},
    {"chroot", SYS_chroot, P("/"), 0, 0, 0, 0},
    {"chdir", SYS_chdir, P("/"), 0, 0, 0, 0},
    /* sockets */
    {"socket inet", SYS_socket, AF_INET, SOCK_STREAM, 0, 0, 0},
    {"socket inet6", SYS_socket, AF_INET6, SOCK_DGRAM, 0, 0, 0},
    {"socket unix", SYS_socket, AF_UNIX, SOCK_SEQPACKET, 0, 0, 0},
    {"socket netlink", SYS_socket, AF_NETLINK, SOCK_RAW, 0, 0, 0},
    {"socket packet", SYS_socket, AF_PACKET, SOCK_RAW, 0, 0, 0},
    {"socket vsock", SYS_socket, AF_VSOCK, SOCK_STREAM, 0, 0, 0},
    {"socket alg", SYS_socket, AF_ALG, SOCK_SEQPACKET, 0, 0, 0},
    {"socketpair datagram", SYS_socketpair, AF_UNIX, SOCK_DGRAM, 0, P(buffer), 0},
    {"connect", SYS_connect, 3, P(&abstract), sizeof abstract, 0, 0},
    {"bind", SYS_bind, 3, P(&abstract), sizeof abstract, 0, 0},
    {"listen", SYS_listen, 3, 1, 0, 0, 0},
    {"accept4", SYS_accept4, 3, 0, 0, 0, 0},
    {"io_uring_setup", SYS_io_uring_setup, 8, P(big), 0, 0, 0},
    {"io_uring_enter", SYS_io_uring_enter, 3, 0, 0, 0, 0},
    /* programs and processes */
    {"execve", SYS_execve, P(shell), P(argv), 0, 0, 0},
    {"execveat", SYS_execveat, AT_FDCWD, P(shell), P(argv), 0, 0},
    {"execveat memfd", SYS_execveat, 0, P(""), P(argv), 0, AT_EMPTY_PATH},
    {"clone3", SYS_clone3, P(big), 88, 0, 0, 0},
    {"ptrace parent", SYS_ptrace, PTRACE_SEIZE, PARENT, 0, 0, 0},
    {"ptrace me", SYS_ptrace, PTRACE_TRACEME, 0, 0, 0, 0},
    {"process_vm_readv", SYS_process_vm_readv, PARENT, P(&ours), 1, P(&theirs), 1},
    {"process_vm_writev", SYS_process_vm_writev, PARENT, P(&ours), 1, P(&theirs), 1},
    {"process_madvise", SYS_process_madvise, 3, P(&ours), 1, 20, 0},
    {"pidfd_open", SYS_pidfd_open, PARENT, 0, 0, 0, 0},
    {"pidfd_getfd", SYS_pidfd_getfd, 3, 0, 0, 0, 0},
    {"pidfd_send_signal", SYS_pidfd_send_signal, 3, 0, 0, 0, 0},
    {"kcmp", SYS_kcmp, SELF, PARENT, 0, 0, 0},
    {"kill parent", SYS_kill, PARENT, 0, 0, 0, 0},
    {"kill all", SYS_kill, -1, 0, 0, 0, 0},
    {"tgkill parent", SYS_tgkill, PARENT, PARENT, 0, 0, 0},
    {"rt_sigqueueinfo", SYS_rt_sigqueueinfo, PARENT, SIGUSR1, P(big), 0, 0},
    {"fcntl F_SETOWN", SYS_fcntl, 3, F_SETOWN, PARENT, 0, 0},
    {"fcntl F_SETSIG", SYS_fcntl, 3, F_SETSIG, SIGKILL, 0, 0},
    {"prlimit parent", SYS_prlimit64, PARENT, 7, 0, P(big), 0},
    {"sched_setscheduler", SYS_sched_setscheduler, PARENT, SCHED_IDLE, P(big), 0, 0},
    {"sched_setaffinity", SYS_sched_setaffinity, PARENT, 8, P(big), 0, 0},
    {"setns", SYS_setns, 3, 0, 0, 0, 0},
    {"unshare", SYS_unshare, CLONE_NEWUSER, 0, 0, 0, 0},
    {"setuid", SYS_setuid, 0, 0, 0, 0, 0},
    {"capset", SYS_capset, P(big), P(big), 0, 0, 0},
    {"prctl dumpable", SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0, 0},
    {"prctl ptracer", SYS_prctl, PR_SET_PTRACER, -1, 0, 0, 0},
    {"personality", SYS_personality, 0x0400000, 0, 0, 0, 0},
    {"rt_sigaction SIGSYS", SYS_rt_sigaction, SIGSYS, P(big), 0, 8, 0},
    /* the kernel */
    {"bpf", SYS_bpf, 0, P(big), 64, 0, 0},
    {"perf_event_open", SYS_perf_event_open, P(big), 0, -1, -1, 0},
    {"userfaultfd", SYS_userfaultfd, 0, 0, 0, 0, 0},
    {"keyctl", SYS_keyctl, 0, -2, 0, 0, 0},
    {"add_key", SYS_add_key, P("user"), P("x"), P("y"), 1, -2},
    {"seccomp", SYS_seccomp, 1, 0, P(big), 0, 0},
    {"ioctl", SYS_ioctl, 0, 0x5401, P(big), 0, 0},
    {"ioctl TIOCSTI", SYS_ioctl, 2, 0x5412, P("x"), 0, 0},
    {"shmget", SYS_shmget, 0, 4096, 01600, 0, 0},
    {"msgget", SYS_msgget, 0, 01600, 0, 0, 0},
    {"mq_open", SYS_mq_open, P("x"), O_CREAT | O_RDWR, 0600, 0, 0},
    {"memfd_secret", SYS_memfd_secret, 0, 0, 0, 0, 0},
    {"clock_settime", SYS_clock_settime, 0, P(big), 0, 0, 0},
    {"syslog", SYS_syslog, 3, P(buffer), sizeof buffer, 0, 0},
    {"reboot", SYS_reboot, 0, 0, 0, 0, 0},
};

static long argument(long given)
{
    return given == PARENT ? parent : given == SELF ? getpid() : given;
}

static void outside(struct hostile *h)
{
    for (size_t i = 0; i < sizeof attempts / sizeof attempts[0]; i++) {
        const struct attempt *t = &attempts[i];
        if (syscall(t->nr, argument(t->a), argument(t->b), argument(t->c), t->d, t->e) >= 0)
            reached(h, "%s", t->name);
        h->tried++;
    }
}

/* A child that is one: it ends at once, and the test sees that there never was any. */
static void fork_all(struct hostile *h)
{
    static const long flags[] = {SIGCHLD,
                                 CLONE_VFORK | CLONE_VM | SIGCHLD,
                                 CLONE_PARENT | SIGCHLD,
                                 CLONE_FS | CLONE_FILES,
                                 CLONE_NEWUSER | SIGCHLD,
                                 CLONE_THREAD,
                                 0};
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        long child = syscall(SYS_clone, flags[i], 0, 0, 0, 0);
        if (child == 0)
            (void)syscall(SYS_exit_group, 0);
        if (child > 0)
            reached(h, "clone %#lx", flags[i]);
        h->tried++;
    }
}

/* Every number there is. Those that answer anything but EPERM were let through, and the test knows which may be. */
static void every_number(struct hostile *h)
{
    char *said = nacre_alloc(h->call, NUMBERS * 5);
    size_t at = 0;
    for (long nr = 0; said && nr < NUMBERS; nr++) {
        if (nr == 335 ||
            nr == 336) /* uretprobe, uprobe: no filter sees them, and who calls them by himself is killed */
            continue;
        if (nr == SYS_exit || nr == SYS_exit_group || nr == SYS_rt_sigreturn || nr == SYS_brk)
            continue;
        errno = 0;
        if (syscall(nr, -1, -1, -1, -1, -1, -1) >= 0 || errno != EPERM)
            at += (size_t)snprintf(said + at, 5, "%ld,", nr);
        h->tried++;
    }
    h->said = (struct nacre_str){said, said ? at : 0};
}

#ifdef __x86_64__
static long i386(long nr, long a, long b)
{
    long result;
    __asm__ volatile("int $0x80"
                     : "=a"(result)
                     : "a"(nr), "b"(a), "c"(b), "d"(0L)
                     : "memory", "r8", "r9", "r10", "r11");
    return result;
}

/* Numbers of another table, which a list of numbers alone would misread: 20 is getpid() there, and writev() here. */
static void foreign(struct hostile *h)
{
    static const long numbers[] = {1 /* exit */, 5 /* open */, 11 /* execve */, 20 /* getpid */,
                                   102 /* socketcall */};
    const int x32 = is(h, "x32");
    for (size_t i = x32 ? 0 : 1; i < sizeof numbers / sizeof numbers[0]; i++) {
        long result = x32 ? syscall(0x40000000 | numbers[i], 0, 0, 0) : i386(numbers[i], 0, 0);
        if (result >= 0)
            reached(h, "%s %ld", x32 ? "x32" : "int 0x80", numbers[i]);
        h->tried++;
    }
}
#else
static void foreign(struct hostile *h)
{
    (void)h;
}
#endif

static void hostile_attack(struct hostile *h)
{
    if (is(h, "outside"))
        outside(h);
    else if (is(h, "fork"))
        fork_all(h);
    else if (is(h, "numbers"))
        every_number(h);
    else
        foreign(h);
}
