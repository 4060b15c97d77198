/* config/host.yaml into struct nacre_hd_config. */
#include "config_read.h"
#include "file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int nacre_hd_refuse_type(const struct nacre_hd_reading *r, const struct nacre_yaml_node *node,
                         const char *expected)
{
    bool word = node->kind == NACRE_YAML_SCALAR && node->text[0];
    return NACRE_HD_REFUSE(r, node, "expected %s, got %s%s%.64s%s", expected, nacre_yaml_what(node),
                           word ? ": '" : "", word ? node->text : "", word ? "'" : "");
}

bool nacre_hd_is_text(const struct nacre_yaml_node *node)
{
    return strcmp(nacre_yaml_what(node), "text") == 0;
}

/* `reason` names the key already; this puts the place before it. */
static int refuse_at(const struct nacre_hd_reading *r, const struct nacre_yaml_node *node, const char *reason)
{
    (void)snprintf(r->why, r->why_len, "%s:%zu: %s", r->file, node->line, reason);
    return -EINVAL;
}

int nacre_hd_read_number(const struct nacre_hd_reading *r, const struct nacre_yaml_node *node, uint64_t min,
                         uint64_t max, uint64_t *out)
{
    char expected[96];
    (void)snprintf(expected, sizeof expected, "a whole number from %ju to %ju", (uintmax_t)min,
                   (uintmax_t)max);
    if (node->kind != NACRE_YAML_SCALAR || node->quoted ||
        nacre_number_parse(out, node->text, node->len, UINT64_MAX))
        return nacre_hd_refuse_type(r, node, expected);
    if (*out < min || *out > max)
        return NACRE_HD_REFUSE(r, node, "%ju is outside %ju to %ju", (uintmax_t)*out, (uintmax_t)min,
                               (uintmax_t)max);
    return 0;
}

static int read_scalar(const struct nacre_hd_reading *r, const struct nacre_yaml_node *node,
                       const struct nacre_hd_key *row)
{
    char reason[512];
    if (row->text) {
        if (!nacre_hd_is_text(node))
            return nacre_hd_refuse_type(r, node, "text");
        return nacre_hd_set_text(r->config, row, node->text, reason, sizeof reason)
                   ? refuse_at(r, node, reason)
                   : 0;
    }
    uint64_t value = 0;
    int rc = nacre_hd_read_number(r, node, row->min, row->max, &value);
    return rc ? rc : nacre_hd_set_number(r->config, row, value, r->why, r->why_len);
}

static int refuse_unknown(const struct nacre_hd_reading *r, const struct nacre_yaml_node *node,
                          const char *section)
{
    char known[512] = "";
    size_t used = 0;
    for (size_t i = 0; i < nacre_hd_n_keys && used < sizeof known; i++) {
        if (strcmp(nacre_hd_keys[i].section, section) == 0)
            used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", used ? ", " : "",
                                     nacre_hd_keys[i].key);
    }
    if (section[0])
        return NACRE_HD_REFUSE(r, node, "unknown key; %s has %s%s", section, known,
                               strcmp(section, "egress") == 0 ? ", private" : "");
    return NACRE_HD_REFUSE(
        r, node, "unknown key; there are ingress, enclaves, egress, health, nitro, limits, log, %s", known);
}

static int read_list(const struct nacre_hd_reading *r, const struct nacre_yaml_node *list,
                     int (*each)(const struct nacre_hd_reading *, const struct nacre_yaml_node *))
{
    if (list->kind != NACRE_YAML_SEQUENCE)
        return nacre_hd_refuse_type(r, list, "a list");
    for (const struct nacre_yaml_node *node = list->first; node; node = node->next) {
        int rc = each(r, node);
        if (rc)
            return rc;
    }
    return 0;
}

static int read_section(const struct nacre_hd_reading *r, const struct nacre_yaml_node *section)
{
    if (section->kind != NACRE_YAML_MAPPING)
        return nacre_hd_refuse_type(r, section, "a mapping");
    for (const struct nacre_yaml_node *node = section->first; node; node = node->next) {
        const struct nacre_hd_key *row = nacre_hd_key_find(section->key, node->key);
        int rc;
        if (row)
            rc = read_scalar(r, node, row);
        else if (strcmp(section->key, "egress") == 0 && strcmp(node->key, "private") == 0)
            rc = read_list(r, node, nacre_hd_read_private);
        else
            rc = refuse_unknown(r, node, section->key);
        if (rc)
            return rc;
    }
    return 0;
}

/* Only the enclaves: what `nacre host up` writes. */
static int read_enclaves_root(const struct nacre_hd_reading *r, const struct nacre_yaml_node *root)
{
    if (root && root->kind != NACRE_YAML_MAPPING)
        return nacre_hd_refuse_type(r, root, "a mapping with enclaves");
    for (const struct nacre_yaml_node *node = root ? root->first : NULL; node; node = node->next) {
        int rc = strcmp(node->key, "enclaves") == 0
                     ? read_list(r, node, nacre_hd_read_enclave)
                     : NACRE_HD_REFUSE(r, node, "unknown key; this file has enclaves alone");
        if (rc)
            return rc;
    }
    return 0;
}

static int read_root(const struct nacre_hd_reading *r, const struct nacre_yaml_node *root)
{
    if (root && root->kind != NACRE_YAML_MAPPING)
        return nacre_hd_refuse_type(r, root, "a mapping of sections");
    for (const struct nacre_yaml_node *node = root ? root->first : NULL; node; node = node->next) {
        const struct nacre_hd_key *row = nacre_hd_key_find("", node->key);
        int rc;
        if (strcmp(node->key, "ingress") == 0)
            rc = read_list(r, node, nacre_hd_read_ingress);
        else if (strcmp(node->key, "enclaves") == 0)
            rc = read_list(r, node, nacre_hd_read_enclave);
        else if (row)
            rc = read_scalar(r, node, row);
        else if (nacre_hd_section_known(node->key))
            rc = read_section(r, node);
        else
            rc = refuse_unknown(r, node, "");
        if (rc)
            return rc;
    }
    return 0;
}

static int read_text(const struct nacre_hd_reading *r, const char *data, size_t len,
                     int (*root_reader)(const struct nacre_hd_reading *, const struct nacre_yaml_node *))
{
    struct nacre_yaml_node *root = NULL;
    int rc = nacre_yaml_parse(&root, r->file, data, len, r->why, r->why_len);
    if (rc)
        return rc;
    rc = root_reader(r, root);
    nacre_yaml_free(root);
    return rc;
}

int nacre_hd_config_read(struct nacre_hd_config *out, const char *file, const char *data, size_t len,
                         char *why, size_t why_len)
{
    struct nacre_hd_config *config = malloc(sizeof *config);
    if (!config)
        return -ENOMEM;
    nacre_hd_config_defaults(config);
    const struct nacre_hd_reading r = {config, file, why, why_len};
    int rc = read_text(&r, data, len, read_root);
    if (rc == 0 && config->n_ingress == 0) {
        config->ingress[0] = (struct nacre_hd_ingress_config){.port = 3000};
        (void)nacre_netaddr_parse(&config->ingress[0].listen, "0.0.0.0:3000");
        config->n_ingress = 1;
    }
    if (rc == 0)
        *out = *config;
    free(config);
    return rc;
}

int nacre_hd_config_load(struct nacre_hd_config *out, const char *file, char *why, size_t why_len)
{
    uint8_t *data = NULL;
    size_t len = 0;
    struct nacre_hd_config *config = malloc(sizeof *config);
    if (!config)
        return -ENOMEM;
    int rc = nacre_file_read(&data, &len, file, NACRE_YAML_MAX, why, why_len);
    if (rc == 0)
        rc = nacre_hd_config_read(config, file, (const char *)data, len, why, why_len);
    free(data);
    data = NULL;
    if (rc == 0 && strcmp(config->enclaves_file, "none") != 0) {
        rc = nacre_file_read(&data, &len, config->enclaves_file, NACRE_YAML_MAX, why, why_len);
        const struct nacre_hd_reading r = {config, config->enclaves_file, why, why_len};
        if (rc == 0)
            rc = read_text(&r, (const char *)data, len, read_enclaves_root);
        else if (rc == -ENOENT)
            rc = 0;
        free(data);
    }
    if (rc == 0)
        *out = *config;
    free(config);
    return rc;
}
