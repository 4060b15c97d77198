/* cmds.h - the subcommands of `nacre eif`, called as commands.h says. */
#ifndef NACRE_EIF_CMDS_H
#define NACRE_EIF_CMDS_H

#include "blob.h"

int nacre_eif_cmd_build(int argc, char **argv);
int nacre_eif_cmd_describe(int argc, char **argv);
int nacre_eif_cmd_measure(int argc, char **argv);
int nacre_eif_cmd_verify(int argc, char **argv);
int nacre_eif_cmd_ramdisk(int argc, char **argv);
int nacre_eif_cmd_list(int argc, char **argv);

/* Writes to the file, or to standard output when path is NULL. 0, or a negative errno with `why` filled. */
int nacre_eif_put(const char *path, const void *data, size_t len, char *why, size_t why_len);

/* "PROGRAM: why" on standard error; returns NACRE_EXIT_FAILED. */
int nacre_eif_failed(const char *program, const char *why);

#endif
