/* From the old enclave to the new one, which answers already. */
#include "ops.h"

#include "file.h"

#include <common/frame.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECOND_NS    1000000000u
#define POLL_MS      100u
#define DAEMON_S     15u /* for the daemon to have looked at a new enclave */
#define WORDS_MAX    48u
#define NOT_EXECUTED 127

/*
 * Lets the daemon meet it, without connections yet, until it has found it healthy. One that answers and does not find
 * it so would serve nobody after the roll; one that does not answer does not run, or nobody is to ask it.
 */
static int introduce(struct nacre_ops *o, struct nacre_ops_slot *slot)
{
    char title[NACRE_OPS_NAME_MAX + 16], health[24] = "unknown to it";
    uint64_t connections, now = nacre_monotonic_ns();
    uint64_t end = now + (uint64_t)DAEMON_S * SECOND_NS, silent_end = now + SECOND_NS;
    bool answers = false;
    slot->announced = true;
    int rc = nacre_ops_state_save(&o->state, o->why, sizeof o->why);
    if (rc)
        return rc;
    nacre_ops_slot_title(slot, title);
    do {
        bool view = nacre_ops_daemon_view(&o->state.daemon, title, health, &connections);
        if (view && strcmp(health, "healthy") == 0)
            return 0;
        answers = answers || view || nacre_ops_daemon_pid(&o->state.daemon) > 0;
    } while (nacre_ops_pause(answers ? end : silent_end, POLL_MS));
    if (answers)
        return nacre_ops_fail(o, -ETIMEDOUT, "the daemon's view of it is '%s', not healthy, after %u s",
                              health, DAEMON_S);
    nacre_ops_say(slot, "no daemon answers at %s, going on", o->state.daemon.health);
    return 0;
}

/* `nacre register` with the new enclave's document: our own program, our own streams. */
static int switch_chain(struct nacre_ops *o, const struct nacre_ops_slot *slot)
{
    char document[PATH_MAX], title[NACRE_OPS_NAME_MAX + 16];
    const char *words[WORDS_MAX] = {"nacre", "register", "--document", document};
    size_t n = 4;
    int status = 0;
    nacre_ops_slot_title(slot, title);
    (void)snprintf(document, sizeof document, "%s/%s.document", o->state.dir, title);
    for (size_t i = 0; o->options->switch_words[i] && n < WORDS_MAX - 2; i++)
        words[n++] = o->options->switch_words[i];
    if (o->options->how_switch == NACRE_OPS_RUN_SWITCH)
        words[n++] = "--run";
    int rc = nacre_ops_document(o, slot, document);
    if (rc)
        return rc;
    union {
        const char *const *in;
        char *const *as_exec_wants;
    } argv = {words};
    (void)fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        (void)execv("/proc/self/exe", argv.as_exec_wants);
        _exit(NOT_EXECUTED);
    }
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    (void)unlink(document);
    if (pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    return nacre_ops_fail(
        o, -EIO, "nacre register did not succeed (exit code %d): the chain still expects the old one",
        pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}

void nacre_ops_await_drained(struct nacre_ops *o, const struct nacre_ops_slot *slot)
{
    char title[NACRE_OPS_NAME_MAX + 16], health[24];
    uint64_t connections = 0, end = nacre_monotonic_ns() + o->options->drain_s * SECOND_NS;
    bool known = false;
    nacre_ops_slot_title(slot, title);
    do {
        bool view = nacre_ops_daemon_view(&o->state.daemon, title, health, &connections);
        known = known || view;
        if (view && connections == 0) {
            nacre_ops_say(slot, "drained");
            return;
        }
    } while (nacre_ops_pause(end, POLL_MS));
    if (known)
        nacre_ops_say(slot, "still has %ju connections after %ju s, which are cut", (uintmax_t)connections,
                      (uintmax_t)o->options->drain_s);
}

int nacre_ops_finish(struct nacre_ops *o)
{
    const char *name = o->options->name;
    struct nacre_ops_slot *ready = nacre_ops_state_find(&o->state, name, NACRE_OPS_READY), *old;
    if (!ready)
        return nacre_ops_fail(o, -ENOENT, "no new enclave of '%s' is ready", name);
    while ((old = nacre_ops_state_find(&o->state, name, NACRE_OPS_SERVING)))
        old->phase = NACRE_OPS_DRAINING;
    ready->phase = NACRE_OPS_SERVING;
    ready->announced = true;
    int rc =
        nacre_ops_state_save(&o->state, o->why, sizeof o->why); /* one write: both change places at once */
    if (rc == 0)
        nacre_ops_say(ready, "serving");
    while (rc == 0 && (old = nacre_ops_state_find(&o->state, name, NACRE_OPS_DRAINING))) {
        nacre_ops_await_drained(o, old);
        rc = nacre_ops_end(o, old);
    }
    return rc;
}

int nacre_ops_roll(struct nacre_ops *o)
{
    const struct nacre_ops_options *p = o->options;
    struct nacre_ops_slot *ready = nacre_ops_state_find(&o->state, p->name, NACRE_OPS_READY);
    char reason[sizeof o->why];
    int rc = introduce(o, ready);
    if (rc) {
        (void)snprintf(reason, sizeof reason, "%s", o->why);
        if (nacre_ops_end(o, ready))
            (void)fprintf(stderr, "%s: and it could not be ended: %s\n", p->program, o->why);
        return nacre_ops_fail(o, rc, "%s", reason);
    }
    if (p->how_switch != NACRE_OPS_NO_SWITCH)
        rc = switch_chain(o, ready);
    if (rc)
        (void)fprintf(stderr, "%s: the new enclave waits: nacre host up %s --finish, or --abandon\n",
                      p->program, p->name);
    else if (p->how_switch == NACRE_OPS_PRINT_SWITCH)
        return -EINPROGRESS;
    return rc ? rc : nacre_ops_finish(o);
}
