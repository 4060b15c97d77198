#include "world.h"

#include <arpa/inet.h>
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

/* Refuses with exit code 2, and the last line names both; nothing that starts with a key has happened. */
static void refused(const char *a, const char *b)
{
    world_start_nacred(&w);
    ck_assert_int_eq(world_wait(&w, 20000), 2);
    const char *log = world_read(&w, "log"), *last = strstr(log, "cannot start");
    ck_assert_msg(last && strstr(last, a) && strstr(last, b), "'%s' and '%s' are not named: %s", a, b,
                  world_tail(&w));
    ck_assert_ptr_null(strstr(log, "event=ready"));
    ck_assert_int_eq(world_logged(&w, "helper started"), 0);
}

START_TEST(ready_signs_and_stops)
{
    world_start(&w);
    world_await(&w, "good", 20);
    ck_assert_ptr_nonnull(strstr(world_read(&w, "nacre-http.status"), w.pk));
    ck_assert_int_eq(world_number(&w, "wrong"), 0);
    ck_assert_int_eq(world_number(&w, "clock_ok"), 1);
    world_await(&w, "documents", 2); /* the cached one, and the one with a nonce */
    ck_assert_int_ne(w.port, 0);
    ck_assert_int_eq(world_stop(&w), 0);
    ck_assert_int_eq(world_logged(&w, "event=ended reason=stopped"), 1);
    ck_assert_int_eq(world_logged(&w, "exit=0 restart_in_ms=-1"), 2);
}
END_TEST

START_TEST(sigint_stops_too)
{
    world_start(&w);
    ck_assert_int_eq(kill(w.nacred, SIGINT), 0);
    ck_assert_int_eq(world_wait(&w, 20000), 0);
}
END_TEST

START_TEST(a_plugin_that_is_not_the_manifests)
{
    char expected[NACRE_SHA384_HEX], found[NACRE_SHA384_HEX];
    nacre_hex(found, w.digest, sizeof w.digest);
    w.digest[0] ^= 1;
    nacre_hex(expected, w.digest, sizeof w.digest);
    refused(found, expected);
}
END_TEST

START_TEST(files_that_are_not_there)
{
    char path[PATH_MAX + 64];
    (void)snprintf(path, sizeof path, "%s/plugin", w.dir);
    ck_assert_int_eq(unlink(path), 0);
    refused("plugin", "No such file");
}
END_TEST

START_TEST(no_nsm)
{
    refused(w.config.nsm_transport, "No such file");
}
END_TEST

START_TEST(an_nsm_that_refuses)
{
    world_start_sim(&w, "error:InternalError@LockPCRs");
    refused("PCR", "InternalError");
}
END_TEST

START_TEST(another_plugin_on_a_locked_nsm)
{
    char path[PATH_MAX + 64];
    world_start(&w);
    ck_assert_int_eq(world_stop(&w), 0);
    world_start_nacred(&w); /* the same again is welcome */
    world_await_ready(&w);
    ck_assert_int_eq(world_stop(&w), 0);
    (void)snprintf(path, sizeof path, "%s/log", w.dir);
    ck_assert_int_eq(unlink(path), 0);
    (void)snprintf(path, sizeof path, "%s/plugin", w.dir);
    write_file(path, "another plugin", 14);
    nacre_sha384(w.digest, "another plugin", 14);
    refused("PCR16", "expected");
}
END_TEST

START_TEST(the_check_run_says_no)
{
    world_start_sim(&w, NULL);
    world_script(&w, "nacre-app", "check-failed");
    refused("2 routes", "manifest says 3");
}
END_TEST

START_TEST(the_check_run_ends_without_a_word)
{
    world_start_sim(&w, NULL);
    world_script(&w, "nacre-app", "check-exit");
    refused("without a verdict", "exit code 5");
}
END_TEST

START_TEST(the_check_run_crashes)
{
    world_start_sim(&w, NULL);
    world_script(&w, "nacre-app", "check-segv");
    refused("without a verdict", "11");
}
END_TEST

START_TEST(a_helper_is_missing)
{
    char path[PATH_MAX + 64];
    world_start_sim(&w, NULL);
    (void)snprintf(path, sizeof path, "%s/nacre-app", w.dir);
    ck_assert_int_eq(unlink(path), 0);
    refused(path, "No such file");
}
END_TEST

START_TEST(an_address_in_use)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    ck_assert_int_eq(listen(fd, 1), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    (void)snprintf(w.config.listen_api, NACRE_CONFIG_TEXT, "tcp:127.0.0.1:%u", ntohs(a.sin_port));
    world_start_sim(&w, NULL);
    refused(w.config.listen_api, "in use");
    (void)close(fd);
}
END_TEST

START_TEST(no_secrets_file)
{
    (void)snprintf(w.config.secrets_source, NACRE_CONFIG_TEXT, "file:/nowhere/at/all");
    world_start_sim(&w, NULL);
    refused("file:/nowhere/at/all", "No such file");
}
END_TEST

START_TEST(an_nsm_that_comes_to_its_senses)
{
    world_start_sim(&w, "error:InternalError@Attestation#2");
    world_start_nacred(&w);
    world_await_ready(&w);
    ck_assert_int_ge(world_logged(&w, "no time from the NSM"),
                     1); /* the other may have hit a nonce's document */
    world_await(&w, "good", 5);
    ck_assert_int_eq(world_number(&w, "nsm_errors"), 2);
}
END_TEST

START_TEST(signing_outlives_the_nsm)
{
    w.config.clock_interval_s = 1;
    world_start(&w);
    world_await(&w, "good", 5);
    ck_assert_int_eq(kill(w.sim, SIGKILL), 0);
    world_await(&w, "nsm_errors", 1);
    long long before = world_number(&w, "good");
    world_await(&w, "good", before + 50);
    ck_assert_int_eq(world_number(&w, "wrong"), 0);
}
END_TEST

START_TEST(secrets_reach_every_app)
{
    char path[PATH_MAX + 64];
    (void)snprintf(path, sizeof path, "%s/secrets.json", w.dir);
    write_file(path, "{\"API_KEY\":\"x\"}", 15);
    (void)snprintf(w.config.secrets_source, NACRE_CONFIG_TEXT, "file:%.200s/secrets.json", w.dir);
    world_start(&w);
    ck_assert_str_eq(world_read(&w, "nacre-app.secrets"), "{\"API_KEY\":\"x\"}");
    world_clear(&w, "nacre-app.secrets");
    ck_assert_int_eq(kill(world_helper(&w, "nacre-app"), SIGSEGV), 0);
    world_await_log(&w, "event=\"helper up\" helper=nacre-app", 2);
    ck_assert_str_eq(world_read(&w, "nacre-app.secrets"), "{\"API_KEY\":\"x\"}");
    ck_assert_int_eq(world_logged(&w, "API_KEY"), 0);
}
END_TEST

/* A listener that is on the allow list, and an app that plays `word`. */
static int start_with_upstream(const char *word)
{
    static char address[64];
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    ck_assert_int_eq(listen(fd, 300), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    (void)snprintf(address, sizeof address, "tcp:127.0.0.1:%u", ntohs(a.sin_port));
    w.allow[0] = (struct nacre_endpoint_decl){.host = "up.example", .port = 443, .connect = address};
    w.allow[1] = (struct nacre_endpoint_decl){.host = "none.example", .port = 443, .connect = "none"};
    w.n_allow = 2;
    world_script(&w, "nacre-app", word);
    world_start(&w);
    return fd;
}

static const char *await_connected(const char *text)
{
    for (int i = 0; i < 1000 && !strstr(world_read(&w, "nacre-app.connected"), text); i++)
        (void)usleep(10000);
    return world_read(&w, "nacre-app.connected");
}

START_TEST(the_broker_answers_by_index)
{
    int fd = start_with_upstream("connect");
    const char *seen = await_connected("4:");
    ck_assert_msg(strstr(seen, "0:0:1") && strstr(seen, "1:113:0") && strstr(seen, "2:13:0"), "%s", seen);
    (void)close(fd);
}
END_TEST

/* More than may be in flight: the others wait their turn, and none is refused. */
START_TEST(many_connects_at_once)
{
    int fd = start_with_upstream("connect-many"), good = 0;
    for (int tries = 0; tries < 1000 && good < 200; tries++) {
        good = 0;
        (void)usleep(10000);
        for (const char *at = await_connected("0:"); (at = strstr(at, ":0:1 ")); at++)
            good++;
    }
    ck_assert_int_eq(good, 200);
    (void)close(fd);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_test(tc, ready_signs_and_stops);
    tcase_add_test(tc, sigint_stops_too);
    tcase_add_test(tc, a_plugin_that_is_not_the_manifests);
    tcase_add_test(tc, files_that_are_not_there);
    tcase_add_test(tc, no_nsm);
    tcase_add_test(tc, an_nsm_that_refuses);
    tcase_add_test(tc, another_plugin_on_a_locked_nsm);
    tcase_add_test(tc, the_check_run_says_no);
    tcase_add_test(tc, the_check_run_ends_without_a_word);
    tcase_add_test(tc, the_check_run_crashes);
    tcase_add_test(tc, a_helper_is_missing);
    tcase_add_test(tc, an_address_in_use);
    tcase_add_test(tc, no_secrets_file);
    tcase_add_test(tc, an_nsm_that_comes_to_its_senses);
    tcase_add_test(tc, signing_outlives_the_nsm);
    tcase_add_test(tc, secrets_reach_every_app);
    tcase_add_test(tc, the_broker_answers_by_index);
    tcase_add_test(tc, many_connects_at_once);
}

int main(void)
{
    return nacre_run_suite("nacred/boot", add, 60);
}
