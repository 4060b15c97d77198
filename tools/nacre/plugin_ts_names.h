/* plugin_ts_names.h - the names of a generated TypeScript file. */
#ifndef NACRE_TOOL_PLUGIN_TS_NAMES_H
#define NACRE_TOOL_PLUGIN_TS_NAMES_H

#include "plugin_names.h"

struct nacre_ts_names {
    char structs[NACRE_TYPES_MAX][NACRE_GEN_NAME]; /* "" for what has no type in the file */
};

/*
 * nacre_ts_names_init - choose a name for every struct that has a BCS form: its own, with '_' appended where TypeScript
 * reserves it, the file uses it, or (outside the responses) another struct has it. 0; -EINVAL with `why` when a field
 * or an intent has a name that no object may carry; or -ENOMEM.
 */
int nacre_ts_names_init(struct nacre_ts_names *out, const struct nacre_gen_types *types,
                        const struct nacre_manifest *m, char *why, size_t why_len);

#endif
