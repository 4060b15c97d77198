/*
 * fault_shim - a library that a test puts into a copy of one of the programs (patchelf --add-needed), since helpers get no
 * environment and so no LD_PRELOAD. It fails chosen allocations and sets the system's clock off, as a file beside the
 * program says, PROGRAM.fault, which it shares with the test: the test changes it while the program runs.
 *
 * Without that file it does nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define CALLER ((uintptr_t)__builtin_return_address(0))
#define SHOWN  __attribute__((visibility("default")))

/* As tests/e2e/instrumented.py knows it. */
struct control {
    _Atomic uint64_t
        count; /* allocations since the test set it to 0, of this program and those that follow it */
    _Atomic uint64_t fail_at; /* the first one to fail, counted from 1; 0: none */
    _Atomic uint64_t fail_n;  /* how many in a row */
    _Atomic uint64_t failed;
    _Atomic int64_t off_ns; /* what CLOCK_REALTIME is off */
    _Atomic uint64_t asked; /* how often that clock was looked at */
};

/* glibc's own, under names that nobody interposes */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static struct control *control;

/*
 * Where libseccomp and libcbor are. They do not survive a failed allocation, so the programs reserve memory beforehand
 * (core/common/reserve.h): what they ask for cannot fail, and does not here. test_memory_limits.py shows that this holds.
 */
static uintptr_t spared[2][2];

static int find_spared(struct dl_phdr_info *info, size_t size, void *arg)
{
    (void)size;
    (void)arg;
    uintptr_t *at = strstr(info->dlpi_name, "/libseccomp.so") ? spared[0]
                    : strstr(info->dlpi_name, "/libcbor.so")  ? spared[1]
                                                              : NULL;
    if (!at)
        return 0;
    at[0] = info->dlpi_addr;
    for (unsigned i = 0; i < info->dlpi_phnum; i++) {
        uintptr_t end = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr + info->dlpi_phdr[i].p_memsz;
        if (info->dlpi_phdr[i].p_type == PT_LOAD && end > at[1])
            at[1] = end;
    }
    return 0;
}

__attribute__((constructor)) static void begin(void)
{
    char path[4096];
    const char *program = (const char *)(uintptr_t)getauxval(AT_EXECFN);
    int n = snprintf(path, sizeof path, "%s.fault", program ? program : "");
    int fd = n > 0 && (size_t)n < sizeof path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    long map = syscall(SYS_mmap, NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    (void)close(fd);
    (void)dl_iterate_phdr(find_spared, NULL);
    if ((void *)map != MAP_FAILED)
        control = (struct control *)map;
}

static bool fails(uintptr_t caller)
{
    if (!control || (caller >= spared[0][0] && caller < spared[0][1]) ||
        (caller >= spared[1][0] && caller < spared[1][1]))
        return false;
    uint64_t nth = atomic_fetch_add(&control->count, 1) + 1, at = atomic_load(&control->fail_at);
    if (at == 0 || nth < at || nth - at >= atomic_load(&control->fail_n))
        return false;
    atomic_fetch_add(&control->failed, 1);
    errno = ENOMEM;
    return true;
}

SHOWN void *malloc(size_t size)
{
    return fails(CALLER) ? NULL : __libc_malloc(size);
}

SHOWN void *calloc(size_t n, size_t size)
{
    return fails(CALLER) ? NULL : __libc_calloc(n, size);
}

SHOWN void *realloc(void *old, size_t size)
{
    return fails(CALLER) ? NULL : __libc_realloc(old, size);
}

SHOWN void *reallocarray(void *old, size_t n, size_t size)
{
    size_t all;
    if (__builtin_mul_overflow(n, size, &all)) {
        errno = ENOMEM;
        return NULL;
    }
    return fails(CALLER) ? NULL : __libc_realloc(old, all);
}

SHOWN void *memalign(size_t alignment, size_t size)
{
    return fails(CALLER) ? NULL : __libc_memalign(alignment, size);
}

SHOWN void *aligned_alloc(size_t alignment, size_t size)
{
    return fails(CALLER) ? NULL : __libc_memalign(alignment, size);
}

SHOWN int posix_memalign(void **out, size_t alignment, size_t size)
{
    void *p = fails(CALLER) ? NULL : __libc_memalign(alignment, size);
    if (!p)
        return ENOMEM;
    *out = p;
    return 0;
}

/* strdup(), strndup(), asprintf() and the like come by malloc() above. */

SHOWN void *mmap(void *addr, size_t len, int prot, int flags, int fd, off_t at)
{
    return fails(CALLER) ? MAP_FAILED : (void *)syscall(SYS_mmap, addr, len, prot, flags, fd, at);
}

static void set_off(struct timespec *t)
{
    atomic_fetch_add(&control->asked, 1);
    int64_t off = atomic_load(&control->off_ns), ns = (int64_t)t->tv_sec * 1000000000 + t->tv_nsec + off;
    t->tv_sec = (time_t)(ns / 1000000000);
    t->tv_nsec = (long)(ns % 1000000000);
}

SHOWN int clock_gettime(clockid_t clock, struct timespec *t)
{
    long rc = syscall(SYS_clock_gettime, clock, t);
    if (rc == 0 && control && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        set_off(t);
    return (int)rc;
}

SHOWN int gettimeofday(struct timeval *restrict t, void *restrict zone)
{
    struct timespec now;
    (void)zone;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    t->tv_sec = now.tv_sec;
    t->tv_usec = now.tv_nsec / 1000;
    return 0;
}

SHOWN time_t time(time_t *out)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (out)
        *out = now.tv_sec;
    return now.tv_sec;
}
