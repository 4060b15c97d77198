/* wild - reads and writes where nothing is, overwrites everything that is, and ends in every way that a process can. */
#include "hostile.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static int maps = -1; /* opened while files can still be opened; reads on afterwards */

__attribute__((constructor)) static void open_maps(void)
{
    maps = open("/proc/self/maps", O_RDONLY);
}

static sigjmp_buf back;

static void on_fault(int signal)
{
    siglongjmp(back, signal);
}

/* Goes on after each fault, as a plugin with a handler of its own does. */
static void probe(struct hostile *h, int write)
{
    static volatile uint64_t at = 0x10000;
    struct sigaction action = {.sa_handler = on_fault, .sa_flags = SA_NODEFER};
    (void)sigaction(SIGSEGV, &action, NULL);
    (void)sigaction(SIGBUS, &action, NULL);
    for (int i = 0; i < 20000; i++) {
        at = at * 6364136223846793005u + 1442695040888963407u;
        volatile uint8_t *p = (volatile uint8_t *)(uintptr_t)(at >> 17 & ~(uint64_t)7);
        if (sigsetjmp(back, 1))
            continue;
        h->tried++;
        if (write)
            *p = 0x5a;
        else
            (void)*p;
    }
    (void)signal(SIGSEGV, SIG_DFL);
    (void)signal(SIGBUS, SIG_DFL);
}

/* Overwrites all that can be written but the stacks, so that it gets far: the runtime's state, the C library's, its own. */
static void scribble(struct hostile *h)
{
    static char text[262144];
    size_t len = 0;
    ssize_t n;
    while ((n = pread(maps, text + len, sizeof text - 1 - len, (off_t)len)) > 0)
        len += (size_t)n;
    for (char *line = text; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        char *end = NULL;
        uint8_t *from = (uint8_t *)(uintptr_t)strtoull(line, &end, 16);
        uint8_t *to = (uint8_t *)(uintptr_t)strtoull(end + 1, &end, 16);
        const uint8_t *here = (const uint8_t *)&line;
        if (end[2] != 'w' || (here >= from && here < to) || ((uint8_t *)text >= from && (uint8_t *)text < to))
            continue;
        for (uint8_t *p = from; p < to; p++)
            *(volatile uint8_t *)p ^= 0xa5;
    }
    h->tried++;
}

/* NOLINTNEXTLINE(misc-no-recursion): until the stack ends */
static uint64_t deeper(uint64_t n)
{
    volatile uint8_t frame[4096];
    frame[n % sizeof frame] = (uint8_t)n;
    return n == 0 ? 0 : deeper(n + 1) + frame[n % sizeof frame];
}

static void finish(const struct hostile *h)
{
    void (*volatile nowhere)(void) = (void (*)(void))(uintptr_t)0xdead0000;
    uint8_t *volatile text = (uint8_t *)(uintptr_t)on_fault;
    volatile int zero = 0;
    if (is(h, "null"))
        *(volatile int *)(uintptr_t)zero = 1;
    if (is(h, "jump"))
        nowhere();
    if (is(h, "jump-data"))
        ((void (*)(void))(uintptr_t)h->reached)();
    if (is(h, "stack"))
        _exit((int)deeper(1));
    if (is(h, "divide"))
        zero = 7 / zero;
    if (is(h, "trap"))
        __builtin_trap();
    if (is(h, "text"))
        *text = 0xcc;
    if (is(h, "vtable"))
        *(void *volatile *)(uintptr_t)h->call->host = NULL;
    if (is(h, "kill"))
        (void)raise(SIGKILL);
    if (is(h, "double-free")) {
        void *volatile p = malloc(64);
        free(p);
        /* cppcheck-suppress doubleFree */
        free(p); /* NOLINT */
    }
}

static void hostile_attack(struct hostile *h)
{
    if (is(h, "read") || is(h, "write"))
        probe(h, is(h, "write"));
    else if (is(h, "scribble"))
        scribble(h);
    else
        finish(h);
}
