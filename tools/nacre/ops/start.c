/* From an image to an enclave whose app answers. */
#include "ops.h"

#include "file.h"

#include <common/frame.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define FIRST_CID 16u
#define SECOND_NS 1000000000u
#define POLL_MS   250u
#define SAID      256u
#define LOOK_MS   2000u /* between two looks whether it still runs */

void nacre_ops_say(const struct nacre_ops_slot *slot, const char *format, ...)
{
    char title[NACRE_OPS_NAME_MAX + 16];
    va_list args;
    nacre_ops_slot_title(slot, title);
    (void)printf("%s: ", title);
    va_start(args, format);
    (void)vprintf(format, args);
    va_end(args);
    (void)putchar('\n');
    (void)fflush(stdout);
}

int nacre_ops_fail(struct nacre_ops *o, int error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(o->why, sizeof o->why, format, args);
    va_end(args);
    return error;
}

bool nacre_ops_pause(uint64_t end_ns, uint64_t ms)
{
    if (nacre_monotonic_ns() >= end_ns)
        return false;
    (void)usleep((useconds_t)ms * 1000);
    return true;
}

static struct nacre_ops_enclave listed[NACRE_OPS_ENCLAVES];

static struct nacre_ops_enclave *by_cid(int n, uint32_t cid)
{
    for (int i = 0; i < n; i++)
        if (listed[i].cid == cid)
            return &listed[i];
    return NULL;
}

int nacre_ops_runs(struct nacre_ops *o, const struct nacre_ops_slot *slot)
{
    int n = nacre_ops_nitro_list(&o->nitro, listed, o->why, sizeof o->why);
    const struct nacre_ops_enclave *found = n < 0 ? NULL : by_cid(n, slot->cid);
    return n < 0 ? n : found && strcmp(found->id, slot->id) == 0;
}

/* One that nitro-cli no longer lists has ended by itself: that is what is wanted. */
int nacre_ops_end(struct nacre_ops *o, struct nacre_ops_slot *slot)
{
    int n = nacre_ops_nitro_list(&o->nitro, listed, o->why, sizeof o->why);
    if (n < 0)
        return n;
    const struct nacre_ops_enclave *found = by_cid(n, slot->cid);
    /* a slot without an id was written before its enclave was started; whoever has its CID now is that one */
    bool runs = found && (!slot->id[0] || strcmp(found->id, slot->id) == 0);
    int rc = runs ? nacre_ops_nitro_end(&o->nitro, found->id, o->why, sizeof o->why) : 0;
    if (rc)
        return rc;
    nacre_ops_say(slot, runs ? "ended" : "had ended");
    nacre_ops_state_drop(&o->state, slot);
    return nacre_ops_state_save(&o->state, o->why, sizeof o->why);
}

static bool cid_taken(const struct nacre_ops *o, int n, uint32_t cid)
{
    for (size_t i = 0; i < o->state.n; i++)
        if (o->state.slot[i].cid == cid)
            return true;
    return by_cid(n, cid) != NULL;
}

/* "vsock:{cid}" with the number in it. */
static int fill_connect(struct nacre_ops *o, struct nacre_ops_slot *slot)
{
    const char *pattern = o->options->connect, *hole = strstr(pattern, "{cid}");
    int n = hole ? snprintf(slot->connect, sizeof slot->connect, "%.*s%u%s", (int)(hole - pattern), pattern,
                            slot->cid, hole + 5)
                 : -1;
    return n > 0 && (size_t)n < sizeof slot->connect
               ? 0
               : nacre_ops_fail(o, -EINVAL, "--connect '%.200s' has no {cid}, or is longer than %zu bytes",
                                pattern, sizeof slot->connect - 1);
}

/* The daemon reads the list by itself, in a directory of its own: where it is, whatever the operator has written. */
static int fill_allow(struct nacre_ops *o, struct nacre_ops_slot *slot)
{
    const char *given = o->options->allow;
    char *whole = given ? realpath(given, NULL) : NULL;
    if (given && !whole)
        return nacre_file_error(given, "cannot find the allow list", errno, o->why, sizeof o->why);
    int n = snprintf(slot->allow, sizeof slot->allow, "%s", whole ? whole : "");
    free(whole);
    return n >= 0 && (size_t)n < sizeof slot->allow
               ? 0
               : nacre_ops_fail(o, -ENAMETOOLONG, "--allow '%.300s' is longer than %zu bytes", given,
                                sizeof slot->allow - 1);
}

/* Writes down what is about to be started. NULL with *rc set: nothing was; else *rc says whether to go on. */
static struct nacre_ops_slot *reserve(struct nacre_ops *o, int *rc)
{
    const struct nacre_ops_options *p = o->options;
    int n = nacre_ops_nitro_list(&o->nitro, listed, o->why, sizeof o->why);
    uint32_t cid = p->cid ? (uint32_t)p->cid : FIRST_CID;
    while (n >= 0 && !p->cid && cid_taken(o, n, cid))
        cid++;
    bool taken = n >= 0 && cid_taken(o, n, cid);
    struct nacre_ops_slot *slot = n >= 0 && !taken ? nacre_ops_state_add(&o->state, p->name) : NULL;
    if (!slot) {
        *rc = n < 0   ? n
              : taken ? nacre_ops_fail(o, -EADDRINUSE, "CID %u is taken", cid)
                      : nacre_ops_fail(o, -ENOSPC, "there are %u enclaves already", NACRE_OPS_ENCLAVES);
        return NULL;
    }
    slot->phase = NACRE_OPS_STARTING;
    slot->cid = cid;
    slot->since_s = (uint64_t)time(NULL);
    (void)snprintf(slot->eif, sizeof slot->eif, "%s", p->eif);
    *rc = fill_connect(o, slot);
    if (*rc == 0)
        *rc = fill_allow(o, slot);
    if (*rc == 0)
        *rc = nacre_ops_state_save(&o->state, o->why, sizeof o->why);
    return slot;
}

static int launch(struct nacre_ops *o, struct nacre_ops_slot *slot, struct nacre_ops_enclave *out)
{
    const struct nacre_ops_options *p = o->options;
    const struct nacre_ops_run_wish wish = {.eif = p->eif,
                                            .cpus = (uint32_t)p->cpus,
                                            .memory_mib = (uint32_t)p->memory_mib,
                                            .cid = slot->cid,
                                            .debug = p->debug};
    int rc = nacre_ops_nitro_start(&o->nitro, &wish, out, o->why, sizeof o->why);
    if (rc)
        return rc;
    (void)snprintf(slot->id, sizeof slot->id, "%s", out->id);
    nacre_ops_say(slot, "started as %s", slot->id);
    return nacre_ops_state_save(&o->state, o->why, sizeof o->why);
}

/* What it measured is said by describe-enclaves, by some versions also when it is started. */
static int check_measured(struct nacre_ops *o, const struct nacre_ops_slot *slot, struct nacre_ops_enclave *e)
{
    if (!e->pcr[0][0]) {
        int n = nacre_ops_nitro_list(&o->nitro, listed, o->why, sizeof o->why);
        if (n < 0)
            return n;
        const struct nacre_ops_enclave *found = by_cid(n, slot->cid);
        if (!found || strcmp(found->id, slot->id) != 0)
            return nacre_ops_fail(o, -ESRCH, "it ended at once: %s is not among the %d enclaves that run",
                                  slot->id, n);
        *e = *found;
    }
    if (e->debug && !o->options->debug)
        return nacre_ops_fail(o, -EACCES, "it runs in debug mode, which proves nothing about its code");
    return nacre_ops_pcrs_check(o, e);
}

/* "ok" once the app answers; then 1. 0: not yet. */
static int looks_well(struct nacre_ops *o, const struct nacre_ops_slot *slot, char said[SAID])
{
    char place[NACRE_OPS_PLACE_MAX + 16], status[32], app[32], secrets[32];
    char *body = NULL;
    size_t len = 0;
    nacre_ops_place(slot, (uint32_t)o->options->api_port, place);
    int code = nacre_ops_get(place, "/health_check", &body, &len, o->why, sizeof o->why);
    if (code < 0) {
        (void)snprintf(said, SAID, "%.200s", o->why);
        return 0;
    }
    bool whole = nacre_ops_member(body, len, "status", status, sizeof status) &&
                 nacre_ops_member(body, len, "app_state", app, sizeof app);
    if (!nacre_ops_member(body, len, "secrets", secrets, sizeof secrets))
        (void)snprintf(secrets, sizeof secrets, "unknown");
    free(body);
    (void)snprintf(said, SAID, "HTTP %d, status %s, app %s, secrets %s", code, whole ? status : "unknown",
                   whole ? app : "unknown", secrets);
    return code == 200 && whole && strcmp(status, "ok") == 0 && strcmp(app, "up") == 0;
}

int nacre_ops_await_health(struct nacre_ops *o, const struct nacre_ops_slot *slot)
{
    char said[SAID] = "";
    uint64_t now = nacre_monotonic_ns(), end = now + o->options->wait_s * SECOND_NS, look = now;
    do {
        if (looks_well(o, slot, said))
            return 0;
        if (nacre_monotonic_ns() >= look) {
            int n = nacre_ops_nitro_list(&o->nitro, listed, o->why, sizeof o->why);
            const struct nacre_ops_enclave *found = n >= 0 ? by_cid(n, slot->cid) : NULL;
            if (n >= 0 && (!found || strcmp(found->id, slot->id) != 0))
                return nacre_ops_fail(o, -ESRCH, "it ended by itself before it was healthy; last: %s", said);
            look = nacre_monotonic_ns() + (uint64_t)LOOK_MS * 1000000u;
        }
    } while (nacre_ops_pause(end, POLL_MS));
    return nacre_ops_fail(o, -ETIMEDOUT, "it was not healthy within %ju s; last: %s",
                          (uintmax_t)o->options->wait_s, said);
}

/* A key that nobody has registered yet: whoever reads the log of an unattended start finds it there. */
static void say_key(struct nacre_ops *o, const struct nacre_ops_slot *slot)
{
    char place[NACRE_OPS_PLACE_MAX + 16], key[72], *body = NULL, why[256];
    size_t len = 0;
    nacre_ops_place(slot, (uint32_t)o->options->api_port, place);
    bool known = nacre_ops_get(place, "/health_check", &body, &len, why, sizeof why) == 200 &&
                 nacre_ops_member(body, len, "pk", key, sizeof key);
    free(body);
    nacre_ops_say(slot, "healthy");
    if (known)
        nacre_ops_say(slot, "its new public key is %s: to be registered, where a contract knows one", key);
}

int nacre_ops_start(struct nacre_ops *o)
{
    struct nacre_ops_enclave e = {.id = ""};
    char reason[sizeof o->why];
    int rc = 0;
    struct nacre_ops_slot *slot = reserve(o, &rc);
    if (!slot)
        return rc;
    if (rc == 0)
        rc = launch(o, slot, &e);
    if (rc == 0)
        rc = check_measured(o, slot, &e);
    if (rc == 0) {
        nacre_ops_say(slot, "measures what %s says", o->options->pcrs);
        rc = nacre_ops_secrets(o, slot);
    }
    if (rc == 0)
        rc = nacre_ops_await_health(o, slot);
    if (rc == 0) {
        slot->phase = NACRE_OPS_READY;
        say_key(o, slot);
        return nacre_ops_state_save(&o->state, o->why, sizeof o->why);
    }
    (void)snprintf(reason, sizeof reason, "%s", o->why);
    if (nacre_ops_end(o, slot)) {
        (void)fprintf(stderr, "%s: and it could not be ended: %s\n", o->options->program, o->why);
        (void)nacre_ops_state_save(&o->state, o->why, sizeof o->why);
    }
    return nacre_ops_fail(o, rc, "%s", reason);
}
