/* run.h - the daemon from its start to its end. */
#ifndef NACRE_HOST_RUN_H
#define NACRE_HOST_RUN_H

/* Runs with this configuration until SIGTERM or SIGINT. Returns the exit status. */
int nacre_hd_run(const char *config_file);

#endif
