#include "common/sandbox.h"
#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const calls[] = {"read",
                                    "write",
                                    "exit",
                                    "exit_group",
                                    "futex",
                                    "mmap",
                                    "munmap",
                                    "mprotect",
                                    "madvise",
                                    "rseq",
                                    "set_robust_list",
                                    "rt_sigprocmask",
                                    "rt_sigaction",
                                    "rt_sigreturn",
                                    "sched_yield",
                                    "sigaltstack",
                                    "getpid",
                                    "gettid",
                                    "prctl",
                                    "sched_getaffinity",
                                    "setsockopt",
                                    "fcntl",
                                    "sendto",
                                    "tgkill",
                                    "dup2",
                                    "no_such_call"};
#define N_CALLS (sizeof calls / sizeof calls[0])

static void *thread(void *arg)
{
    *(int *)arg = 7;
    return NULL;
}

/* Runs `body` in a child with the filter on; its exit status, or 128 + signal. */
static int in_child(int kill, int (*body)(void))
{
    pid_t pid = fork();
    if (pid == 0) {
        if (nacre_sandbox_basics() || nacre_sandbox_allow(calls, N_CALLS, kill))
            _exit(99);
        _exit(body());
    }
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int refused_calls(void)
{
    if (socket(AF_UNIX, SOCK_STREAM, 0) >= 0 || errno != EPERM)
        return 1;
    if (open("/dev/null", O_RDONLY) >= 0 || errno != EPERM)
        return 2;
    if (syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) >= 0 || errno != EPERM) /* fork */
        return 3;
    if (syscall(SYS_clone3, NULL, 0) >= 0 || errno != ENOSYS)
        return 4;
    return 0;
}

static int tcp;
static pid_t parent;

static bool eperm(long result)
{
    return result == -1 && errno == EPERM;
}

/* Calls on the list, with arguments that reach further than the process that makes them. */
static int refused_arguments(void)
{
    const struct linger linger = {1, 1000000};
    const int on = 1;
    const long high = 1L << 32; /* which the kernel does not look at, so a filter may not either */
    if (!eperm(setsockopt(tcp, SOL_SOCKET, SO_LINGER, &linger, sizeof linger)) ||
        !eperm(syscall(SYS_setsockopt, tcp, high | SOL_SOCKET, high | SO_LINGER, &linger, sizeof linger)) ||
        setsockopt(tcp, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on) != 0)
        return 1;
    if (!eperm(fcntl(tcp, F_SETOWN, parent)) || !eperm(fcntl(tcp, F_SETSIG, SIGKILL)) ||
        fcntl(tcp, F_GETFL) < 0)
        return 2;
    if (!eperm(syscall(SYS_tgkill, parent, parent, 0)) || syscall(SYS_tgkill, getpid(), gettid(), 0) != 0)
        return 3;
    if (!eperm(sendto(tcp, "", 1, MSG_FASTOPEN, NULL, 0)) ||
        !eperm(syscall(SYS_sendto, tcp, "", 1, high | MSG_FASTOPEN | MSG_NOSIGNAL, NULL, 0)))
        return 4;
    return 0;
}

static int basics_hold(void)
{
    return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 && prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0 ? 0 : 1;
}

static int threads_work(void)
{
    pthread_t t;
    int value = 0;
    if (pthread_create(&t, NULL, thread, &value) || pthread_join(t, NULL))
        return 1;
    return value == 7 ? 0 : 2;
}

static int killed_call(void)
{
    (void)socket(AF_UNIX, SOCK_STREAM, 0);
    return 0;
}

START_TEST(refuses_what_is_not_listed)
{
    ck_assert_int_eq(in_child(0, refused_calls), 0);
}
END_TEST

START_TEST(refuses_what_reaches_others)
{
    tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    parent = getpid();
    ck_assert_int_ge(tcp, 0);
    ck_assert_int_eq(in_child(0, refused_arguments), 0);
    (void)close(tcp);
}
END_TEST

/* Root or not: the memory of a process that is not dumpable is not to be opened. */
START_TEST(others_memory_is_out_of_reach)
{
    char path[64];
    int status;
    (void)snprintf(path, sizeof path, "/proc/%d/mem", getpid());
    ck_assert_int_eq(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0), 0);
    pid_t pid = fork();
    if (pid == 0)
        _exit(nacre_sandbox_basics() ? 99 : open(path, O_RDONLY | O_CLOEXEC) < 0 ? 0 : 1);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(basics)
{
    ck_assert_int_eq(in_child(0, basics_hold), 0);
}
END_TEST

START_TEST(threads_still_start)
{
#ifdef NACRE_SANITIZED
    (void)threads_work;
    printf("skipped: the sanitizer's threads need more system calls than this test allows\n");
#else
    ck_assert_int_eq(in_child(0, threads_work), 0);
#endif
}
END_TEST

static int log_end;

/* Tries twice what is refused, and to take the report away. */
static int refused_aloud(void)
{
    struct sigaction own = {.sa_handler = SIG_IGN};
    (void)dup2(log_end, STDERR_FILENO);
    for (int i = 0; i < 2; i++) {
        errno = 0;
        if (!eperm(socket(AF_UNIX, SOCK_STREAM, 0)))
            return 1;
    }
    /* the calls themselves: ThreadSanitizer's sigaction() believes itself even when it is refused */
    if (!eperm(syscall(SYS_rt_sigaction, SIGSYS, &own, NULL, 8)))
        return 2;
    /* the kernel looks at 32 bits of the number */
    if (!eperm(syscall(SYS_rt_sigaction, 1L << 32 | SIGSYS, &own, NULL, 8)))
        return 4;
    return sigaction(SIGUSR1, &own, NULL) == 0 && eperm(syscall(SYS_io_uring_setup, 1, NULL)) ? 0 : 3;
}

START_TEST(refused_calls_are_named_once)
{
    int ends[2];
    char text[1024];
    ck_assert_int_eq(pipe(ends), 0);
    log_end = ends[1];
    ck_assert_int_eq(in_child(0, refused_aloud), 0);
    (void)close(ends[1]);
    size_t len = 0;
    for (ssize_t n; (n = read(ends[0], text + len, sizeof text - 1 - len)) > 0;)
        len += (size_t)n;
    text[len] = '\0';
    static const char line[] = "event=\"system call refused\" call=socket nr=";
    const char *first = strstr(text, line);
    ck_assert_msg(first != NULL, "%s", text);
    ck_assert_ptr_null(strstr(first + sizeof line - 1, "call=socket"));
    ck_assert_ptr_nonnull(strstr(text, "call=io_uring_setup"));
    (void)close(ends[0]);
}
END_TEST

/* Somebody sends the signal by which refused calls come. */
static int takes_a_sigsys(void)
{
    (void)syscall(SYS_tgkill, getpid(), gettid(), SIGSYS);
    return 0;
}

START_TEST(no_other_sigsys_is_taken_for_a_call)
{
    ck_assert_int_eq(in_child(0, takes_a_sigsys), 128 + SIGSYS);
}
END_TEST

#ifdef __x86_64__
/* By numbers that mean something else here: 20 is getpid() of i386, and writev() of x86-64, which is not on the list. */
static int foreign_calls(void)
{
    long result;
    if (syscall(0x40000000L | SYS_getpid) != -1 || errno != EPERM)
        return 1;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(20L) : "memory", "r8", "r9", "r10", "r11");
    return result == -EPERM || result == (long)(uint32_t)-EPERM ? 0 : 2;
}

START_TEST(refuses_calls_of_another_architecture)
{
    ck_assert_int_eq(in_child(0, foreign_calls), 0);
    ck_assert_int_eq(in_child(1, foreign_calls), 128 + SIGSYS);
}
END_TEST
#endif

START_TEST(kills_when_told_to)
{
    ck_assert_int_eq(in_child(1, killed_call), 128 + SIGSYS);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, refuses_what_is_not_listed);
    tcase_add_test(tc, refuses_what_reaches_others);
    tcase_add_test(tc, others_memory_is_out_of_reach);
    tcase_add_test(tc, basics);
    tcase_add_test(tc, threads_still_start);
    tcase_add_test(tc, refused_calls_are_named_once);
    tcase_add_test(tc, no_other_sigsys_is_taken_for_a_call);
    tcase_add_test(tc, kills_when_told_to);
#ifdef __x86_64__
    tcase_add_test(tc, refuses_calls_of_another_architecture);
#endif
}

int main(void)
{
    return nacre_run_suite("sandbox", add, 20);
}
