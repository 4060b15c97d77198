#include "chain.h"

#include "rootfile.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>

#define DAY (24 * 60 * 60)

/* 2020-01-01 to the end of 2049: fixed, so that a clock offset of years does not leave the root's life. */
#define ROOT_NOT_BEFORE 1577836800
#define ROOT_NOT_AFTER  2524607999

/* A leaf starts a moment before its first document, as Nitro's do. */
#define LEAF_BACKDATE 3

int nacre_sim_chain_init(struct nacre_sim_chain *chain, const char *root_file)
{
    if (root_file != NULL) {
        int rc = nacre_sim_rootfile_load(root_file, &chain->root);
        if (rc != -ENOENT)
            return rc;
    }
    int rc = nacre_sim_identity_issue(&chain->root, NULL, NACRE_SIM_ROOT, NACRE_SIM_ROOT_CN, ROOT_NOT_BEFORE,
                                      ROOT_NOT_AFTER);
    if (rc < 0 || root_file == NULL)
        return rc;
    rc = nacre_sim_rootfile_create(root_file, &chain->root);
    /* Another simulator may have been faster: its root is the one to share. */
    return rc == -EEXIST ? nacre_sim_rootfile_load(root_file, &chain->root) : rc;
}

static bool covers(const struct nacre_sim_identity *identity, int64_t now, int64_t left)
{
    return identity->cert != NULL && identity->not_before <= now && now + left <= identity->not_after;
}

int nacre_sim_chain_renew(struct nacre_sim_chain *chain, const char *module_id, int64_t now)
{
    if (!covers(&chain->intermediate, now - LEAF_BACKDATE, NACRE_SIM_LEAF_SECONDS)) {
        int rc = nacre_sim_identity_issue(&chain->intermediate, &chain->root, NACRE_SIM_INTERMEDIATE,
                                          "nacre TEST intermediate, not AWS", now - DAY, now + 30 * DAY);
        if (rc < 0)
            return rc;
        nacre_sim_identity_clear(&chain->leaf);
    }
    if (covers(&chain->leaf, now, NACRE_SIM_LEAF_RENEW))
        return 0;
    char name[64];
    int len = snprintf(name, sizeof(name), "%s.nacre-test", module_id);
    if (len < 0 || (size_t)len >= sizeof(name))
        return -EINVAL;
    int64_t start = now - LEAF_BACKDATE;
    return nacre_sim_identity_issue(&chain->leaf, &chain->intermediate, NACRE_SIM_LEAF, name, start,
                                    start + NACRE_SIM_LEAF_SECONDS);
}

void nacre_sim_chain_clear(struct nacre_sim_chain *chain)
{
    if (chain == NULL)
        return;
    nacre_sim_identity_clear(&chain->root);
    nacre_sim_identity_clear(&chain->intermediate);
    nacre_sim_identity_clear(&chain->leaf);
}
