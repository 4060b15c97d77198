#include "command.h"

#include <common/frame.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define NS_PER_MS        1000000u
#define EXIT_NOT_STARTED 127
#define GRACE_MS         2000u /* for a child whose pipes are closed to end as well */

struct running {
    pid_t pid;
    int out, err; /* -1: at its end */
    uint64_t end_ns;
    struct nacre_ops_output *output;
    size_t err_len;
};

/* In the child, after fork: only what is safe there. */
static void become(const char *const argv[], int out, int err)
{
    sigset_t none;
    int null = open("/dev/null", O_RDONLY);
    (void)setpgid(0, 0);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    if (null >= 0 && dup2(null, 0) >= 0 && dup2(out, 1) >= 0 && dup2(err, 2) >= 0) {
        union {
            const char *const *in;
            char *const *as_exec_wants;
        } words = {argv};
        (void)execvp(argv[0], words.as_exec_wants);
    }
    (void)dprintf(2, "%s", strerror(errno));
    _exit(EXIT_NOT_STARTED);
}

static int start(struct running *r, const char *const argv[])
{
    int out[2], err[2];
    if (pipe2(out, O_CLOEXEC) < 0)
        return -errno;
    if (pipe2(err, O_CLOEXEC) < 0) {
        int saved = -errno;
        (void)close(out[0]);
        (void)close(out[1]);
        return saved;
    }
    (void)fflush(NULL);
    r->pid = fork();
    if (r->pid == 0)
        become(argv, out[1], err[1]);
    int rc = r->pid < 0 ? -errno : 0;
    (void)close(out[1]);
    (void)close(err[1]);
    r->out = out[0];
    r->err = err[0];
    return rc;
}

static void at_end(int *fd)
{
    (void)close(*fd);
    *fd = -1;
}

static int take_out(struct running *r)
{
    struct nacre_ops_output *o = r->output;
    ssize_t n = read(r->out, o->out + o->out_len, NACRE_OPS_OUTPUT + 1 - o->out_len);
    if (n > 0)
        o->out_len += (size_t)n;
    else if (n == 0 || errno != EINTR)
        at_end(&r->out);
    return o->out_len > NACRE_OPS_OUTPUT ? -EFBIG : 0;
}

/* The end of what it says is what says why it failed. */
static void take_err(struct running *r)
{
    char piece[512];
    ssize_t n = read(r->err, piece, sizeof piece);
    if (n <= 0) {
        if (n == 0 || errno != EINTR)
            at_end(&r->err);
        return;
    }
    size_t len = (size_t)n, keep = r->err_len;
    char *errors = r->output->errors;
    if (keep + len > NACRE_OPS_ERRORS) {
        keep = NACRE_OPS_ERRORS - len;
        memmove(errors, errors + r->err_len - keep, keep);
    }
    for (size_t i = 0; i < len; i++)
        errors[keep + i] = piece[i] >= 0x20 && piece[i] < 0x7f ? piece[i] : ' ';
    r->err_len = keep + len;
    errors[r->err_len] = '\0';
}

static int collect(struct running *r)
{
    int rc = 0;
    while (rc == 0 && (r->out >= 0 || r->err >= 0)) {
        struct pollfd polled[2] = {{.fd = r->out, .events = POLLIN}, {.fd = r->err, .events = POLLIN}};
        uint64_t now = nacre_monotonic_ns();
        if (now >= r->end_ns)
            return -ETIMEDOUT;
        int n = poll(polled, 2, (int)((r->end_ns - now) / NS_PER_MS) + 1);
        if (n < 0 && errno != EINTR)
            return -errno;
        if (n > 0 && polled[0].revents)
            rc = take_out(r);
        if (n > 0 && polled[1].revents)
            take_err(r);
    }
    return rc;
}

/* Its status; it is killed when it does not end though it has nothing more to say. */
static int reap(struct running *r, bool kill_it)
{
    int status = 0;
    uint64_t end = nacre_monotonic_ns() + (uint64_t)GRACE_MS * NS_PER_MS;
    pid_t done = 0;
    while (!kill_it && done == 0 && nacre_monotonic_ns() < end) {
        done = waitpid(r->pid, &status, WNOHANG);
        if (done == 0)
            (void)usleep(5000);
    }
    if (done == r->pid)
        return status;
    (void)kill(-r->pid, SIGKILL);
    (void)kill(r->pid, SIGKILL);
    while (waitpid(r->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return status;
}

static int judge(const struct running *r, const char *program, int rc, int status, uint64_t timeout_ms,
                 char *why, size_t why_len)
{
    const char *said = r->output->errors;
    if (rc == -ETIMEDOUT)
        (void)snprintf(why, why_len, "%s did not end within %ju ms: %s", program, (uintmax_t)timeout_ms,
                       said);
    else if (rc == -EFBIG)
        (void)snprintf(why, why_len, "%s prints more than %u bytes", program, NACRE_OPS_OUTPUT);
    else if (rc)
        (void)snprintf(why, why_len, "%s: %s", program, strerror(-rc));
    else if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_NOT_STARTED)
        (void)snprintf(why, why_len, "cannot run %s: %s", program, said);
    else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        (void)snprintf(why, why_len, "%s ended with %s %d: %s", program,
                       WIFEXITED(status) ? "exit code" : "signal",
                       WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status), said);
    else
        return 0;
    return rc ? rc : WIFEXITED(status) && WEXITSTATUS(status) == EXIT_NOT_STARTED ? -ENOENT : -EIO;
}

int nacre_ops_run(const char *const argv[], uint64_t timeout_ms, struct nacre_ops_output *output, char *why,
                  size_t why_len)
{
    struct running r = {
        .out = -1, .err = -1, .end_ns = nacre_monotonic_ns() + timeout_ms * NS_PER_MS, .output = output};
    output->out_len = 0;
    output->out[0] = output->errors[0] = '\0';
    int rc = start(&r, argv), status = 0;
    bool started = rc == 0;
    if (started) {
        rc = collect(&r);
        status = reap(&r, rc != 0);
    }
    if (r.out >= 0)
        (void)close(r.out);
    if (r.err >= 0)
        (void)close(r.err);
    output->out[output->out_len <= NACRE_OPS_OUTPUT ? output->out_len : 0] = '\0';
    return judge(&r, argv[0], rc, status, timeout_ms, why, why_len);
}
