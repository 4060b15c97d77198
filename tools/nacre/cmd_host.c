/* nacre host: the parent instance's daemon, and what starts enclaves behind it. */
#include "cmd_host.h"
#include "commands.h"
#include "host/allow.h"
#include "host/run.h"
#include "ops/cmd_ops.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_CONFIG "/etc/nacre/host.yaml"

static void usage(void)
{
    (void)puts(
        "usage: nacre host run [--config FILE] [--check]\n\n"
        "Runs the parent instance's daemon in the foreground: clients to enclaves, enclaves to the hosts on\n"
        "their allow list, health and metrics. SIGHUP takes a new configuration, SIGTERM drains and ends.\n\n"
        "  --config FILE  the configuration (default " DEFAULT_CONFIG ")\n"
        "  --check        read the configuration and the allow lists, say whether they are right, and end\n\n"
        "Every key of the configuration is in config/host.yaml, with its default and the reason for it.");
}

/* The files that the configuration names are read on a start, so they are here. */
static int check_allow(const struct nacre_hd_config *config, char *why, size_t why_len)
{
    struct nacre_allow *allow = NULL;
    int rc = nacre_hd_allow_load(&allow, config->egress_allow, why, why_len);
    for (size_t i = 0; i < config->n_enclaves && rc == 0; i++) {
        free(allow);
        allow = NULL;
        if (config->enclaves[i].allow[0])
            rc = nacre_hd_allow_load(&allow, config->enclaves[i].allow, why, why_len);
    }
    free(allow);
    return rc;
}

static int check(const char *file)
{
    char why[1024] = "out of memory";
    struct nacre_hd_config *config = malloc(sizeof *config);
    int rc = config ? nacre_hd_config_load(config, file, why, sizeof why) : -ENOMEM;
    if (!rc)
        rc = check_allow(config, why, sizeof why);
    if (rc)
        (void)fprintf(stderr, "nacre host: %s\n", why);
    else
        (void)printf("%s: %zu ports, %zu enclaves\n", file, config->n_ingress, config->n_enclaves);
    free(config);
    return rc ? NACRE_EXIT_FAILED : 0;
}

int nacre_cmd_host_run(int argc, char **argv)
{
    const char *file = DEFAULT_CONFIG;
    int only_check = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            usage();
            return 0;
        }
        if (strcmp(argv[i], "--check") == 0)
            only_check = 1;
        else if (strcmp(argv[i], "--config") == 0 && i + 1 < argc)
            file = argv[++i];
        else
            return nacre_usage_error(
                argv[0], "%s '%s'",
                strcmp(argv[i], "--config") == 0 ? "a file is missing after" : "unknown option", argv[i]);
    }
    return only_check ? check(file) : nacre_hd_run(file);
}

int nacre_cmd_host(int argc, char **argv)
{
    static const struct nacre_command commands[] = {
        {"run", "run the daemon: ingress, egress, health and metrics", nacre_cmd_host_run},
        {"up", "start an enclave, or roll to a new image", nacre_cmd_host_up},
        {"down", "drain and end enclaves", nacre_cmd_host_down},
        {"status", "what was started and how it does", nacre_cmd_host_status},
    };
    return nacre_command_dispatch("nacre host", "The parent instance: one daemon in front of the enclaves.",
                                  commands, sizeof commands / sizeof commands[0], argc, argv);
}
