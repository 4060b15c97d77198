#include "commands.h"
#include "file.h"
#include "manifest_files.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
    "usage: nacre plugin manifest APP.so --config FILE --allow FILE [-o FILE]\n"
    "\n"
    "Writes the manifest that the runtime measures at boot: the plugin's digest (SHA-384), what the plugin\n"
    "declares, the configuration and the allow list, in CBOR. Refuses what the boot would refuse. The "
    "plugin\n"
    "is loaded, so its constructors run, in a process of its own.\n"
    "\n"
    "  --config FILE      the configuration (nacre.yaml)\n"
    "  --allow FILE       the hosts that the app may reach (allowed_endpoints.yaml)\n"
    "  -o, --output FILE  where to write; standard output if left out\n"
    "  -h, --help\n";

struct options {
    const char *plugin, *config, *allow, *output;
};

/* -1 to go on, else the exit code. */
static int read_options(struct options *o, int argc, char **argv)
{
    static const struct option long_options[] = {
        {"config", required_argument, NULL, 'c'},
        {"allow", required_argument, NULL, 'a'},
        {"output", required_argument, NULL, 'o'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    int opt;
    while ((opt = getopt_long(argc, argv, "o:h", long_options, NULL)) != -1) {
        switch (opt) {
        case 'c':
            o->config = optarg;
            break;
        case 'a':
            o->allow = optarg;
            break;
        case 'o':
            o->output = optarg;
            break;
        case 'h':
            (void)fputs(help, stdout);
            return 0;
        default:
            return NACRE_EXIT_USAGE;
        }
    }
    if (optind + 1 != argc)
        return nacre_usage_error("nacre plugin manifest",
                                 optind < argc ? "one plugin at a time, but there is also '%s'"
                                               : "%s is missing",
                                 optind < argc ? argv[argc - 1] : "the plugin's file (APP.so)");
    o->plugin = argv[optind];
    if (!o->config || !o->allow)
        return nacre_usage_error("nacre plugin manifest", "%s FILE is missing",
                                 o->config ? "--allow" : "--config");
    return -1;
}

static int put(const struct options *o, const uint8_t *data, size_t len, char *why, size_t why_len)
{
    if (o->output)
        return nacre_file_write(o->output, data, len, why, why_len);
    if (isatty(STDOUT_FILENO)) {
        (void)snprintf(why, why_len, "a manifest is binary: use -o FILE, or send standard output elsewhere");
        return -EINVAL;
    }
    if (fwrite(data, 1, len, stdout) != len || fflush(stdout) != 0)
        return nacre_file_error("standard output", "cannot write", errno, why, why_len);
    return 0;
}

static int write_manifest(const struct options *o, char *why, size_t why_len)
{
    uint8_t *data = NULL, digest[NACRE_SHA384_LEN];
    size_t len = 0;
    int rc = nacre_manifest_from_files(&data, &len, digest, o->plugin, o->config, o->allow, why, why_len);
    if (rc == 0)
        rc = put(o, data, len, why, why_len);
    free(data);
    return rc;
}

int nacre_cmd_plugin_manifest(int argc, char **argv)
{
    struct options o = {0};
    char why[1024] = "out of memory";
    int code = read_options(&o, argc, argv);
    if (code >= 0)
        return code;
    if (write_manifest(&o, why, sizeof why)) {
        (void)fprintf(stderr, "nacre plugin manifest: %s\n", why);
        return NACRE_EXIT_FAILED;
    }
    return 0;
}
