#include "nacred/secrets.h"
#include "support.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define S UINT64_C(1000000000)

static char dir[PATH_MAX], source[PATH_MAX + 16];
static struct nacre_secrets secrets;
static uint8_t data[NACRE_SECRETS_BLOB + 2];

static void begin(void)
{
    make_dir(dir);
    secrets = (struct nacre_secrets){.epoll = epoll_create1(EPOLL_CLOEXEC), .tag = 42};
    randombytes_buf(data, sizeof data);
}

static void end(void)
{
    nacre_secrets_close(&secrets);
    (void)close(secrets.epoll);
    drop_dir(dir);
}

/* Turns of a main loop until nothing happens any more; the last thing that happened. */
static const char *turns(uint64_t now)
{
    struct epoll_event event;
    const char *what, *last = NULL;
    while (epoll_wait(secrets.epoll, &event, 1, 50) == 1)
        while (nacre_secrets_step(&secrets, now, &what))
            last = what;
    return last;
}

static int dial(void)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)snprintf(a.sun_path, sizeof a.sun_path, "%.100s", source + 5);
    if (connect(fd, (struct sockaddr *)&a, sizeof a) == 0)
        return fd;
    (void)close(fd);
    return -1;
}

static void listen_here(void)
{
    struct stat st;
    (void)snprintf(source, sizeof source, "unix:%s/secrets", dir);
    ck_assert_int_eq(nacre_secrets_open(&secrets, source, 300), 0);
    ck_assert_int_eq(stat(source + 5, &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777u, 0600);
    ck_assert(!secrets.settled);
}

START_TEST(none_is_settled_at_once)
{
    const char *what;
    ck_assert_int_eq(nacre_secrets_open(&secrets, "none", 300), 0);
    ck_assert(secrets.settled);
    ck_assert_uint_eq(secrets.len, 0);
    ck_assert(!nacre_secrets_step(&secrets, UINT64_MAX, &what));
}
END_TEST

START_TEST(a_file_and_its_limit)
{
    (void)snprintf(source, sizeof source, "file:%s/secrets", dir);
    ck_assert_int_eq(nacre_secrets_open(&secrets, source, 300), -ENOENT);
    write_file(source + 5, data, NACRE_SECRETS_BLOB + 1);
    ck_assert_int_eq(nacre_secrets_open(&secrets, source, 300), -EFBIG);
    ck_assert_ptr_null(secrets.blob);
    write_file(source + 5, data, NACRE_SECRETS_BLOB);
    ck_assert_int_eq(nacre_secrets_open(&secrets, source, 300), 0);
    ck_assert(secrets.settled);
    ck_assert_uint_eq(secrets.len, NACRE_SECRETS_BLOB);
    ck_assert_mem_eq(secrets.blob, data, NACRE_SECRETS_BLOB);
    (void)snprintf(source, sizeof source, "file:%s", dir);
    struct nacre_secrets other = {.epoll = secrets.epoll};
    ck_assert_int_eq(nacre_secrets_open(&other, source, 300), -EISDIR);
}
END_TEST

START_TEST(a_connection_in_pieces)
{
    listen_here();
    int fd = dial();
    for (size_t at = 0; at < NACRE_SECRETS_BLOB; at += 4096) {
        ck_assert_int_eq(write(fd, data + at, 4096), 4096);
        ck_assert_ptr_null(turns(0));
        ck_assert(!secrets.settled);
    }
    (void)close(fd);
    ck_assert_str_eq(turns(0), "secrets received");
    ck_assert(secrets.settled);
    ck_assert_uint_eq(secrets.len, NACRE_SECRETS_BLOB);
    ck_assert_mem_eq(secrets.blob, data, NACRE_SECRETS_BLOB);
    ck_assert_int_eq(dial(), -1); /* received once */
}
END_TEST

START_TEST(empty_and_oversized_ones_leave_the_door_open)
{
    listen_here();
    (void)close(dial());
    ck_assert_ptr_nonnull(strstr(turns(0), "empty"));
    int fd = dial();
    ck_assert_int_eq(write(fd, data, sizeof data), (ssize_t)sizeof data);
    ck_assert_ptr_nonnull(strstr(turns(0), "refused"));
    ck_assert_uint_eq(secrets.len, 0);
    ck_assert_int_eq(sodium_is_zero(secrets.blob, NACRE_SECRETS_BLOB + 1), 1);
    (void)close(fd);
    fd = dial();
    ck_assert_int_eq(write(fd, "{}", 2), 2);
    (void)close(fd);
    ck_assert_str_eq(turns(0), "secrets received");
    ck_assert_uint_eq(secrets.len, 2);
}
END_TEST

START_TEST(one_after_the_other)
{
    listen_here();
    int first = dial(), second = dial();
    ck_assert_int_eq(write(first, "{\"a\":", 5), 5);
    ck_assert_int_eq(write(second, "{\"b\":1}", 7), 7);
    (void)close(second);
    ck_assert_ptr_null(turns(0)); /* and turns() ended: the waiting one did not keep us busy */
    ck_assert_uint_eq(secrets.len, 5);
    ck_assert_int_eq(write(first, "1}", 2), 2);
    (void)close(first);
    ck_assert_str_eq(turns(0), "secrets received");
    ck_assert_mem_eq(secrets.blob, "{\"a\":1}", 7);
}
END_TEST

START_TEST(who_takes_too_long_makes_room_for_the_next)
{
    const char *what = NULL;
    uint64_t now = nacre_monotonic_ns();
    listen_here();
    int first = dial();
    ck_assert_int_eq(write(first, "{", 1), 1);
    ck_assert_ptr_null(turns(now));
    int second = dial();
    ck_assert_int_eq(write(second, "{}", 2), 2);
    (void)close(second);
    ck_assert_ptr_null(turns(now));
    ck_assert(nacre_secrets_step(&secrets, now + 11 * S, &what)); /* the main loop's tick */
    ck_assert_ptr_nonnull(strstr(what, "too long"));
    ck_assert(nacre_secrets_step(&secrets, now + 11 * S, &what));
    ck_assert_str_eq(what, "secrets received");
    ck_assert_mem_eq(secrets.blob, "{}", 2);
    (void)close(first);
}
END_TEST

START_TEST(gives_up_in_time_and_keeps_nothing)
{
    const char *what = NULL;
    uint64_t now = nacre_monotonic_ns();
    listen_here();
    ck_assert(!nacre_secrets_step(&secrets, now + 299 * S, &what));
    int fd = dial();
    ck_assert_int_eq(write(fd, "{\"half\":", 8), 8);
    ck_assert_ptr_null(turns(now + 299 * S));
    ck_assert(nacre_secrets_step(&secrets, now + 301 * S, &what));
    ck_assert_ptr_nonnull(strstr(what, "without"));
    ck_assert(secrets.settled);
    ck_assert_uint_eq(secrets.len, 0);
    ck_assert_int_eq(sodium_is_zero(secrets.blob, NACRE_SECRETS_BLOB + 1), 1);
    ck_assert_int_eq(dial(), -1);
    (void)close(fd);
}
END_TEST

START_TEST(sources_out_of_form)
{
    size_t before = open_fds();
    ck_assert_int_eq(nacre_secrets_open(&secrets, "vsock:x", 300), -EINVAL);
    ck_assert_int_eq(nacre_secrets_open(&secrets, "unix:/nowhere/at/all", 300), -ENOENT);
    ck_assert_int_eq(nacre_secrets_open(&secrets, "unix:", 300), -EINVAL);
    ck_assert_uint_eq(open_fds(), before);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_test(tc, none_is_settled_at_once);
    tcase_add_test(tc, a_file_and_its_limit);
    tcase_add_test(tc, a_connection_in_pieces);
    tcase_add_test(tc, empty_and_oversized_ones_leave_the_door_open);
    tcase_add_test(tc, one_after_the_other);
    tcase_add_test(tc, who_takes_too_long_makes_room_for_the_next);
    tcase_add_test(tc, gives_up_in_time_and_keeps_nothing);
    tcase_add_test(tc, sources_out_of_form);
}

int main(void)
{
    if (sodium_init() < 0)
        return 1;
    return nacre_run_suite("nacred/secrets", add, 20);
}
