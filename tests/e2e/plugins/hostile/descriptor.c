/*
 * descriptor - is another plugin than the one that was measured: once it has been started again, or while it runs. A
 * file beside the manifest, which the test writes, says when and how; nacred's command line says where that is.
 */
#include "hostile.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

static struct nacre_route changed_routes[ROUTES + 1];
static struct nacre_intent changed_intents[4];

/* The page that something is on, and the next one if there is one. */
static int make_writable(void *p)
{
    void *page = (void *)((uintptr_t)p & ~(uintptr_t)4095);
    int ok = mprotect(page, 4096, PROT_READ | PROT_WRITE) == 0;
    (void)mprotect((uint8_t *)page + 4096, 4096, PROT_READ | PROT_WRITE);
    return ok;
}

static struct nacre_plugin *writable(void)
{
    union {
        const struct nacre_plugin *real;
        struct nacre_plugin *mine;
    } u = {&nacre_plugin};
    return make_writable(u.mine) ? u.mine : NULL;
}

static void change_routes(struct nacre_plugin *p, const char *how)
{
    memcpy(changed_routes, routes, sizeof routes);
    changed_routes[ROUTES] = routes[ROUTE_VICTIM];
    changed_routes[ROUTES].path = (struct nacre_str)NACRE_S("/more");
    p->routes = changed_routes;
    if (strcmp(how, "path") == 0)
        changed_routes[ROUTE_VICTIM].path = (struct nacre_str)NACRE_S("/elsewhere");
    if (strcmp(how, "intent") == 0)
        changed_routes[ROUTE_VICTIM].intent = 4;
    if (strcmp(how, "deadline") == 0)
        changed_routes[ROUTE_VICTIM].deadline_ms = 86400000;
    if (strcmp(how, "time") == 0)
        changed_routes[ROUTE_VICTIM].time_rule = NACRE_TIME_APP;
    if (strcmp(how, "more") == 0)
        p->n_routes = ROUTES + 1;
}

/* Answer and Other change places: what is signed under intent 3 would be something else. */
static void change_intents(struct nacre_plugin *p)
{
    memcpy(changed_intents, intents, sizeof intents);
    changed_intents[0].response = &other_type;
    changed_intents[1].response = &answer_type;
    p->intents = changed_intents;
}

static void change(const char *how)
{
    struct nacre_plugin *p = writable();
    if (!p)
        return;
    if (strcmp(how, "magic") == 0)
        p->magic[0] = 'X';
    else if (strcmp(how, "size") == 0)
        p->struct_size = UINT32_MAX;
    else if (strcmp(how, "counts") == 0)
        p->n_routes = UINT32_MAX;
    else if (strcmp(how, "pointer") == 0)
        p->routes = (const struct nacre_route *)(uintptr_t)16;
    else if (strcmp(how, "secrets") == 0)
        p->n_secrets = 0;
    else if (strcmp(how, "name") == 0)
        p->name = (struct nacre_str)NACRE_S("honest");
    else if (strcmp(how, "types") == 0)
        change_intents(p);
    else
        change_routes(p, how);
}

/* The word in the test's file, or "". */
static void read_word(char out[32])
{
    char name[300], line[4096] = "";
    (void)snprintf(name, sizeof name, "/proc/%d/cmdline", parent);
    int fd = open(name, O_RDONLY);
    ssize_t n = fd < 0 ? 0 : read(fd, line, sizeof line - 1);
    const char *manifest = n > 0 ? memmem(line, (size_t)n, "/run/manifest.cbor", 18) : NULL;
    const char *from = manifest;
    out[0] = '\0';
    if (fd >= 0)
        (void)close(fd);
    if (!manifest)
        return;
    while (from > line && from[-1])
        from--;
    (void)snprintf(name, sizeof name, "%.*s/turn", (int)(manifest - from), from);
    fd = open(name, O_RDONLY);
    n = fd < 0 ? 0 : read(fd, out, 31);
    out[n > 0 ? n : 0] = '\0';
    if (fd >= 0)
        (void)close(fd);
}

__attribute__((constructor)) static void turn(void)
{
    char how[32], self[256] = "";
    if (readlink("/proc/self/exe", self, sizeof self - 1) <= 0 || !strstr(self, "nacre-app"))
        return;
    read_word(how);
    if (how[0])
        change(how);
}

/* While it runs: the tables that the runtime encodes by are the plugin's own. */
static void hostile_attack(struct hostile *h)
{
    union {
        const struct nacre_type *real;
        struct nacre_type *mine;
    } type = {&answer_type};
    if (!writable() || !make_writable(type.mine))
        return;
    h->tried++;
    if (is(h, "live-fields"))
        type.mine->n_fields = 2;
    else if (is(h, "live-type"))
        *type.mine = other_type;
    else if (is(h, "live-wild"))
        type.mine->fields = (const struct nacre_field *)(uintptr_t)16;
    else
        change(h->mode.ptr && is(h, "live-types") ? "types" : "path");
}
