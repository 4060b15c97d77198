/* reload.h - a configuration taken into force: the first one and each after it. */
#ifndef NACRE_HOST_RELOAD_H
#define NACRE_HOST_RELOAD_H

#include "daemon.h"

/*
 * nacre_hd_apply - take over `config` (malloc'd). Ports that are new are opened first; when that fails, everything
 * stays as it was. Connections stay in any case: those of an enclave that is gone from the configuration are drained.
 * Returns 0, or a negative errno with `why` filled (then `config` is still the caller's).
 */
int nacre_hd_apply(struct nacre_hd *d, struct nacre_hd_config *config, char *why, size_t why_len);

/* The same from the file. */
int nacre_hd_load(struct nacre_hd *d, char *why, size_t why_len);

#endif
