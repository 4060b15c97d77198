/* exhaust - takes what there is: memory in every form, threads, descriptors. `said` is how much it got. */
#include "lane.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MIB     (1u << 20)
#define PIECE   (16u * MIB)
#define MOST    (8ull * 1024 * MIB) /* a machine without a limit is not to be brought down by its test */
#define THREADS 6000u
#define HOLD_MS 1500

static struct nacre_str amount(const struct hostile *h, uint64_t n)
{
    return nacre_format(h->call, "%llu", (unsigned long long)n);
}

/* Pages that are there: one byte in each is written. */
static void touch(uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i += 4096)
        p[i] = 1;
}

static void mappings(struct hostile *h)
{
    uint64_t got = 0;
    for (; got < MOST; got += PIECE) {
        uint8_t *p = mmap(NULL, PIECE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED)
            break;
        touch(p, PIECE);
    }
    h->said = amount(h, got);
}

/* The same through malloc() in small pieces, and through a mapping that becomes writable later. */
static void heap(struct hostile *h)
{
    uint64_t got = 0;
    void *p;
    while (got < MOST && (p = malloc(65536)) != NULL) {
        touch(p, 65536);
        got += 65536;
    }
    h->said = amount(h, got);
}

static void later(struct hostile *h)
{
    uint64_t got = 0;
    for (; got < MOST; got += PIECE) {
        uint8_t *p = mmap(NULL, PIECE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED || mprotect(p, PIECE, PROT_READ | PROT_WRITE) < 0)
            break;
        touch(p, PIECE);
    }
    h->said = amount(h, got);
}

/* Shared memory, which is nobody's own. */
static void shared(struct hostile *h)
{
    uint64_t got = 0;
    for (; got < MOST; got += PIECE) {
        uint8_t *p = mmap(NULL, PIECE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED)
            break;
        touch(p, PIECE);
    }
    h->said = amount(h, got);
}

/* Files in memory, which are in no process at all. */
static void files(struct hostile *h)
{
    uint64_t got = 0;
    uint8_t *zero = calloc(1, MIB);
    int fd = memfd_create("exhaust", 0);
    while (zero && fd >= 0 && got < MOST) {
        if (write(fd, zero, MIB) == (ssize_t)MIB)
            got += MIB;
        else if ((fd = memfd_create("exhaust", 0)) < 0 || write(fd, zero, MIB) != (ssize_t)MIB)
            break;
    }
    h->said = amount(h, got);
}

static void scratch(struct hostile *h)
{
    uint64_t got = 0;
    uint8_t *p;
    while ((p = nacre_alloc(h->call, MIB)) != NULL) {
        touch(p, MIB);
        got += MIB;
    }
    h->said = amount(h, got);
}

static void *wait_long(void *arg)
{
    pause_ms(60000);
    return arg;
}

static void threads(struct hostile *h)
{
    uint64_t got = 0;
    pthread_t thread;
    while (got < THREADS && pthread_create(&thread, NULL, wait_long, NULL) == 0)
        got++;
    h->said = amount(h, got);
}

static int sleep_for_ever(void *arg)
{
    struct timespec t = {3600, 0};
    while (arg == NULL)
        (void)syscall(SYS_nanosleep, &t, NULL);
    return 0;
}

/* Threads that cost next to no memory: stacks of two pages, and the C library knows nothing of them. */
static void bare_threads(struct hostile *h)
{
    uint64_t got = 0;
    const int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;
    uint8_t *stacks =
        mmap(NULL, THREADS * 8192ul, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    while (stacks != MAP_FAILED && got < THREADS &&
           clone(sleep_for_ever, stacks + (got + 1) * 8192, flags, NULL) > 0)
        got++;
    h->said = amount(h, got);
}

/* Each kind of descriptor that there is; then some more that are under way between two sockets, and in no table. */
static void descriptors(struct hostile *h)
{
    uint64_t got = 0;
    int pair[2], more[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
        return;
    while (got < 200000 && pipe2(more, 0) == 0)
        got += 2;
    for (unsigned i = 0; i < 2000 && post_fds(h, pair[0], "x", 1, NULL, 0, pair, 2); i++)
        h->tried++;
    h->said = amount(h, got);
}

static void hostile_attack(struct hostile *h)
{
    static const struct {
        const char *mode;
        void (*run)(struct hostile *h);
    } all[] = {{"mappings", mappings},
               {"heap", heap},
               {"later", later},
               {"shared", shared},
               {"files", files},
               {"scratch", scratch},
               {"threads", threads},
               {"bare-threads", bare_threads},
               {"descriptors", descriptors}};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (is(h, all[i].mode)) {
            all[i].run(h);
            h->tried++;
            pause_ms(HOLD_MS); /* all of it, while others want something too */
        }
    }
}
