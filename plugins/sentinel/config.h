/* config.h - the plugin's part of the measured configuration; plugins/sentinel/nacre.yaml says what each key is for. */
#ifndef SENTINEL_CONFIG_H
#define SENTINEL_CONFIG_H

#include <nacre/plugin.h>

#include <stdbool.h>

#define SENTINEL_NETWORKS 2u
#define SENTINEL_URL_MAX  256u

enum sentinel_access { SENTINEL_GRPC, SENTINEL_GRAPHQL, SENTINEL_JSONRPC };

struct sentinel_network {
    const char *name;
    uint8_t index;
    bool enabled; /* a package is configured */
    uint8_t package[32];
    enum sentinel_access access;
    char url[SENTINEL_URL_MAX + 1];
};

struct sentinel_config {
    struct sentinel_network networks[SENTINEL_NETWORKS]; /* mainnet, testnet */
    char ai_url[SENTINEL_URL_MAX + 1];                   /* without a slash at the end */
    bool require_attacker_signature;
    uint32_t sui_timeout_ms;
    uint64_t verdict_bytes;
};

/* Reads and checks all of it. 0, or 500 with the text noted. *out is untouched then. */
int32_t sentinel_config_read(const struct nacre_call *call, struct sentinel_config *out);

/* The network that a path names. 0, or 404 with the text noted. */
int32_t sentinel_config_network(const struct nacre_call *call, const struct sentinel_config *config,
                                struct nacre_str name, const struct sentinel_network **out);

#endif
