/* allow.h - the allow list of the image that runs: from its allowed_endpoints.yaml or its manifest. */
#ifndef NACRE_HOST_ALLOW_H
#define NACRE_HOST_ALLOW_H

#include "config.h"
#include "yaml_allow.h"

/*
 * nacre_hd_allow_load - a manifest (its suffix is .cbor, or its content no text) or a list in YAML. *out is malloc'd, or
 * NULL for "none". 0, or a negative errno with `why` filled.
 */
int nacre_hd_allow_load(struct nacre_allow **out, const char *file, char *why, size_t why_len);

#endif
