#include "plugin_read.h"

#include "file.h"
#include "plugin_load.h"

#include <common/frame.h>
#include <common/manifest.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define REPLY_MAX (NACRE_MANIFEST_MAX + 1u)

struct reply {
    uint8_t *data; /* one byte of status, then descriptor or text */
    size_t len;
};

/* The bytes in a memfd that nobody can change any more; -1 on failure. */
static int seal(const uint8_t *data, size_t len)
{
    int fd = memfd_create("nacre-plugin", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    size_t at = 0;
    while (fd >= 0 && at < len) {
        ssize_t n = write(fd, data + at, len - at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        at += (size_t)n;
    }
    if (fd >= 0 && at == len &&
        fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) == 0)
        return fd;
    if (fd >= 0)
        (void)close(fd);
    return -1;
}

/* Nothing the plugin's code prints may mix with what the tool prints, and nothing of it may outlive the tool.
 */
static _Noreturn void run_child(int plugin_fd, int reply_fd, pid_t parent)
{
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
        _exit(1);
    nacre_plugin_load_and_report(plugin_fd, reply_fd);
    _exit(0);
}

static int wait_readable(int fd, uint64_t deadline_ns)
{
    uint64_t now = nacre_monotonic_ns();
    if (now >= deadline_ns)
        return -ETIMEDOUT;
    struct pollfd p = {.fd = fd, .events = POLLIN};
    int n = poll(&p, 1, (int)((deadline_ns - now) / 1000000u) + 1);
    return n < 0 && errno != EINTR ? -errno : 0;
}

static int receive(struct reply *reply, int fd, uint64_t deadline_ns)
{
    while (reply->len < REPLY_MAX) {
        int rc = wait_readable(fd, deadline_ns);
        if (rc)
            return rc;
        ssize_t n = read(fd, reply->data + reply->len, REPLY_MAX - reply->len);
        if (n == 0)
            return 0;
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return -errno;
        reply->len += n > 0 ? (size_t)n : 0;
    }
    return -EFBIG;
}

/* Runs the child to its end; *status is its wait status. */
static int ask_child(struct reply *reply, int plugin_fd, uint64_t deadline_ns, int *status)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
        return -errno;
    /* The reading end alone is non-blocking: the child writes all or waits. */
    (void)fcntl(ends[1], F_SETFL, 0);
    pid_t parent = getpid(), pid = fork();
    if (pid == 0)
        run_child(plugin_fd, ends[1], parent);
    (void)close(ends[1]);
    int rc = pid < 0 ? -errno : receive(reply, ends[0], deadline_ns);
    (void)close(ends[0]);
    if (pid < 0)
        return rc;
    if (rc)
        (void)kill(pid, SIGKILL);
    while (waitpid(pid, status, 0) < 0 && errno == EINTR)
        ;
    return rc;
}

static int judge(struct nacre_plugin_facts *out, const struct reply *reply, int status, const char *path,
                 char *why, size_t why_len)
{
    if (WIFSIGNALED(status)) {
        (void)snprintf(why, why_len, "%s: the plugin crashed while it was being read: signal %d (%s)", path,
                       WTERMSIG(status), strsignal(WTERMSIG(status)));
        return -EINVAL;
    }
    if (WEXITSTATUS(status) != 0 || reply->len == 0) {
        (void)snprintf(why, why_len, "%s: the plugin ended the process that read it, with exit code %d", path,
                       WEXITSTATUS(status));
        return -EINVAL;
    }
    if (reply->data[0] != NACRE_PLUGIN_REPORT_OK) {
        (void)snprintf(why, why_len, "%s: %.*s", path, (int)(reply->len - 1), (const char *)reply->data + 1);
        return -EINVAL;
    }
    uint8_t *descriptor = malloc(reply->len);
    if (!descriptor)
        return nacre_file_error(path, "cannot read", ENOMEM, why, why_len);
    memcpy(descriptor, reply->data + 1, reply->len - 1);
    out->descriptor = descriptor;
    out->descriptor_len = reply->len - 1;
    return 0;
}

static int describe(struct nacre_plugin_facts *out, int plugin_fd, const char *path, int timeout_ms,
                    char *why, size_t why_len)
{
    struct reply reply = {malloc(REPLY_MAX), 0};
    if (!reply.data)
        return nacre_file_error(path, "cannot read", ENOMEM, why, why_len);
    int status = 0;
    uint64_t deadline = nacre_monotonic_ns() + (uint64_t)timeout_ms * 1000000u;
    int rc = ask_child(&reply, plugin_fd, deadline, &status);
    if (rc == -ETIMEDOUT)
        (void)snprintf(why, why_len, "%s: the plugin was not read within %d ms; do its constructors wait?",
                       path, timeout_ms);
    else if (rc)
        (void)nacre_file_error(path, "cannot read", -rc, why, why_len);
    else
        rc = judge(out, &reply, status, path, why, why_len);
    free(reply.data);
    return rc;
}

int nacre_plugin_read(struct nacre_plugin_facts *out, const char *path, int timeout_ms, char *why,
                      size_t why_len)
{
    uint8_t *data = NULL;
    size_t len = 0;
    int rc = nacre_file_read(&data, &len, path, NACRE_PLUGIN_FILE_MAX, why, why_len);
    if (rc)
        return rc;
    struct nacre_plugin_facts facts = {0};
    nacre_sha384(facts.digest, data, len);
    int fd = seal(data, len);
    int error = errno;
    free(data);
    if (fd < 0)
        return nacre_file_error(path, "cannot seal a copy", error, why, why_len);
    rc = describe(&facts, fd, path, timeout_ms, why, why_len);
    (void)close(fd);
    if (rc == 0)
        *out = facts;
    return rc;
}

void nacre_plugin_facts_free(struct nacre_plugin_facts *facts)
{
    if (!facts)
        return;
    free(facts->descriptor);
    facts->descriptor = NULL;
    facts->descriptor_len = 0;
}
