#include "nacred/pids.h"
#include "nacred/spawn.h"
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static char self[PATH_MAX];

static bool permitted(void)
{
    if (geteuid() != 0)
        (void)printf("skipped: only root makes a PID namespace\n");
    return geteuid() == 0;
}

static void *nothing(void *arg)
{
    return arg;
}

static pid_t born_inside(const struct nacre_pids *p)
{
    int pair[2];
    ck_assert_int_eq(pipe(pair), 0);
    ck_assert_int_eq(nacre_pids_enter(p), 0);
    pid_t seen = 0, pid = fork();
    if (pid == 0) {
        seen = getpid();
        _exit(write(pair[1], &seen, sizeof seen) == sizeof seen ? 0 : 1);
    }
    ck_assert_int_eq(nacre_pids_leave(p), 0);
    ck_assert_int_eq(read(pair[0], &seen, sizeof seen), sizeof seen);
    ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
    (void)close(pair[0]);
    (void)close(pair[1]);
    return seen;
}

START_TEST(children_are_born_into_it_and_are_not_process_1)
{
    struct nacre_pids p;
    pthread_t thread;
    if (!permitted())
        return;
    ck_assert_int_eq(nacre_pids_open(&p), 0);
    ck_assert_int_gt(p.init, 0);
    const pid_t first = born_inside(&p);
    ck_assert_int_gt(first, 1);
    ck_assert_int_gt(born_inside(&p), first); /* the next, but for threads that a sanitizer starts */
    /* outside again: threads can be made, children are ours */
    ck_assert_int_eq(pthread_create(&thread, NULL, nothing, NULL), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    pid_t parent = getpid(), pid = fork();
    if (pid == 0)
        _exit(getppid() == parent ? 0 : 1);
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
    nacre_pids_close(&p);
    ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
    ck_assert_int_eq(errno, ECHILD);
}
END_TEST

/* Its process 1 holds nothing of ours, hears no signal but the last, and takes everybody along. */
START_TEST(process_1_waits_and_takes_all_along)
{
    struct nacre_pids p;
    int pair[2], status;
    char c;
    if (!permitted())
        return;
    ck_assert_int_eq(pipe2(pair, O_CLOEXEC), 0);
    ck_assert_int_eq(nacre_pids_open(&p), 0);
    (void)close(pair[1]);
    ck_assert_int_eq(read(pair[0], &c, 1), 0); /* its copy of the other end is closed */
    ck_assert_int_eq(nacre_pids_enter(&p), 0);
    pid_t pid = fork();
    if (pid == 0)
        for (;;)
            (void)poll(NULL, 0, -1);
    ck_assert_int_eq(nacre_pids_leave(&p), 0);
    ck_assert_int_eq(kill(p.init, SIGTERM), 0);
    ck_assert_int_eq(kill(p.init, SIGINT), 0);
    ck_assert_int_eq(waitpid(p.init, &status, WNOHANG), 0);
    ck_assert_int_eq(kill(p.init, SIGKILL), 0);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    nacre_pids_close(&p);
    (void)close(pair[0]);
}
END_TEST

START_TEST(spawned_inside)
{
    struct nacre_pids p;
    int pair[2], status;
    pid_t seen = 0;
    if (!permitted())
        return;
    ck_assert_int_eq(nacre_pids_open(&p), 0);
    const struct nacre_identity as = {.pids = &p};
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    char option[] = "--pid";
    pid_t pid = nacre_spawn(self, (char *[]){self, option, NULL}, &pair[1], 1, &as);
    ck_assert_int_gt(pid, 2);
    ck_assert_int_eq(recv(pair[0], &seen, sizeof seen, 0), sizeof seen);
    ck_assert(seen >= 2 && seen < 10); /* the threads that a sanitizer makes take numbers, too */
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
    (void)close(pair[0]);
    (void)close(pair[1]);
    nacre_pids_close(&p);
    /* nobody is started outside when there is no inside any more */
    const struct nacre_pids gone = {.own = -1, .inner = 1000};
    const struct nacre_identity nowhere = {.pids = &gone};
    ck_assert_int_eq(nacre_spawn(self, (char *[]){self, option, NULL}, &pair[1], 0, &nowhere), -EBADF);
}
END_TEST

START_TEST(without_one)
{
    struct nacre_pids p = {.own = -1, .inner = -1};
    ck_assert_int_eq(nacre_pids_enter(NULL), 0);
    ck_assert_int_eq(nacre_pids_leave(NULL), 0);
    ck_assert_int_eq(nacre_pids_enter(&p), 0);
    ck_assert_int_eq(nacre_pids_leave(&p), 0);
    nacre_pids_close(&p);
    if (geteuid() == 0 && setuid(65534) != 0)
        ck_abort_msg("root cannot become nobody");
    int err = nacre_pids_open(&p);
    ck_assert_msg(err == -EPERM || err == -EACCES, "%d", err);
    ck_assert(p.own == -1 && p.inner == -1 && p.init == 0);
}
END_TEST

/* Root of a user namespace makes a PID namespace, and may not come back: it must not try, or it could start nobody. */
static int in_a_user_namespace(void)
{
    struct nacre_pids p;
    int status;
    if (unshare(CLONE_NEWUSER) < 0)
        return 77; /* this machine lets nobody */
    if (nacre_pids_open(&p) != -EPERM || p.init != 0)
        return 1;
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0 ? 0 : 2;
}

START_TEST(no_way_in_without_a_way_back)
{
    int status;
    pid_t pid = fork();
    if (pid == 0)
        _exit(in_a_user_namespace());
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
        (void)printf("skipped: no user namespaces here\n");
        return;
    }
    ck_assert_int_eq(status, 0);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, no_way_in_without_a_way_back);
    tcase_add_test(tc, children_are_born_into_it_and_are_not_process_1);
    tcase_add_test(tc, process_1_waits_and_takes_all_along);
    tcase_add_test(tc, spawned_inside);
    tcase_add_test(tc, without_one);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--pid") == 0) {
        pid_t me = getpid();
        return send(3, &me, sizeof me, 0) == sizeof me ? 0 : 1;
    }
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n <= 0)
        return 1;
    return nacre_run_suite("nacred/pids", add, 20);
}
