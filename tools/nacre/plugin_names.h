/* plugin_names.h - which of a plugin's types generated code needs, and under which names, without clashes. */
#ifndef NACRE_TOOL_PLUGIN_NAMES_H
#define NACRE_TOOL_PLUGIN_NAMES_H

#include <common/arena.h>
#include <common/manifest.h>

#define NACRE_GEN_NAME                                                                                       \
    96u /* bytes of a generated name with its terminator: 64, an affix and a few underscores */

struct nacre_gen_types {
    bool response
        [NACRE_TYPES_MAX]; /* part of an intent's response; set for first[] of it, not for its doubles */
    bool in_bcs[NACRE_TYPES_MAX];    /* neither f64 nor json inside */
    uint32_t first[NACRE_TYPES_MAX]; /* the first type of the table that is the same by name and content */
};

/*
 * nacre_gen_types_init - look through the table. Two types of the plugin may be the same (each use of a macro makes
 * one): generated code has the first of them only. Two different structs of one name within the responses are
 * refused: one of them would have to go by a name that nobody gave it. 0, or -EINVAL with `why` filled.
 */
int nacre_gen_types_init(struct nacre_gen_types *out, const struct nacre_manifest *m, char *why,
                         size_t why_len);

/* Names taken so far in one scope. Zero it to begin, free with nacre_gen_names_free(). */
struct nacre_gen_names {
    struct nacre_gen_taken *head;
    struct nacre_arena arena;
};

/* Takes the name. 0, -EEXIST or -ENOMEM. */
int nacre_gen_take(struct nacre_gen_names *names, const char *name);

/*
 * nacre_gen_take_free - take `name`, with as many '_' appended as it needs to be neither taken nor one of the
 * `reserved` words (ended by NULL). `name` has NACRE_GEN_NAME bytes. 0, -ENOMEM, or -ENAMETOOLONG.
 */
int nacre_gen_take_free(struct nacre_gen_names *names, char *name, const char *const *reserved);

void nacre_gen_names_free(struct nacre_gen_names *names);

/*
 * nacre_gen_snake, nacre_gen_upper - "ProcessData" as process_data and PROCESS_DATA; what is no letter or digit
 * becomes one '_'. What would start with a digit or be empty starts with 'n'. Cut to fit.
 */
void nacre_gen_snake(char out[NACRE_GEN_NAME], const char *name);
void nacre_gen_upper(char out[NACRE_GEN_NAME], const char *name);

#endif
