/* Many threads at once: no two share a connection, and gets the answers to its own requests. */
#include "fetch_support.h"
#include "suite.h"

#include <errno.h>
#include <pthread.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>

#define N_THREADS 16
#define N_CALLS   20

static struct upstream one, two;

struct job {
    pthread_t thread;
    int number;
    char failure[768];
};

static void expect(struct job *job, bool ok, const struct call *c, const char *what)
{
    if (!ok && !job->failure[0])
        (void)snprintf(job->failure, sizeof job->failure, "thread %d: %s: %s", job->number, what, c->text);
}

/* A request that no other thread makes, to one of two hosts; now and then one that fails. */
static void one_call(struct job *job, int i)
{
    struct call c;
    char url[128], body[64], expected[128];
    const char *host = (job->number + i) % 2 ? "two" : "one";
    (void)snprintf(url, sizeof url, "https://%s.example/echo?thread=%d&call=%d", host, job->number, i);
    (void)snprintf(body, sizeof body, "%0*d", 1 + (job->number * N_CALLS + i) % 60, i);
    (void)snprintf(expected, sizeof expected, "\"target\":\"/echo?thread=%d&call=%d\"", job->number, i);
    call_init(&c, "POST", url);
    c.request.timeout_ms = 20000;
    call_body(&c, body);
    call_run(&c);
    expect(job, c.status == 0 && c.reply.status == 200, &c, "status");
    expect(job, body_has(&c, expected), &c, "another's answer");
    expect(job, body_number(&c, "length") == (long)strlen(body), &c, "another's body");
    call_free(&c);
    if (i % 7 == 3) {
        call_init(&c, "GET", "https://one.example/fault/cut");
        call_run(&c);
        expect(job, c.status == 502, &c, "fault");
        call_free(&c);
    }
}

static void *work(void *arg)
{
    struct job *job = arg;
    char why[256] = "";
    for (int i = 0; i < N_CALLS; i++) {
        one_call(job, i);
        if (i % 10 == 5 && check_endpoint((uint32_t)job->number % 2, why, sizeof why) && !job->failure[0])
            (void)snprintf(job->failure, sizeof job->failure, "check: %s", why);
    }
    module->thread_end();
    return NULL;
}

static void start(void)
{
    static const char *const args[] = {"--host", "one.example", NULL};
    static const char *const args2[] = {"--host", "two.example", "--http2", NULL};
    static uint8_t pin[32];
    upstream_start(&one, args);
    upstream_start(&two, args2);
    memcpy(pin, two.pin, sizeof pin);
    const struct endpoint e[] = {{.host = "one.example", .up = &one},
                                 {.host = "two.example", .up = &two, .pin = pin}};
    fetch_setup(e, 2, one.ca);
}

static void setup(void)
{
    start();
    fetch_confine();
}

static void teardown(void)
{
    fetch_teardown();
    upstream_stop(&one);
    upstream_stop(&two);
}

START_TEST(sixteen_threads)
{
    struct job jobs[N_THREADS] = {0};
    struct call c;
    setup();
    for (int i = 0; i < N_THREADS; i++) {
        jobs[i].number = i;
        ck_assert_int_eq(pthread_create(&jobs[i].thread, NULL, work, &jobs[i]), 0);
    }
    for (int i = 0; i < N_THREADS; i++)
        ck_assert_int_eq(pthread_join(jobs[i].thread, NULL), 0);
    for (int i = 0; i < N_THREADS; i++)
        ck_assert_str_eq(jobs[i].failure, "");
    /* as many connections for requests as were made at once, and one for each check */
    call_get(&c, "https://two.example/stats");
    ck_assert_int_eq(body_number(&c, "requests"), N_THREADS * N_CALLS / 2 + 1);
    ck_assert_int_le(body_number(&c, "connections"), N_THREADS + N_THREADS + 1);
    ck_assert_int_gt(body_number(&c, "connections"), N_THREADS);
    call_free(&c);
    teardown();
}
END_TEST

/* A thread may end what it holds and begin anew; a second end is nothing. */
START_TEST(ending_and_beginning)
{
    struct call c;
    setup();
    module->thread_end();
    for (int i = 0; i < 3; i++) {
        call_get(&c, "https://one.example/echo");
        call_free(&c);
        module->thread_end();
        module->thread_end();
    }
    ck_assert_uint_eq(broker_requests(), 3);
    teardown();
}
END_TEST

#ifndef NACRE_SANITIZED /* the leak check at exit is a thread */
/* libcurl starts no thread of its own and opens no pipe, for names or for anything else: here it could not. */
START_TEST(no_thread_of_its_own)
{
    struct call c;
    char why[256];
    start();
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
    ck_assert_ptr_nonnull(ctx);
    const int threads[] = {SCMP_SYS(clone), SCMP_SYS(clone3)};
    const int pipes[] = {SCMP_SYS(socketpair), SCMP_SYS(eventfd2), SCMP_SYS(pipe2)}; /* tried, not needed */
    for (size_t i = 0; i < sizeof threads / sizeof threads[0]; i++)
        ck_assert_int_eq(seccomp_rule_add(ctx, SCMP_ACT_KILL_PROCESS, threads[i], 0), 0);
    for (size_t i = 0; i < sizeof pipes / sizeof pipes[0]; i++)
        ck_assert_int_eq(seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), pipes[i], 0), 0);
    ck_assert_int_eq(seccomp_load(ctx), 0);
    seccomp_release(ctx);
    fetch_confine();
    for (int i = 0; i < 3; i++) {
        call_get(&c, "https://one.example/echo");
        call_free(&c);
        call_get(&c, "https://two.example/echo");
        call_free(&c);
        ck_assert_int_eq(check_endpoint(0, why, sizeof why), 0);
    }
    teardown();
}
END_TEST
#endif

static void add(TCase *tc)
{
    tcase_add_test(tc, sixteen_threads);
    tcase_add_test(tc, ending_and_beginning);
#ifndef NACRE_SANITIZED
    tcase_add_test(tc, no_thread_of_its_own);
#endif
}

int main(void)
{
    return nacre_run_suite("fetch_threads", add, 60);
}
