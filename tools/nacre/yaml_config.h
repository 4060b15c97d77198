/* yaml_config.h - config/nacre.yaml into settings. */
#ifndef NACRE_TOOL_YAML_CONFIG_H
#define NACRE_TOOL_YAML_CONFIG_H

#include "settings.h"

/*
 * nacre_yaml_config - sections and keys as nacre_config_keys lists them, all optional, plus `plugin:`, a free
 * nested mapping of scalars whose keys are joined by dots. `file` is for messages. Returns 0; -EINVAL with
 * "FILE:LINE: key: reason" in `why` for anything unknown, ill-typed, out of range or given twice; or -ENOMEM.
 * *out is the caller's, to be freed with nacre_settings_free(), and is untouched on failure.
 */
int nacre_yaml_config(struct nacre_settings *out, const char *file, const char *data, size_t len, char *why,
                      size_t why_len);

/* The same from a file. */
int nacre_yaml_config_load(struct nacre_settings *out, const char *file, char *why, size_t why_len);

#endif
