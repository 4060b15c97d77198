#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

#define COMMAND_MAX 512u

/* Splits `text` at spaces into words; "{id}" becomes `id`. The number of words, or -E2BIG. */
static int split(char *text, const char *id, char *words[NACRE_HD_WORDS_MAX + 1])
{
    int n = 0;
    char *rest = text;
    for (char *word; (word = strtok_r(rest, " ", &rest));) {
        if (n == NACRE_HD_WORDS_MAX)
            return -E2BIG;
        words[n++] = id && strcmp(word, "{id}") == 0 ? (char *)(uintptr_t)id : word;
    }
    words[n] = NULL;
    return n ? n : -EINVAL;
}

/* The child begins with our signal mask and disposition undone and only its standard descriptors. */
static int spawn(pid_t *pid, char **words, int out)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t none, all;
    (void)sigemptyset(&none);
    (void)sigfillset(&all);
    int rc = posix_spawn_file_actions_init(&files);
    if (rc)
        return -rc;
    rc = posix_spawnattr_init(&attr);
    if (rc) {
        (void)posix_spawn_file_actions_destroy(&files);
        return -rc;
    }
    rc = posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    if (!rc)
        rc = posix_spawn_file_actions_adddup2(&files, out, 1);
    if (!rc)
        rc = posix_spawnattr_setsigmask(&attr, &none);
    if (!rc)
        rc = posix_spawnattr_setsigdefault(&attr, &all);
    if (!rc)
        rc = posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    if (!rc)
        rc = posix_spawnp(pid, words[0], &files, &attr, words, environ);
    (void)posix_spawnattr_destroy(&attr);
    (void)posix_spawn_file_actions_destroy(&files);
    return -rc;
}

static void close_one(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

static void maybe_ended(struct nacre_hd_child *child)
{
    if (child->out >= 0 || !child->exited)
        return;
    child->pid = 0;
    child->ended(child, child->status);
}

static void out_ready(struct nacre_hd_watch *watch, uint32_t events)
{
    struct nacre_hd_child *child = NACRE_HD_OF(watch, struct nacre_hd_child, out_watch);
    char data[4096];
    (void)events;
    if (child->out < 0)
        return;
    ssize_t n = read(child->out, data, sizeof data);
    if (n > 0) {
        child->output(child, data, (size_t)n);
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        close_one(&child->out);
        maybe_ended(child);
    }
}

static void exit_ready(struct nacre_hd_watch *watch, uint32_t events)
{
    struct nacre_hd_child *child = NACRE_HD_OF(watch, struct nacre_hd_child, exit_watch);
    (void)events;
    if (child->exit_fd < 0 || waitpid(child->pid, &child->status, WNOHANG) != child->pid)
        return;
    close_one(&child->exit_fd);
    child->exited = true;
    /* What it left running may hold the pipe open for ever: what is in it now is all we want. */
    for (char data[4096]; child->out >= 0;) {
        ssize_t n = read(child->out, data, sizeof data);
        if (n <= 0)
            break;
        child->output(child, data, (size_t)n);
    }
    close_one(&child->out);
    maybe_ended(child);
}

int nacre_hd_child_start(struct nacre_hd_loop *loop, struct nacre_hd_child *child, const char *command,
                         const char *id)
{
    char text[COMMAND_MAX];
    char *words[NACRE_HD_WORDS_MAX + 1];
    int ends[2];
    (void)snprintf(text, sizeof text, "%s", command);
    int rc = split(text, id, words);
    if (rc < 0)
        return rc;
    if (pipe2(ends, O_CLOEXEC))
        return -errno;
    pid_t pid = 0;
    rc = spawn(&pid, words, ends[1]);
    (void)close(ends[1]);
    if (rc) {
        (void)close(ends[0]);
        return rc;
    }
    child->loop = loop;
    child->pid = pid;
    child->exited = false;
    child->out = ends[0];
    child->exit_fd = (int)syscall(SYS_pidfd_open, pid, 0);
    child->out_watch.ready = out_ready;
    child->exit_watch.ready = exit_ready;
    (void)fcntl(child->out, F_SETFL, O_NONBLOCK);
    if (child->exit_fd >= 0)
        (void)fcntl(child->exit_fd, F_SETFD, FD_CLOEXEC);
    rc = child->exit_fd < 0 ? -errno : nacre_hd_watch_add(loop, child->out, EPOLLIN, &child->out_watch);
    if (!rc)
        rc = nacre_hd_watch_add(loop, child->exit_fd, EPOLLIN, &child->exit_watch);
    if (rc)
        nacre_hd_child_kill(child);
    return rc;
}

void nacre_hd_child_kill(struct nacre_hd_child *child)
{
    if (child->pid <= 0)
        return;
    if (!child->exited) {
        (void)kill(child->pid, SIGKILL);
        (void)waitpid(child->pid, NULL, 0);
    }
    close_one(&child->out);
    close_one(&child->exit_fd);
    child->pid = 0;
}
