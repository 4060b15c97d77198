/* nacre host up */
#include "cmd_ops.h"
#include "commands.h"
#include "ops.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: nacre host up NAME --eif FILE --pcrs FILE [option]... [--switch print|run -- OPTIONS OF nacre "
    "register]\n"
    "       nacre host up NAME --finish | --abandon\n"
    "\n"
    "Starts an enclave through nitro-cli, checks what it measures, brings its secrets, waits until its app "
    "answers, and\n"
    "gives it to the daemon. When an enclave of this NAME serves already, the new one is started beside it; "
    "the old one\n"
    "serves until the new one is healthy, then it gets no new connections, is drained and ended. When "
    "anything fails\n"
    "before that, the new one is ended and the old one goes on.\n"
    "\n"
    "  --eif FILE            the image\n"
    "  --pcrs FILE           what it has to measure: lines of HEX PCR<n>\n"
    "  --cpus N              2 if left out; --memory MIB: 512; --cid N: the first free one from 16 on\n"
    "  --allow FILE          the image's allow list, for the daemon's egress\n"
    "  --if-down             nothing to do while the one of this name that serves runs: for a timer, with "
    "nobody "
    "present\n"
    "  --debug               debug mode: a console, and measurements of zero\n"
    "Secrets, one of them; a sealed blob is only carried:\n"
    "  --blobs DIR           put the attestation document into DIR/NAME-CID.document and wait for "
    "DIR/NAME-CID.blob,\n"
    "                        which whoever seals brings there; one that is refused becomes NAME-CID.refused\n"
    "  --secrets-hook PROG   run PROG NAME-CID DOCUMENT BLOB, which writes BLOB\n"
    "  --lend imds|FILE      for an image with secrets.kms: lend this instance's credentials, from EC2's "
    "metadata "
    "service or a\n"
    "                        file, until the enclave has its secrets from KMS\n"
    "  --plain FILE          not sealed: this machine can read them\n"
    "  --secrets-wait S      3600 if left out\n"
    "For an app whose contract knows one canonical enclave:\n"
    "  --switch print        print what nacre register says, and wait: exit code 3. --finish goes on after "
    "the switch,\n"
    "                        --abandon ends the new one\n"
    "  --switch run          run it, then go on\n"
    "Time and place:\n"
    "  --wait S              for an answer and for health: 120; --drain S: 30; --nitro-wait S, for "
    "nitro-cli: 120\n"
    "  --config FILE         the daemon's configuration: /etc/nacre/host.yaml; of it enclaves_file, pid_file "
    "and\n"
    "                        health.listen are used\n"
    "  --state DIR           /var/lib/nacre\n"
    "  --nitro-cli PROG      nitro-cli\n"
    "  --connect PLACE       vsock:{cid}, or unix:PATH with {cid} in it for machines that speak CONNECT\n"
    "  --api-port N, --secrets-port N   3000 and 7777\n"
    "\n"
    "Exit codes: 0 serving, 1 failed, 2 a mistake on the command line, 3 waiting for the chain's switch.\n";

static int check_usage(const struct nacre_ops_options *p)
{
    int secrets = (p->plain != NULL) + (p->blobs != NULL) + (p->hook != NULL) + (p->lend != NULL);
    bool later = p->finish || p->abandon;
    if (!p->name)
        return nacre_usage_error(p->program, "a name is missing");
    if (later &&
        (p->eif || p->pcrs || secrets || p->how_switch != NACRE_OPS_NO_SWITCH || p->finish == p->abandon))
        return nacre_usage_error(p->program, "--finish and --abandon stand alone");
    if (!later && (!p->eif || !p->pcrs))
        return nacre_usage_error(p->program, "--eif and --pcrs are needed");
    if (secrets > 1)
        return nacre_usage_error(p->program, "--plain, --blobs, --secrets-hook and --lend: one of them");
    if ((p->how_switch != NACRE_OPS_NO_SWITCH) != (p->switch_words[0] != NULL))
        return nacre_usage_error(p->program,
                                 "--switch print or run, and after -- the options of nacre register");
    return -1;
}

/* What an earlier run has left behind: what never served is ended, what had been replaced too. */
static int clear_up(struct nacre_ops *o)
{
    static const enum nacre_ops_phase left[] = {NACRE_OPS_STARTING, NACRE_OPS_DRAINING};
    for (size_t i = 0; i < sizeof left / sizeof left[0]; i++) {
        struct nacre_ops_slot *slot;
        while ((slot = nacre_ops_state_find(&o->state, o->options->name, left[i]))) {
            nacre_ops_say(slot, "left behind by an earlier run");
            int rc = nacre_ops_end(o, slot);
            if (rc)
                return rc;
        }
    }
    /* One that waits for the chain's switch is kept, but not when it is no more: after a reboot, for one. */
    struct nacre_ops_slot *ready = nacre_ops_state_find(&o->state, o->options->name, NACRE_OPS_READY);
    int runs = ready ? nacre_ops_runs(o, ready) : 1;
    return runs < 0 ? runs : runs ? 0 : nacre_ops_end(o, ready);
}

/* Days may lie between a roll that waits for the chain's switch and its end: the new one has to be there still. */
static int finish(struct nacre_ops *o, const struct nacre_ops_slot *ready)
{
    int rc = ready ? nacre_ops_await_health(o, ready) : 0;
    return rc ? rc : nacre_ops_finish(o);
}

static int go(struct nacre_ops *o)
{
    const struct nacre_ops_options *p = o->options;
    struct nacre_ops_slot *ready = nacre_ops_state_find(&o->state, p->name, NACRE_OPS_READY);
    if (p->finish)
        return finish(o, ready);
    if (p->abandon)
        return ready ? nacre_ops_end(o, ready)
                     : nacre_ops_fail(o, -ENOENT, "no new enclave of '%s' waits", p->name);
    struct nacre_ops_slot *serving = nacre_ops_state_find(&o->state, p->name, NACRE_OPS_SERVING);
    int runs = p->if_down && serving ? nacre_ops_runs(o, serving) : 0;
    if (runs != 0)
        return runs < 0 ? runs : 0;
    int rc = nacre_ops_pcrs_read(o);
    if (rc == 0)
        rc = clear_up(o);
    if (rc == 0 && nacre_ops_state_find(&o->state, p->name, NACRE_OPS_READY))
        rc = nacre_ops_fail(o, -EBUSY, "a new enclave of '%s' waits already: --finish or --abandon", p->name);
    if (rc == 0)
        rc = nacre_ops_start(o);
    return rc ? rc : nacre_ops_roll(o);
}

int nacre_cmd_host_up(int argc, char **argv)
{
    struct nacre_ops_options options;
    int code = nacre_ops_options_read(&options, argc, argv, help);
    if (code < 0)
        code = check_usage(&options);
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
    if (rc && rc != -EINPROGRESS)
        (void)fprintf(stderr, "%s: %s: %s\n", options.program, options.name, o->why);
    free(o);
    return rc == 0 ? 0 : rc == -EINPROGRESS ? NACRE_OPS_WAITING : NACRE_EXIT_FAILED;
}
