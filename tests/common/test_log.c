#include "common/json_read.h"
#include "common/log.h"
#include "suite.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

static char text[8192];

/* Runs one log call with standard error in a file, and leaves what it wrote in `text`. */
#define CAPTURE(CALL)                                                                                        \
    do {                                                                                                     \
        int file = memfd_create("log", MFD_CLOEXEC), saved = dup(STDERR_FILENO);                             \
        (void)dup2(file, STDERR_FILENO);                                                                     \
        CALL;                                                                                                \
        (void)dup2(saved, STDERR_FILENO);                                                                    \
        ssize_t n = pread(file, text, sizeof text - 1, 0);                                                   \
        text[n > 0 ? n : 0] = '\0';                                                                          \
        (void)close(file);                                                                                   \
        (void)close(saved);                                                                                  \
    } while (0)

START_TEST(one_line_per_event)
{
    nacre_log_setup("test", NACRE_LEVEL_INFO, false);
    CAPTURE(
        nacre_log_event(NACRE_LEVEL_INFO, "ready", NLS("pk", "ab12"), NLI("port", -3000), NLS("none", NULL)));
    ck_assert_ptr_nonnull(strstr(text, " level=info prog=test event=ready pk=ab12 port=-3000 none=\"\"\n"));
    CAPTURE(nacre_log_event(NACRE_LEVEL_DEBUG, "hidden", NLI("x", 1)));
    ck_assert_str_eq(text, "");
}
END_TEST

START_TEST(values_cannot_forge_lines)
{
    nacre_log_setup("test", NACRE_LEVEL_INFO, false);
    CAPTURE(nacre_log_event(NACRE_LEVEL_WARN, "text", NLS("v", "a b\nlevel=error\x1b[31m\"\\\xc3\xbc")));
    ck_assert_ptr_nonnull(strstr(text, "v=\"a b\\u000alevel=error\\u001b[31m\\\"\\\\\\u00c3\\u00bc\"\n"));
    ck_assert_ptr_eq(strchr(text, '\n'), text + strlen(text) - 1);
}
END_TEST

START_TEST(json_lines)
{
    nacre_log_setup("test", NACRE_LEVEL_INFO, true);
    CAPTURE(nacre_log_event(NACRE_LEVEL_ERROR, "broken", NLS("why", "a \"b\""), NLI("n", 7)));
    ck_assert_ptr_nonnull(strstr(
        text,
        "\"level\":\"error\",\"prog\":\"test\",\"event\":\"broken\",\"why\":\"a \\\"b\\\"\",\"n\":7}\n"));
    ck_assert_int_eq(text[0], '{');
}
END_TEST

START_TEST(json_stays_json_where_it_is_cut)
{
    static char wide[1000];
    struct nacre_json j;
    memset(wide, 0xff, sizeof wide - 1); /* six characters each */
    nacre_log_setup("test", NACRE_LEVEL_INFO, true);
    for (size_t skip = 0; skip < 999; skip++) {
        CAPTURE(nacre_log_event(NACRE_LEVEL_INFO, "long", NLS("a", wide + skip), NLI("n", INT64_MIN),
                                NLS("b", wide), NLS("c", "x")));
        nacre_json_init(&j, text, strlen(text));
        ck_assert_msg(nacre_json_skip(&j, nacre_json_next(&j)) == 0, "%s", text);
        ck_assert_int_eq(nacre_json_next(&j), NACRE_JSON_END);
    }
}
END_TEST

START_TEST(levels_by_name)
{
    ck_assert_int_eq(nacre_log_level_of("debug"), NACRE_LEVEL_DEBUG);
    ck_assert_int_eq(nacre_log_level_of("error"), NACRE_LEVEL_ERROR);
    ck_assert_int_eq(nacre_log_level_of("loud"), NACRE_LEVEL_INFO);
}
END_TEST

START_TEST(long_values_are_cut_and_the_line_stays_one)
{
    static char longer[6000];
    memset(longer, 'x', sizeof longer - 1);
    nacre_log_setup("test", NACRE_LEVEL_INFO, false);
    CAPTURE(nacre_log_event(NACRE_LEVEL_INFO, "long", NLS("a", longer), NLS("b", longer), NLS("c", longer),
                            NLS("d", longer), NLS("e", longer)));
    ck_assert_uint_le(strlen(text), 4000);
    ck_assert_ptr_eq(strchr(text, '\n'), text + strlen(text) - 1);
}
END_TEST

/* Puts `end` in the place of standard error, which stays open as the result. */
static int redirect(int end)
{
    int saved = dup(STDERR_FILENO);
    (void)dup2(end, STDERR_FILENO);
    nacre_log_setup("test", NACRE_LEVEL_INFO, false);
    return saved;
}

static void restore(int saved)
{
    (void)dup2(saved, STDERR_FILENO);
    (void)close(saved);
    nacre_log_setup("test", NACRE_LEVEL_INFO, false);
}

/* A reader that has stopped costs lines and stops nobody; who reads on learns how many. */
static void lose_lines(int ends[2], bool anew)
{
    char page[4096] = {0};
    int saved = redirect(ends[1]);
    if (anew)
        nacre_log_never_wait();
    (void)fcntl(ends[0], F_SETFL, O_NONBLOCK);
    for (unsigned i = 0; i < 3000; i++) /* a write that waits would end in the test's time-out */
        nacre_log_event(NACRE_LEVEL_INFO, "flood", NLB("x", page, 200));
    while (read(ends[0], page, sizeof page) > 0)
        continue;
    nacre_log_event(NACRE_LEVEL_INFO, "again", NLI("n", 1));
    nacre_log_event(NACRE_LEVEL_INFO, "after", NLI("n", 2));
    ssize_t n = read(ends[0], text, sizeof text - 1);
    bool waits = !(fcntl(ends[1], F_GETFL) & O_NONBLOCK);
    restore(saved);
    text[n > 0 ? n : 0] = '\0';
    ck_assert_msg(strstr(text, "event=again lines_lost=") != NULL, "%s", text);
    ck_assert_msg(strtoul(strstr(text, "lines_lost=") + 11, NULL, 10) > 1000, "%s", text);
    ck_assert_msg(strstr(text, "event=after n=2\n") != NULL, "%s", text);
    ck_assert(waits); /* it is others', too */
    (void)close(ends[0]);
    (void)close(ends[1]);
}

START_TEST(a_full_pipe)
{
    int ends[2];
    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
    lose_lines(ends, _i == 1);
}
END_TEST

START_TEST(a_full_socket)
{
    int ends[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    lose_lines(ends, true);
}
END_TEST

START_TEST(nobody_reads)
{
    int ends[2];
    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
    int before = redirect(ends[1]), full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)close(ends[0]);
    nacre_log_event(NACRE_LEVEL_INFO, "into nothing", NLI("n", 1));
    (void)dup2(full, STDERR_FILENO);
    nacre_log_event(NACRE_LEVEL_INFO, "no space", NLI("n", 2));
    (void)dup2(before, STDERR_FILENO);
    CAPTURE(nacre_log_event(NACRE_LEVEL_INFO, "seen", NLI("n", 3)));
    restore(before);
    ck_assert_msg(strstr(text, "event=seen lines_lost=2 n=3\n") != NULL, "%s", text);
    (void)close(ends[1]);
    (void)close(full);
}
END_TEST

/* Against the C library's calendar: every day at odd times up to 2400, and the ends of months and years. */
START_TEST(times)
{
    for (int64_t t = 0; t < INT64_C(13569465600); t += 86399) {
        const struct timespec at = {.tv_sec = t, .tv_nsec = 987654321};
        struct tm utc;
        char want[64], got[32];
        ck_assert_ptr_nonnull(gmtime_r(&at.tv_sec, &utc));
        ck_assert_uint_gt(strftime(want, sizeof want, "%Y-%m-%dT%H:%M:%S.987Z", &utc), 0);
        ck_assert_uint_eq(nacre_log_time(got, sizeof got, &at), strlen(want));
        ck_assert_str_eq(got, want);
    }
    char small[24];
    const struct timespec at = {.tv_sec = 1};
    ck_assert_uint_eq(nacre_log_time(small, sizeof small, &at), 0);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, one_line_per_event);
    tcase_add_test(tc, values_cannot_forge_lines);
    tcase_add_test(tc, json_lines);
    tcase_add_test(tc, json_stays_json_where_it_is_cut);
    tcase_add_test(tc, levels_by_name);
    tcase_add_test(tc, times);
    tcase_add_loop_test(tc, a_full_pipe, 0, 2);
    tcase_add_test(tc, a_full_socket);
    tcase_add_test(tc, nobody_reads);
    tcase_add_test(tc, long_values_are_cut_and_the_line_stays_one);
}

int main(void)
{
    return nacre_run_suite("log", add, 10);
}
