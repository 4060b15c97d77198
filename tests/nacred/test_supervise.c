#include "world.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct world w;

static void begin(void)
{
    world_make(&w);
}

static void end(void)
{
    world_drop(&w);
}

/* The helper's pid is another one, the key is the same, and answers go on. */
static void back_again(const char *helper, pid_t before)
{
    char up[96];
    (void)snprintf(up, sizeof up, "event=\"helper up\" helper=%s", helper);
    world_await_log(&w, up, 2);
    ck_assert_int_ne(world_helper(&w, helper), before);
    ck_assert_int_ne(kill(before, 0), 0);
    (void)usleep(50000);
    world_await(&w, "good", world_number(&w, "good") + 20);
    ck_assert_ptr_nonnull(strstr(world_read(&w, "nacre-http.status"), w.pk));
    ck_assert_int_eq(world_number(&w, "wrong"), 0);
}

START_TEST(an_app_that_crashes_is_replaced)
{
    world_start(&w);
    world_await(&w, "good", 10);
    pid_t before = world_helper(&w, "nacre-app");
    ck_assert_int_eq(kill(before, SIGSEGV), 0);
    back_again("nacre-app", before);
    ck_assert_int_eq(world_logged(&w, "signal=SEGV"), 1);
    ck_assert_int_eq(world_number(&w, "app_restarts"), 1);
    ck_assert_int_eq(world_number(&w, "http_restarts"), 0);
}
END_TEST

START_TEST(an_http_that_crashes_keeps_its_port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    w.config.restart_initial_ms = 300;
    w.config.restart_max_ms = 300;
    world_start(&w);
    world_await(&w, "good", 10);
    pid_t before = world_helper(&w, "nacre-http");
    ck_assert_int_eq(kill(before, SIGSEGV), 0);
    world_await_log(&w, "signal=SEGV", 1);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); /* nobody is there to accept, and yet */
    a.sin_port = htons((uint16_t)w.port);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    (void)close(fd);
    back_again("nacre-http", before);
    ck_assert_int_eq(world_number(&w, "http_restarts"), 1);
}
END_TEST

START_TEST(both_at_once)
{
    world_start(&w);
    world_await(&w, "good", 10);
    pid_t app = world_helper(&w, "nacre-app"), http = world_helper(&w, "nacre-http");
    ck_assert_int_eq(kill(app, SIGKILL), 0);
    ck_assert_int_eq(kill(http, SIGKILL), 0);
    back_again("nacre-app", app);
    back_again("nacre-http", http);
}
END_TEST

/* Misbehaves at its first start; later ones behave. */
static void misbehaves_once(const char *helper, const char *word, const char *logged)
{
    world_script(&w, helper, word);
    world_start_sim(&w, NULL);
    world_start_nacred(&w);
    world_await_log(&w, logged, 1);
    world_script(&w, helper, "");
    world_await(&w, "good", 10);
    ck_assert_int_eq(world_number(&w, "wrong"), 0);
    ck_assert_int_eq(world_stop(&w), 0);
}

START_TEST(junk_on_control)
{
    misbehaves_once("nacre-app", "junk", "reason=\"control message out of form\"");
}
END_TEST

START_TEST(a_message_that_is_another_helpers)
{
    misbehaves_once("nacre-app", "wrong-type", "reason=\"control message of a wrong type or content\"");
}
END_TEST

START_TEST(an_attestation_without_a_number)
{
    misbehaves_once("nacre-http", "bad-attest", "reason=\"control message of a wrong type or content\"");
}
END_TEST

START_TEST(a_tls_key_that_nobody_wants)
{
    misbehaves_once("nacre-http", "tls", "reason=\"control message of a wrong type or content\"");
}
END_TEST

START_TEST(one_tls_key_and_no_other)
{
    static const char *const words[] = {"tls-another", "tls-claims", "tls-again"};
    char key[80] = "event=https certificate=self-signed key=";
    for (size_t i = strlen(key), n = 0; n < 2; n++, i += 2)
        memcpy(key + i, "6b", 3); /* 'k' */
    (void)snprintf(w.config.http_tls, sizeof w.config.http_tls, "self-signed");
    world_script(&w, "nacre-http", "tls");
    world_start(&w);
    world_await(&w, "good", 10);
    for (int i = 0; i < 3; i++) {
        world_script(&w, "nacre-http", words[i]);
        ck_assert_int_eq(kill(world_helper(&w, "nacre-http"), SIGSEGV), 0);
        world_await_log(&w, "reason=\"control message of a wrong type or content\"", i + 1);
        world_script(&w, "nacre-http", "tls");
        (void)usleep(100000);
        world_await(&w, "good", world_number(&w, "good") + 20);
    }
    ck_assert_int_eq(world_logged(&w, key), 1);
    ck_assert_int_eq(world_logged(&w, "event=https"), 1);
    ck_assert_int_eq(world_stop(&w), 0);
}
END_TEST

START_TEST(a_batch_that_is_neither_one_nor_none)
{
    misbehaves_once("nacre-http", "bad-batch", "reason=\"control message of a wrong type or content\"");
}
END_TEST

START_TEST(an_app_that_asks_and_never_listens)
{
    misbehaves_once("nacre-app", "deaf", "reason=\"does not read its control socket\"");
}
END_TEST

/* Before the runtime has been ready this ends the boot, and the last line says why. */
START_TEST(an_app_that_cannot_start)
{
    world_script(&w, "nacre-app", "failed");
    world_start_sim(&w, NULL);
    world_start_nacred(&w);
    ck_assert_int_eq(world_wait(&w, 20000), 2);
    const char *last = strstr(world_read(&w, "log"), "event=\"cannot start\"");
    ck_assert_msg(last && strstr(last, "required secret API_KEY is missing"), "%s", world_tail(&w));
    ck_assert_int_eq(world_logged(&w, "event=ready"), 0);
}
END_TEST

/* After it, it is one more death. */
START_TEST(an_app_that_cannot_start_again)
{
    world_start(&w);
    world_await(&w, "good", 5);
    world_script(&w, "nacre-app", "failed");
    ck_assert_int_eq(kill(world_helper(&w, "nacre-app"), SIGKILL), 0);
    world_await_log(&w, "reason=\"required secret API_KEY is missing\"", 2);
    world_script(&w, "nacre-app", "");
    long long good = world_number(&w, "good");
    world_await(&w, "good", good + 10);
    ck_assert_int_eq(world_stop(&w), 0);
}
END_TEST

START_TEST(an_app_that_ends_by_itself)
{
    misbehaves_once("nacre-app", "exit", "exit=9");
}
END_TEST

START_TEST(an_app_that_crashes_at_once)
{
    misbehaves_once("nacre-app", "segv", "signal=SEGV");
}
END_TEST

START_TEST(an_http_that_asks_for_too_much)
{
    w.config.nsm_queue = 3;
    world_script(&w, "nacre-http", "flood");
    world_start(&w);
    world_await(&w, "full", 20);
    world_await(&w, "documents", 3);
    world_await(&w, "good", 10);
    ck_assert_int_eq(world_number(&w, "wrong"), 0);
    ck_assert_int_eq(world_number(&w, "http_restarts"), 0);
}
END_TEST

/* One waits, whatever the queue holds; the others are told at once. */
START_TEST(an_http_that_asks_for_too_many_batches)
{
    w.config.nsm_queue = 1024;
    world_script(&w, "nacre-http", "flood-batch");
    world_start(&w);
    world_await(&w, "full", 20);
    world_await(&w, "documents", 1);
    world_await(&w, "good", 10);
    ck_assert_int_eq(world_number(&w, "wrong"), 0);
    ck_assert_int_eq(world_number(&w, "http_restarts"), 0);
}
END_TEST

START_TEST(an_app_whose_answers_do_not_fit_gets_no_signature)
{
    world_script(&w, "nacre-app", "bad-type");
    world_start(&w);
    world_await_log(&w, "reason=\"bad type\"", 3);
    world_await(&w, "refused", world_number(&w, "refused") + 10);
    ck_assert_int_eq(world_number(&w, "good"), 0);
}
END_TEST

START_TEST(an_app_is_stopped_where_the_configuration_says_so)
{
    w.config.restart_stop_after = 3;
    world_start(&w);
    world_await(&w, "good", 5);
    world_script(&w, "nacre-app", "exit-at-once");
    ck_assert_int_eq(kill(world_helper(&w, "nacre-app"), SIGKILL), 0);
    world_await(&w, "app_state", 3); /* NACRE_HELPER_STOPPED */
    ck_assert_int_eq(world_number(&w, "app_restarts"), 3);
    ck_assert_int_eq(world_logged(&w, "helper stopped for good"), 1);
    ck_assert_int_eq(world_stop(&w), 0); /* the rest went on */
}
END_TEST

START_TEST(without_http_there_is_an_end)
{
    w.config.restart_stop_after = 2;
    world_start(&w);
    world_script(&w, "nacre-http", "exit-at-once");
    ck_assert_int_eq(kill(world_helper(&w, "nacre-http"), SIGKILL), 0);
    ck_assert_int_eq(world_wait(&w, 20000), 3);
    ck_assert_int_eq(world_logged(&w, "event=ended reason=\"nacre-http is not restarted any more\""), 1);
}
END_TEST

/* Helpers live in a PID namespace. When its process 1 is ended, none lives there, ever: nacred says so and ends. */
START_TEST(without_process_1_of_the_helpers_there_is_an_end)
{
    world_start(&w);
    const char *said = strstr(world_read(&w, "log"), "process_1=");
    ck_assert_ptr_nonnull(said);
    pid_t init = (pid_t)strtol(said + strlen("process_1="), NULL, 10);
    if (init == 0) {
        (void)printf("skipped: no PID namespace without root\n");
        return;
    }
    ck_assert_int_eq(kill(init, SIGKILL), 0);
    ck_assert_int_eq(world_wait(&w, 20000), 4);
    ck_assert_int_eq(world_logged(&w, "event=ended reason=\"no helper can be started any more\""), 1);
}
END_TEST

START_TEST(backoff_grows_and_is_shown)
{
    w.config.restart_initial_ms = 20;
    w.config.restart_max_ms = 200;
    world_start(&w);
    world_script(&w, "nacre-app", "exit");
    ck_assert_int_eq(kill(world_helper(&w, "nacre-app"), SIGKILL), 0);
    world_await(&w, "app_restarts", 5);
    ck_assert_int_eq(world_number(&w, "app_backoff"), 200);
    for (int ms = 20; ms <= 160; ms *= 2) {
        char text[64];
        (void)snprintf(text, sizeof text, "restart_in_ms=%d", ms);
        ck_assert_int_eq(world_logged(&w, text), 1 + (ms == 20)); /* 20 is also the start of 200 */
    }
}
END_TEST

START_TEST(who_ignores_stop_is_killed)
{
    world_script(&w, "nacre-app", "ignore-stop");
    world_script(&w, "nacre-http", "ignore-stop");
    world_start(&w);
    ck_assert_int_eq(kill(w.nacred, SIGTERM), 0);
    ck_assert_int_eq(world_wait(&w, 3000), -1); /* it has five seconds */
    ck_assert_int_eq(world_wait(&w, 10000), 0);
    ck_assert_int_eq(world_logged(&w, "reason=\"did not stop in time\""), 2);
}
END_TEST

START_TEST(asked_twice_it_stops_at_once)
{
    world_script(&w, "nacre-http", "ignore-stop");
    world_start(&w);
    ck_assert_int_eq(kill(w.nacred, SIGTERM), 0);
    world_await_log(&w, "event=stopping", 1);
    ck_assert_int_eq(kill(w.nacred, SIGTERM), 0);
    ck_assert_int_eq(world_wait(&w, 3000), 0);
}
END_TEST

START_TEST(helpers_do_not_outlive_nacred)
{
    world_start(&w);
    pid_t app = world_helper(&w, "nacre-app"), http = world_helper(&w, "nacre-http");
    ck_assert_int_eq(kill(w.nacred, SIGKILL), 0);
    ck_assert_int_eq(world_wait(&w, 5000), 1000 + SIGKILL);
    for (int i = 0; i < 500 && (kill(app, 0) == 0 || kill(http, 0) == 0); i++)
        (void)usleep(10000);
    ck_assert(kill(app, 0) != 0 && kill(http, 0) != 0);
}
END_TEST

static int fds_of(pid_t pid)
{
    char path[64];
    int n = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/fd", pid);
    DIR *d = opendir(path);
    if (!d)
        return -1;
    for (struct dirent *e; (e = readdir(d));)
        n += e->d_name[0] != '.';
    (void)closedir(d);
    return n;
}

START_TEST(crashes_leak_no_descriptors)
{
    enum { CRASHES = 40 };
    char up[96];
    world_start(&w);
    world_await(&w, "good", 10);
    int before = fds_of(w.nacred);
    if (before < 0) {
        (void)fprintf(stderr, "skipped: nacred's descriptors can be counted by root only\n");
        return;
    }
    for (int i = 1; i <= CRASHES; i++) {
        const char *helper = i % 2 ? "nacre-app" : "nacre-http";
        ck_assert_int_eq(kill(world_helper(&w, helper), SIGSEGV), 0);
        (void)snprintf(up, sizeof up, "event=\"helper up\" helper=%s", helper);
        world_await_log(&w, up, 1 + (i + 1) / 2);
    }
    world_await(&w, "http_restarts", CRASHES / 2);
    world_await(&w, "good", 20);
    (void)usleep(100000);
    ck_assert_int_eq(fds_of(w.nacred), before);
    ck_assert_int_eq(world_number(&w, "wrong"), 0);
    ck_assert_int_eq(world_stop(&w), 0);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_test(tc, an_app_that_crashes_is_replaced);
    tcase_add_test(tc, an_http_that_crashes_keeps_its_port);
    tcase_add_test(tc, both_at_once);
    tcase_add_test(tc, junk_on_control);
    tcase_add_test(tc, a_message_that_is_another_helpers);
    tcase_add_test(tc, an_attestation_without_a_number);
    tcase_add_test(tc, a_tls_key_that_nobody_wants);
    tcase_add_test(tc, one_tls_key_and_no_other);
    tcase_add_test(tc, a_batch_that_is_neither_one_nor_none);
    tcase_add_test(tc, an_app_that_asks_and_never_listens);
    tcase_add_test(tc, an_app_that_cannot_start);
    tcase_add_test(tc, an_app_that_cannot_start_again);
    tcase_add_test(tc, an_app_that_ends_by_itself);
    tcase_add_test(tc, an_app_that_crashes_at_once);
    tcase_add_test(tc, an_http_that_asks_for_too_much);
    tcase_add_test(tc, an_http_that_asks_for_too_many_batches);
    tcase_add_test(tc, an_app_whose_answers_do_not_fit_gets_no_signature);
    tcase_add_test(tc, an_app_is_stopped_where_the_configuration_says_so);
    tcase_add_test(tc, without_http_there_is_an_end);
    tcase_add_test(tc, without_process_1_of_the_helpers_there_is_an_end);
    tcase_add_test(tc, backoff_grows_and_is_shown);
    tcase_add_test(tc, who_ignores_stop_is_killed);
    tcase_add_test(tc, asked_twice_it_stops_at_once);
    tcase_add_test(tc, helpers_do_not_outlive_nacred);
    tcase_add_test(tc, crashes_leak_no_descriptors);
}

int main(void)
{
    return nacre_run_suite("nacred/supervise", add, 100);
}
