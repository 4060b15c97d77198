#include "yaml_allow.h"

#include "file.h"
#include "yaml_tree.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reading {
    struct nacre_allow *allow;
    const char *file;
    char *why;
    size_t why_len;
};

#define REFUSE(R, NODE, ...) nacre_yaml_refuse((R)->file, (NODE), (R)->why, (R)->why_len, __VA_ARGS__)

static int read_host(const struct reading *r, const struct nacre_yaml_node *node, char *host)
{
    if (node->kind != NACRE_YAML_SCALAR)
        return REFUSE(r, node, "expected a host name, got %s", nacre_yaml_what(node));
    const char *problem = nacre_host_check(node->text, node->len);
    if (problem)
        return REFUSE(r, node, "'%.100s' %s", node->text, problem);
    memcpy(host, node->text, node->len + 1);
    return 0;
}

static int read_port(const struct reading *r, const struct nacre_yaml_node *node, uint32_t *port)
{
    uint64_t value = 0;
    if (node->kind != NACRE_YAML_SCALAR || node->quoted)
        return REFUSE(r, node, "expected a port number, got %s", nacre_yaml_what(node));
    if (nacre_number_parse(&value, node->text, node->len, 65535) || value == 0)
        return REFUSE(r, node, "expected a port from 1 to 65535, got '%.64s'", node->text);
    *port = (uint32_t)value;
    return 0;
}

static bool decode_pin(uint8_t pin[32], const char *text, size_t len)
{
    size_t got = 0;
    if (len == 64)
        return nacre_unhex(pin, 32, text, len) == 0;
    return len == 44 &&
           sodium_base642bin(pin, 32, text, len, NULL, &got, NULL, sodium_base64_VARIANT_ORIGINAL) == 0 &&
           got == 32;
}

static int read_pins(const struct reading *r, const struct nacre_yaml_node *list,
                     struct nacre_endpoint_decl *entry)
{
    if (list->kind != NACRE_YAML_SEQUENCE)
        return REFUSE(r, list, "expected a list of pins, got %s", nacre_yaml_what(list));
    if (!list->first)
        return REFUSE(r, list,
                      "no pin in the list: leave the key out where any certificate of the CA will do");
    for (const struct nacre_yaml_node *node = list->first; node; node = node->next) {
        uint8_t pin[32];
        if (entry->n_pins == NACRE_PINS_MAX)
            return REFUSE(r, node, "more than %u pins", NACRE_PINS_MAX);
        if (node->kind != NACRE_YAML_SCALAR || !decode_pin(pin, node->text, node->len))
            return REFUSE(r, node,
                          "expected a SHA-256 as 64 hex digits or 44 characters of base64, got %s '%.80s'",
                          nacre_yaml_what(node), node->text ? node->text : "");
        for (uint32_t i = 0; i < entry->n_pins; i++) {
            if (memcmp(entry->pins[i], pin, sizeof pin) == 0)
                return REFUSE(r, node, "the same pin as pins[%u]: '%.80s'", i, node->text);
        }
        memcpy(entry->pins[entry->n_pins++], pin, sizeof pin);
    }
    return 0;
}

static int read_mapping(const struct reading *r, const struct nacre_yaml_node *map,
                        struct nacre_endpoint_decl *entry, char *host)
{
    for (const struct nacre_yaml_node *node = map->first; node; node = node->next) {
        int rc = 0;
        if (strcmp(node->key, "host") == 0)
            rc = read_host(r, node, host);
        else if (strcmp(node->key, "port") == 0)
            rc = read_port(r, node, &entry->port);
        else if (strcmp(node->key, "pins") == 0)
            rc = read_pins(r, node, entry);
        else
            rc = REFUSE(r, node, "unknown key; an endpoint has host, port, pins");
        if (rc)
            return rc;
    }
    return host[0] ? 0 : REFUSE(r, map, "an endpoint without host");
}

static int read_entry(const struct reading *r, const struct nacre_yaml_node *node)
{
    struct nacre_allow *allow = r->allow;
    if (allow->n == NACRE_ENDPOINTS_MAX)
        return REFUSE(r, node, "more than %u endpoints", NACRE_ENDPOINTS_MAX);
    struct nacre_endpoint_decl *entry = &allow->entries[allow->n];
    char *host = allow->hosts[allow->n];
    entry->port = NACRE_PORT_HTTPS;
    int rc = node->kind == NACRE_YAML_MAPPING ? read_mapping(r, node, entry, host) : read_host(r, node, host);
    if (rc)
        return rc;
    for (uint32_t i = 0; i < allow->n; i++) {
        if (allow->entries[i].port == entry->port && strcmp(allow->hosts[i], host) == 0)
            return REFUSE(r, node, "%s:%u is listed already, as endpoints[%u]", host, entry->port, i);
    }
    entry->host = host;
    entry->connect = allow->connects[allow->n];
    allow->n++;
    return 0;
}

static int read_root(const struct reading *r, const struct nacre_yaml_node *root)
{
    const struct nacre_yaml_node *list = NULL;
    for (const struct nacre_yaml_node *n = root && root->kind == NACRE_YAML_MAPPING ? root->first : NULL; n;
         n = n->next) {
        if (strcmp(n->key, "endpoints") != 0)
            return REFUSE(r, n, "unknown key; an allow list has endpoints");
        list = n;
    }
    if (!list) {
        (void)snprintf(r->why, r->why_len, "%s:1: endpoints: missing; write `endpoints: []` for none",
                       r->file);
        return -EINVAL;
    }
    if (list->kind != NACRE_YAML_SEQUENCE)
        return REFUSE(r, list, "expected a list, got %s; write `endpoints: []` for none",
                      nacre_yaml_what(list));
    for (const struct nacre_yaml_node *node = list->first; node; node = node->next) {
        int rc = read_entry(r, node);
        if (rc)
            return rc;
    }
    return 0;
}

int nacre_yaml_allow(struct nacre_allow *out, const char *file, const char *data, size_t len, char *why,
                     size_t why_len)
{
    struct nacre_yaml_node *root = NULL;
    memset(out, 0, sizeof *out);
    int rc = nacre_yaml_parse(&root, file, data, len, why, why_len);
    if (rc)
        return rc;
    const struct reading r = {out, file, why, why_len};
    rc = read_root(&r, root);
    nacre_yaml_free(root);
    if (rc)
        memset(out, 0, sizeof *out);
    return rc;
}

int nacre_yaml_allow_load(struct nacre_allow *out, const char *file, char *why, size_t why_len)
{
    uint8_t *data = NULL;
    size_t len = 0;
    int rc = nacre_file_read(&data, &len, file, NACRE_YAML_MAX, why, why_len);
    if (rc)
        return rc;
    rc = nacre_yaml_allow(out, file, (const char *)data, len, why, why_len);
    free(data);
    return rc;
}
