/* handlers - handlers that misbehave, within the ABI and out of it: the victim's own request says how. */
#include <nacre/plugin.h>

struct answer;
static int32_t misbehave(const struct nacre_call *call, struct nacre_str mode, struct answer *out);
#define HOSTILE_VICTIM misbehave
#include "hostile.h"

#include <stdlib.h>
#include <unistd.h>

static void bad_values(struct nacre_str mode, struct answer *out)
{
    if (nacre_str_is(mode, "value-bool"))
        out->flag = 7;
    if (nacre_str_is(mode, "value-utf8"))
        out->text = (struct nacre_str)NACRE_S("\xff\xfe");
    if (nacre_str_is(mode, "value-null"))
        out->text = (struct nacre_str){NULL, 5};
    if (nacre_str_is(mode, "value-wild"))
        out->text = (struct nacre_str){(const char *)(uintptr_t)16, 5};
    if (nacre_str_is(mode, "value-huge"))
        out->bytes.len = UINT64_MAX;
    if (nacre_str_is(mode, "value-count"))
        out->list.count = UINT64_MAX / 4 + 2;
}

/* Is the deadline over, and some time more? */
static int past(const struct nacre_call *call)
{
    static _Thread_local uint64_t since;
    if (nacre_remaining_ms(call) > 0)
        since = now_ns();
    return since && now_ns() - since > 50000000u;
}

static int32_t bad_status(const struct nacre_call *call, struct nacre_str mode)
{
    if (nacre_str_is(mode, "status-1"))
        return 1;
    if (nacre_str_is(mode, "status-200"))
        return nacre_fail(call, 200, "fine");
    if (nacre_str_is(mode, "status-negative"))
        return -5;
    if (nacre_str_is(mode, "status-700"))
        return 700;
    if (nacre_str_is(mode, "scratch") && nacre_alloc(call, UINT64_MAX - 8))
        return 599;
    if (nacre_str_is(mode, "other-time"))
        return nacre_set_timestamp(call, 1) == 0 ? 599 : 500;
    return 0;
}

static int32_t misbehave(const struct nacre_call *call, struct nacre_str mode, struct answer *out)
{
    if (nacre_str_is(mode, "abort"))
        abort();
    if (nacre_str_is(mode, "exit"))
        _exit(0);
    while (nacre_str_is(mode, "after-deadline") && !past(call)) /* and then returns as if nothing were */
        continue;
    while (nacre_str_is(mode, "never"))
        pause_ms(1000);
    bad_values(mode, out);
    return bad_status(call, mode);
}

/* Goes back on its word: the call that is over is used again. */
static void hostile_attack(struct hostile *h)
{
    static const struct nacre_call *old;
    static struct nacre_call copy;
    struct nacre_str value;
    if (is(h, "old-call") && old) {
        (void)nacre_fail(&copy, 200, "from the grave");
        (void)nacre_alloc(old, 1u << 20);
        nacre_progress(old, 2000, "from the grave");
        (void)nacre_secret(old, "THEIRS", &value);
        h->tried = 4;
    }
    old = h->call;
    copy = *h->call;
    (void)copy;
}
