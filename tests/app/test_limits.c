#include "app/limits.h"
#include "suite.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB (UINT64_C(1) << 20)
#define UID 62917 /* nobody's */

static struct nacre_config config;

static void setup(void)
{
    nacre_config_defaults(&config);
    config.http_threads = 1;
    config.app_workers = 2;
    config.jobs_concurrent = 1;
}

/* Runs `body` in a child, since limits cannot be taken back. */
static int in_child(int (*body)(void))
{
    int status;
    pid_t pid = fork();
    if (pid == 0)
        _exit(body());
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

START_TEST(what_the_configuration_asks_for)
{
    struct nacre_app_limits all, some, workers;
    nacre_app_limits_of(&all, &config);
    config.app_memory_bytes = 100 * MIB;
    config.app_threads = 10;
    nacre_app_limits_of(&some, &config);
    ck_assert_uint_gt(some.memory_bytes, 100 * MIB);
    ck_assert_uint_lt(some.memory_bytes, 200 * MIB);
    ck_assert_uint_gt(all.memory_bytes, some.memory_bytes); /* three quarters of any machine that runs this */
    ck_assert_uint_eq(all.threads - some.threads, 246);
    /* two workers, one more for jobs, what the process has itself */
    ck_assert_uint_ge(some.threads, 13);
    ck_assert_uint_le(some.threads, 32);
    config.app_workers = 100;
    nacre_app_limits_of(&workers, &config);
    ck_assert_uint_eq(workers.threads - some.threads, 98);
    ck_assert_uint_gt(workers.memory_bytes, some.memory_bytes + 98 * 8 * MIB);
    ck_assert_uint_gt(workers.descriptors, some.descriptors);
    ck_assert(!some.by_kernel); /* our parent has a number here */
}
END_TEST

static int takes_memory(void)
{
    struct nacre_app_limits l;
    config.app_memory_bytes = 64 * MIB;
    if (nacre_app_limits_set(&l, &config))
        return 1;
    const struct rlimit more = {l.memory_bytes + 1, l.memory_bytes + 1};
    if (geteuid() != 0 && setrlimit(RLIMIT_DATA, &more) == 0)
        return 2;
    for (uint64_t got = 0; got <= l.memory_bytes; got += MIB)
        if (mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED)
            return errno == ENOMEM && got >= 32 * MIB ? 0 : 3;
    return 4;
}

static void *wait_long(void *arg)
{
    (void)pause();
    return arg;
}

/* How many more threads there can be, 1000 at most. */
static unsigned more_threads(void)
{
    unsigned n = 0;
    pthread_t thread;
    pthread_attr_t attr;
    (void)pthread_attr_init(&attr);
    (void)pthread_attr_setstacksize(&attr, 65536);
    while (n < 1000 && pthread_create(&thread, &attr, wait_long, NULL) == 0)
        n++;
    return n;
}

static int counts_threads(void)
{
    struct nacre_app_limits l;
    if (nacre_app_limits_set(&l, &config))
        return 1;
    const uint64_t before = nacre_app_threads(&l);
    const unsigned more = more_threads();
    const uint64_t after = nacre_app_threads(&l);
#ifdef NACRE_SANITIZED /* which have threads of their own, that come and go */
    return before >= 1 && more > 500 && after > 500 ? 0 : 2;
#else
    return before == 1 && more > 500 && after == more + 1 ? 0 : 2;
#endif
}

/* As nacred does it in an enclave: a user of its own, and a parent that has no number here. */
static int is_limited_by_the_kernel(void)
{
    struct nacre_app_limits l = {.threads = 0};
    if (unshare(CLONE_NEWPID) < 0)
        return 77;
    pid_t pid = fork();
    if (pid == 0) {
        config.app_threads = 20;
        if (setresuid(UID, UID, UID) < 0 || nacre_app_limits_set(&l, &config))
            _exit(1);
        const unsigned more = more_threads();
        _exit(l.by_kernel && more > 10 && more + 1 <= l.threads ? 0 : 2);
    }
    int status;
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 3;
}

#ifndef NACRE_SANITIZED
START_TEST(memory)
{
    ck_assert_int_eq(in_child(takes_memory), 0);
}
END_TEST
#endif

START_TEST(threads)
{
    ck_assert_int_eq(in_child(counts_threads), 0);
    if (geteuid() != 0)
        return;
    int status = in_child(is_limited_by_the_kernel);
    ck_assert(status == 0 || status == 77);
}
END_TEST

static int is_first(void)
{
    char text[16] = "";
    if (nacre_app_first_victim())
        return 1;
    FILE *f = fopen("/proc/self/oom_score_adj", "re");
    return f && fgets(text, sizeof text, f) && strcmp(text, "1000\n") == 0 ? 0 : 2;
}

START_TEST(first_victim)
{
    ck_assert_int_eq(in_child(is_first), 0);
}
END_TEST

static void add(TCase *t)
{
    tcase_add_checked_fixture(t, setup, NULL);
    tcase_add_test(t, what_the_configuration_asks_for);
#ifndef NACRE_SANITIZED
    tcase_add_test(t, memory);
#endif
    tcase_add_test(t, threads);
    tcase_add_test(t, first_victim);
}

int main(void)
{
    return nacre_run_suite("limits", add, 30);
}
