#include "dev_child.h"
#include "suite.h"

#include <common/frame.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char why[512];
static struct nacre_dev_child child;

static void start(const char *script)
{
    const char *const argv[] = {"/bin/sh", "-c", script, NULL};
    ck_assert_msg(nacre_dev_child_start(&child, "script", argv, why, sizeof why) == 0, "%s", why);
}

static int read_line(void)
{
    int rc = 0;
    for (unsigned i = 0; i < 100 && rc == 0; i++) {
        struct pollfd p = {.fd = child.ready_fd, .events = POLLIN};
        ck_assert_int_ge(poll(&p, 1, 1000), 0);
        rc = nacre_dev_child_read(&child);
    }
    return rc;
}

START_TEST(ready_line_comes_whole)
{
    start("printf 'ready ' >&3; sleep 0.1; printf '7\\nmore' >&3; exec sleep 60");
    ck_assert_int_eq(read_line(), 1);
    ck_assert_str_eq(child.line, "ready 7");
    ck_assert_int_eq(child.ready_fd, -1);
    ck_assert(!nacre_dev_child_ended(&child));
    /* sleep dies of SIGTERM, which is no clean end */
    ck_assert_int_eq(nacre_dev_child_stop(&child, 10000), -EIO);
    nacre_dev_child_describe(&child, why, sizeof why);
    ck_assert_str_eq(why, "script was ended by signal 15 (Terminated)");
}
END_TEST

START_TEST(line_without_end_is_refused)
{
    start("exec 2>/dev/null; while :; do printf 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' >&3 || exit 0; done");
    ck_assert_int_eq(read_line(), -EBADMSG);
    ck_assert_int_lt(nacre_dev_child_stop(&child, 10000), 1);
    ck_assert_int_eq(child.pid, 0);
}
END_TEST

START_TEST(early_end_is_seen_and_described)
{
    start("exit 7");
    ck_assert_int_eq(read_line(), -EPIPE);
    ck_assert_int_eq(nacre_dev_child_stop(&child, 10000), -EIO);
    nacre_dev_child_describe(&child, why, sizeof why);
    ck_assert_str_eq(why, "script stopped with exit code 7");
}
END_TEST

START_TEST(clean_end_is_clean)
{
    start("trap 'exit 0' TERM; printf 'ready\\n' >&3; while :; do sleep 0.01; done");
    ck_assert_int_eq(read_line(), 1);
    ck_assert_int_eq(nacre_dev_child_stop(&child, 10000), 0);
    ck_assert_int_eq(nacre_dev_child_stop(&child, 10000), 0);
}
END_TEST

START_TEST(who_does_not_listen_is_killed)
{
    start("trap '' TERM; printf 'ready\\n' >&3; while :; do sleep 0.01; done");
    ck_assert_int_eq(read_line(), 1);
    uint64_t begin = nacre_monotonic_ns();
    ck_assert_int_eq(nacre_dev_child_stop(&child, 200), -ETIMEDOUT);
    ck_assert_uint_ge(nacre_monotonic_ns() - begin, 200000000u);
    ck_assert_int_eq(child.pid, 0);
}
END_TEST

START_TEST(it_inherits_nothing_but_its_three_and_the_ready_line)
{
    int extra = dup(STDERR_FILENO), extra_high = dup2(STDERR_FILENO, 77);
    ck_assert_int_ge(extra, 0);
    ck_assert_int_eq(extra_high, 77);
    ck_assert_ptr_ne(signal(SIGPIPE, SIG_IGN), SIG_ERR);
    /* 4 is the directory that ls itself reads; SIGPIPE is the lowest bit of the fourth digit from the end. */
    start("printf '%s ' \"$(ls -m /proc/self/fd)\" >&3;"
          " [ \"$(readlink /proc/$$/fd/0)\" = /dev/null ] && printf 'null ' >&3;"
          " [ \"$(readlink /proc/$$/fd/1)\" = \"$(readlink /proc/$$/fd/2)\" ] && printf 'same ' >&3;"
          " grep -q 'SigIgn:.*[02468ace]...$' /proc/self/status && printf 'default ' >&3;"
          " grep -q 'SigBlk:.*0000$' /proc/self/status && printf 'unblocked' >&3; printf '\\n' >&3");
    ck_assert_int_eq(read_line(), 1);
    ck_assert_str_eq(child.line, "0, 1, 2, 3, 4 null same default unblocked");
    while (!nacre_dev_child_ended(&child))
        (void)usleep(1000);
    ck_assert_int_eq(nacre_dev_child_stop(&child, 10000), 0);
    (void)close(extra);
    (void)close(extra_high);
}
END_TEST

START_TEST(missing_programs_are_named)
{
    const char *const argv[] = {"/nonexistent/program", NULL};
    ck_assert_int_eq(nacre_dev_child_start(&child, "x", argv, why, sizeof why), -ENOENT);
    ck_assert_ptr_nonnull(strstr(why, "/nonexistent/program"));
    ck_assert(!nacre_dev_child_ended(&child));
    ck_assert_int_eq(nacre_dev_child_stop(&child, 1000), 0);
}
END_TEST

/* The pid of a process that was started by one that then got SIGKILL; it must be gone as well. */
START_TEST(it_dies_with_its_parent)
{
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    pid_t parent = fork();
    if (parent == 0) {
        const char *const argv[] = {"/bin/sh", "-c", "trap '' TERM INT HUP; while :; do sleep 0.05; done",
                                    NULL};
        if (nacre_dev_child_start(&child, "x", argv, why, sizeof why) == 0 &&
            write(ends[1], &child.pid, sizeof child.pid) == (ssize_t)sizeof child.pid)
            (void)raise(SIGKILL);
        _exit(1);
    }
    pid_t grandchild = 0;
    ck_assert_int_eq(read(ends[0], &grandchild, sizeof grandchild), (ssize_t)sizeof grandchild);
    int status = 0;
    ck_assert_int_eq(waitpid(parent, &status, 0), parent);
    ck_assert(WIFSIGNALED(status));
    char path[64], state = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)grandchild);
    for (unsigned i = 0; i < 500; i++) {
        const struct timespec wait = {0, 10000000};
        FILE *f = fopen(path, "r");
        state = 0;
        if (f && fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
            state = 0;
        if (f)
            (void)fclose(f);
        if (!f || state == 'Z')
            break;
        (void)nanosleep(&wait, NULL);
    }
    ck_assert_msg(state == 0 || state == 'Z', "still in state %c", state);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, ready_line_comes_whole);
    tcase_add_test(tc, line_without_end_is_refused);
    tcase_add_test(tc, early_end_is_seen_and_described);
    tcase_add_test(tc, clean_end_is_clean);
    tcase_add_test(tc, who_does_not_listen_is_killed);
    tcase_add_test(tc, it_inherits_nothing_but_its_three_and_the_ready_line);
    tcase_add_test(tc, missing_programs_are_named);
    tcase_add_test(tc, it_dies_with_its_parent);
}

int main(void)
{
    return nacre_run_suite("dev_child", add, 60);
}
