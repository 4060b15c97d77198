/* dev_store.h - the blob store that `nacre dev --blob-store` runs beside the app. */
#ifndef NACRE_TOOL_DEV_STORE_H
#define NACRE_TOOL_DEV_STORE_H

#include "dev_child.h"
#include "dev_dir.h"
#include "yaml_allow.h"

#include <limits.h>
#include <stdint.h>

struct nacre_dev_store {
    struct nacre_dev_child child;     /* not started: there is none */
    char address[NACRE_NETADDR_TEXT]; /* "tcp:127.0.0.1:40001", as it was really taken */
    char ca[PATH_MAX];                /* what its clients have to trust */
};

/* Starts it on ADDR:PORT and waits until it serves. 0, or a negative errno with `why`; nothing is left then. */
int nacre_dev_store_start(struct nacre_dev_store *store, const char *listen, const struct nacre_dev_dir *dir,
                          char *why, size_t why_len);

/* Lets the allowed hosts of Walrus be reached there. -EINVAL with `why` when the list has none. */
int nacre_dev_store_map(const struct nacre_dev_store *store, struct nacre_allow *allow, char *why,
                        size_t why_len);

#endif
