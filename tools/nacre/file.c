#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int nacre_file_error(const char *path, const char *what, int error, char *why, size_t why_len)
{
    (void)snprintf(why, why_len, "%s: %s: %s", path, what, strerror(error));
    return -error;
}

static int read_all(int fd, uint8_t *data, size_t size, size_t *len)
{
    size_t at = 0;
    while (at < size) {
        ssize_t n = read(fd, data + at, size - at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            break;
        at += (size_t)n;
    }
    *len = at;
    return 0;
}

static int read_fd(uint8_t **data, size_t *len, int fd, const char *path, size_t max, char *why,
                   size_t why_len)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return nacre_file_error(path, "cannot stat", errno, why, why_len);
    if (!S_ISREG(st.st_mode)) {
        (void)snprintf(why, why_len, "%s: not a regular file", path);
        return -EINVAL;
    }
    if ((uintmax_t)st.st_size > max) {
        (void)snprintf(why, why_len, "%s: %jd bytes, at most %zu are read", path, (intmax_t)st.st_size, max);
        return -EFBIG;
    }
    size_t size = (size_t)st.st_size, got = 0;
    uint8_t *buf = malloc(size + 1);
    if (!buf)
        return nacre_file_error(path, "cannot read", ENOMEM, why, why_len);
    int rc = read_all(fd, buf, size, &got);
    if (rc < 0) {
        free(buf);
        return nacre_file_error(path, "cannot read", -rc, why, why_len);
    }
    buf[got] = '\0';
    *data = buf;
    *len = got;
    return 0;
}

int nacre_file_read(uint8_t **data, size_t *len, const char *path, size_t max, char *why, size_t why_len)
{
    /* Non-blocking, or opening a FIFO would wait for its writer. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return nacre_file_error(path, "cannot open", errno, why, why_len);
    int rc = read_fd(data, len, fd, path, max, why, why_len);
    (void)close(fd);
    return rc;
}

static int write_all(int fd, const uint8_t *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        data += n;
        len -= (size_t)n;
    }
    return 0;
}

int nacre_file_write(const char *path, const void *data, size_t len, char *why, size_t why_len)
{
    char temp[PATH_MAX];
    int n = snprintf(temp, sizeof temp, "%s.XXXXXX", path);
    if (n < 0 || (size_t)n >= sizeof temp)
        return nacre_file_error(path, "cannot write", ENAMETOOLONG, why, why_len);
    int fd = mkostemp(temp, O_CLOEXEC);
    if (fd < 0)
        return nacre_file_error(path, "cannot create a file beside it", errno, why, why_len);
    mode_t mask = umask(0);
    (void)umask(mask);
    int rc = write_all(fd, data, len);
    if (rc == 0 && (fchmod(fd, 0666 & ~mask) < 0 || fsync(fd) < 0))
        rc = -errno;
    if (close(fd) < 0 && rc == 0)
        rc = -errno;
    if (rc == 0 && rename(temp, path) < 0)
        rc = -errno;
    if (rc == 0)
        return 0;
    (void)unlink(temp);
    return nacre_file_error(path, "cannot write", -rc, why, why_len);
}

int nacre_file_join(char *out, size_t room, const char *dir, const char *rest)
{
    size_t len = strlen(dir);
    const char *slash = len > 0 && dir[len - 1] == '/' ? "" : "/";
    int n = snprintf(out, room, "%s%s%s", dir, slash, rest);
    return n < 0 || (size_t)n >= room ? -ENAMETOOLONG : 0;
}

int nacre_file_own_dir(char *out, size_t room)
{
    char path[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    if (n < 0)
        return -errno;
    path[n] = '\0';
    int len = snprintf(out, room, "%s", dirname(path));
    return len < 0 || (size_t)len >= room ? -ENAMETOOLONG : 0;
}
