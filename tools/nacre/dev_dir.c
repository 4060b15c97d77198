#include "dev_dir.h"

#include "file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define REMOVE_TRIES   50u
#define REMOVE_WAIT_NS 20000000

/* Files and sockets only: nothing makes a directory in there. */
static void remove_entries(const char *path)
{
    DIR *dir = opendir(path);
    const struct dirent *entry;
    while (dir && (entry = readdir(dir))) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            (void)unlinkat(dirfd(dir), entry->d_name, 0);
    }
    if (dir)
        (void)closedir(dir);
}

static _Noreturn void keep_watch(const char *path, int fd)
{
    /* Out of the terminal's process group, and holding nothing that somebody might wait to be closed. */
    (void)prctl(PR_SET_NAME, "nacre-dev-keep");
    (void)setsid();
    (void)signal(SIGTERM, SIG_IGN);
    (void)dup2(fd, STDIN_FILENO);
    (void)close_range(1, ~0U, 0);
    char byte;
    while (read(STDIN_FILENO, &byte, 1) < 0 && errno == EINTR)
        ;
    /* Processes that die with the parent may take a moment to do so. */
    for (unsigned i = 0; i < REMOVE_TRIES; i++) {
        const struct timespec wait = {0, REMOVE_WAIT_NS};
        remove_entries(path);
        if (rmdir(path) == 0 || errno == ENOENT)
            _exit(0);
        (void)nanosleep(&wait, NULL);
    }
    _exit(1);
}

static int start_keeper(struct nacre_dev_dir *dir)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    pid_t pid = fork();
    if (pid == 0) {
        (void)close(ends[1]);
        keep_watch(dir->path, ends[0]);
    }
    int error = errno;
    (void)close(ends[0]);
    if (pid < 0) {
        (void)close(ends[1]);
        return -error;
    }
    dir->keeper = pid;
    dir->keeper_fd = ends[1];
    return 0;
}

static int name_files(struct nacre_dev_dir *dir, const char *path, char *why, size_t why_len)
{
    if (strlen(path) >= sizeof dir->path ||
        nacre_file_join(dir->socket, sizeof dir->socket, path, "nsm.sock") ||
        nacre_file_join(dir->root, sizeof dir->root, path, "root.pem") ||
        nacre_file_join(dir->manifest, sizeof dir->manifest, path, "manifest.cbor")) {
        (void)snprintf(why, why_len, "%s: a path of %zu bytes, at most %zu fit with the socket in it", path,
                       strlen(path), sizeof dir->path - sizeof "/manifest.cbor");
        return -ENAMETOOLONG;
    }
    (void)snprintf(dir->path, sizeof dir->path, "%s", path);
    return 0;
}

static int make_kept(struct nacre_dev_dir *dir, const char *keep, char *why, size_t why_len)
{
    struct stat st;
    char path[PATH_MAX];
    if (mkdir(keep, 0700) < 0 && errno != EEXIST)
        return nacre_file_error(keep, "cannot make the directory", errno, why, why_len);
    if (!realpath(keep, path) || stat(path, &st) < 0)
        return nacre_file_error(keep, "cannot use the directory", errno, why, why_len);
    if (!S_ISDIR(st.st_mode))
        return nacre_file_error(keep, "cannot use it", ENOTDIR, why, why_len);
    return name_files(dir, path, why, why_len);
}

static int make_private(struct nacre_dev_dir *dir, char *why, size_t why_len)
{
    const char *base = getenv("TMPDIR");
    char path[PATH_MAX], real[PATH_MAX];
    if (!base || !base[0])
        base = "/tmp";
    if (!realpath(base, real) || nacre_file_join(path, sizeof path, real, "nacre-dev-XXXXXX"))
        return nacre_file_error(base, "cannot use it for temporary files", errno, why, why_len);
    int rc = name_files(dir, path, why, why_len);
    if (rc)
        return rc;
    if (!mkdtemp(path))
        return nacre_file_error(path, "cannot make the directory", errno, why, why_len);
    (void)name_files(dir, path, why, why_len);
    rc = start_keeper(dir);
    if (rc == 0)
        return 0;
    (void)rmdir(path);
    return nacre_file_error(path, "cannot watch over the directory", -rc, why, why_len);
}

int nacre_dev_dir_make(struct nacre_dev_dir *out, const char *keep, char *why, size_t why_len)
{
    struct nacre_dev_dir dir = {.keeper_fd = -1};
    int rc = keep ? make_kept(&dir, keep, why, why_len) : make_private(&dir, why, why_len);
    if (rc == 0)
        *out = dir;
    return rc;
}

int nacre_dev_dir_remove(struct nacre_dev_dir *dir)
{
    int status = 0;
    if (dir->keeper <= 0)
        return 0;
    (void)close(dir->keeper_fd);
    dir->keeper_fd = -1;
    while (waitpid(dir->keeper, &status, 0) < 0) {
        if (errno != EINTR)
            return -EIO;
    }
    dir->keeper = 0;
    return status == 0 ? 0 : -EIO;
}
