#include "yaml_config.h"

#include "file.h"
#include "netaddr.h"
#include "yaml_tree.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reading {
    struct nacre_settings *settings;
    const char *file;
    char *why;
    size_t why_len;
};

/* `reason` names the key already; this puts the place before it. */
static int refuse_at(const struct reading *r, const struct nacre_yaml_node *node, const char *reason)
{
    (void)snprintf(r->why, r->why_len, "%s:%zu: %s", r->file, node->line, reason);
    return -EINVAL;
}

static int refuse_type(const struct reading *r, const struct nacre_yaml_node *node, const char *expected)
{
    const char *what = nacre_yaml_what(node);
    if (node->kind != NACRE_YAML_SCALAR || node->text[0] == '\0')
        return nacre_yaml_refuse(r->file, node, r->why, r->why_len, "expected %s, got %s", expected, what);
    return nacre_yaml_refuse(r->file, node, r->why, r->why_len, "expected %s, got %s: '%.64s'", expected,
                             what, node->text);
}

static int read_number(const struct reading *r, const struct nacre_yaml_node *node,
                       const struct nacre_config_key *row)
{
    char expected[96], reason[512];
    uint64_t value = 0;
    (void)snprintf(expected, sizeof expected, "a whole number from %ju to %ju", (uintmax_t)row->min,
                   (uintmax_t)row->max);
    if (node->kind != NACRE_YAML_SCALAR || node->quoted ||
        nacre_number_parse(&value, node->text, node->len, UINT64_MAX))
        return refuse_type(r, node, expected);
    return nacre_settings_number(r->settings, row, value, reason, sizeof reason) ? refuse_at(r, node, reason)
                                                                                 : 0;
}

static int read_text(const struct reading *r, const struct nacre_yaml_node *node,
                     const struct nacre_config_key *row)
{
    char reason[512];
    bool boolean = row->choices && strcmp(row->choices, NACRE_CONFIG_BOOLEAN) == 0;
    if (strcmp(nacre_yaml_what(node), boolean ? "a boolean" : "text") != 0)
        return refuse_type(r, node, boolean ? "true or false" : "text");
    return nacre_settings_text(r->settings, row, node->text, reason, sizeof reason)
               ? refuse_at(r, node, reason)
               : 0;
}

/* Beside the file that names it. */
static int read_beside(const struct reading *r, const struct nacre_yaml_node *node,
                       const struct nacre_config_key *row)
{
    char path[PATH_MAX], reason[512];
    const char *slash = strrchr(r->file, '/');
    int rc = read_text(r, node, row);
    if (rc || !slash || node->text[0] == '/' || strcmp(node->text, "none") == 0)
        return rc;
    (void)snprintf(path, sizeof path, "%.*s/%s", (int)(slash - r->file), r->file, node->text);
    return nacre_settings_text(r->settings, row, path, reason, sizeof reason) ? refuse_at(r, node, reason)
                                                                              : 0;
}

static int read_key(const struct reading *r, const struct nacre_yaml_node *node, const char *section,
                    const char *key)
{
    const struct nacre_config_key *row = nacre_config_find(section, key);
    if (!row) {
        char reason[768];
        (void)nacre_settings_unknown(section, key, reason, sizeof reason);
        return refuse_at(r, node, reason);
    }
    if (row->kind == NACRE_CONFIG_NUMBER)
        return read_number(r, node, row);
    return row->offset == offsetof(struct nacre_config, secrets_kms_ciphertext) ? read_beside(r, node, row)
                                                                                : read_text(r, node, row);
}

/* A mapping in a section: its keys are the section's, with a dot. */
static int read_group(const struct reading *r, const struct nacre_yaml_node *section,
                      const struct nacre_yaml_node *group)
{
    for (const struct nacre_yaml_node *node = group->first; node; node = node->next) {
        char key[NACRE_YAML_PATH];
        (void)snprintf(key, sizeof key, "%s.%s", group->key, node->key);
        int rc = read_key(r, node, section->key, key);
        if (rc)
            return rc;
    }
    return 0;
}

static int read_section(const struct reading *r, const struct nacre_yaml_node *section)
{
    if (section->kind != NACRE_YAML_MAPPING)
        return refuse_type(r, section, "a mapping");
    for (const struct nacre_yaml_node *node = section->first; node; node = node->next) {
        bool group = node->kind == NACRE_YAML_MAPPING && !nacre_config_find(section->key, node->key);
        int rc = group && nacre_settings_has_group(section->key, node->key)
                     ? read_group(r, section, node)
                     : read_key(r, node, section->key, node->key);
        if (rc)
            return rc;
    }
    return 0;
}

static int read_setting(const struct reading *r, const struct nacre_yaml_node *node)
{
    char path[NACRE_YAML_PATH], reason[512];
    if (strchr(node->key, '.'))
        return nacre_yaml_refuse(r->file, node, r->why, r->why_len,
                                 "a key without dots is needed: nest mappings");
    if (node->kind == NACRE_YAML_MAPPING)
        return 0;
    if (node->kind == NACRE_YAML_SEQUENCE || strcmp(nacre_yaml_what(node), "nothing") == 0)
        return refuse_type(r, node, "text, a number, a boolean or a mapping");
    nacre_yaml_path(node, path, sizeof path);
    int rc = nacre_settings_plugin(r->settings, path + strlen("plugin."), node->text, reason, sizeof reason);
    return rc == -EINVAL ? refuse_at(r, node, reason) : rc;
}

/* The next node in the order of the text, not leaving `top`. */
static const struct nacre_yaml_node *next_node(const struct nacre_yaml_node *node,
                                               const struct nacre_yaml_node *top)
{
    if (node->kind == NACRE_YAML_MAPPING && node->first)
        return node->first;
    while (node != top && !node->next)
        node = node->parent;
    return node == top ? NULL : node->next;
}

static int read_plugin(const struct reading *r, const struct nacre_yaml_node *top)
{
    if (top->kind != NACRE_YAML_MAPPING)
        return refuse_type(r, top, "a mapping");
    for (const struct nacre_yaml_node *node = top->first; node; node = next_node(node, top)) {
        int rc = read_setting(r, node);
        if (rc)
            return rc;
    }
    return 0;
}

static int read_root(const struct reading *r, const struct nacre_yaml_node *root)
{
    if (!root)
        return 0;
    if (root->kind != NACRE_YAML_MAPPING)
        return refuse_type(r, root, "a mapping of sections");
    for (const struct nacre_yaml_node *node = root->first; node; node = node->next) {
        int rc = 0;
        if (strcmp(node->key, "plugin") == 0) {
            rc = read_plugin(r, node);
        } else if (nacre_settings_has_section(node->key)) {
            rc = read_section(r, node);
        } else {
            char reason[768];
            (void)nacre_settings_unknown(node->key, NULL, reason, sizeof reason);
            rc = refuse_at(r, node, reason);
        }
        if (rc)
            return rc;
    }
    return 0;
}

int nacre_yaml_config(struct nacre_settings *out, const char *file, const char *data, size_t len, char *why,
                      size_t why_len)
{
    struct nacre_yaml_node *root = NULL;
    int rc = nacre_yaml_parse(&root, file, data, len, why, why_len);
    if (rc)
        return rc;
    struct nacre_settings settings;
    nacre_settings_init(&settings);
    const struct reading r = {&settings, file, why, why_len};
    rc = read_root(&r, root);
    nacre_yaml_free(root);
    if (rc) {
        nacre_settings_free(&settings);
        return rc;
    }
    *out = settings;
    return 0;
}

int nacre_yaml_config_load(struct nacre_settings *out, const char *file, char *why, size_t why_len)
{
    uint8_t *data = NULL;
    size_t len = 0;
    int rc = nacre_file_read(&data, &len, file, NACRE_YAML_MAX, why, why_len);
    if (rc)
        return rc;
    rc = nacre_yaml_config(out, file, (const char *)data, len, why, why_len);
    free(data);
    return rc;
}
