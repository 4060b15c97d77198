#include "file.h"
#include "scratch.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static char why[512];

START_TEST(what_is_written_is_read)
{
    uint8_t *data = NULL;
    size_t len = 0;
    struct stat st;
    (void)umask(022);
    ck_assert_msg(nacre_file_write(scratch_path("f"), "a\0b", 3, why, sizeof why) == 0, "%s", why);
    ck_assert_int_eq(nacre_file_write(scratch_path("f"), "second", 6, why, sizeof why), 0);
    ck_assert_int_eq(nacre_file_read(&data, &len, scratch_path("f"), 6, why, sizeof why), 0);
    ck_assert_uint_eq(len, 6);
    ck_assert_str_eq((const char *)data, "second");
    free(data);
    ck_assert_int_eq(stat(scratch_path("f"), &st), 0);
    ck_assert_uint_eq(st.st_mode & 07777, 0644);
    ck_assert_int_eq(scratch_count(scratch), 1);
}
END_TEST

START_TEST(failures_leave_all_as_it_was)
{
    uint8_t *data = NULL;
    size_t len = 77;
    ck_assert_int_eq(nacre_file_write(scratch_path("f"), "1234567", 7, why, sizeof why), 0);
    ck_assert_int_eq(nacre_file_read(&data, &len, scratch_path("f"), 6, why, sizeof why), -EFBIG);
    ck_assert_ptr_nonnull(strstr(why, "7 bytes, at most 6"));
    ck_assert_int_eq(nacre_file_read(&data, &len, scratch, 6, why, sizeof why), -EINVAL);
    ck_assert_int_eq(nacre_file_read(&data, &len, scratch_path("missing"), 6, why, sizeof why), -ENOENT);
    ck_assert_int_eq(mkfifo(scratch_path("fifo"), 0600), 0);
    ck_assert_int_eq(nacre_file_read(&data, &len, scratch_path("fifo"), 6, why, sizeof why), -EINVAL);
    ck_assert_ptr_null(data);
    ck_assert_uint_eq(len, 77);
    ck_assert_int_eq(nacre_file_write(scratch_path("no/where"), "x", 1, why, sizeof why), -ENOENT);
    /* A directory cannot be replaced by a file, and the attempt leaves no temporary behind. */
    ck_assert_int_eq(mkdir(scratch_path("d"), 0700), 0);
    ck_assert_int_lt(nacre_file_write(scratch_path("d"), "x", 1, why, sizeof why), 0);
    ck_assert_int_eq(scratch_count(scratch), 3);
    ck_assert_int_eq(rmdir(scratch_path("d")), 0);
}
END_TEST

START_TEST(paths_are_joined_within_their_room)
{
    char out[8];
    ck_assert_int_eq(nacre_file_join(out, sizeof out, "/a", "b"), 0);
    ck_assert_str_eq(out, "/a/b");
    ck_assert_int_eq(nacre_file_join(out, sizeof out, "/a/", "b"), 0);
    ck_assert_str_eq(out, "/a/b");
    ck_assert_int_eq(nacre_file_join(out, sizeof out, "/abc", "def"), -ENAMETOOLONG);
    char own[4096];
    ck_assert_int_eq(nacre_file_own_dir(own, sizeof own), 0);
    ck_assert(own[0] == '/' && own[strlen(own) - 1] != '/');
    ck_assert_int_eq(nacre_file_own_dir(out, 2), -ENAMETOOLONG);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_checked_fixture(tc, scratch_make, scratch_remove);
    tcase_add_test(tc, what_is_written_is_read);
    tcase_add_test(tc, failures_leave_all_as_it_was);
    tcase_add_test(tc, paths_are_joined_within_their_room);
}

int main(void)
{
    return nacre_run_suite("file", add, 30);
}
