/*
 * main.c - nacred: owns the enclave's key, signs what fits its declared type, and looks after two helpers.
 *
 *   nacred --manifest FILE --plugin FILE [--ready-fd N]
 *
 * Everything else is in the measured manifest; nothing comes from the environment. As process 1 of an enclave it takes
 * no arguments: see init.h.
 */
#include "core.h"

#include "common/log.h"
#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

static struct nacre_core core = {
    .manifest_fd = -1,
    .plugin_fd = -1,
    .ready_fd = -1,
    .epoll = -1,
    .signals = -1,
    .pids = {.own = -1, .inner = -1},
    .nsm = {.nsm = {.fd = -1}, .ready_fd = -1},
    .secrets = {.listener = -1, .connection = -1},
    .http = {.control = -1},
    .app = {.control = -1},
    .kms = {.control = -1},
    .own_wait_ms = 1000,
    .kill_at_ns = UINT64_MAX,
};

struct arguments {
    const char *manifest, *plugin;
    int ready_fd;
};

/* A descriptor number from 3 up that is open; -1 otherwise. */
static int parse_fd(const char *text)
{
    char *end;
    errno = 0;
    long v = strtol(text, &end, 10);
    if (errno || end == text || *end || v < 3 || v > INT_MAX || fcntl((int)v, F_SETFD, FD_CLOEXEC) < 0)
        return -1;
    return (int)v;
}

static bool parse_arguments(struct arguments *a, int argc, char **argv)
{
    *a = (struct arguments){.ready_fd = -1};
    for (int i = 1; i < argc; i += 2) {
        if (i + 1 == argc)
            return false;
        if (strcmp(argv[i], "--manifest") == 0)
            a->manifest = argv[i + 1];
        else if (strcmp(argv[i], "--plugin") == 0)
            a->plugin = argv[i + 1];
        else if (strcmp(argv[i], "--ready-fd") == 0 && (a->ready_fd = parse_fd(argv[i + 1])) >= 0)
            continue;
        else
            return false;
    }
    return a->manifest && a->plugin;
}

/* A descriptor opened later must not become standard error by accident. */
static void fill_standard_fds(void)
{
    int fd;
    do {
        fd = open("/dev/null", O_RDWR);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        (void)close(fd);
}

/* No core file, no tracer, all descriptors the system grants: nacre-http inherits the limit. */
static int harden(void)
{
    const struct rlimit none = {0, 0};
    struct rlimit files;
    if (setrlimit(RLIMIT_CORE, &none) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ||
        getrlimit(RLIMIT_NOFILE, &files) < 0)
        return -errno;
    files.rlim_cur = files.rlim_max;
    return setrlimit(RLIMIT_NOFILE, &files) < 0 ? -errno : 0;
}

/* Signals become descriptors before any thread or child exists. */
static int open_signals(struct nacre_core *c)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGCHLD);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR ||
        signal(SIGXFSZ, SIG_IGN) == SIG_ERR)
        return -errno;
    c->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    return c->signals < 0 ? -errno : 0;
}

/* The helpers lie beside this very program, whatever name it was called by. */
static int find_helpers(struct nacre_core *c)
{
    ssize_t n = readlink("/proc/self/exe", c->helper_dir, sizeof c->helper_dir - 1);
    if (n <= 0)
        return n < 0 ? -errno : -ENOENT;
    c->helper_dir[n] = '\0';
    char *slash = strrchr(c->helper_dir, '/');
    if (!slash)
        return -ENOENT;
    *slash = '\0';
    return 0;
}

static int run(const struct arguments *a)
{
    int err = harden();
    if (!err)
        err = open_signals(&core);
    if (!err && !core.is_init)
        err = find_helpers(&core);
    if (!err)
        err = nacre_inbox_init(&core.inbox);
    if (!err && sodium_init() < 0)
        err = -EIO;
    if (err) {
        (void)nacre_refuse("%s", strerror(-err));
        return NACRE_EXIT_BOOT;
    }
    if (nacre_boot(&core, a->manifest, a->plugin) < 0)
        core.exit_code = NACRE_EXIT_BOOT;
    else
        nacre_run(&core);
    nacre_shut_down(&core);
    if (core.refusal[0]) {
        (void)nacre_refuse("%s", core.refusal);
        core.exit_code = NACRE_EXIT_BOOT;
    }
    if (core.exit_code != NACRE_EXIT_BOOT)
        nacre_log_event(
            core.exit_code ? NACRE_LEVEL_ERROR : NACRE_LEVEL_INFO, "ended",
            NLS("reason", core.exit_code == NACRE_EXIT_HTTP   ? "nacre-http is not restarted any more"
                          : core.exit_code == NACRE_EXIT_PIDS ? "no helper can be started any more"
                                                              : "stopped"),
            NLI("exit", core.exit_code));
    return core.exit_code;
}

_Noreturn static void run_as_init(void)
{
    const struct arguments a = {.manifest = NACRE_INIT_MANIFEST, .plugin = NACRE_INIT_PLUGIN};
    nacre_init_afresh();
    if (nacre_init(&core) == 0)
        (void)run(&a);
    nacre_init_end();
}

int main(int argc, char **argv)
{
    struct arguments a;
    nacre_log_never_wait();
    nacre_log_setup("nacred", NACRE_LEVEL_INFO, false);
    if (getpid() == 1)
        run_as_init();
    fill_standard_fds();
    if (!parse_arguments(&a, argc, argv)) {
        (void)nacre_refuse("usage: nacred --manifest FILE --plugin FILE [--ready-fd N]");
        return NACRE_EXIT_BOOT;
    }
    core.ready_fd = a.ready_fd;
    return run(&a);
}
