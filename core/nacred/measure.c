#include "measure.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int write_all(int fd, const uint8_t *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        data += n;
        len -= (size_t)n;
    }
    return 0;
}

static int copy(int to, int from, size_t max)
{
    uint8_t buf[32768];
    for (size_t total = 0;;) {
        ssize_t n = read(from, buf, sizeof buf);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : 0;
        total += (size_t)n;
        if (total > max)
            return -EFBIG;
        int err = write_all(to, buf, (size_t)n);
        if (err)
            return err;
    }
}

int nacre_measure_load(const char *path, size_t max)
{
    struct stat st;
    int from = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe there must not hold up the boot */
    if (from < 0)
        return -errno;
    int to = memfd_create("nacre-measured", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    int err = to < 0 ? -errno : 0;
    if (!err && (fstat(from, &st) < 0 || !S_ISREG(st.st_mode)))
        err = -EINVAL;
    if (!err)
        err = copy(to, from, max);
    if (!err && fcntl(to, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0)
        err = -errno;
    (void)close(from);
    if (err && to >= 0)
        (void)close(to);
    return err ? err : to;
}

int nacre_measure_digest(int fd, uint8_t out[NACRE_SHA384_LEN])
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return -errno;
    if (st.st_size == 0) {
        nacre_sha384(out, "", 0);
        return 0;
    }
    void *data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED)
        return -errno;
    nacre_sha384(out, data, (size_t)st.st_size);
    (void)munmap(data, (size_t)st.st_size);
    return 0;
}
