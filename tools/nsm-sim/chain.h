/*
 * The test root, one intermediate and a leaf, kept valid at the simulator's own time.
 */
#ifndef NACRE_SIM_CHAIN_H
#define NACRE_SIM_CHAIN_H

#include "cert.h"

#define NACRE_SIM_ROOT_CN      "nacre TEST root, not AWS"
#define NACRE_SIM_LEAF_SECONDS (3 * 60 * 60) /* a leaf's whole life */
#define NACRE_SIM_LEAF_RENEW   (60 * 60)     /* a new one is made when less than this is left */

struct nacre_sim_chain {
    struct nacre_sim_identity root;
    struct nacre_sim_identity intermediate;
    struct nacre_sim_identity leaf;
};

/*
 * Makes the root, or takes it from root_file (private key and certificate in PEM, mode 0600), which is
 * written when it does not exist; root_file may be NULL. The chain must be all zero before.
 * Returns 0, -EINVAL when the file holds no usable P-384 root, or another negative errno.
 */
int nacre_sim_chain_init(struct nacre_sim_chain *chain, const char *root_file);

/*
 * Makes sure that intermediate and leaf are valid at now (seconds since 1970) and that the leaf still has
 * NACRE_SIM_LEAF_RENEW to live; issues new ones, with new keys, when not. module_id names the leaf.
 * Returns 0, -ENOMEM or -EIO.
 */
int nacre_sim_chain_renew(struct nacre_sim_chain *chain, const char *module_id, int64_t now);

/* Frees everything. Accepts NULL. */
void nacre_sim_chain_clear(struct nacre_sim_chain *chain);

#endif
