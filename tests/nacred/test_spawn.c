#include "nacred/spawn.h"
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char self[PATH_MAX];
static const struct nacre_identity ourselves;

/* What this program does when it is spawned: says on descriptor 3 what it was given. */
static int report(void)
{
    char line[512] = "", link[64], target[128];
    sigset_t mask;
    bool open_now[64] = {false};
    for (int fd = 0; fd < 1024; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            open_now[fd < 64 ? fd : 63] = true;
    for (int fd = 0; fd < 64; fd++)
        if (open_now[fd])
            (void)snprintf(line + strlen(line), sizeof line - strlen(line), "%d ", fd);
    for (int fd = 0; fd < 2; fd++) {
        (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        ssize_t n = readlink(link, target, sizeof target - 1);
        target[n > 0 ? n : 0] = '\0';
        (void)snprintf(line + strlen(line), sizeof line - strlen(line), "%s ", target);
    }
    (void)sigprocmask(SIG_SETMASK, NULL, &mask);
    struct sigaction pipe_action;
    (void)sigaction(SIGPIPE, NULL, &pipe_action);
    (void)snprintf(line + strlen(line), sizeof line - strlen(line), "blocked=%d pipe=%d leader=%d env=%d",
                   sigismember(&mask, SIGTERM), pipe_action.sa_handler == SIG_DFL, getsid(0) == getpid(),
                   getenv("NACRE_TEST_ENVIRONMENT") != NULL);
    for (int fd = 4; fd < 6; fd++) {
        char text[16] = "";
        if (open_now[fd] && pread(fd, text, sizeof text - 1, 0) > 0)
            (void)snprintf(line + strlen(line), sizeof line - strlen(line), " %s", text);
    }
    return send(3, line, strlen(line), 0) == (ssize_t)strlen(line) ? 7 : 8;
}

/* The line of a process's status that begins with this, or "". */
static const char *status_line(const char *name)
{
    static char line[128];
    FILE *f = fopen("/proc/self/status", "r");
    bool found = false;
    while (f && !found && fgets(line, sizeof line, f))
        found = strncmp(line, name, strlen(name)) == 0;
    if (f)
        (void)fclose(f);
    line[found ? strcspn(line, "\n") : 0] = '\0';
    return line;
}

/* The other thing that this program does: says who it is. */
static int report_identity(void)
{
    static const char *const wanted[] = {"Uid:", "Gid:", "Groups:", "CapPrm:", "CapEff:", "NoNewPrivs:"};
    char text[600] = "";
    struct rlimit threads;
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
        (void)snprintf(text + strlen(text), sizeof text - strlen(text), "%s\n", status_line(wanted[i]));
    if (getrlimit(RLIMIT_NPROC, &threads) == 0)
        (void)snprintf(text + strlen(text), sizeof text - strlen(text), "threads %llu\n",
                       (unsigned long long)threads.rlim_max);
    (void)snprintf(text + strlen(text), sizeof text - strlen(text), "root again %d\n", setuid(0) == 0);
    return send(3, text, strlen(text), 0) == (ssize_t)strlen(text) ? 7 : 8;
}

static int file_with(const char *text)
{
    char path[] = "/tmp/nacred-spawn-XXXXXX";
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    (void)unlink(path);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    return fd;
}

/* Spawns this program with these descriptors; what it said. */
static const char *spawn_as(const char *option, int *fds, size_t n, const struct nacre_identity *as)
{
    static char line[600];
    char copy[32];
    int pair[2], status;
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    fds[0] = pair[1];
    (void)snprintf(copy, sizeof copy, "%s", option);
    char *argv[] = {self, copy, NULL};
    pid_t pid = nacre_spawn(self, argv, fds, n, as);
    ck_assert_int_gt(pid, 0);
    (void)close(pair[1]);
    ssize_t got = recv(pair[0], line, sizeof line - 1, 0);
    ck_assert_int_gt(got, 0);
    line[got] = '\0';
    (void)close(pair[0]);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(WEXITSTATUS(status), 7);
    return line;
}

static const char *spawn_and_hear(int *fds, size_t n)
{
    return spawn_as("--report", fds, n, &ourselves);
}

/* The sanitizers need their environment, so it is passed on to them. */
#ifdef NACRE_SANITIZED
#define ENV "env=1"
#else
#define ENV "env=0"
#endif

START_TEST(sees_exactly_what_it_was_given)
{
    int fds[3] = {-1, file_with("manifest"), file_with("plugin")};
    sigset_t mask;
    (void)sigemptyset(&mask);
    (void)sigaddset(&mask, SIGTERM);
    ck_assert_int_eq(sigprocmask(SIG_BLOCK, &mask, NULL), 0);
    (void)signal(SIGPIPE, SIG_IGN);
    ck_assert_int_eq(setenv("NACRE_TEST_ENVIRONMENT", "1", 1), 0);
    int leaks[40]; /* open, and not even close-on-exec */
    for (int i = 0; i < 40; i++)
        leaks[i] = open("/dev/null", O_RDONLY);
    ck_assert_str_eq(spawn_and_hear(fds, 3),
                     "0 1 2 3 4 5 /dev/null /dev/null blocked=0 pipe=1 leader=1 " ENV " manifest plugin");
    ck_assert_str_eq(spawn_and_hear(fds, 2),
                     "0 1 2 3 4 /dev/null /dev/null blocked=0 pipe=1 leader=1 " ENV " manifest");
    for (int i = 0; i < 40; i++)
        (void)close(leaks[i]);
}
END_TEST

/* In a process of its own: the numbers may be in use by the test framework. */
static int crossed(void)
{
    int fds[3] = {-1, 5, 4};
    int a = file_with("plugin"), b = file_with("manifest");
    if (dup2(a, 30) < 0 || dup2(b, 31) < 0 || dup2(30, 4) < 0 || dup2(31, 5) < 0)
        return 1;
    return strstr(spawn_and_hear(fds, 3), " manifest plugin") ? 0 : 2;
}

START_TEST(descriptors_that_stand_in_each_others_way)
{
    int status;
    pid_t pid = fork();
    if (pid == 0)
        _exit(crossed());
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(failures_are_told_and_leave_nothing)
{
    char dir[PATH_MAX], path[PATH_MAX + 8];
    int fds[3] = {0, 0, 0};
    char *argv[] = {self, NULL};
    size_t before = open_fds();
    ck_assert_int_eq(nacre_spawn("/nowhere/at/all", argv, fds, 2, &ourselves), -ENOENT);
    make_dir(dir);
    ck_assert_int_eq(nacre_spawn(dir, argv, fds, 2, &ourselves), -EACCES);
    (void)snprintf(path, sizeof path, "%s/x", dir);
    write_file(path, "not a program", 13);
    ck_assert_int_eq(nacre_spawn(path, argv, fds, 2, &ourselves), -EACCES);
    ck_assert_int_eq(chmod(path, 0700), 0);
    ck_assert_int_eq(nacre_spawn(path, argv, fds, 2, &ourselves), -ENOEXEC);
    fds[1] = 12345;
    ck_assert_int_eq(nacre_spawn(self, argv, fds, 2, &ourselves), -EBADF);
    ck_assert_int_eq(nacre_spawn(self, argv, fds, 4, &ourselves), -EINVAL);
    drop_dir(dir);
    ck_assert_uint_eq(open_fds(), before);
    ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
    ck_assert_int_eq(errno, ECHILD);
}
END_TEST

/* This program where anybody may execute it: the folder that it was built in may be its owner's alone. */
static void move_where_all_may_go(void)
{
    char path[] = "/tmp/nacred-spawn-XXXXXX";
    int from = open(self, O_RDONLY | O_CLOEXEC), to = mkostemp(path, O_CLOEXEC);
    ck_assert(from >= 0 && to >= 0);
    while (sendfile(to, from, NULL, 1 << 20) > 0)
        continue;
    ck_assert_int_eq(fchmod(to, 0755), 0);
    (void)close(from);
    (void)close(to);
    (void)snprintf(self, sizeof self, "%s", path);
}

START_TEST(becomes_somebody_else)
{
    const struct nacre_identity somebody = {.id = 1001, .threads = 77};
    int fds[2] = {-1, file_with("x")};
    if (geteuid() != 0) {
        (void)printf("skipped: only root can become somebody else\n");
        return;
    }
    const gid_t groups[] = {4, 5};
    ck_assert_int_eq(setgroups(2, groups), 0);
    move_where_all_may_go();
    ck_assert_str_eq(spawn_as("--identity", fds, 2, &somebody), "Uid:\t1001\t1001\t1001\t1001\n"
                                                                "Gid:\t1001\t1001\t1001\t1001\n"
                                                                "Groups:\t \n"
                                                                "CapPrm:\t0000000000000000\n"
                                                                "CapEff:\t0000000000000000\n"
                                                                "NoNewPrivs:\t1\n"
                                                                "threads 77\n"
                                                                "root again 0\n");
    ck_assert_ptr_nonnull(strstr(spawn_as("--identity", fds, 2, &ourselves), "Groups:\t4 5 \n"));
    (void)unlink(self);
}
END_TEST

/* Who may not become somebody else does not stay who he is: nothing is executed. */
START_TEST(no_identity_no_start)
{
    const struct nacre_identity somebody = {.id = 1001, .threads = 77};
    int fds[2] = {0, 0};
    char *argv[] = {self, NULL};
    if (geteuid() == 0 && setuid(65534) != 0)
        ck_abort_msg("root cannot become nobody");
    ck_assert_int_eq(nacre_spawn(self, argv, fds, 2, &somebody), -EPERM);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, sees_exactly_what_it_was_given);
    tcase_add_test(tc, descriptors_that_stand_in_each_others_way);
    tcase_add_test(tc, failures_are_told_and_leave_nothing);
    tcase_add_test(tc, becomes_somebody_else);
    tcase_add_test(tc, no_identity_no_start);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--report") == 0)
        return report();
    if (argc == 2 && strcmp(argv[1], "--identity") == 0)
        return report_identity();
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n <= 0)
        return 1;
    return nacre_run_suite("nacred/spawn", add, 30);
}
