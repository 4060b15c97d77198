/* chain.h - an object as the chain has it, read in the way that the configuration says, and checked. */
#ifndef SENTINEL_CHAIN_H
#define SENTINEL_CHAIN_H

#include "attack.h"
#include "config.h"

#define SENTINEL_WHY     128u /* bytes of a reason, terminated */
#define SENTINEL_ABSENT  404  /* no such object, and the node does not say why */
#define SENTINEL_DELETED 410  /* the node says that it was deleted, or wrapped into another object */
#define SENTINEL_OBJECT_MAX                                                                                  \
    (1u << 19) /* bytes of a reply with an object; Move objects have 256,000 at most */

enum sentinel_owner {
    SENTINEL_OWNER_UNKNOWN,
    SENTINEL_OWNER_ADDRESS, /* one address, or the same by consensus */
    SENTINEL_OWNER_OBJECT,  /* a field of another object */
    SENTINEL_OWNER_SHARED,
    SENTINEL_OWNER_IMMUTABLE, /* frozen or a package */
};

/* What a node told of an object. Memory is the call's. */
struct sentinel_object {
    struct nacre_str id;   /* empty where the protocol does not repeat it: the contents have it as well */
    struct nacre_str type; /* empty: not a Move object but a package */
    enum sentinel_owner owner;
    struct nacre_bytes contents; /* BCS */
};

/*
 * Reads object `id`. 0, or a status with the text noted: 404, 410, or 502 and 504 when the node cannot be asked or
 * does not make sense.
 */
int32_t sentinel_chain_read(const struct nacre_call *call, const struct sentinel_config *config,
                            const struct sentinel_network *network, const uint8_t id[32],
                            struct sentinel_object *out);

/* Is this the Attack object `id` of the network's package? 0, or 409, 422 or 502 with the text noted. */
int32_t sentinel_chain_check(const struct nacre_call *call, const struct sentinel_network *network,
                             const uint8_t id[32], const struct sentinel_object *object,
                             struct sentinel_attack *out);

/* As sentinel_chain_read(), over GraphQL and JSON-RPC. */
int32_t sentinel_graphql_read(const struct nacre_call *call, const struct sentinel_config *config,
                              const struct sentinel_network *network, const uint8_t id[32],
                              struct sentinel_object *out);
int32_t sentinel_jsonrpc_read(const struct nacre_call *call, const struct sentinel_config *config,
                              const struct sentinel_network *network, const uint8_t id[32],
                              struct sentinel_object *out);

/* One POST of JSON to the node and its reply of status 200; 502 with the text noted for any other. */
int32_t sentinel_chain_post(const struct nacre_call *call, const struct sentinel_config *config,
                            const struct sentinel_network *network, struct nacre_str body,
                            struct nacre_reply *reply);

/*
 * One exchange with the node. It only reads, so it is made again when a kept connection turned out dead. At most
 * sui_timeout_ms each.
 */
int32_t sentinel_chain_fetch(const struct nacre_call *call, const struct sentinel_config *config,
                             struct nacre_fetch *fetch, struct nacre_reply *reply);

#endif
