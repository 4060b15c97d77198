/* dev_resolve.h - where `nacre dev` lets the broker connect: nacred never resolves names, so it is done here.
 */
#ifndef NACRE_TOOL_DEV_RESOLVE_H
#define NACRE_TOOL_DEV_RESOLVE_H

#include "yaml_allow.h"

/*
 * nacre_dev_map - apply "HOST[:PORT]=ADDR:PORT" to every entry of that host (and port). Returns 0, or -EINVAL
 * with `why` filled for a text out of form and for a host that is not on the list.
 */
int nacre_dev_map(struct nacre_allow *allow, const char *mapping, char *why, size_t why_len);

/* Does the mapping begin with this host? */
bool nacre_dev_names(const char *host, const char *mapping);

/*
 * nacre_dev_resolve - look up every entry that has no connect address yet, all at once, for at most
 * `timeout_ms`. Those without an answer get "none" and a warning on standard error: development goes on
 * without a network. Not thread safe; may leave a resolver thread behind that ends by itself.
 */
void nacre_dev_resolve(struct nacre_allow *allow, int timeout_ms);

#endif
