/*
 * yaml_allow.h - plugins/<app>/allowed_endpoints.yaml: `endpoints: [host, ...]`, where an entry may also be a
 * mapping {host, port, pins: [SHA-256 of a SubjectPublicKeyInfo, in hex or base64]}. The order counts: entry
 * i is reached through the parent's vsock port 8101 + i.
 */
#ifndef NACRE_TOOL_YAML_ALLOW_H
#define NACRE_TOOL_YAML_ALLOW_H

#include "netaddr.h"

#include <common/manifest.h>

#define NACRE_PORT_HTTPS 443u

/* The entries point into the texts beside them: not to be copied, only passed by pointer. */
struct nacre_allow {
    uint32_t n;
    struct nacre_endpoint_decl entries[NACRE_ENDPOINTS_MAX];
    char hosts[NACRE_ENDPOINTS_MAX][NACRE_HOST_MAX + 1];
    char connects[NACRE_ENDPOINTS_MAX][NACRE_NETADDR_TEXT]; /* "": through the parent, by vsock */
};

/*
 * nacre_yaml_allow - read the list from data[0..len) into *out. Hosts are lower-case DNS names, given once
 * per port. Returns 0; -EINVAL with "FILE:LINE: endpoints[i]: reason" in `why`; or -ENOMEM. *out is empty on
 * failure.
 */
int nacre_yaml_allow(struct nacre_allow *out, const char *file, const char *data, size_t len, char *why,
                     size_t why_len);

/* The same from a file. */
int nacre_yaml_allow_load(struct nacre_allow *out, const char *file, char *why, size_t why_len);

#endif
