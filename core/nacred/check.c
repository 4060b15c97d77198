/* check.c - has nacre-app say whether the plugin is what the manifest describes, in a process that is gone before the
 * key is made. */
#include "core.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK_LIMIT_MS 60000 /* for the whole run: to load a plugin takes milliseconds */

/* Waits for the check run's verdict; true with *got as nacre_frame_receive() gave it. */
static bool await_verdict(struct nacre_core *c, int control, int *got)
{
    uint64_t end = nacre_monotonic_ns() + CHECK_LIMIT_MS * 1000000ull;
    struct signalfd_siginfo info;
    for (uint64_t now; (now = nacre_monotonic_ns()) < end;) {
        struct pollfd fds[] = {{.fd = control, .events = POLLIN}, {.fd = c->signals, .events = POLLIN}};
        int n = poll(fds, 2, (int)((end - now) / 1000000u) + 1);
        if (n > 0 && fds[0].revents) {
            *got = nacre_frame_receive(control, &c->inbox, NACRE_FAILURE_TEXT, true);
            if (*got != -EINTR && *got != -EAGAIN)
                return true;
        } else if (n > 0 && read(c->signals, &info, sizeof info) == sizeof info &&
                   info.ssi_signo != SIGCHLD) {
            return false;
        }
    }
    return false;
}

int nacre_check_plugin(struct nacre_core *c)
{
    char option[] = "--check";
    int pair[2], status = 0, got = 0;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return nacre_refuse("socketpair: %s", strerror(errno));
    pid_t pid = nacre_helper_execute(c, &c->app, option, pair[1]);
    (void)close(pair[1]);
    bool answered = pid > 0 && await_verdict(c, pair[0], &got);
    (void)close(pair[0]);
    if (pid < 0)
        return nacre_refuse("%s/%s: %s", c->helper_dir, c->app.name, strerror(-pid));
    (void)kill(pid, SIGKILL); /* what it had to say is said */
    (void)waitpid(pid, &status, 0);
    if (!answered)
        return nacre_refuse("the check of the plugin gave no verdict within %d ms, or was interrupted",
                            CHECK_LIMIT_MS);
    if (got == 1 && c->inbox.head->type == NACRE_FRAME_READY)
        return 0;
    if (got == 1 && c->inbox.head->type == NACRE_FRAME_FAILED)
        return nacre_refuse("%.*s", (int)c->inbox.payload_len, (const char *)c->inbox.payload);
    return nacre_refuse("the check of the plugin ended without a verdict: %s %d",
                        WIFSIGNALED(status) ? "signal" : "exit code",
                        WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}
