/* plugin_move_names.h - the names of a generated Move module: as close to the plugin's as Move 2024 allows. */
#ifndef NACRE_TOOL_PLUGIN_MOVE_NAMES_H
#define NACRE_TOOL_PLUGIN_MOVE_NAMES_H

#include "plugin_names.h"

struct nacre_move_names {
    char structs[NACRE_TYPES_MAX][NACRE_GEN_NAME];      /* "" for what has no struct in the module */
    char struct_words[NACRE_TYPES_MAX][NACRE_GEN_NAME]; /* as part of a function's name: weather_response */
    char fields[NACRE_FIELDS_MAX][NACRE_GEN_NAME];      /* also parameters of the constructor */
    char intents[256][NACRE_GEN_NAME];                  /* as part of a function's name: process_data */
    char module[2 * NACRE_GEN_NAME];                    /* "app::weather" */
};

/*
 * nacre_move_names_init - choose all names. `module` is ADDRESS::NAME as the user gave it, or NULL for app::<the app's
 * name>. Where Move reserves a word or wants another first letter, the name gets '_' appended, its first letter
 * changed or a letter before it; BCS knows no names, so this changes nothing that is signed. 0; -EINVAL with `why`
 * when a name cannot be had (two of the plugin's become the same, `module` is malformed); or -ENOMEM.
 */
int nacre_move_names_init(struct nacre_move_names *out, const struct nacre_gen_types *types,
                          const struct nacre_manifest *m, const char *module, char *why, size_t why_len);

#endif
