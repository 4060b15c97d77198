#include "pids.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * Process 1 of the namespace: a copy of ours from before there was a key or a secret, with every descriptor closed. It is
 * there because the kernel treats a process 1 as no other (signals without a handler do not reach it, all end with
 * it), and a helper should be a process like any other. Nobody has to be reaped: helpers make no processes.
 */
_Noreturn static void wait_for_the_end(void)
{
    static const int ends[] = {SIGTERM, SIGINT, SIGCHLD}; /* a terminal's Ctrl-C is for nacred */
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
        (void)signal(ends[i], SIG_IGN);
    (void)prctl(PR_SET_NAME, "nacre-pids", 0, 0, 0); /* nobody should take it for nacred */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || close_range(0, ~0u, 0) < 0 || setsid() < 0)
        _exit(1);
    for (;;)
        (void)poll(NULL, 0, -1);
}

static int make(struct nacre_pids *p)
{
    p->own = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
    if (p->own < 0)
        return -errno;
    /* the way back first: root of a user namespace may leave a PID namespace that is not its own, and never return */
    int back = nacre_pids_leave(p);
    if (back)
        return back;
    if (unshare(CLONE_NEWPID) < 0)
        return -errno;
    p->init = fork(); /* the first one in is process 1 */
    if (p->init == 0)
        wait_for_the_end();
    int err = p->init < 0 ? -errno : 0;
    if (!err) {
        p->inner = open("/proc/self/ns/pid_for_children", O_RDONLY | O_CLOEXEC);
        err = p->inner < 0 ? -errno : 0;
    }
    back = nacre_pids_leave(p);
    return err ? err : back;
}

int nacre_pids_open(struct nacre_pids *p)
{
    *p = (struct nacre_pids){.own = -1, .inner = -1};
    int err = make(p);
    if (err)
        nacre_pids_close(p);
    return err;
}

static int go(int fd)
{
    return fd >= 0 && setns(fd, CLONE_NEWPID) < 0 ? -errno : 0;
}

int nacre_pids_enter(const struct nacre_pids *p)
{
    return p ? go(p->inner) : 0;
}

int nacre_pids_leave(const struct nacre_pids *p)
{
    return p ? go(p->own) : 0;
}

void nacre_pids_close(struct nacre_pids *p)
{
    if (p->init > 0) {
        (void)kill(p->init, SIGKILL);
        while (waitpid(p->init, NULL, 0) < 0 && errno == EINTR)
            continue;
    }
    if (p->own >= 0)
        (void)close(p->own);
    if (p->inner >= 0)
        (void)close(p->inner);
    *p = (struct nacre_pids){.own = -1, .inner = -1};
}
