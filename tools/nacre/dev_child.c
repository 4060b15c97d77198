#include "dev_child.h"

#include <common/frame.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define READY_FD 3
#define HIGH_FD  10 /* descriptors below are the child's to arrange */
#define POLL_NS  5000000

/* Between fork and exec: async-signal-safe calls only, for a resolver thread may be alive in the parent. */
static _Noreturn void run_child(const char *const argv[], int ready_fd, int error_fd, pid_t parent)
{
    sigset_t none;
    (void)sigemptyset(&none);
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    (void)setpgid(0, 0);
    (void)signal(SIGPIPE, SIG_DFL);
    if (sigprocmask(SIG_SETMASK, &none, NULL) == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 &&
        getppid() == parent && dup2(null, STDIN_FILENO) >= 0 && dup2(STDERR_FILENO, STDOUT_FILENO) >= 0 &&
        dup2(ready_fd, READY_FD) >= 0 && close_range(READY_FD + 1, ~0U, CLOSE_RANGE_CLOEXEC) == 0)
        (void)execv(argv[0], (char *const *)(uintptr_t)argv);
    int error = errno;
    (void)!write(error_fd, &error, sizeof error);
    _exit(127);
}

/* A pipe whose ends are out of the way of the descriptors that the child arranges. */
static int high_pipe(int ends[2])
{
    int low[2] = {-1, -1};
    if (pipe2(low, O_CLOEXEC) < 0)
        return -errno;
    ends[0] = fcntl(low[0], F_DUPFD_CLOEXEC, HIGH_FD);
    ends[1] = fcntl(low[1], F_DUPFD_CLOEXEC, HIGH_FD);
    int rc = ends[0] < 0 || ends[1] < 0 ? -errno : 0;
    (void)close(low[0]);
    (void)close(low[1]);
    if (rc == 0)
        return 0;
    for (int i = 0; i < 2; i++) {
        if (ends[i] >= 0)
            (void)close(ends[i]);
    }
    return rc;
}

/* The pipe closes when exec succeeds; else it brings the error. */
static int exec_result(int fd)
{
    int error = 0;
    ssize_t n;
    do
        n = read(fd, &error, sizeof error);
    while (n < 0 && errno == EINTR);
    if (n == 0)
        return 0;
    return n == (ssize_t)sizeof error && error > 0 ? -error : -EIO;
}

static int make_pipes(int ready[2], int error[2])
{
    int rc = high_pipe(ready);
    if (rc)
        return rc;
    rc = high_pipe(error);
    if (rc) {
        (void)close(ready[0]);
        (void)close(ready[1]);
    }
    return rc;
}

static int spawn(struct nacre_dev_child *child, const char *const argv[])
{
    int ready[2] = {-1, -1}, error[2] = {-1, -1};
    int rc = make_pipes(ready, error);
    if (rc)
        return rc;
    pid_t parent = getpid(), pid = fork();
    if (pid == 0)
        run_child(argv, ready[1], error[1], parent);
    rc = pid < 0 ? -errno : 0;
    (void)close(ready[1]);
    (void)close(error[1]);
    if (rc == 0)
        rc = exec_result(error[0]);
    (void)close(error[0]);
    if (rc) {
        (void)close(ready[0]);
        while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            ;
        return rc;
    }
    (void)fcntl(ready[0], F_SETFL, O_NONBLOCK);
    child->pid = pid;
    child->started = true;
    child->ready_fd = ready[0];
    return 0;
}

int nacre_dev_child_start(struct nacre_dev_child *child, const char *name, const char *const argv[],
                          char *why, size_t why_len)
{
    *child = (struct nacre_dev_child){.name = name, .ready_fd = -1};
    int rc = spawn(child, argv);
    if (rc)
        (void)snprintf(why, why_len, "cannot start %s: %s", argv[0], strerror(-rc));
    return rc;
}

int nacre_dev_child_read(struct nacre_dev_child *child)
{
    size_t room = sizeof child->line - 1 - child->line_len;
    ssize_t n = room > 0 ? read(child->ready_fd, child->line + child->line_len, room) : -1;
    if (room == 0)
        return -EBADMSG;
    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    if (n == 0)
        return -EPIPE;
    child->line_len += (size_t)n;
    char *end = memchr(child->line, '\n', child->line_len);
    if (!end)
        return 0;
    *end = '\0';
    (void)close(child->ready_fd);
    child->ready_fd = -1;
    return 1;
}

bool nacre_dev_child_ended(struct nacre_dev_child *child)
{
    if (child->pid > 0 && waitpid(child->pid, &child->status, WNOHANG) == child->pid)
        child->pid = 0;
    return child->started && child->pid == 0;
}

void nacre_dev_child_describe(const struct nacre_dev_child *child, char *out, size_t room)
{
    if (WIFSIGNALED(child->status))
        (void)snprintf(out, room, "%s was ended by signal %d (%s)", child->name, WTERMSIG(child->status),
                       strsignal(WTERMSIG(child->status)));
    else
        (void)snprintf(out, room, "%s stopped with exit code %d", child->name, WEXITSTATUS(child->status));
}

static bool wait_end(struct nacre_dev_child *child, int limit_ms)
{
    uint64_t deadline = nacre_monotonic_ns() + (uint64_t)limit_ms * 1000000u;
    const struct timespec pause = {0, POLL_NS};
    while (!nacre_dev_child_ended(child)) {
        if (nacre_monotonic_ns() >= deadline)
            return false;
        (void)nanosleep(&pause, NULL);
    }
    return true;
}

int nacre_dev_child_stop(struct nacre_dev_child *child, int grace_ms)
{
    if (child->ready_fd >= 0 && child->started)
        (void)close(child->ready_fd);
    child->ready_fd = -1;
    if (!child->started || nacre_dev_child_ended(child))
        return !child->started || child->status == 0 ? 0 : -EIO;
    (void)kill(child->pid, SIGTERM);
    if (wait_end(child, grace_ms))
        return child->status == 0 ? 0 : -EIO;
    (void)kill(child->pid, SIGKILL);
    while (waitpid(child->pid, &child->status, 0) < 0 && errno == EINTR)
        ;
    child->pid = 0;
    return -ETIMEDOUT;
}
