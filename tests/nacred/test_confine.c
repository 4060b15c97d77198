#include "nacred/confine.h"
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int in_child(int (*body)(void))
{
    int status;
    pid_t pid = fork();
    if (pid == 0)
        _exit(body());
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

#ifndef NACRE_SANITIZED
static bool refused(long result)
{
    return result == -1 && errno == EPERM;
}

static int looks_elsewhere(void)
{
    if (nacre_confine_self())
        return 1;
    if (!refused(ptrace(PTRACE_TRACEME, 0, NULL, NULL)))
        return 2;
    if (!refused(syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0)) ||
        !refused(syscall(SYS_pidfd_open, getppid(), 0)) || !refused(syscall(SYS_kcmp, 0, 0, 0, 0, 0)))
        return 3;
    if (!refused(syscall(SYS_io_uring_setup, 1, NULL)) || !refused(syscall(SYS_bpf, 0, NULL, 0)) ||
        !refused(syscall(SYS_userfaultfd, 0)) || !refused(syscall(SYS_perf_event_open, NULL, 0, 0, 0, 0)))
        return 4;
    if (!refused(mount("none", "/tmp", "tmpfs", 0, NULL)) || !refused(syscall(SYS_setns, 0, 0)) ||
        !refused(syscall(SYS_finit_module, -1, "", 0)) || !refused(syscall(SYS_kexec_load, 0, 0, NULL, 0)))
        return 5;
    return refused(rename("/nonexistent/a", "/nonexistent/b")) && refused(mkdir("/nonexistent/c", 0700)) ? 0
                                                                                                         : 6;
}

/* Calls that are listed, with arguments that nacred has no use for. */
static int reaches_further(void)
{
    const long high = 1L << 32; /* which the kernel does not look at, so a filter may not either */
    static const int needed[] = {AF_UNIX, AF_INET, AF_INET6, AF_VSOCK};
    char c = 'x';
    if (nacre_confine_self())
        return 1;
    for (int family = 0; family < 64; family++) {
        bool is_needed = false;
        for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++)
            is_needed = is_needed || family == needed[i];
        if (!is_needed && !refused(socket(family, SOCK_DGRAM, 0)))
            return 10 + family;
    }
    if (!refused(syscall(SYS_socket, high | AF_NETLINK, SOCK_RAW, 0)) ||
        !refused(syscall(SYS_socket, -1, SOCK_RAW, 0)) || socket(AF_UNIX, SOCK_SEQPACKET, 0) < 0 ||
        socket(AF_INET, SOCK_STREAM, 0) < 0)
        return 2;
    if (!refused(ioctl(STDERR_FILENO, TIOCSTI, &c)) ||
        !refused(syscall(SYS_ioctl, STDERR_FILENO, high | TIOCLINUX, &c)))
        return 3;
    if (!refused(open("/nonexistent/d", O_RDWR | O_CREAT, 0600)) ||
        !refused(open("/dev/null", O_RDONLY | O_TRUNC)) || open("/dev/null", O_RDWR) < 0)
        return 4;
    return 0;
}

#ifdef __x86_64__
/* The other numbers of the same machine. */
static int calls_by_x32(void)
{
    if (nacre_confine_self())
        return 1;
    return syscall(0x40000000L | SYS_getpid) == -1 && errno == EPERM ? 0 : 2;
}
#endif

/* Programs start, and do not lose the list by that. */
static int starts_programs(void)
{
    int status;
    if (nacre_confine_self())
        return 1;
    pid_t pid = fork();
    if (pid == 0) {
        (void)execl("/bin/true", "true", (char *)NULL);
        _exit(2);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
        return 3;
    pid = fork();
    if (pid == 0) {
        (void)execl("/bin/mkdir", "mkdir", "/nonexistent/c", (char *)NULL);
        _exit(4);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return 5;
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS ? 0 : 6;
}

START_TEST(a_list_for_nacred)
{
    ck_assert_int_eq(in_child(looks_elsewhere), 0);
    ck_assert_int_eq(in_child(reaches_further), 0);
    ck_assert_int_eq(in_child(starts_programs), 0);
#ifdef __x86_64__
    ck_assert_int_eq(in_child(calls_by_x32), 0);
#endif
}
END_TEST
#endif

/* What was found by trying can be had. */
static int takes_what_was_found(void)
{
    enum nacre_cores cores;
    int flags = nacre_confine_namespaces(&cores);
    return unshare(flags) < 0 ? 1 : 0;
}

START_TEST(namespaces)
{
    char text[64];
    ck_assert_int_eq(in_child(takes_what_was_found), 0);
    nacre_confine_text(CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWCGROUP, text);
    ck_assert_str_eq(text, "net mnt cgroup");
    nacre_confine_text(0, text);
    ck_assert_str_eq(text, "");
    nacre_confine_text(~0, text);
    ck_assert_str_eq(text, "user net mnt ipc uts cgroup pid");
}
END_TEST

static void add(TCase *tc)
{
#ifndef NACRE_SANITIZED
    tcase_add_test(tc, a_list_for_nacred);
#endif
    tcase_add_test(tc, namespaces);
}

int main(void)
{
    return nacre_run_suite("nacred/confine", add, 20);
}
