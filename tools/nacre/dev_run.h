/* dev_run.h - simulator and runtime, from their start to their end. */
#ifndef NACRE_TOOL_DEV_RUN_H
#define NACRE_TOOL_DEV_RUN_H

#include "dev_prepare.h"

#include <signal.h>

/*
 * nacre_dev_run - start both, print the ready line on standard output, wait for SIGINT, SIGTERM or SIGHUP, or
 * for the end of one of them; end both. The caller has blocked these signals and SIGCHLD
 * (nacre_dev_signals()). Troubles go to standard error. Returns 0 for a clean stop, else -1.
 */
int nacre_dev_run(const struct nacre_dev_plan *plan, const struct nacre_dev_dir *dir);

/* The signals that nacre_dev_run() waits for. */
void nacre_dev_signals(sigset_t *set);

#endif
