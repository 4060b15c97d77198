#include "fake_nsm.h"
#include "nacred/init.h"
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[PATH_MAX], path[PATH_MAX + 64], why[NACRE_INIT_WHY];

/* A namespace of this test's own; false, and a line that says so, where that is not permitted. */
static bool alone(int flags)
{
    if (unshare(flags) == 0 &&
        (!(flags & CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0))
        return true;
    (void)printf("skipped: no namespace of our own: %s\n", strerror(errno));
    return false;
}

static const char *below(const char *name)
{
    (void)snprintf(path, sizeof path, "%s%s", dir, name);
    return path;
}

static const char *const places[] = {"/dev", "/proc", "/sys", "/run", "/tmp"};
#define PLACES (sizeof places / sizeof places[0])

static void make_root(void)
{
    make_dir(dir);
    for (size_t i = 0; i < PLACES; i++)
        ck_assert_int_eq(mkdir(below(places[i]), 0755), 0);
}

/* Never by a walk through the tree: the devices down there are those of this machine. */
static void drop_root(void)
{
    for (size_t i = 0; i < PLACES; i++) {
        (void)umount2(below(places[i]), MNT_DETACH);
        (void)rmdir(path);
    }
    ck_assert_int_eq(rmdir(dir), 0);
}

static unsigned long flags_of(const char *name)
{
    struct statvfs st;
    ck_assert_int_eq(statvfs(below(name), &st), 0);
    return st.f_flag & (ST_NOSUID | ST_NODEV | ST_NOEXEC | ST_RDONLY);
}

START_TEST(mounts)
{
    const unsigned long strict = ST_NOSUID | ST_NODEV | ST_NOEXEC;
    struct stat st;
    if (!alone(CLONE_NEWNS))
        return;
    make_root();
    ck_assert_msg(nacre_init_mounts(dir, why) == 0, "%s", why);
    ck_assert_uint_eq(flags_of("/dev"), ST_NOSUID | ST_NOEXEC);
    ck_assert_uint_eq(flags_of("/proc"), strict);
    ck_assert_uint_eq(flags_of("/sys"), strict | ST_RDONLY);
    ck_assert_uint_eq(flags_of("/run"), strict);
    ck_assert_uint_eq(flags_of("/tmp"), strict);
    ck_assert_int_eq(stat(below("/dev/null"), &st), 0);
    ck_assert(S_ISCHR(st.st_mode));
    ck_assert_int_eq(access(below("/proc/self/exe"), R_OK), 0);
    ck_assert_int_eq(access(below("/sys/kernel"), R_OK), 0);
    ck_assert_int_eq(stat(below("/tmp"), &st), 0);
    ck_assert_int_eq(st.st_mode & 07777, 01777);
    ck_assert_int_eq(stat(below("/run"), &st), 0);
    ck_assert_int_eq(st.st_mode & 07777, 0755);
    drop_root();
}
END_TEST

/* hidepid: another user's processes are not there. */
START_TEST(processes_of_others_are_hidden)
{
    char other[64];
    int status;
    if (!alone(CLONE_NEWNS))
        return;
    make_root();
    ck_assert_int_eq(chmod(dir, 0755), 0);
    ck_assert_int_eq(nacre_init_mounts(dir, why), 0);
    (void)snprintf(other, sizeof other, "/proc/%d/status", getpid());
    ck_assert_int_eq(access(below(other), R_OK), 0);
    pid_t pid = fork();
    if (pid == 0)
        _exit(setgid(1002) == 0 && setuid(1002) == 0 && access(below(other), R_OK) < 0 && errno == ENOENT &&
                      access(below("/proc/self/status"), R_OK) == 0
                  ? 0
                  : 1);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
    drop_root();
}
END_TEST

START_TEST(a_mount_that_fails_is_named)
{
    if (!alone(CLONE_NEWNS))
        return;
    make_root();
    ck_assert_int_eq(rmdir(below("/sys")), 0);
    ck_assert_int_eq(nacre_init_mounts(dir, why), -ENOENT);
    ck_assert_str_eq(why, "sysfs on /sys: No such file or directory");
    drop_root();
}
END_TEST

START_TEST(console)
{
    int status;
    make_dir(dir);
    write_file(below("/console"), "", 0);
    pid_t pid = fork();
    if (pid == 0) {
        char nothing;
        size_t before = open_fds();
        (void)close(0);
        (void)close(2);
        if (nacre_init_console(path) != 0 || read(0, &nothing, 1) != 0 || write(1, "lost", 4) != 4 ||
            write(2, "told", 4) != 4)
            _exit(1);
        _exit(open_fds() == before ? 0 : 2);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
    char text[16] = "";
    int fd = open(path, O_RDONLY);
    ck_assert_int_eq(read(fd, text, sizeof text), 4);
    ck_assert_str_eq(text, "told");
    (void)close(fd);
    drop_dir(dir);
}
END_TEST

START_TEST(modules)
{
    make_dir(dir);
    ck_assert_int_eq(nacre_init_modules(below("/none"), why), 0); /* all built in */
    ck_assert_int_eq(nacre_init_modules(dir, why), 0);
    write_file(below("/other.ko"), "not on the list", 15);
    ck_assert_int_eq(nacre_init_modules(dir, why), 0);
    write_file(below("/nsm.ko"), "no module at all", 16);
    int err = nacre_init_modules(dir, why);
    ck_assert_int_lt(err, 0); /* ENOEXEC; ENOSYS or EPERM where no modules may be loaded */
    ck_assert_int_eq(strncmp(why, "module nsm.ko: ", 15), 0);
    write_file(below("/vsock.ko"), "", 0);
    ck_assert_int_lt(nacre_init_modules(dir, why), 0);
    ck_assert_int_eq(strncmp(why, "module vsock.ko: ", 17), 0); /* in the order of the list */
    drop_dir(dir);
}
END_TEST

START_TEST(loopback)
{
    struct ifreq lo = {.ifr_name = "lo"};
    if (!alone(CLONE_NEWNET))
        return;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    ck_assert_int_eq(ioctl(fd, SIOCGIFFLAGS, &lo), 0);
    ck_assert_int_eq(lo.ifr_flags & IFF_UP, 0);
    ck_assert_int_eq(nacre_init_loopback(), 0);
    ck_assert_int_eq(ioctl(fd, SIOCGIFFLAGS, &lo), 0);
    ck_assert_int_ne(lo.ifr_flags & IFF_UP, 0);
    ck_assert_int_eq(nacre_init_loopback(), 0);
    (void)close(fd);
}
END_TEST

struct entropy {
    struct fake_nsm fake;
    struct nacre_nsm nsm;
};

static void begin_entropy(struct entropy *e)
{
    make_dir(dir);
    fake_nsm_start(&e->fake, dir);
    ck_assert_int_eq(nacre_nsm_open(&e->nsm, fake_nsm_transport(&e->fake)), 0);
}

static void end_entropy(struct entropy *e)
{
    nacre_nsm_close(&e->nsm);
    fake_nsm_stop(&e->fake);
    drop_dir(dir);
}

START_TEST(entropy)
{
    static struct entropy e;
    begin_entropy(&e);
    int err = nacre_init_entropy(&e.nsm, "/dev/random", why);
    ck_assert_int_eq(err, geteuid() == 0 ? 0 : -EPERM);
    ck_assert_int_eq(atomic_load(&e.fake.calls), 1);
    ck_assert_int_eq(nacre_init_entropy(&e.nsm, "/dev/null", why), -ENOTTY);
    ck_assert_str_eq(why, "/dev/null: Inappropriate ioctl for device");
    ck_assert_int_eq(nacre_init_entropy(&e.nsm, "/nowhere", why), -ENOENT);
    end_entropy(&e);
}
END_TEST

START_TEST(entropy_that_is_none)
{
    static struct entropy e;
    begin_entropy(&e);
    atomic_store(&e.fake.random_len, 63);
    ck_assert_int_eq(nacre_init_entropy(&e.nsm, "/dev/random", why), -ENODATA);
    ck_assert_str_eq(why, "the NSM gave 63 random bytes, expected 64 or more");
    atomic_store(&e.fake.random_len, 257);
    ck_assert_int_eq(nacre_init_entropy(&e.nsm, "/dev/random", why), -EBADMSG);
    static const struct {
        int fault, err;
    } faults[] = {{FAKE_ERROR, -EREMOTEIO},
                  {FAKE_GARBAGE, -EBADMSG},
                  {FAKE_HUGE, -EMSGSIZE},
                  {FAKE_WRONG, -EBADMSG},
                  {FAKE_CLOSE, -ECONNRESET}};
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        atomic_store(&e.fake.fault, faults[i].fault);
        ck_assert_int_eq(nacre_init_entropy(&e.nsm, "/dev/random", why), faults[i].err);
        ck_assert_ptr_nonnull(strstr(why, "the NSM"));
    }
    end_entropy(&e);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, mounts);
    tcase_add_test(tc, processes_of_others_are_hidden);
    tcase_add_test(tc, a_mount_that_fails_is_named);
    tcase_add_test(tc, console);
    tcase_add_test(tc, modules);
    tcase_add_test(tc, loopback);
    tcase_add_test(tc, entropy);
    tcase_add_test(tc, entropy_that_is_none);
}

int main(void)
{
    return nacre_run_suite("nacred/init", add, 30);
}
