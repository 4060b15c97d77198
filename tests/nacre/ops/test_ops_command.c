#include "ops/command.h"
#include "suite.h"

#include <common/frame.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct nacre_ops_output output;
static char why[4096];

static int shell(const char *script, uint64_t timeout_ms)
{
    const char *const argv[] = {"/bin/sh", "-c", script, NULL};
    why[0] = '\0';
    return nacre_ops_run(argv, timeout_ms, &output, why, sizeof why);
}

static size_t open_fds(void)
{
    size_t n = 0;
    DIR *d = opendir("/proc/self/fd");
    while (readdir(d))
        n++;
    (void)closedir(d);
    return n;
}

START_TEST(output_and_exit_code)
{
    size_t before = open_fds();
    ck_assert_int_eq(shell("printf 'a\\nb'; echo noise >&2; read x && echo input; true", 20000), 0);
    ck_assert_uint_eq(output.out_len, 3);
    ck_assert_str_eq(output.out, "a\nb");
    ck_assert_int_eq(shell("echo '[ E26 ] Insufficient memory' >&2; exit 7", 20000), -EIO);
    ck_assert_ptr_nonnull(strstr(why, "/bin/sh ended with exit code 7: [ E26 ] Insufficient memory"));
    ck_assert_int_eq(shell("kill -9 $$", 20000), -EIO);
    ck_assert_ptr_nonnull(strstr(why, "signal 9"));
    ck_assert_int_eq(shell("true", 20000), 0);
    ck_assert_uint_eq(output.out_len, 0);
    ck_assert_uint_eq(open_fds(), before);
}
END_TEST

START_TEST(no_such_program)
{
    const char *const argv[] = {"/nowhere/at/all", NULL};
    ck_assert_int_eq(nacre_ops_run(argv, 20000, &output, why, sizeof why), -ENOENT);
    ck_assert_ptr_nonnull(strstr(why, "cannot run /nowhere/at/all: No such file"));
}
END_TEST

/* One that hangs, with a child that holds the pipe open: both are gone afterwards. */
START_TEST(time_is_limited)
{
    uint64_t begin = nacre_monotonic_ns();
    ck_assert_int_eq(shell("echo $$; sleep 300 & echo said >&2; wait", 1000), -ETIMEDOUT);
    ck_assert_ptr_nonnull(strstr(why, "did not end within 1000 ms: said"));
    ck_assert_uint_lt(nacre_monotonic_ns() - begin, 15000000000u);
    ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
    /* one that closes its pipes and stays is not waited for either */
    begin = nacre_monotonic_ns();
    ck_assert_int_eq(shell("exec >&- 2>&-; sleep 300", 30000), -EIO);
    ck_assert_uint_lt(nacre_monotonic_ns() - begin, 15000000000u);
}
END_TEST

START_TEST(output_is_limited)
{
    ck_assert_int_eq(shell("head -c 1048576 /dev/zero", 20000), 0);
    ck_assert_uint_eq(output.out_len, NACRE_OPS_OUTPUT);
    ck_assert_int_eq(shell("head -c 1048577 /dev/zero", 20000), -EFBIG);
    ck_assert_ptr_nonnull(strstr(why, "more than 1048576 bytes"));
    ck_assert_int_eq(shell("cat /dev/zero", 20000), -EFBIG);
}
END_TEST

/* The last bytes of what it says are kept, without what a terminal would obey. */
START_TEST(the_end_of_its_errors)
{
    ck_assert_int_eq(shell("i=0; while [ $i -lt 500 ]; do echo 0123456789 >&2; i=$((i+1)); done; "
                           "printf 'the \\033[31mend' >&2; exit 1",
                           20000),
                     -EIO);
    size_t len = strlen(output.errors);
    ck_assert_uint_eq(len, NACRE_OPS_ERRORS);
    ck_assert_str_eq(output.errors + len - 12, "the  [31mend");
    ck_assert_ptr_null(strchr(output.errors, '\n'));
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, output_and_exit_code);
    tcase_add_test(tc, no_such_program);
    tcase_add_test(tc, time_is_limited);
    tcase_add_test(tc, output_is_limited);
    tcase_add_test(tc, the_end_of_its_errors);
}

int main(void)
{
    return nacre_run_suite("ops/command", add, 120);
}
