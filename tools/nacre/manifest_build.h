/* manifest_build.h - a manifest from its parts, checked as the boot will check it. */
#ifndef NACRE_TOOL_MANIFEST_BUILD_H
#define NACRE_TOOL_MANIFEST_BUILD_H

#include "plugin_read.h"
#include "settings.h"
#include "yaml_allow.h"

/*
 * nacre_manifest_build - the bytes of the manifest into *out (malloc'd, the caller's). The last step parses
 * them with the boot's own reader, so what the boot would refuse is refused here, in the same words. Returns
 * 0; -EINVAL with `why` filled; or -ENOMEM. Outputs are untouched on failure.
 */
int nacre_manifest_build(uint8_t **out, size_t *out_len, const struct nacre_plugin_facts *plugin,
                         const struct nacre_settings *settings, const struct nacre_allow *allow, char *why,
                         size_t why_len);

#endif
