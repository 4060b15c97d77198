/*
 * The test root on disk: its certificate for verifiers, and key with certificate for the next start.
 */
#ifndef NACRE_SIM_ROOTFILE_H
#define NACRE_SIM_ROOTFILE_H

#include "cert.h"

/* Writes the certificate in PEM, mode 0644, replacing path as a whole. Returns 0 or a negative errno. */
int nacre_sim_rootfile_publish(const char *path, const struct nacre_sim_identity *root);

/*
 * Writes private key and certificate in PEM, mode 0600, to a path that must not exist.
 * Returns 0, -EEXIST or another negative errno.
 */
int nacre_sim_rootfile_create(const char *path, const struct nacre_sim_identity *root);

/*
 * Reads what nacre_sim_rootfile_create wrote. *out is freed before it is overwritten.
 * Returns 0, -ENOENT, -EINVAL when it is no self-signed P-384 CA with its key, or another negative errno;
 * *out is untouched on failure.
 */
int nacre_sim_rootfile_load(const char *path, struct nacre_sim_identity *out);

#endif
