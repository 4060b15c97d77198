/* The run that asks KMS beside the plugin, and beside the next run; the run itself is in test_kms.py of tests/e2e. */
#include "nacred/core.h"
#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static struct nacre_core c;
static int app, kms; /* the other ends */

/* A process that waits to be ended. */
static pid_t a_run(void)
{
    pid_t pid = fork();
    if (pid == 0)
        for (;;)
            (void)pause();
    ck_assert_int_gt(pid, 0);
    return pid;
}

static int control(int *theirs)
{
    int pair[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    ck_assert_int_eq(fcntl(pair[0], F_SETFL, O_NONBLOCK), 0);
    *theirs = pair[1];
    return pair[0];
}

static void begin(void)
{
    c = (struct nacre_core){.http.control = -1, .app = {.is_app = true, .pid = 1, .name = "nacre-app"}};
    nacre_config_defaults(&c.manifest.config);
    nacre_timekeeper_init(&c.time, 1000, false);
    c.time.clock.started = true;
    c.epoll = epoll_create1(EPOLL_CLOEXEC);
    c.app.control = control(&app);
    nacre_kms_init(&c);
    c.kms.wanted = true;
    c.kms.run = 2;
    c.kms.pid = a_run();
    c.kms.control = control(&kms);
}

static void end(void)
{
    nacre_kms_end(&c);
    (void)close(c.app.control);
    (void)close(c.epoll);
    (void)close(app);
    (void)close(kms);
}

/* However the secrets came, or when they did not: who is told of them may load the plugin at once. */
START_TEST(it_has_ended_before_the_app_hears_of_the_secrets)
{
    int status = 0;
    const pid_t run = c.kms.pid, watcher = fork();
    if (watcher == 0) {
        struct nacre_inbox in;
        if (nacre_inbox_init(&in) < 0)
            _exit(2);
        while (nacre_frame_receive(app, &in, NACRE_SECRETS_BLOB, false) == 1)
            if (in.head->type == NACRE_FRAME_SECRETS)
                _exit(kill(run, 0) < 0 && errno == ESRCH ? 0 : 1);
        _exit(3);
    }
    c.secrets.settled = true;
    c.secrets.form = NACRE_SECRETS_NONE;
    nacre_secrets_settled(&c);
    ck_assert(c.app.got_secrets && c.kms.pid == 0 && !c.kms.wanted);
    ck_assert_int_eq(waitpid(watcher, &status, 0), watcher);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %d", status);
}
END_TEST

/* An NSM that takes long may answer a run that has been ended: its key is not the next one's. */
START_TEST(a_document_is_for_the_run_that_asked)
{
    struct nacre_nsm_result r = {.recipient = true, .client = 1, .answer = {.document_len = 3}};
    struct nacre_inbox in;
    ck_assert_int_eq(nacre_inbox_init(&in), 0);
    c.kms.granted = true;
    nacre_kms_document(&c, &r);
    ck_assert_int_eq(nacre_frame_receive(kms, &in, NACRE_DOCUMENT_MAX, true), -EAGAIN);
    r.client = 2;
    nacre_kms_document(&c, &r);
    ck_assert_int_eq(nacre_frame_receive(kms, &in, NACRE_DOCUMENT_MAX, true), 1);
    ck_assert_uint_eq(in.head->type, NACRE_FRAME_DOCUMENT);
    nacre_inbox_free(&in);
}
END_TEST

/* As a boot that is refused early does. */
START_TEST(nothing_to_end)
{
    static struct nacre_core none = {.kms.control = -1};
    ck_assert_int_eq(dup2(kms, STDIN_FILENO), STDIN_FILENO);
    nacre_kms_end(&none);
    ck_assert_int_ge(fcntl(STDIN_FILENO, F_GETFD), 0);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_test(tc, it_has_ended_before_the_app_hears_of_the_secrets);
    tcase_add_test(tc, a_document_is_for_the_run_that_asked);
    tcase_add_test(tc, nothing_to_end);
}

int main(void)
{
    return nacre_run_suite("nacred/kms", add, 20);
}
