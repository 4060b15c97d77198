#include "dev_dir.h"
#include "file.h"
#include "scratch.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

static char why[512];

static void make_in_scratch(struct nacre_dev_dir *dir)
{
    ck_assert_int_eq(setenv("TMPDIR", scratch, 1), 0);
    ck_assert_msg(nacre_dev_dir_make(dir, NULL, why, sizeof why) == 0, "%s", why);
}

static void fill(const struct nacre_dev_dir *dir)
{
    ck_assert_int_eq(nacre_file_write(dir->manifest, "m", 1, why, sizeof why), 0);
    ck_assert_int_eq(nacre_file_write(dir->root, "r", 1, why, sizeof why), 0);
}

START_TEST(private_directory_lives_as_long_as_the_run)
{
    struct nacre_dev_dir dir;
    struct stat st;
    make_in_scratch(&dir);
    ck_assert_int_eq(stat(dir.path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 07777, 0700);
    ck_assert_ptr_eq(strstr(dir.socket, dir.path), dir.socket);
    fill(&dir);
    ck_assert_int_eq(nacre_dev_dir_remove(&dir), 0);
    ck_assert_int_eq(scratch_count(scratch), 0);
    ck_assert_int_eq(nacre_dev_dir_remove(&dir), 0); /* once is enough */
}
END_TEST

START_TEST(what_cannot_be_removed_is_reported)
{
    struct nacre_dev_dir dir;
    char sub[256];
    make_in_scratch(&dir);
    ck_assert_int_eq(nacre_file_join(sub, sizeof sub, dir.path, "sub"), 0);
    ck_assert_int_eq(mkdir(sub, 0700), 0);
    ck_assert_int_eq(nacre_dev_dir_remove(&dir), -EIO);
    ck_assert_int_eq(rmdir(sub), 0);
    ck_assert_int_eq(rmdir(dir.path), 0);
}
END_TEST

START_TEST(sigkill_leaves_nothing)
{
    pid_t pid = fork();
    if (pid == 0) {
        struct nacre_dev_dir dir;
        (void)setenv("TMPDIR", scratch, 1);
        if (nacre_dev_dir_make(&dir, NULL, why, sizeof why) == 0 &&
            nacre_file_write(dir.manifest, "m", 1, why, sizeof why) == 0)
            (void)raise(SIGKILL);
        _exit(1);
    }
    int status = 0;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    for (unsigned i = 0; i < 500 && scratch_count(scratch) > 0; i++) {
        const struct timespec wait = {0, 10000000};
        (void)nanosleep(&wait, NULL);
    }
    ck_assert_int_eq(scratch_count(scratch), 0);
}
END_TEST

START_TEST(kept_directory_stays)
{
    struct nacre_dev_dir dir;
    char keep[128];
    (void)snprintf(keep, sizeof keep, "%s/kept", scratch);
    for (unsigned run = 0; run < 2; run++) {
        ck_assert_msg(nacre_dev_dir_make(&dir, keep, why, sizeof why) == 0, "%s", why);
        ck_assert_str_eq(dir.path, keep);
        fill(&dir);
        ck_assert_int_eq(nacre_dev_dir_remove(&dir), 0);
        ck_assert_int_eq(scratch_count(keep), 2);
    }
    ck_assert_int_eq(unlink(dir.manifest), 0);
    ck_assert_int_eq(unlink(dir.root), 0);
    ck_assert_int_eq(rmdir(keep), 0);
}
END_TEST

START_TEST(places_that_will_not_do_are_refused)
{
    struct nacre_dev_dir dir = {.keeper = 4711};
    char longer[256];
    ck_assert_int_eq(nacre_file_write(scratch_path("file"), "x", 1, why, sizeof why), 0);
    ck_assert_int_eq(nacre_dev_dir_make(&dir, scratch_path("file"), why, sizeof why), -ENOTDIR);
    ck_assert_int_eq(nacre_dev_dir_make(&dir, scratch_path("no/where"), why, sizeof why), -ENOENT);
    (void)snprintf(longer, sizeof longer, "%s/%0*d", scratch, 90, 0);
    ck_assert_int_eq(nacre_dev_dir_make(&dir, longer, why, sizeof why), -ENAMETOOLONG);
    ck_assert_ptr_nonnull(strstr(why, "at most 93"));
    ck_assert_int_eq(rmdir(longer), 0);
    ck_assert_int_eq(setenv("TMPDIR", "/nonexistent", 1), 0);
    ck_assert_int_eq(nacre_dev_dir_make(&dir, NULL, why, sizeof why), -ENOENT);
    ck_assert_int_eq(dir.keeper, 4711);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_checked_fixture(tc, scratch_make, scratch_remove);
    tcase_add_test(tc, private_directory_lives_as_long_as_the_run);
    tcase_add_test(tc, what_cannot_be_removed_is_reported);
    tcase_add_test(tc, sigkill_leaves_nothing);
    tcase_add_test(tc, kept_directory_stays);
    tcase_add_test(tc, places_that_will_not_do_are_refused);
}

int main(void)
{
    return nacre_run_suite("dev_dir", add, 60);
}
