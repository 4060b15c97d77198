/* config/host.yaml into struct nacre_hd_config. */
#include "config.h"
#include "file.h"
#include "yaml_tree.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reading {
    struct nacre_hd_config *config;
    const char *file;
    char *why;
    size_t why_len;
};

#define REFUSE(R, NODE, ...) nacre_yaml_refuse((R)->file, (NODE), (R)->why, (R)->why_len, __VA_ARGS__)

static int refuse_type(const struct reading *r, const struct nacre_yaml_node *node, const char *expected)
{
    bool word = node->kind == NACRE_YAML_SCALAR && node->text[0];
    return REFUSE(r, node, "expected %s, got %s%s%.64s%s", expected, nacre_yaml_what(node), word ? ": '" : "",
                  word ? node->text : "", word ? "'" : "");
}

static bool is_text(const struct nacre_yaml_node *node)
{
    return strcmp(nacre_yaml_what(node), "text") == 0;
}

/* `reason` names the key already; this puts the place before it. */
static int refuse_at(const struct reading *r, const struct nacre_yaml_node *node, const char *reason)
{
    (void)snprintf(r->why, r->why_len, "%s:%zu: %s", r->file, node->line, reason);
    return -EINVAL;
}

static int read_number(const struct reading *r, const struct nacre_yaml_node *node, uint64_t min,
                       uint64_t max, uint64_t *out)
{
    char expected[96];
    (void)snprintf(expected, sizeof expected, "a whole number from %ju to %ju", (uintmax_t)min,
                   (uintmax_t)max);
    if (node->kind != NACRE_YAML_SCALAR || node->quoted ||
        nacre_number_parse(out, node->text, node->len, UINT64_MAX))
        return refuse_type(r, node, expected);
    if (*out < min || *out > max)
        return REFUSE(r, node, "%ju is outside %ju to %ju", (uintmax_t)*out, (uintmax_t)min, (uintmax_t)max);
    return 0;
}

static int read_scalar(const struct reading *r, const struct nacre_yaml_node *node,
                       const struct nacre_hd_key *row)
{
    char reason[512];
    if (row->text) {
        if (!is_text(node))
            return refuse_type(r, node, "text");
        return nacre_hd_set_text(r->config, row, node->text, reason, sizeof reason)
                   ? refuse_at(r, node, reason)
                   : 0;
    }
    uint64_t value = 0;
    int rc = read_number(r, node, row->min, row->max, &value);
    return rc ? rc : nacre_hd_set_number(r->config, row, value, r->why, r->why_len);
}

static int refuse_unknown(const struct reading *r, const struct nacre_yaml_node *node, const char *section)
{
    char known[512] = "";
    size_t used = 0;
    for (size_t i = 0; i < nacre_hd_n_keys && used < sizeof known; i++) {
        if (strcmp(nacre_hd_keys[i].section, section) == 0)
            used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", used ? ", " : "",
                                     nacre_hd_keys[i].key);
    }
    if (section[0])
        return REFUSE(r, node, "unknown key; %s has %s%s", section, known,
                      strcmp(section, "egress") == 0 ? ", private" : "");
    return REFUSE(r, node, "unknown key; there are ingress, enclaves, egress, health, nitro, limits, log, %s",
                  known);
}

/* ---- lists ---- */

static int read_listen(const struct reading *r, const struct nacre_yaml_node *node,
                       struct nacre_hd_ingress_config *one)
{
    if (!is_text(node))
        return refuse_type(r, node, "text");
    if (strncmp(node->text, "tcp:", 4) != 0 || nacre_netaddr_parse(&one->listen, node->text + 4))
        return REFUSE(r, node, "'%.64s' is not tcp:ADDRESS:PORT with a numeric address, IPv6 in brackets",
                      node->text);
    for (size_t i = 0; i < r->config->n_ingress; i++) {
        const struct nacre_netaddr *other = &r->config->ingress[i].listen;
        if (other->port && other->port == one->listen.port && strcmp(other->host, one->listen.host) == 0)
            return REFUSE(r, node, "'%.64s' is given twice", node->text);
    }
    return 0;
}

static int read_ingress(const struct reading *r, const struct nacre_yaml_node *entry)
{
    struct nacre_hd_ingress_config one = {.port = 3000};
    if (entry->kind != NACRE_YAML_MAPPING)
        return refuse_type(r, entry, "a mapping with listen and port");
    for (const struct nacre_yaml_node *node = entry->first; node; node = node->next) {
        int rc;
        if (strcmp(node->key, "listen") == 0)
            rc = read_listen(r, node, &one);
        else if (strcmp(node->key, "port") == 0)
            rc = read_number(r, node, 1, UINT32_MAX - 1u, &one.port);
        else
            rc = REFUSE(r, node, "unknown key; an entry has listen, port");
        if (rc)
            return rc;
    }
    if (!one.listen.family)
        return REFUSE(r, entry, "listen is missing");
    if (r->config->n_ingress == NACRE_HD_LISTEN_MAX)
        return REFUSE(r, entry, "more than %u entries", NACRE_HD_LISTEN_MAX);
    r->config->ingress[r->config->n_ingress++] = one;
    return 0;
}

static bool name_ok(const char *name)
{
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.");
    return len > 0 && name[len] == '\0' && len < NACRE_HD_NAME_MAX;
}

static int read_enclave_key(const struct reading *r, const struct nacre_yaml_node *node,
                            struct nacre_hd_enclave_config *one)
{
    char reason[256];
    if (strcmp(node->key, "drain") == 0) {
        if (strcmp(nacre_yaml_what(node), "a boolean") != 0)
            return refuse_type(r, node, "true or false");
        one->drain = node->text[0] == 't' || node->text[0] == 'T';
        return 0;
    }
    if (strcmp(node->key, "name") != 0 && strcmp(node->key, "connect") != 0 &&
        strcmp(node->key, "allow") != 0)
        return REFUSE(r, node, "unknown key; an enclave has name, connect, allow, drain");
    if (!is_text(node))
        return refuse_type(r, node, "text");
    if (strcmp(node->key, "name") == 0) {
        if (!name_ok(node->text))
            return REFUSE(r, node, "'%.80s' is not 1 to %u letters, digits, '-', '_' and '.'", node->text,
                          NACRE_HD_NAME_MAX - 1);
        (void)snprintf(one->name, sizeof one->name, "%s", node->text);
        return 0;
    }
    if (node->len >= NACRE_HD_TEXT)
        return REFUSE(r, node, "text of %zu bytes, at most %u", node->len, NACRE_HD_TEXT - 1);
    if (strcmp(node->key, "allow") == 0) {
        (void)snprintf(one->allow, sizeof one->allow, "%s", node->text);
        return 0;
    }
    (void)snprintf(one->connect, sizeof one->connect, "%s", node->text);
    return nacre_hd_place_parse(&one->place, node->text, reason, sizeof reason)
               ? REFUSE(r, node, "%s", reason)
               : 0;
}

static int read_enclave(const struct reading *r, const struct nacre_yaml_node *entry)
{
    struct nacre_hd_enclave_config one = {0};
    if (entry->kind != NACRE_YAML_MAPPING)
        return refuse_type(r, entry, "a mapping with name and connect");
    for (const struct nacre_yaml_node *node = entry->first; node; node = node->next) {
        int rc = read_enclave_key(r, node, &one);
        if (rc)
            return rc;
    }
    if (!one.name[0] || !one.connect[0])
        return REFUSE(r, entry, "%s is missing", one.name[0] ? "connect" : "name");
    for (size_t i = 0; i < r->config->n_enclaves; i++) {
        if (strcmp(r->config->enclaves[i].name, one.name) == 0)
            return REFUSE(r, entry, "two enclaves are called '%s'", one.name);
        if (strcmp(r->config->enclaves[i].connect, one.connect) == 0)
            return REFUSE(r, entry, "'%s' and '%s' are both at %s", r->config->enclaves[i].name, one.name,
                          one.connect);
    }
    if (r->config->n_enclaves == NACRE_HD_ENCLAVES_MAX)
        return REFUSE(r, entry, "more than %u enclaves", NACRE_HD_ENCLAVES_MAX);
    r->config->enclaves[r->config->n_enclaves++] = one;
    return 0;
}

static int read_private(const struct reading *r, const struct nacre_yaml_node *entry)
{
    struct nacre_hd_range range;
    if (!is_text(entry))
        return refuse_type(r, entry, "text");
    if (nacre_hd_range_parse(&range, entry->text))
        return REFUSE(r, entry, "'%.64s' is no range such as 127.0.0.0/8 or fd00::/8", entry->text);
    if (r->config->n_private == NACRE_HD_PRIVATE_MAX)
        return REFUSE(r, entry, "more than %u ranges", NACRE_HD_PRIVATE_MAX);
    r->config->private_ranges[r->config->n_private++] = range;
    return 0;
}

static int read_list(const struct reading *r, const struct nacre_yaml_node *list,
                     int (*each)(const struct reading *, const struct nacre_yaml_node *))
{
    if (list->kind != NACRE_YAML_SEQUENCE)
        return refuse_type(r, list, "a list");
    for (const struct nacre_yaml_node *node = list->first; node; node = node->next) {
        int rc = each(r, node);
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
        const struct nacre_hd_key *row = nacre_hd_key_find(section->key, node->key);
        int rc;
        if (row)
            rc = read_scalar(r, node, row);
        else if (strcmp(section->key, "egress") == 0 && strcmp(node->key, "private") == 0)
            rc = read_list(r, node, read_private);
        else
            rc = refuse_unknown(r, node, section->key);
        if (rc)
            return rc;
    }
    return 0;
}

/* Only the enclaves: what `nacre host up` writes. */
static int read_enclaves_root(const struct reading *r, const struct nacre_yaml_node *root)
{
    if (root && root->kind != NACRE_YAML_MAPPING)
        return refuse_type(r, root, "a mapping with enclaves");
    for (const struct nacre_yaml_node *node = root ? root->first : NULL; node; node = node->next) {
        int rc = strcmp(node->key, "enclaves") == 0
                     ? read_list(r, node, read_enclave)
                     : REFUSE(r, node, "unknown key; this file has enclaves alone");
        if (rc)
            return rc;
    }
    return 0;
}

static int read_root(const struct reading *r, const struct nacre_yaml_node *root)
{
    if (root && root->kind != NACRE_YAML_MAPPING)
        return refuse_type(r, root, "a mapping of sections");
    for (const struct nacre_yaml_node *node = root ? root->first : NULL; node; node = node->next) {
        const struct nacre_hd_key *row = nacre_hd_key_find("", node->key);
        int rc;
        if (strcmp(node->key, "ingress") == 0)
            rc = read_list(r, node, read_ingress);
        else if (strcmp(node->key, "enclaves") == 0)
            rc = read_list(r, node, read_enclave);
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

static int read_text(const struct reading *r, const char *data, size_t len,
                     int (*root_reader)(const struct reading *, const struct nacre_yaml_node *))
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
    const struct reading r = {config, file, why, why_len};
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
        const struct reading r = {config, config->enclaves_file, why, why_len};
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
