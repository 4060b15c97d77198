/* confined.c - ways out of the process, tried from inside the plugin. */
#include "sample.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

static const char *sockets(void)
{
    int pair[2];
    if (socket(AF_UNIX, SOCK_STREAM, 0) >= 0 || errno != EPERM)
        return "socket(AF_UNIX)";
    if (socket(AF_INET, SOCK_STREAM, 0) >= 0 || errno != EPERM)
        return "socket(AF_INET)";
    if (socket(40 /* AF_VSOCK */, SOCK_STREAM, 0) >= 0 || errno != EPERM)
        return "socket(AF_VSOCK)";
    if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) == 0)
        return "socketpair(SOCK_DGRAM)";
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
        return "socketpair(SOCK_STREAM) is refused";
    struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "/tmp/nobody"};
    /* EINPROGRESS is the filter's: nothing is in progress, see sandbox.c */
    if (connect(pair[0], (const struct sockaddr *)&un, sizeof un) == 0 || errno != EINPROGRESS)
        return "connect";
    if (ioctl(pair[0], FIONREAD, &pair[1]) == 0 || errno != EPERM) {
#ifndef NACRE_SANITIZED
        return "ioctl";
#endif
    }
    (void)close(pair[0]);
    (void)close(pair[1]);
    return NULL;
}

static const char *processes(void)
{
    static char *const argv[] = {(char *)(size_t) "true", NULL};
    struct rlimit limit = {1, 1};
    if (execve("/bin/true", argv, NULL) != -1 || errno != EPERM)
        return "execve";
    if (syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) >= 0 || errno != EPERM)
        return "clone of a process";
    if (syscall(SYS_kill, getppid(), 0) == 0 || errno != EPERM)
        return "kill";
    if (syscall(SYS_tgkill, getppid(), getppid(), 0) == 0 || errno != EPERM)
        return "tgkill of another process";
    if (ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) == 0 || errno != EPERM)
        return "ptrace";
    if (syscall(SYS_prlimit64, getppid(), RLIMIT_NOFILE, &limit, NULL) == 0 || errno != EPERM)
        return "prlimit64 of another process";
    if (fcntl(STDERR_FILENO, F_SETOWN, getppid()) == 0 || errno != EPERM)
        return "fcntl(F_SETOWN)";
    if (syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0) >= 0 || errno != EPERM)
        return "process_vm_readv";
    return NULL;
}

static const char *writing(void)
{
    if (open("/tmp/nacre-confined", O_WRONLY | O_CREAT, 0600) >= 0 || errno != EPERM)
        return "open to create";
    if (open("/dev/null", O_RDWR) >= 0 || errno != EPERM)
        return "open to write";
    if (open("/dev/null", O_WRONLY) >= 0 || errno != EPERM)
        return "open to write";
    if (open("/dev/null", O_RDONLY | O_TRUNC) >= 0 || errno != EPERM)
        return "open to empty";
    if (ftruncate(STDERR_FILENO, 0) == 0 || errno != EPERM) /* which may be nacred's log */
        return "ftruncate";
    if (syscall(SYS_unlinkat, AT_FDCWD, "/tmp/nobody", 0) == 0 || errno != EPERM)
        return "unlinkat";
    return NULL;
}

/* What start() may still do, and no handler. */
static const char *after_start(void)
{
#ifndef NACRE_SANITIZED
    int fd = open("/proc/self/maps", O_RDONLY);
    if (fd >= 0 || errno != EPERM)
        return "open to read";
    if (access("/etc/passwd", R_OK) == 0 || errno != EPERM)
        return "access";
    if (dlopen("libm.so.6", RTLD_NOW | RTLD_NOLOAD) == NULL && dlopen("libresolv.so.2", RTLD_NOW) != NULL)
        return "dlopen";
#endif
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p != MAP_FAILED || errno != EPERM)
        return "executable mmap";
    p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return "plain mmap is refused";
    if (mprotect(p, 4096, PROT_READ | PROT_EXEC) == 0 || errno != EPERM)
        return "executable mprotect";
    (void)munmap(p, 4096);
    return NULL;
}

const char *sample_confined(int started)
{
    const char *found = sockets();
    if (!found)
        found = processes();
    if (!found)
        found = writing();
    if (!found && started)
        found = after_start();
    return found;
}
