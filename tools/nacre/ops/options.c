#include "ops.h"

#include "commands.h"
#include "netaddr.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#define WORD 1 /* as getopt_long says it for "-" */
#define LONG 2

struct number {
    const char *name;
    uint64_t *value;
    uint64_t min, max;
};

struct text {
    const char *name;
    const char **value;
};

struct flag {
    const char *name;
    bool *value;
};

static int take_switch(struct nacre_ops_options *o, const char *text)
{
    static const char *const names[] = {"none", "print", "run"};
    for (size_t i = 0; i < 3; i++) {
        if (strcmp(names[i], text) == 0) {
            o->how_switch = (enum nacre_ops_switch)i;
            return -1;
        }
    }
    return nacre_usage_error(o->program, "--switch is '%.64s', expected none, print or run", text);
}

/* One option by its name. */
static int take(struct nacre_ops_options *o, const char *name, const char *value)
{
    const struct text texts[] = {
        {"config", &o->config},     {"state", &o->state_dir}, {"nitro-cli", &o->nitro_cli},
        {"eif", &o->eif},           {"pcrs", &o->pcrs},       {"allow", &o->allow},
        {"connect", &o->connect},   {"plain", &o->plain},     {"blobs", &o->blobs},
        {"secrets-hook", &o->hook}, {"lend", &o->lend},
    };
    const struct number numbers[] = {
        {"cpus", &o->cpus, 1, 1024},
        {"memory", &o->memory_mib, 64, 4u << 20},
        {"cid", &o->cid, 4, UINT32_MAX - 1u},
        {"wait", &o->wait_s, 1, 86400},
        {"secrets-wait", &o->secrets_s, 1, 86400},
        {"drain", &o->drain_s, 0, 86400},
        {"nitro-wait", &o->nitro_s, 1, 3600},
        {"api-port", &o->api_port, 1, UINT32_MAX - 1u},
        {"secrets-port", &o->secrets_port, 1, UINT32_MAX - 1u},
    };
    const struct flag flags[] = {{"debug", &o->debug}, {"finish", &o->finish}, {"abandon", &o->abandon},
                                 {"json", &o->json},   {"all", &o->all},       {"if-down", &o->if_down}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (strcmp(texts[i].name, name) == 0)
            *texts[i].value = value;
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
        if (strcmp(flags[i].name, name) == 0)
            *flags[i].value = true;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        const struct number *n = &numbers[i];
        if (strcmp(n->name, name) == 0 &&
            (nacre_number_parse(n->value, value, strlen(value), n->max) || *n->value < n->min))
            return nacre_usage_error(o->program, "--%s is '%.64s', expected a number from %ju to %ju", name,
                                     value, (uintmax_t)n->min, (uintmax_t)n->max);
    }
    return strcmp(name, "switch") == 0 ? take_switch(o, value) : -1;
}

static void set_defaults(struct nacre_ops_options *o, const char *program)
{
    *o = (struct nacre_ops_options){
        .program = program,
        .config = "/etc/nacre/host.yaml",
        .state_dir = "/var/lib/nacre",
        .nitro_cli = "nitro-cli",
        .connect = "vsock:{cid}",
        .cpus = 2,
        .memory_mib = 512,
        .wait_s = 120,
        .secrets_s = 3600,
        .drain_s = 30,
        .nitro_s = 120,
        .api_port = 3000,
        .secrets_port = 7777,
    };
}

int nacre_ops_options_read(struct nacre_ops_options *out, int argc, char **argv, const char *help)
{
    static const struct option known[] = {{"config", 1, NULL, LONG},
                                          {"state", 1, NULL, LONG},
                                          {"nitro-cli", 1, NULL, LONG},
                                          {"eif", 1, NULL, LONG},
                                          {"pcrs", 1, NULL, LONG},
                                          {"allow", 1, NULL, LONG},
                                          {"connect", 1, NULL, LONG},
                                          {"plain", 1, NULL, LONG},
                                          {"blobs", 1, NULL, LONG},
                                          {"lend", 1, NULL, LONG},
                                          {"secrets-hook", 1, NULL, LONG},
                                          {"cpus", 1, NULL, LONG},
                                          {"memory", 1, NULL, LONG},
                                          {"cid", 1, NULL, LONG},
                                          {"wait", 1, NULL, LONG},
                                          {"secrets-wait", 1, NULL, LONG},
                                          {"drain", 1, NULL, LONG},
                                          {"nitro-wait", 1, NULL, LONG},
                                          {"api-port", 1, NULL, LONG},
                                          {"secrets-port", 1, NULL, LONG},
                                          {"switch", 1, NULL, LONG},
                                          {"debug", 0, NULL, LONG},
                                          {"finish", 0, NULL, LONG},
                                          {"abandon", 0, NULL, LONG},
                                          {"json", 0, NULL, LONG},
                                          {"all", 0, NULL, LONG},
                                          {"if-down", 0, NULL, LONG},
                                          {"help", 0, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    int code, at = 0, rc = -1;
    set_defaults(out, argv[0]);
    optind = 1;
    /* '-': words come as they stand, so that "--" and what is behind it stay apart from them */
    while (rc < 0 && (code = getopt_long(argc, argv, "-h", known, &at)) != -1) {
        if (code == 'h') {
            (void)fputs(help, stdout);
            return 0;
        }
        if (code == '?')
            return NACRE_EXIT_USAGE;
        if (code == LONG) {
            rc = take(out, known[at].name, optarg);
        } else if (code == WORD && out->name) {
            return nacre_usage_error(argv[0], "one name at a time, but after '%s' there is '%s'", out->name,
                                     optarg);
        } else {
            out->name = optarg;
        }
    }
    out->switch_words = (const char *const *)argv + optind;
    if (rc < 0 && out->name && !nacre_ops_name_ok(out->name))
        return nacre_usage_error(argv[0],
                                 "'%.64s' is no name: up to %u lower case letters, digits and inner '-'",
                                 out->name, NACRE_OPS_NAME_MAX);
    return rc;
}
