/* manifest_files.h - a manifest from the three files it is made of. */
#ifndef NACRE_TOOL_MANIFEST_FILES_H
#define NACRE_TOOL_MANIFEST_FILES_H

#include "plugin_read.h"

/*
 * nacre_manifest_from_files - the manifest of the plugin in `plugin` with the configuration in `config`
 * (nacre.yaml) and the allow list in `allow`, checked as the boot will check it, into *out (malloc'd, the
 * caller's), and the plugin's digest into `digest`. The plugin is loaded, so its constructors run, in a
 * process of its own. 0, or a negative errno with `why` filled; outputs are untouched on failure.
 */
int nacre_manifest_from_files(uint8_t **out, size_t *out_len, uint8_t digest[NACRE_SHA384_LEN],
                              const char *plugin, const char *config, const char *allow, char *why,
                              size_t why_len);

#endif
