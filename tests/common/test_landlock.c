#include "common/landlock.h"
#include "common/sandbox.h"
#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int in_child(int (*body)(void))
{
    int status;
    pid_t pid = fork();
    if (pid == 0)
        _exit(nacre_sandbox_basics() ? 99 : body());
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static bool opens(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC, 0600);
    if (fd >= 0)
        (void)close(fd);
    return fd >= 0;
}

static int reads_only(void)
{
    if (nacre_landlock_read_only())
        return 1;
    if (!opens("/etc/passwd", O_RDONLY) || opens("/dev/null", O_WRONLY) || opens("/dev/full", O_RDWR))
        return 2;
    return opens("/tmp/nacre-landlock", O_RDWR | O_CREAT) || errno != EACCES ? 3 : 0;
}

static int opens_nothing(void)
{
    char byte;
    int before = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
    if (nacre_landlock_read_only() || nacre_landlock_nothing())
        return 1;
    if (opens("/etc/passwd", O_RDONLY) || errno != EACCES || opens("/", O_RDONLY | O_DIRECTORY))
        return 2;
    return read(before, &byte, 1) == 1 ? 0 : 3; /* what is open stays open */
}

static pid_t victim;

static int reaches_nobody(void)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (nacre_landlock_nothing())
        return 1;
    if (nacre_landlock_version() >= 4 &&
        (connect(fd, (struct sockaddr *)&to, sizeof to) == 0 || errno != EACCES))
        return 2;
    if (nacre_landlock_version() >= 6 && (kill(victim, SIGUSR1) == 0 || errno != EPERM))
        return 3;
    return 0;
}

START_TEST(reading)
{
    ck_assert_int_eq(in_child(reads_only), 0);
}
END_TEST

START_TEST(nothing)
{
    ck_assert_int_eq(in_child(opens_nothing), 0);
}
END_TEST

START_TEST(others)
{
    victim = getpid();
    ck_assert_int_eq(in_child(reaches_nobody), 0);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, reading);
    tcase_add_test(tc, nothing);
    tcase_add_test(tc, others);
}

static void add_none(TCase *tc)
{
    (void)tc;
}

int main(void)
{
    if (nacre_landlock_version() > 0)
        return nacre_run_suite("landlock", add, 10);
    (void)printf("skipped: this kernel has no Landlock\n");
    return nacre_run_suite("landlock", add_none, 10);
}
