/*
 * scan - reads every byte of its process, guard pages too, and counts in it what it is told to look for: POST /attack
 * {arg: "HASH,HASH,..."}, each the hash of 16 bytes, so that what is looked for is not in memory because it is. The
 * answer's `said` has a count for each.
 */
#include "hostile.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define WINDOW  16u
#define FACTOR  0x9e3779b97f4a7c15u /* odd: the hash is sum(byte * FACTOR^(15 - i)), modulo 2^64 */
#define NEEDLES 64u
#define CHUNK   65536u

static int maps = -1, mem = -1; /* opened while files can still be opened */

__attribute__((constructor)) static void open_self(void)
{
    maps = open("/proc/self/maps", O_RDONLY);
    mem = open("/proc/self/mem", O_RDONLY);
}

struct scan {
    uint64_t needles[NEEDLES], found[NEEDLES];
    size_t n;
    uint64_t out; /* FACTOR^16, for the byte that leaves the window */
    uint64_t bytes;
};

static uint8_t chunk[CHUNK]; /* the one place that is not looked at: it is full of copies */

static void look(struct scan *s, uint64_t hash)
{
    for (size_t i = 0; i < s->n; i++)
        s->found[i] += s->needles[i] == hash;
}

/* One chunk; the last bytes of the one before are at its front. */
static void search(struct scan *s, size_t len)
{
    uint64_t hash = 0;
    for (size_t i = 0; i < len; i++) {
        hash = hash * FACTOR + chunk[i];
        if (i >= WINDOW)
            hash -= chunk[i - WINDOW] * s->out;
        if (i + 1 >= WINDOW)
            look(s, hash);
    }
}

static void search_range(struct scan *s, uint64_t from, uint64_t to)
{
    const uint64_t mine = (uint64_t)(uintptr_t)chunk;
    for (uint64_t at = from; at < to;) {
        if (at + CHUNK > mine && at < mine + CHUNK) { /* up to the page before, and on behind it */
            at = at < mine && mine - at > 4096 ? at : mine + CHUNK;
            if (at >= to)
                break;
        }
        uint64_t most = at < mine && mine - at < CHUNK ? mine - at : CHUNK;
        ssize_t got = pread(mem, chunk, to - at < most ? to - at : most, (off_t)at);
        if (got <= 0) {
            at += 4096;
            continue;
        }
        search(s, (size_t)got);
        s->bytes += (uint64_t)got;
        at += (uint64_t)got > WINDOW && at + (uint64_t)got < to ? (uint64_t)got - WINDOW + 1 : (uint64_t)got;
    }
}

static void search_all(struct scan *s)
{
    static char text[262144];
    size_t len = 0;
    ssize_t n;
    while ((n = pread(maps, text + len, sizeof text - 1 - len, (off_t)len)) > 0)
        len += (size_t)n;
    text[len] = '\0';
    for (char *line = text; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        char *end = line;
        const uint64_t from = strtoull(line, &end, 16), to = strtoull(end + 1, &end, 16);
        const char *stop = strchr(line, '\n');
        const char *kernel = strstr(line, "[v"); /* [vvar], [vdso], [vsyscall] */
        if (!kernel || (stop && kernel > stop))
            search_range(s, from, to);
    }
}

static void read_needles(struct scan *s, struct nacre_str arg)
{
    char text[NEEDLES * 20];
    size_t len = arg.len < sizeof text - 1 ? (size_t)arg.len : sizeof text - 1;
    memcpy(text, arg.ptr, len);
    text[len] = '\0';
    for (char *p = text; *p && s->n < NEEDLES; p += *p == ',')
        s->needles[s->n++] = strtoull(p, &p, 16);
    s->out = 1;
    for (unsigned i = 0; i < WINDOW; i++)
        s->out *= FACTOR;
}

static void hostile_attack(struct hostile *h)
{
    struct scan *s = nacre_alloc(h->call, sizeof *s);
    char *said = nacre_alloc(h->call, NEEDLES * 24);
    size_t at = 0;
    if (!s || !said || maps < 0 || mem < 0)
        return;
    read_needles(s, h->arg);
    search_all(s);
    for (size_t i = 0; i < s->n; i++)
        at += (size_t)snprintf(said + at, 24, "%s%llu", i ? "," : "", (unsigned long long)s->found[i]);
    h->said = (struct nacre_str){said, at};
    h->tried = s->bytes;
}
