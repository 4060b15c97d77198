/* pages - wants memory that holds code of its own making. What is in `code` returns 42. */
#include <nacre/plugin.h>

static int32_t look_early(const struct nacre_call *call);
#define HOSTILE_START look_early
#include "hostile.h"

#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE 4096u

static const uint8_t code[] = {0xb8, 0x2a, 0, 0, 0, 0xc3}; /* mov $42, %eax; ret */
static uint8_t data[3 * PAGE];
static char early[256]; /* what start() could do */

/* A function on a page of its own, to be overwritten. */
__attribute__((aligned(4096), noinline)) static int victim_page(void)
{
    __asm__ volatile(".skip 4096, 0x90");
    return 1;
}

/* W and X at once, or one after the other; the name of what was given, or NULL. */
static const char *one_mapping(void)
{
    void *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p != MAP_FAILED)
        return "writable and executable at once";
    p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return NULL;
    memcpy(p, code, sizeof code);
    if (mprotect(p, PAGE, PROT_READ | PROT_EXEC) == 0)
        return "executable after it was written";
    if (mprotect((void *)(((uintptr_t)data + PAGE) & ~(uintptr_t)(PAGE - 1)), PAGE, PROT_READ | PROT_EXEC) ==
        0)
        return "its own data, executable";
    if (syscall(SYS_pkey_mprotect, p, PAGE, PROT_READ | PROT_EXEC, -1) == 0)
        return "pkey_mprotect";
    return NULL;
}

/* start() runs under the first filter, which still maps libraries. */
static int32_t look_early(const struct nacre_call *call)
{
    const char *given = one_mapping();
    (void)call;
    if (given)
        (void)snprintf(early, sizeof early, "%s", given);
    return 0;
}

static void by_file(struct hostile *h)
{
    int fd = memfd_create("code", 0);
    if (write(fd, code, sizeof code) < 0)
        return;
    if (mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) != MAP_FAILED)
        reached(h, "a memfd, executable");
    if (mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0) != MAP_FAILED)
        reached(h, "a shared memfd, executable");
    void *p = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
    if (p != MAP_FAILED && mprotect(p, PAGE, PROT_EXEC) == 0)
        reached(h, "a memfd, executable later");
    (void)close(fd);
    h->tried += 3;
}

/* Code that was loaded becomes writable, but then runs no more. */
static void own_text(struct hostile *h)
{
    void *page = (void *)(uintptr_t)victim_page;
    if (mprotect(page, PAGE, PROT_READ | PROT_WRITE) == 0) {
        memcpy(page, code, sizeof code);
        if (mprotect(page, PAGE, PROT_READ | PROT_EXEC) == 0)
            reached(h, "its own code, written over");
    }
    if (mprotect(page, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC) == 0)
        reached(h, "its own code, writable");
    h->tried += 2;
}

static void hostile_attack(struct hostile *h)
{
    const char *given = one_mapping();
    if (given)
        reached(h, "%s", given);
    by_file(h);
    own_text(h);
    if (early[0])
        reached(h, "in start(): %s", early);
    h->tried += 4;
}
