/* plugin_template.h - texts of tools/nacre/templates/, built into the program. */
#ifndef NACRE_TOOL_PLUGIN_TEMPLATE_H
#define NACRE_TOOL_PLUGIN_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct nacre_template {
    const char *name; /* the file's path below templates/ */
    const char *text; /* terminated */
    size_t len;
};

/* Made by the build, ended by an entry without a name. */
extern const struct nacre_template nacre_templates[];

/* The template of this name, or NULL. */
const struct nacre_template *nacre_template_find(const char *name);

/* What the lines of a template that start with //@ ask its user. */
struct nacre_template_calls {
    bool (*wants)(const void *user, const char *feature);       // "//@if FEATURE", up to "//@end"
    void (*here)(FILE *to, const void *user, const char *what); // "//@here WHAT"
    const void *user;
};

/*
 * nacre_template_write - the text, line by line: parts that are not wanted left out, `here` called where the template
 * says so. Parts do not nest. 0, or -EINVAL when the template itself is malformed.
 */
int nacre_template_write(FILE *to, const struct nacre_template *t, const struct nacre_template_calls *calls);

#endif
