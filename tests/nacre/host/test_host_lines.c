#include "host/console.h"

#include <string.h>

#include "suite.h"

static struct nacre_hd_lines lines;

static bool next(const char **data, size_t *len)
{
    return nacre_hd_line_next(&lines, data, len);
}

START_TEST(lines_come_whole_however_they_arrive)
{
    const char *data = "one\r\ntw";
    size_t len = strlen(data);
    memset(&lines, 0, sizeof lines);
    ck_assert(next(&data, &len));
    ck_assert_str_eq(lines.text, "one");
    ck_assert(!next(&data, &len));
    data = "o\n\nthree";
    len = strlen(data);
    ck_assert(next(&data, &len));
    ck_assert_str_eq(lines.text, "two");
    ck_assert(next(&data, &len));
    ck_assert_str_eq(lines.text, "");
    ck_assert(!next(&data, &len));
    ck_assert_uint_eq(len, 0);
}
END_TEST

START_TEST(a_long_line_is_cut_and_the_next_is_whole)
{
    static char text[3 * NACRE_HD_LINE_MAX];
    memset(&lines, 0, sizeof lines);
    memset(text, 'x', sizeof text);
    text[2 * NACRE_HD_LINE_MAX] = '\n';
    text[sizeof text - 1] = '\n';
    const char *data = text;
    size_t len = sizeof text;
    ck_assert(next(&data, &len));
    ck_assert_uint_eq(strlen(lines.text), NACRE_HD_LINE_MAX - 1);
    ck_assert(next(&data, &len));
    ck_assert_ptr_eq(data, text + sizeof text);
}
END_TEST

START_TEST(what_a_terminal_would_obey_is_replaced)
{
    const char *data = "a\033[2Jb\tc\x80\0d\n";
    size_t len = 12;
    memset(&lines, 0, sizeof lines);
    ck_assert(next(&data, &len));
    ck_assert_str_eq(lines.text, "a?[2Jb?c??d");
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, lines_come_whole_however_they_arrive);
    tcase_add_test(tc, a_long_line_is_cut_and_the_next_is_whole);
    tcase_add_test(tc, what_a_terminal_would_obey_is_replaced);
}

int main(void)
{
    return nacre_run_suite("host_lines", add, 30);
}
