/* dev_probe.h - is the runtime ready in a client's eyes? */
#ifndef NACRE_TOOL_DEV_PROBE_H
#define NACRE_TOOL_DEV_PROBE_H

#include "netaddr.h"

/*
 * nacre_dev_probe - asks, over HTTPS when `tls`, for /get_attestation until it is answered with 200, at most limit_ms milliseconds. nacred says
 * ready when both helpers are up; what it has told nacre-http at that moment, nacre-http may not have read yet.
 * Returns 0, -ETIMEDOUT, or at once the negative errno of a connection that cannot be made.
 */
int nacre_dev_probe(const struct nacre_netaddr *address, bool tls, int limit_ms);

#endif
