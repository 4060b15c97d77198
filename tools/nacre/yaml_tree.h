/*
 * yaml_tree.h - the small part of YAML that configuration needs, as a tree that knows its lines.
 *
 * Built from libyaml's events and not from its documents, which hide what is refused here: anchors, aliases,
 * tags, keys given twice, more than one document, nesting past NACRE_YAML_DEPTH, text with NUL bytes.
 */
#ifndef NACRE_TOOL_YAML_TREE_H
#define NACRE_TOOL_YAML_TREE_H

#include <stdbool.h>
#include <stddef.h>

#define NACRE_YAML_DEPTH 16u           /* mappings and sequences inside each other */
#define NACRE_YAML_MAX   (256u * 1024) /* bytes of a file */
#define NACRE_YAML_PATH  256u          /* room that nacre_yaml_path() needs at most; longer paths are cut */

enum nacre_yaml_kind { NACRE_YAML_SCALAR, NACRE_YAML_SEQUENCE, NACRE_YAML_MAPPING };

struct nacre_yaml_node {
    enum nacre_yaml_kind kind;
    size_t line;  /* counted from 1: of the key where there is one, else of the value */
    size_t index; /* in a sequence: the place, from 0 */
    char *key;    /* in a mapping: terminated, never NULL; else NULL */
    char *text;   /* SCALAR: terminated, without NUL bytes inside */
    size_t len;
    bool quoted; /* SCALAR: written in quotes or as a block: text, whatever it looks like */
    struct nacre_yaml_node *parent, *first, *last, *next;
};

/*
 * nacre_yaml_parse - data[0..len) as one document. `file` is for messages only. An empty text gives *out
 * NULL. Returns 0; -EINVAL with "FILE:LINE: [KEY: ]reason" in `why`; or -ENOMEM. *out is the caller's, to be
 * freed with nacre_yaml_free(), and is untouched on failure. Any thread.
 */
int nacre_yaml_parse(struct nacre_yaml_node **out, const char *file, const char *data, size_t len, char *why,
                     size_t why_len);

/* Frees a whole tree. Accepts NULL. */
void nacre_yaml_free(struct nacre_yaml_node *root);

/* "http.body_bytes" or "endpoints[2].port" into out (room bytes, terminated); empty for the root. */
void nacre_yaml_path(const struct nacre_yaml_node *node, char *out, size_t room);

/* "a mapping", "a list", or what a scalar is by YAML 1.2's core schema: "nothing", "a boolean", "a number",
 * "text". */
const char *nacre_yaml_what(const struct nacre_yaml_node *node);

/* "FILE:LINE: KEY: " and the formatted reason into `why`. Returns -EINVAL, for `return
 * nacre_yaml_refuse(...)`. */
__attribute__((format(printf, 5, 6))) int nacre_yaml_refuse(const char *file,
                                                            const struct nacre_yaml_node *node, char *why,
                                                            size_t why_len, const char *format, ...);

#endif
