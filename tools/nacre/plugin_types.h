/* plugin_types.h - the type file of a plugin: what nacre_verify_types_parse() reads. */
#ifndef NACRE_TOOL_PLUGIN_TYPES_H
#define NACRE_TOOL_PLUGIN_TYPES_H

#include <common/manifest.h>
#include <stdio.h>

/*
 * nacre_plugin_types_write - every intent with the type that is signed under it, and the structs these consist of. The
 * same descriptor always gives the same bytes. 0; -EINVAL with `why` when two different structs of the responses have
 * one name, or an intent's name cannot be written without escapes.
 */
int nacre_plugin_types_write(FILE *to, const struct nacre_manifest *m, char *why, size_t why_len);

#endif
