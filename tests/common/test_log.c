#include "common/json_read.h"
#include "common/log.h"
#include "suite.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
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
    tcase_add_test(tc, long_values_are_cut_and_the_line_stays_one);
}

int main(void)
{
    return nacre_run_suite("log", add, 10);
}
