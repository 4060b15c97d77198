#include "nacred/confine.h"
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
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
    ck_assert_int_eq(in_child(starts_programs), 0);
}
END_TEST
#endif

/* What was found by trying can be had. */
static int takes_what_was_found(void)
{
    int flags = nacre_confine_namespaces();
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
    ck_assert_str_eq(text, "user net mnt ipc uts cgroup");
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
