#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define FIRST 3  /* of the descriptors that are passed */
#define HIGH  64 /* above everything that is moved into place */

/* From root to nobody in particular. The kernel takes all capabilities from who stops being root. */
static bool assume(const struct nacre_identity *as)
{
    const struct rlimit threads = {as->threads, as->threads};
    if (as->namespaces && unshare(as->namespaces) < 0)
        return false;
    if (as->core && prctl(PR_SCHED_CORE, PR_SCHED_CORE_CREATE, 0, PR_SCHED_CORE_SCOPE_THREAD, 0) < 0)
        return false;
    return as->id == 0 || (setrlimit(RLIMIT_NPROC, &threads) == 0 && setgroups(0, NULL) == 0 &&
                           setresgid(as->id, as->id, as->id) == 0 && setresuid(as->id, as->id, as->id) == 0 &&
                           prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
}

/* From fork to exec: async-signal-safe calls only. Returns a positive errno, which belongs into *report. */
static int become(const char *path, char *const argv[], const int *fds, size_t n_fds, int *report,
                  const struct nacre_identity *as)
{
    int moved[NACRE_SPAWN_FDS], last = FIRST + (int)n_fds;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    sigset_t none;
    /* first out of the way, so that no move overwrites what is still to be moved */
    int high = fcntl(*report, F_DUPFD_CLOEXEC, HIGH);
    if (null < 0 || high < 0)
        return errno;
    *report = high;
    for (size_t i = 0; i < n_fds; i++) {
        moved[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, HIGH);
        if (moved[i] < 0)
            return errno;
    }
    if (dup2(null, 0) < 0 || dup2(null, 1) < 0)
        return errno;
    for (size_t i = 0; i < n_fds; i++)
        if (dup2(moved[i], FIRST + (int)i) < 0)
            return errno;
    if (dup3(high, last, O_CLOEXEC) < 0)
        return errno;
    *report = last;
    (void)sigemptyset(&none);
    if (close_range((unsigned)last + 1, ~0u, 0) < 0 || sigprocmask(SIG_SETMASK, &none, NULL) < 0 ||
        signal(SIGPIPE, SIG_DFL) == SIG_ERR || setsid() < 0 || !assume(as))
        return errno;
#ifdef NACRE_SANITIZED
    (void)execve(path, argv, environ); /* the sanitizers take their options from it */
#else
    (void)execve(path, argv, (char *const[]){NULL});
#endif
    return errno;
}

/* End of file says that exec has closed the pipe. */
static int await_exec(int fd)
{
    int err = 0;
    ssize_t n;
    do {
        n = read(fd, &err, sizeof err);
    } while (n < 0 && errno == EINTR);
    if (n == 0)
        return 0;
    return n == sizeof err && err > 0 ? -err : -EIO;
}

pid_t nacre_spawn(const char *path, char *const argv[], const int *fds, size_t n_fds,
                  const struct nacre_identity *as)
{
    int report[2];
    if (n_fds > NACRE_SPAWN_FDS)
        return -EINVAL;
    if (pipe2(report, O_CLOEXEC) < 0)
        return -errno;
    int away = nacre_pids_enter(as->pids);
    pid_t pid = away ? -1 : fork();
    if (pid == 0) {
        int why = become(path, argv, fds, n_fds, &report[1], as);
        while (write(report[1], &why, sizeof why) < 0 && errno == EINTR)
            continue;
        _exit(127);
    }
    int err = away ? away : pid < 0 ? -errno : 0;
    away = nacre_pids_leave(as->pids);
    (void)close(report[1]);
    if (!err)
        err = await_exec(report[0]);
    if (!err && away) { /* without a way back there could be no more threads */
        (void)kill(pid, SIGKILL);
        err = away;
    }
    (void)close(report[0]);
    if (err && pid > 0)
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            continue;
    return err ? err : pid;
}
