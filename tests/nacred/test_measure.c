#include "nacred/measure.h"
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[PATH_MAX], path[PATH_MAX + 8];

static void begin(void)
{
    make_dir(dir);
    (void)snprintf(path, sizeof path, "%s/f", dir);
}

static void end(void)
{
    drop_dir(dir);
}

START_TEST(what_was_measured_stays_whatever_the_path_says)
{
    uint8_t expected[NACRE_SHA384_LEN], digest[NACRE_SHA384_LEN], data[100000];
    memset(data, 'x', sizeof data);
    write_file(path, data, sizeof data);
    nacre_sha384(expected, data, sizeof data);
    int fd = nacre_measure_load(path, sizeof data);
    ck_assert_int_ge(fd, 0);
    write_file(path, "another", 7);
    ck_assert_int_eq(nacre_measure_digest(fd, digest), 0);
    ck_assert_mem_eq(digest, expected, sizeof digest);
    (void)close(fd);
}
END_TEST

START_TEST(nobody_can_change_it)
{
    write_file(path, "measured", 8);
    int fd = nacre_measure_load(path, 8);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(fcntl(fd, F_GET_SEALS), F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
    ck_assert_int_eq(pwrite(fd, "X", 1, 0), -1);
    ck_assert_int_eq(ftruncate(fd, 1), -1);
    ck_assert_int_eq(ftruncate(fd, 100), -1);
    ck_assert_ptr_eq(mmap(NULL, 8, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
    ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
    (void)close(fd);
}
END_TEST

START_TEST(bounds_and_kinds)
{
    uint8_t digest[NACRE_SHA384_LEN], expected[NACRE_SHA384_LEN];
    size_t before = open_fds();
    write_file(path, "measured", 8);
    ck_assert_int_eq(nacre_measure_load(path, 7), -EFBIG);
    ck_assert_int_eq(nacre_measure_load("/nowhere/at/all", 7), -ENOENT);
    ck_assert_int_eq(nacre_measure_load(dir, 100), -EINVAL);
    ck_assert_int_eq(nacre_measure_load("/dev/zero", 100), -EINVAL);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(mkfifo(path, 0600), 0); /* nobody will ever write to it */
    ck_assert_int_eq(nacre_measure_load(path, 100), -EINVAL);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_uint_eq(open_fds(), before);
    write_file(path, "", 0);
    int fd = nacre_measure_load(path, 0);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(nacre_measure_digest(fd, digest), 0);
    nacre_sha384(expected, "", 0);
    ck_assert_mem_eq(digest, expected, sizeof digest);
    (void)close(fd);
    ck_assert_int_eq(nacre_measure_digest(-1, digest), -EBADF);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_test(tc, what_was_measured_stays_whatever_the_path_says);
    tcase_add_test(tc, nobody_can_change_it);
    tcase_add_test(tc, bounds_and_kinds);
}

int main(void)
{
    return nacre_run_suite("nacred/measure", add, 20);
}
