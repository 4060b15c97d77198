/* early - acts before it is looked at: from a constructor and from start(), while files can still be read. */
#include <nacre/plugin.h>

static int32_t act_in_start(const struct nacre_call *call);
#define HOSTILE_START act_in_start
#include "hostile.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static struct hostile in_constructor, in_start;

/* Some files of /proc can be opened by anybody, and ask who reads: then a byte of them counts. */
static void try_open(struct hostile *h, const char *path, int flags)
{
    char bytes[1024];
    int fd = open(path, flags, 0600);
    h->tried++;
    if (fd < 0)
        return;
    if (flags != O_RDONLY || read(fd, bytes, 1) > 0 ||
        syscall(SYS_getdents64, fd, bytes, sizeof bytes) > 48) /* more than "." and ".." */
        reached(h, "%s with flags %#x", path, (unsigned)flags);
    (void)close(fd);
}

/* Everything that /proc shows of nacred to those who may trace it. */
static void look_at_parent(struct hostile *h)
{
    static const char *const names[] = {
        "mem",  "maps",      "smaps", "environ", "auxv",    "fd/0",  "fd/3",     "fd/4",
        "fd/5", "fd/6",      "fd/7",  "fd/8",    "fd/9",    "fd/10", "root/etc", "cwd/.",
        "exe",  "map_files", "stack", "syscall", "pagemap", "io",    "fdinfo/3", "task/self/mem"};
    char path[128];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)snprintf(path, sizeof path, "/proc/%d/%s", parent, names[i]);
        try_open(h, path, O_RDONLY);
        try_open(h, path, O_RDWR);
    }
}

static void act(struct hostile *h)
{
    static const char *const devices[] = {"/dev/nsm",  "/dev/mem",    "/dev/kmem",
                                          "/dev/port", "/proc/kcore", "/dev/vsock"};
    const struct iovec ours = {h->reached, 1}, theirs = {(void *)(uintptr_t)0x400000, 1};
    look_at_parent(h);
    for (size_t i = 0; i < sizeof devices / sizeof devices[0]; i++)
        try_open(h, devices[i], O_RDWR);
    try_open(h, "/proc/self/mem", O_RDWR);
    try_open(h, "/tmp/hostile-was-here", O_CREAT | O_WRONLY);
    try_open(h, "/tmp", O_TMPFILE | O_RDWR);
    if (socket(AF_UNIX, SOCK_SEQPACKET, 0) >= 0 || socket(AF_INET, SOCK_STREAM, 0) >= 0)
        reached(h, "socket");
    if (ptrace(PTRACE_SEIZE, parent, NULL, NULL) == 0)
        reached(h, "ptrace");
    if (process_vm_readv(parent, &ours, 1, &theirs, 1, 0) >= 0)
        reached(h, "process_vm_readv");
    if (syscall(SYS_pidfd_open, parent, 0) >= 0)
        reached(h, "pidfd_open");
    long child = syscall(SYS_clone, 17L, 0, 0, 0, 0);
    if (child == 0)
        (void)syscall(SYS_exit_group, 0);
    if (child > 0)
        reached(h, "fork");
    h->tried += 6;
}

/* In nacre-app alone: `nacre plugin manifest` loads it too, where all of this would work and prove nothing. */
__attribute__((constructor)) static void act_when_loaded(void)
{
    char self[256] = "";
    if (readlink("/proc/self/exe", self, sizeof self - 1) > 0 && strstr(self, "nacre-app"))
        act(&in_constructor);
}

static int32_t act_in_start(const struct nacre_call *call)
{
    (void)call;
    act(&in_start);
    return 0;
}

static void hostile_attack(struct hostile *h)
{
    const struct hostile *before = is(h, "constructor") ? &in_constructor : &in_start;
    h->tried = before->tried;
    if (before->len)
        reached(h, "%.*s", (int)before->len, before->reached);
}
