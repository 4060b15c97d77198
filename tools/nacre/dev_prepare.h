/* dev_prepare.h - from the command line of `nacre dev` to a manifest on disk and the programs to run. */
#ifndef NACRE_TOOL_DEV_PREPARE_H
#define NACRE_TOOL_DEV_PREPARE_H

#include "dev_dir.h"
#include "dev_options.h"
#include "dev_store.h"

#include <common/config.h>
#include <limits.h>

struct nacre_dev_plan {
    char sim[PATH_MAX];
    char core[PATH_MAX]; /* nacred */
    char plugin[PATH_MAX];
    char listen[NACRE_CONFIG_TEXT]; /* "tcp:..." or "vsock:..." as configured */
    bool tls;                       /* HTTPS is served */
    const char *map;                /* for the simulator; or NULL */
    const char *root_key;           /* for the simulator; or NULL */
    int ready_ms;                   /* how long nacred may take */
    struct nacre_dev_store *store;  /* runs already; NULL: none was asked for */
};

/*
 * nacre_dev_prepare - find programs, plugin, configuration and allow list, resolve the allowed hosts, read
 * the plugin and write the manifest into `dir`. out->store is set by the caller. Warnings go to standard error.
 * Returns 0, or a negative errno with `why` filled.
 */
int nacre_dev_prepare(struct nacre_dev_plan *out, const struct nacre_dev_options *options,
                      const struct nacre_dev_dir *dir, char *why, size_t why_len);

#endif
