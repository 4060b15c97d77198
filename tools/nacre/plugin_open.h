/* plugin_open.h - a plugin's file as the manifest that a build with default configuration would make of it. */
#ifndef NACRE_TOOL_PLUGIN_OPEN_H
#define NACRE_TOOL_PLUGIN_OPEN_H

#include <common/manifest.h>

/*
 * nacre_plugin_open - read the plugin in `path` (plugin_read.h), put the default configuration and an allow list of
 * exactly the endpoints it declares beside it, and parse the result as the boot would. So what stands in *out has
 * passed every check of the boot that does not depend on the operator. Free with nacre_manifest_free(). Returns 0,
 * -ENOMEM, or another negative errno with `why` filled; *out is untouched on failure.
 */
int nacre_plugin_open(struct nacre_manifest *out, const char *path, char *why, size_t why_len);

#endif
