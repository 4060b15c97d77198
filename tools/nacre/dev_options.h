/* dev_options.h - the command line of `nacre dev`. */
#ifndef NACRE_TOOL_DEV_OPTIONS_H
#define NACRE_TOOL_DEV_OPTIONS_H

#include <stddef.h>

#define NACRE_DEV_REPEATS 128u /* of --upstream and of --set */

struct nacre_dev_repeated {
    const char *values[NACRE_DEV_REPEATS];
    size_t n;
};

/* Strings are borrowed from argv; NULL where an option was not given. */
struct nacre_dev_options {
    const char *app; /* exactly one of app and plugin is given */
    const char *plugin;
    const char *allow;
    const char *config;
    const char *listen;
    const char *admin;
    const char *secrets;
    const char *ca;
    const char *blob_store;
    const char *map;
    const char *keep;
    const char *root_key; /* of the simulator, between runs */
    const char *pid_file;
    const char *timeout;
    int timeout_s; /* 0: the default */
    struct nacre_dev_repeated upstreams;
    struct nacre_dev_repeated sets;
};

/* Returns -1 to go on with *out filled, else the exit code: 0 after --help, 2 after a mistake that was
 * explained. */
int nacre_dev_options_read(struct nacre_dev_options *out, int argc, char **argv);

#endif
