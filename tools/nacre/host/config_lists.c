/* The lists of config/host.yaml: ports, enclaves, ranges. */
#include "config_read.h"

#include <stdio.h>
#include <string.h>

static int read_listen(const struct nacre_hd_reading *r, const struct nacre_yaml_node *node,
                       struct nacre_hd_ingress_config *one)
{
    if (!nacre_hd_is_text(node))
        return nacre_hd_refuse_type(r, node, "text");
    if (strncmp(node->text, "tcp:", 4) != 0 || nacre_netaddr_parse(&one->listen, node->text + 4))
        return NACRE_HD_REFUSE(
            r, node, "'%.64s' is not tcp:ADDRESS:PORT with a numeric address, IPv6 in brackets", node->text);
    for (size_t i = 0; i < r->config->n_ingress; i++) {
        const struct nacre_netaddr *other = &r->config->ingress[i].listen;
        if (other->port && other->port == one->listen.port && strcmp(other->host, one->listen.host) == 0)
            return NACRE_HD_REFUSE(r, node, "'%.64s' is given twice", node->text);
    }
    return 0;
}

int nacre_hd_read_ingress(const struct nacre_hd_reading *r, const struct nacre_yaml_node *entry)
{
    struct nacre_hd_ingress_config one = {.port = 3000};
    if (entry->kind != NACRE_YAML_MAPPING)
        return nacre_hd_refuse_type(r, entry, "a mapping with listen and port");
    for (const struct nacre_yaml_node *node = entry->first; node; node = node->next) {
        int rc;
        if (strcmp(node->key, "listen") == 0)
            rc = read_listen(r, node, &one);
        else if (strcmp(node->key, "port") == 0)
            rc = nacre_hd_read_number(r, node, 1, UINT32_MAX - 1u, &one.port);
        else
            rc = NACRE_HD_REFUSE(r, node, "unknown key; an entry has listen, port");
        if (rc)
            return rc;
    }
    if (!one.listen.family)
        return NACRE_HD_REFUSE(r, entry, "listen is missing");
    if (r->config->n_ingress == NACRE_HD_LISTEN_MAX)
        return NACRE_HD_REFUSE(r, entry, "more than %u entries", NACRE_HD_LISTEN_MAX);
    r->config->ingress[r->config->n_ingress++] = one;
    return 0;
}

static bool name_ok(const char *name)
{
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.");
    return len > 0 && name[len] == '\0' && len < NACRE_HD_NAME_MAX;
}

static int read_enclave_key(const struct nacre_hd_reading *r, const struct nacre_yaml_node *node,
                            struct nacre_hd_enclave_config *one)
{
    char reason[256];
    if (strcmp(node->key, "drain") == 0) {
        if (strcmp(nacre_yaml_what(node), "a boolean") != 0)
            return nacre_hd_refuse_type(r, node, "true or false");
        one->drain = node->text[0] == 't' || node->text[0] == 'T';
        return 0;
    }
    if (strcmp(node->key, "name") != 0 && strcmp(node->key, "connect") != 0 &&
        strcmp(node->key, "allow") != 0)
        return NACRE_HD_REFUSE(r, node, "unknown key; an enclave has name, connect, allow, drain");
    if (!nacre_hd_is_text(node))
        return nacre_hd_refuse_type(r, node, "text");
    if (strcmp(node->key, "name") == 0) {
        if (!name_ok(node->text))
            return NACRE_HD_REFUSE(r, node, "'%.80s' is not 1 to %u letters, digits, '-', '_' and '.'",
                                   node->text, NACRE_HD_NAME_MAX - 1);
        (void)snprintf(one->name, sizeof one->name, "%s", node->text);
        return 0;
    }
    if (node->len >= NACRE_HD_TEXT)
        return NACRE_HD_REFUSE(r, node, "text of %zu bytes, at most %u", node->len, NACRE_HD_TEXT - 1);
    if (strcmp(node->key, "allow") == 0) {
        (void)snprintf(one->allow, sizeof one->allow, "%s", node->text);
        return 0;
    }
    (void)snprintf(one->connect, sizeof one->connect, "%s", node->text);
    return nacre_hd_place_parse(&one->place, node->text, reason, sizeof reason)
               ? NACRE_HD_REFUSE(r, node, "%s", reason)
               : 0;
}

int nacre_hd_read_enclave(const struct nacre_hd_reading *r, const struct nacre_yaml_node *entry)
{
    struct nacre_hd_enclave_config one = {0};
    if (entry->kind != NACRE_YAML_MAPPING)
        return nacre_hd_refuse_type(r, entry, "a mapping with name and connect");
    for (const struct nacre_yaml_node *node = entry->first; node; node = node->next) {
        int rc = read_enclave_key(r, node, &one);
        if (rc)
            return rc;
    }
    if (!one.name[0] || !one.connect[0])
        return NACRE_HD_REFUSE(r, entry, "%s is missing", one.name[0] ? "connect" : "name");
    for (size_t i = 0; i < r->config->n_enclaves; i++) {
        if (strcmp(r->config->enclaves[i].name, one.name) == 0)
            return NACRE_HD_REFUSE(r, entry, "two enclaves are called '%s'", one.name);
        if (strcmp(r->config->enclaves[i].connect, one.connect) == 0)
            return NACRE_HD_REFUSE(r, entry, "'%s' and '%s' are both at %s", r->config->enclaves[i].name,
                                   one.name, one.connect);
    }
    if (r->config->n_enclaves == NACRE_HD_ENCLAVES_MAX)
        return NACRE_HD_REFUSE(r, entry, "more than %u enclaves", NACRE_HD_ENCLAVES_MAX);
    r->config->enclaves[r->config->n_enclaves++] = one;
    return 0;
}

int nacre_hd_read_private(const struct nacre_hd_reading *r, const struct nacre_yaml_node *entry)
{
    struct nacre_hd_range range;
    if (!nacre_hd_is_text(entry))
        return nacre_hd_refuse_type(r, entry, "text");
    if (nacre_hd_range_parse(&range, entry->text))
        return NACRE_HD_REFUSE(r, entry, "'%.64s' is no range such as 127.0.0.0/8 or fd00::/8", entry->text);
    if (r->config->n_private == NACRE_HD_PRIVATE_MAX)
        return NACRE_HD_REFUSE(r, entry, "more than %u ranges", NACRE_HD_PRIVATE_MAX);
    r->config->private_ranges[r->config->n_private++] = range;
    return 0;
}
