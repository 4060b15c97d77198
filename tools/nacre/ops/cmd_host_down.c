/* nacre host down */
#include "cmd_ops.h"
#include "commands.h"
#include "ops.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: nacre host down NAME|--all [--drain S] [--config FILE] [--state DIR] [--nitro-cli PROG]\n"
    "\n"
    "Takes the enclaves of this name (or all that nacre host up has started) from the daemon, waits until "
    "their\n"
    "connections have ended, at most --drain seconds (30), and ends them. Their keys end with them.\n"
    "\n"
    "Exit codes: 0 none of them runs, 1 failed, 2 a mistake on the command line.\n";

static struct nacre_ops_slot *next_of(struct nacre_ops *o)
{
    for (size_t i = 0; i < o->state.n; i++)
        if (o->options->all || strcmp(o->state.slot[i].name, o->options->name) == 0)
            return &o->state.slot[i];
    return NULL;
}

static int go(struct nacre_ops *o)
{
    struct nacre_ops_slot *slot;
    int rc = 0;
    if (!next_of(o) && !o->options->all)
        return nacre_ops_fail(o, -ENOENT, "no enclave of that name is known in %s", o->state.dir);
    for (size_t i = 0; i < o->state.n; i++) {
        slot = &o->state.slot[i];
        if (slot->phase == NACRE_OPS_SERVING &&
            (o->options->all || strcmp(slot->name, o->options->name) == 0))
            slot->phase = NACRE_OPS_DRAINING;
    }
    rc = nacre_ops_state_save(&o->state, o->why, sizeof o->why);
    while (rc == 0 && (slot = next_of(o))) {
        if (slot->phase == NACRE_OPS_DRAINING)
            nacre_ops_await_drained(o, slot);
        rc = nacre_ops_end(o, slot);
    }
    return rc;
}

int nacre_cmd_host_down(int argc, char **argv)
{
    struct nacre_ops_options options;
    int code = nacre_ops_options_read(&options, argc, argv, help);
    if (code < 0 && !options.name == !options.all)
        code = nacre_usage_error(argv[0], "expected a name or --all");
    if (code >= 0)
        return code;
    struct nacre_ops *o = calloc(1, sizeof *o);
    if (!o)
        return NACRE_EXIT_FAILED;
    o->options = &options;
    o->nitro.program = options.nitro_cli;
    o->nitro.timeout_ms = options.nitro_s * 1000;
    int rc = nacre_ops_state_open(&o->state, options.state_dir, options.config, true, o->why, sizeof o->why);
    if (rc == 0) {
        rc = go(o);
        nacre_ops_state_close(&o->state);
    }
    if (rc)
        (void)fprintf(stderr, "%s: %s\n", options.program, o->why);
    free(o);
    return rc ? NACRE_EXIT_FAILED : 0;
}
