/* config_read.h - what the two files that read config/host.yaml share. */
#ifndef NACRE_HOST_CONFIG_READ_H
#define NACRE_HOST_CONFIG_READ_H

#include "config.h"
#include "yaml_tree.h"

struct nacre_hd_reading {
    struct nacre_hd_config *config;
    const char *file;
    char *why;
    size_t why_len;
};

#define NACRE_HD_REFUSE(R, NODE, ...)                                                                        \
    nacre_yaml_refuse((R)->file, (NODE), (R)->why, (R)->why_len, __VA_ARGS__)

/* "expected this, got that". Returns -EINVAL. */
int nacre_hd_refuse_type(const struct nacre_hd_reading *r, const struct nacre_yaml_node *node,
                         const char *expected);
int nacre_hd_read_number(const struct nacre_hd_reading *r, const struct nacre_yaml_node *node, uint64_t min,
                         uint64_t max, uint64_t *out);
bool nacre_hd_is_text(const struct nacre_yaml_node *node);

/* config_lists.c: one entry of each list, appended to the configuration. */
int nacre_hd_read_ingress(const struct nacre_hd_reading *r, const struct nacre_yaml_node *entry);
int nacre_hd_read_enclave(const struct nacre_hd_reading *r, const struct nacre_yaml_node *entry);
int nacre_hd_read_private(const struct nacre_hd_reading *r, const struct nacre_yaml_node *entry);

#endif
