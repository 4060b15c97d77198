#include "../commands.h"
#include "app_ramdisk.h"
#include "cmds.h"
#include "gzip.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PROGRAM   "nacre eif ramdisk"
#define NODES_MAX 32u

static const char help[] =
    "usage: nacre eif ramdisk --root DIR [--node NAME=c:MAJOR:MINOR[:MODE]]... [--stored] -o FILE\n"
    "       nacre eif ramdisk --app PLUGIN.so --config DIR -o FILE\n"
    "\n"
    "Writes a ramdisk (cpio, newc, gzip) that depends on names, contents and execute permissions of the "
    "files\n"
    "alone: names sorted, owner 0:0, time 0, modes 0755 and 0644.\n"
    "\n"
    "  --root DIR        everything below DIR; regular files, directories and symbolic links\n"
    "  --node NAME=...   a device node, octal MODE (600); DIR need not hold it, so no root is needed\n"
    "  --stored          do not compress: then the bytes depend on no version of zlib\n"
    "  --app PLUGIN.so   an app's ramdisk: app/manifest.cbor made from the plugin and the files of "
    "--config,\n"
    "                    app/plugin.so, and the files of --config below app/; always stored\n"
    "  --config DIR      holds nacre.yaml, allowed_endpoints.yaml and what else the app wants beside them;\n"
    "                    no links, no devices\n"
    "  -o, --output FILE\n"
    "  -h, --help\n";

struct options {
    const char *root, *app, *config, *output;
    bool stored;
    const char *nodes[NODES_MAX];
    unsigned n_nodes;
};

static int check(const struct options *o)
{
    if (!o->root == !o->app)
        return nacre_usage_error(PROGRAM, "%s",
                                 o->root ? "--root and --app are both there"
                                         : "--root DIR or --app PLUGIN.so is missing");
    if (o->app && !o->config)
        return nacre_usage_error(PROGRAM, "--config DIR is missing");
    if (o->root && o->config)
        return nacre_usage_error(PROGRAM, "--config goes with --app");
    if (o->app && (o->n_nodes || o->stored))
        return nacre_usage_error(PROGRAM, "--node and --stored go with --root");
    if (!o->output)
        return nacre_usage_error(PROGRAM, "-o FILE is missing");
    return -1;
}

/* -1 to go on, else the exit code. */
static int read_options(struct options *o, int argc, char **argv)
{
    static const struct option long_options[] = {
        {"root", required_argument, NULL, 'r'},   {"app", required_argument, NULL, 'a'},
        {"config", required_argument, NULL, 'c'}, {"node", required_argument, NULL, 'n'},
        {"stored", no_argument, NULL, 's'},       {"output", required_argument, NULL, 'o'},
        {"help", no_argument, NULL, 'h'},         {0},
    };
    int opt;
    while ((opt = getopt_long(argc, argv, "o:h", long_options, NULL)) != -1) {
        switch (opt) {
        case 'r':
            o->root = optarg;
            break;
        case 'a':
            o->app = optarg;
            break;
        case 'c':
            o->config = optarg;
            break;
        case 'n':
            if (o->n_nodes == NODES_MAX)
                return nacre_usage_error(PROGRAM, "more than %u nodes", NODES_MAX);
            o->nodes[o->n_nodes++] = optarg;
            break;
        case 's':
            o->stored = true;
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
    if (optind < argc)
        return nacre_usage_error(PROGRAM, "'%s' is no option", argv[optind]);
    return check(o);
}

static int bad_node(const char *text, char *why, size_t why_len)
{
    (void)snprintf(why, why_len, "--node '%.200s': expected NAME=c:MAJOR:MINOR[:MODE], MODE octal", text);
    return -EINVAL;
}

/* A number up to `max` in `base`, then `*at` stands behind it. */
static bool number(const char **at, int base, unsigned long max, uint32_t *out)
{
    char *end = NULL;
    errno = 0;
    unsigned long v = strtoul(*at, &end, base);
    if (**at < '0' || **at > '9' || end == *at || errno || v > max)
        return false;
    *at = end;
    *out = (uint32_t)v;
    return true;
}

static int add_node(struct nacre_cpio *c, const char *text, char *why, size_t why_len)
{
    char name[NACRE_CPIO_NAME_MAX + 1];
    const char *at = strchr(text, '=');
    uint32_t major = 0, minor = 0, mode = 0600;
    if (!at || (size_t)(at - text) >= sizeof name || (at[1] != 'c' && at[1] != 'b') || at[2] != ':')
        return bad_node(text, why, why_len);
    uint32_t type = at[1] == 'c' ? S_IFCHR : S_IFBLK;
    (void)snprintf(name, sizeof name, "%.*s", (int)(at - text), text);
    at += 3;
    if (!number(&at, 10, 4095, &major) || *at++ != ':' || !number(&at, 10, 1048575, &minor))
        return bad_node(text, why, why_len);
    if (*at == ':') {
        at++;
        if (!number(&at, 8, 0777, &mode))
            return bad_node(text, why, why_len);
    }
    return *at ? bad_node(text, why, why_len)
               : nacre_cpio_add_node(c, name, type | mode, major, minor, why, why_len);
}

static int from_root(struct nacre_blob *out, const struct options *o, char *why, size_t why_len)
{
    struct nacre_cpio cpio = {0};
    struct nacre_blob archive = {0};
    int rc = nacre_cpio_add_tree(&cpio, o->root, "", true, why, why_len);
    for (unsigned i = 0; rc == 0 && i < o->n_nodes; i++)
        rc = add_node(&cpio, o->nodes[i], why, why_len);
    if (rc == 0)
        rc = nacre_cpio_finish(&cpio, why, why_len);
    if (rc == 0)
        rc = nacre_cpio_write(&archive, &cpio);
    if (rc == 0)
        rc = o->stored ? nacre_gzip_stored(out, archive.data, archive.len)
                       : nacre_gzip_deflated(out, archive.data, archive.len);
    nacre_cpio_free(&cpio);
    nacre_blob_free(&archive);
    return rc;
}

int nacre_eif_cmd_ramdisk(int argc, char **argv)
{
    struct options o = {0};
    struct nacre_blob out = {0};
    char why[1024] = "out of memory";
    int code = read_options(&o, argc, argv);
    if (code >= 0)
        return code;
    int rc = o.app ? nacre_app_ramdisk_build(&out, o.app, o.config, why, sizeof why)
                   : from_root(&out, &o, why, sizeof why);
    if (rc == 0)
        rc = nacre_eif_put(o.output, out.data, out.len, why, sizeof why);
    nacre_blob_free(&out);
    return rc ? nacre_eif_failed(PROGRAM, why) : 0;
}
