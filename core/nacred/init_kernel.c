#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Each after those that it needs. */
static const char *const modules[] = {
    "virtio_mmio.ko", "vsock.ko", "vmw_vsock_virtio_transport_common.ko", "vmw_vsock_virtio_transport.ko",
    "rng-core.ko",    "nsm.ko",
};

static int load_module(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : -errno;
    int err = syscall(SYS_finit_module, fd, "", 0) < 0 && errno != EEXIST ? -errno : 0;
    (void)close(fd);
    return err;
}

int nacre_init_modules(const char *dir, char why[NACRE_INIT_WHY])
{
    char path[PATH_MAX];
    for (size_t i = 0; i < sizeof modules / sizeof modules[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", dir, modules[i]);
        int err = load_module(path);
        if (err) {
            (void)snprintf(why, NACRE_INIT_WHY, "module %s: %s", modules[i], strerror(-err));
            return err;
        }
    }
    return 0;
}

int nacre_init_loopback(void)
{
    struct ifreq lo = {.ifr_name = "lo"};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    int err = ioctl(fd, SIOCGIFFLAGS, &lo) < 0 ? -errno : 0;
    lo.ifr_flags = (short)(lo.ifr_flags | IFF_UP);
    if (!err && ioctl(fd, SIOCSIFFLAGS, &lo) < 0)
        err = -errno;
    (void)close(fd);
    return err;
}
