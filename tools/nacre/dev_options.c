#include "dev_options.h"

#include "commands.h"
#include "netaddr.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#define TIMEOUT_MAX 86400u

static const char help[] =
    "usage: nacre dev --app NAME | --plugin FILE.so [option]...\n"
    "\n"
    "Runs an app on this machine, in the foreground: a simulated NSM and the runtime. Prints one line on\n"
    "standard output once requests are served:\n"
    "  ready url=URL public_key=HEX root=FILE dir=DIRECTORY\n"
    "where root is the certificate of the test root that signs the attestation documents. SIGINT (Ctrl-C) "
    "and\n"
    "SIGTERM end all of it, and then the exit code is 0.\n"
    "\n"
    "  --app NAME             the app built into ../plugins/NAME/ beside this program's directory\n"
    "  --plugin FILE.so       or this one\n"
    "  --allow FILE           allow list; default: allowed_endpoints.yaml beside the plugin, where there is "
    "one\n"
    "  --config FILE          configuration; default: nacre.yaml beside the plugin, where there is one, "
    "else\n"
    "                         ../config/nacre.yaml from this program's directory\n"
    "  --listen ADDR:PORT     where requests are served; port 0 takes a free one\n"
    "  --admin ADDR:PORT      where /metrics is served; default: as configured, which is nowhere\n"
    "  --secrets FILE         a JSON object with the app's secrets\n"
    "  --upstream HOST[:PORT]=ADDR:PORT\n"
    "                         reach this host of the allow list there, not by DNS; may be repeated\n"
    "  --ca FILE              CA certificates (PEM) that upstreams are checked against\n"
    "  --blob-store ADDR:PORT run a blob store that speaks the two calls of Walrus, in memory, and reach "
    "Walrus' "
    "hosts\n"
    "                         there; the ready line then ends with store=URL store_ca=FILE\n"
    "  --set SECTION.KEY=VALUE\n"
    "                         override the configuration, plugin.NAME=VALUE too; may be repeated\n"
    "  --tls                  serve HTTPS, as --set http.tls=self-signed\n"
    "  --map KIND             indefinite (default) or definite length of the attestation document's map\n"
    "  --root-key FILE        keep the test root here between runs, so that who trusts it trusts the next "
    "run too\n"
    "  --keep DIR             put manifest, test root and sockets here and leave them; default: a private\n"
    "                         directory that is removed at the end\n"
    "  --timeout SECONDS      give up when the runtime is not ready by then (1 to 86400; default 30, and as "
    "long\n"
    "                         as the secrets may take where they are delivered to a socket)\n"
    "  --pid-file FILE        hold this process's id here while it runs\n"
    "  -h, --help\n"
    "\n"
    "Addresses are numeric, IPv6 in brackets. Allowed hosts are looked up once, at the start; those that "
    "DNS\n"
    "does not know are unreachable, with a warning.\n";

static int add(struct nacre_dev_repeated *list, const char *value)
{
    if (list->n == NACRE_DEV_REPEATS)
        return nacre_usage_error("nacre dev", "too many options of one kind, from '%s' on", value);
    list->values[list->n++] = value;
    return -1;
}

/* Given twice, the second would silently win. */
static int set_once(const char **slot, const char *value, const char *name)
{
    if (*slot)
        return nacre_usage_error("nacre dev", "--%s is given twice", name);
    *slot = value;
    return -1;
}

static int check(struct nacre_dev_options *o, int argc, char **argv, int first)
{
    if (first < argc)
        return nacre_usage_error("nacre dev", "unexpected argument '%s'", argv[first]);
    if (!o->app == !o->plugin)
        return nacre_usage_error("nacre dev",
                                 o->app ? "--app '%s' and --plugin exclude each other" : "%s is needed",
                                 o->app ? o->app : "--app NAME or --plugin FILE.so");
    if (o->ca && o->blob_store)
        return nacre_usage_error("nacre dev", "--ca '%s' and --blob-store exclude each other", o->ca);
    if (o->map && strcmp(o->map, "definite") != 0 && strcmp(o->map, "indefinite") != 0)
        return nacre_usage_error("nacre dev", "--map is '%s', expected definite or indefinite", o->map);
    uint64_t seconds = 0;
    if (o->timeout &&
        (nacre_number_parse(&seconds, o->timeout, strlen(o->timeout), TIMEOUT_MAX) || seconds == 0))
        return nacre_usage_error("nacre dev", "--timeout is '%s', expected seconds from 1 to %u", o->timeout,
                                 TIMEOUT_MAX);
    o->timeout_s = (int)seconds;
    return -1;
}

int nacre_dev_options_read(struct nacre_dev_options *out, int argc, char **argv)
{
    struct nacre_dev_options o = {0};
    const struct {
        const char *name;
        const char **slot;
    } single[] = {
        {"app", &o.app},           {"plugin", &o.plugin},
        {"allow", &o.allow},       {"config", &o.config},
        {"listen", &o.listen},     {"admin", &o.admin},
        {"secrets", &o.secrets},   {"ca", &o.ca},
        {"map", &o.map},           {"keep", &o.keep},
        {"root-key", &o.root_key}, {"pid-file", &o.pid_file},
        {"timeout", &o.timeout},   {"blob-store", &o.blob_store},
    };
    enum {
        N_SINGLE = sizeof single / sizeof single[0],
        OPT_SINGLE = 256,
        OPT_UPSTREAM = 512,
        OPT_SET,
        OPT_TLS
    };
    struct option long_options[N_SINGLE + 5] = {
        {"upstream", required_argument, NULL, OPT_UPSTREAM},
        {"set", required_argument, NULL, OPT_SET},
        {"tls", no_argument, NULL, OPT_TLS},
        {"help", no_argument, NULL, 'h'},
    };
    for (int i = 0; i < N_SINGLE; i++)
        long_options[4 + i] = (struct option){single[i].name, required_argument, NULL, OPT_SINGLE + i};
    int opt, code = -1;
    while (code < 0 && (opt = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
        if (opt == 'h') {
            (void)fputs(help, stdout);
            return 0;
        }
        if (opt == OPT_UPSTREAM)
            code = add(&o.upstreams, optarg);
        else if (opt == OPT_SET)
            code = add(&o.sets, optarg);
        else if (opt == OPT_TLS)
            code = add(&o.sets, "http.tls=self-signed");
        else if (opt >= OPT_SINGLE && opt < OPT_SINGLE + N_SINGLE)
            code = set_once(single[opt - OPT_SINGLE].slot, optarg, single[opt - OPT_SINGLE].name);
        else
            code = NACRE_EXIT_USAGE;
    }
    if (code < 0)
        code = check(&o, argc, argv, optind);
    if (code < 0)
        *out = o;
    return code;
}
