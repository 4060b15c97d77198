#include "limits.h"

#include <common/frame.h>
#include <common/log.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#define MIB           (UINT64_C(1) << 20)
#define WORKER_BYTES  (9 * MIB) /* a thread's stack, its part of the heap, its first scratch memory */
#define OWN_THREADS   8u        /* the first one, control, health; some that libraries start by themselves */
#define WORKER_FILES  16u       /* kept connections, and what libcurl waits with */
#define OWN_FILES     1024u     /* sockets, and a plugin's own */
#define THREADS_FIELD 17        /* of /proc/self/stat, after the name */

int nacre_app_first_victim(void)
{
    static const char worst[] = "1000";
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    int err = fd < 0 || write(fd, worst, sizeof worst - 1) < 0 ? -errno : 0;
    if (fd >= 0)
        (void)close(fd);
    return err;
}

/* As nacre_workers_start() counts them, with the most lanes that there can be. */
static uint64_t workers_of(const struct nacre_config *config)
{
    const uint64_t lanes = config->http_threads ? config->http_threads : NACRE_LANES_MAX;
    const uint64_t least = config->app_workers < lanes ? lanes : config->app_workers;
    return least + lanes * config->jobs_concurrent;
}

void nacre_app_limits_of(struct nacre_app_limits *out, const struct nacre_config *config)
{
    struct sysinfo machine = {0};
    const uint64_t workers = workers_of(config);
    (void)sysinfo(&machine);
    const uint64_t all = (uint64_t)machine.totalram * machine.mem_unit;
    const uint64_t memory = config->app_memory_bytes ? config->app_memory_bytes : all / 4 * 3;
    *out = (struct nacre_app_limits){
        .memory_bytes = memory + workers * (WORKER_BYTES + config->app_response_bytes),
        .threads = workers + OWN_THREADS + config->app_threads,
        .descriptors = OWN_FILES + workers * WORKER_FILES,
        /*
         * In an enclave the user is this process's alone; elsewhere the kernel would count all that somebody runs. There
         * nacred is root, which this process is not: its parent is in another PID namespace, and so has no number here.
         */
        .by_kernel = getppid() == 0 && geteuid() != 0,
        .status = -1,
    };
}

static int limit(int resource, uint64_t most)
{
    struct rlimit now;
    if (getrlimit((__rlimit_resource_t)resource, &now) < 0)
        return -errno;
    if (now.rlim_max > most)
        now.rlim_max = most;
    now.rlim_cur = now.rlim_max;
    return setrlimit((__rlimit_resource_t)resource, &now) < 0 ? -errno : 0;
}

int nacre_app_limits_set(struct nacre_app_limits *limits, const struct nacre_config *config)
{
    int err = 0;
    nacre_app_limits_of(limits, config);
#ifndef NACRE_SANITIZED /* whose shadow of memory is larger than any memory */
    err = limit(RLIMIT_DATA, limits->memory_bytes);
#endif
    if (!err)
        err = limit(RLIMIT_NOFILE, limits->descriptors);
    if (!err && limits->by_kernel)
        err = limit(RLIMIT_NPROC, limits->threads);
    if (err)
        return err;
    limits->status = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
    nacre_log_event(NACRE_LEVEL_INFO, "limits", NLI("memory_bytes", limits->memory_bytes),
                    NLI("threads", limits->threads), NLI("descriptors", limits->descriptors),
                    NLS("threads_by", limits->by_kernel ? "kernel" : "watch"));
    return 0;
}

uint64_t nacre_app_threads(const struct nacre_app_limits *limits)
{
    char text[512];
    ssize_t n = limits->status < 0 ? -1 : pread(limits->status, text, sizeof text - 1, 0);
    if (n <= 0)
        return 0;
    text[n] = '\0';
    const char *p = strrchr(text, ')'); /* the name before it may hold anything */
    for (int i = 0; p && i <= THREADS_FIELD; i++)
        p = strchr(p + 1, ' ');
    return p ? strtoull(p + 1, NULL, 10) : 0;
}
