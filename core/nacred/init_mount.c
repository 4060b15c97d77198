#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#define STRICT (MS_NOSUID | MS_NODEV | MS_NOEXEC)

/*
 * The helpers see no process but their own in /proc. /run and /tmp are there because libraries may want them; neither
 * helper may open a file for writing, and what is in them is gone with the enclave.
 */
static const struct {
    const char *where, *type;
    unsigned long flags;
    const char *options;
} mounts[] = {
    {"/dev", "devtmpfs", MS_NOSUID | MS_NOEXEC, "mode=0755"},
    {"/proc", "proc", STRICT, "hidepid=2"},
    {"/sys", "sysfs", STRICT | MS_RDONLY, NULL},
    {"/run", "tmpfs", STRICT, "mode=0755,size=4m"},
    {"/tmp", "tmpfs", STRICT, "mode=1777,size=16m"},
};

int nacre_init_mounts(const char *root, char why[NACRE_INIT_WHY])
{
    char path[PATH_MAX];
    for (size_t i = 0; i < sizeof mounts / sizeof mounts[0]; i++) {
        int len = snprintf(path, sizeof path, "%s%s", root, mounts[i].where);
        if (len < 0 || (size_t)len >= sizeof path)
            return -ENAMETOOLONG;
        /* EBUSY: the kernel has done it already, as it does with /dev when it is built to */
        if (mount(mounts[i].type, path, mounts[i].type, mounts[i].flags, mounts[i].options) < 0 &&
            errno != EBUSY) {
            int err = -errno;
            (void)snprintf(why, NACRE_INIT_WHY, "%s on %s: %s", mounts[i].type, mounts[i].where,
                           strerror(-err));
            return err;
        }
    }
    return 0;
}

/* Above those three numbers, any of which may be free. */
static int open_above(const char *path)
{
    int fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
    int above = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (fd >= 0)
        (void)close(fd);
    return above;
}

int nacre_init_console(const char *console)
{
    int null = open_above("/dev/null"), out = open_above(console);
    int err = 0;
    if (dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 ||
        dup2(out < 0 ? null : out, STDERR_FILENO) < 0)
        err = -errno;
    if (out >= 0)
        (void)close(out);
    if (null >= 0)
        (void)close(null);
    return err;
}
