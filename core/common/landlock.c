#include "landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The kernel's struct landlock_ruleset_attr as of version 6; older kernels take a shorter one. Debian 12's header does
 * not have all of it. */
struct ruleset {
    uint64_t fs, net, scoped;
};

/* What there is to forbid, by the version that brought it. */
static size_t everything(int version, struct ruleset *r)
{
    r->fs = (UINT64_C(1) << 13) - 1;
    r->fs |= version >= 2 ? UINT64_C(1) << 13 : 0; /* REFER */
    r->fs |= version >= 3 ? UINT64_C(1) << 14 : 0; /* TRUNCATE */
    r->fs |= version >= 5 ? UINT64_C(1) << 15 : 0; /* IOCTL_DEV */
    r->net = version >= 4 ? 3 : 0;                 /* BIND_TCP, CONNECT_TCP */
    r->scoped = version >= 6 ? 3 : 0;              /* ABSTRACT_UNIX_SOCKET, SIGNAL */
    return version >= 6   ? sizeof *r
           : version >= 4 ? offsetof(struct ruleset, scoped)
                          : offsetof(struct ruleset, net);
}

int nacre_landlock_version(void)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    return version > 0 ? (int)version : 0;
}

static int allow_reading(int ruleset)
{
    struct landlock_path_beneath_attr rule = {.allowed_access = LANDLOCK_ACCESS_FS_EXECUTE |
                                                                LANDLOCK_ACCESS_FS_READ_FILE |
                                                                LANDLOCK_ACCESS_FS_READ_DIR,
                                              .parent_fd = open("/", O_PATH | O_CLOEXEC)};
    if (rule.parent_fd < 0)
        return -errno;
    int err = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0 ? -errno : 0;
    (void)close(rule.parent_fd);
    return err;
}

static int restrict_to(int reading)
{
    struct ruleset attr;
    int version = nacre_landlock_version();
    if (version == 0)
        return -EOPNOTSUPP;
    size_t size = everything(version, &attr);
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
    if (ruleset < 0)
        return -errno;
    int err = reading ? allow_reading(ruleset) : 0;
    if (!err && syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
        err = -errno;
    (void)close(ruleset);
    return err;
}

int nacre_landlock_read_only(void)
{
    return restrict_to(1);
}

int nacre_landlock_nothing(void)
{
    return restrict_to(0);
}
