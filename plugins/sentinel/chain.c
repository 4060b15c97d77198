#include "chain.h"

#include "grpc.h"
#include "move_type.h"

int32_t sentinel_chain_fetch(const struct nacre_call *call, const struct sentinel_config *config,
                             struct nacre_fetch *fetch, struct nacre_reply *reply)
{
    int32_t err = 502;
    fetch->max_reply = SENTINEL_OBJECT_MAX;
    fetch->timeout_ms = config->sui_timeout_ms;
    for (unsigned tries = 0; tries < 2 && err == 502; tries++)
        err = nacre_fetch(call, fetch, reply);
    return err;
}

int32_t sentinel_chain_post(const struct nacre_call *call, const struct sentinel_config *config,
                            const struct sentinel_network *network, struct nacre_str body,
                            struct nacre_reply *reply)
{
    static const struct nacre_header headers[] = {{NACRE_S("content-type"), NACRE_S("application/json")},
                                                  {NACRE_S("accept"), NACRE_S("application/json")}};
    struct nacre_fetch fetch;
    int32_t err;
    nacre_fetch_init(&fetch, reply);
    if (!body.ptr)
        return nacre_fail(call, 500, "out of memory");
    fetch.url = nacre_str(network->url);
    fetch.headers = headers;
    fetch.n_headers = sizeof headers / sizeof headers[0];
    fetch.body = nacre_bytes_of(body);
    if ((err = sentinel_chain_fetch(call, config, &fetch, reply)))
        return err;
    if (reply->status != 200)
        return nacre_fail(call, 502, "the Sui node of %s answered with HTTP status %u", network->name,
                          reply->status);
    return 0;
}

int32_t sentinel_chain_read(const struct nacre_call *call, const struct sentinel_config *config,
                            const struct sentinel_network *network, const uint8_t id[32],
                            struct sentinel_object *out)
{
    int32_t err = network->access == SENTINEL_GRPC ? sentinel_grpc_read(call, config, network, id, out)
                  : network->access == SENTINEL_GRAPHQL
                      ? sentinel_graphql_read(call, config, network, id, out)
                      : sentinel_jsonrpc_read(call, config, network, id, out);
    if (err == SENTINEL_ABSENT)
        return nacre_fail(
            call, err,
            "attack_object_id: %s has no such object: it never was, was deleted, or is wrapped in another",
            network->name);
    if (err == SENTINEL_DELETED)
        return nacre_fail(call, err,
                          "attack_object_id: the object was deleted from %s, or wrapped into another",
                          network->name);
    return err;
}

/* A contract can be given what an address owns and what is shared; the rest is out of its reach for good. */
static int32_t check_owner(const struct nacre_call *call, enum sentinel_owner owner)
{
    switch (owner) {
    case SENTINEL_OWNER_ADDRESS:
    case SENTINEL_OWNER_SHARED:
        return 0;
    case SENTINEL_OWNER_OBJECT:
        return nacre_fail(call, 409, "attack_object_id: the object is wrapped: it belongs to another object");
    case SENTINEL_OWNER_IMMUTABLE:
        return nacre_fail(call, 409, "attack_object_id: the object is frozen, so no contract can take it");
    default:
        return nacre_fail(call, 502, "the Sui node does not say who owns the object");
    }
}

static int32_t check_type(const struct nacre_call *call, const struct sentinel_network *network,
                          struct nacre_str type)
{
    if (type.len == 0)
        return nacre_fail(call, 422, "attack_object_id: that is a package, expected a sentinel::Attack");
    switch (sentinel_type_match(type, network->package)) {
    case SENTINEL_TYPE_FITS:
        return 0;
    case SENTINEL_TYPE_FOREIGN:
        return nacre_fail(call, 422,
                          "attack_object_id: the object is foreign: its type is of another package than %s",
                          sentinel_address_text(network->package).z);
    case SENTINEL_TYPE_OTHER:
        return nacre_fail(call, 422, "attack_object_id: the object's type is not %s::sentinel::Attack<T>",
                          sentinel_address_text(network->package).z);
    default:
        return nacre_fail(call, 502, "the Sui node gave the object a type that is none");
    }
}

int32_t sentinel_chain_check(const struct nacre_call *call, const struct sentinel_network *network,
                             const uint8_t id[32], const struct sentinel_object *object,
                             struct sentinel_attack *out)
{
    uint8_t told[32];
    int32_t err = check_type(call, network, object->type);
    if (err || (err = check_owner(call, object->owner)))
        return err;
    if (sentinel_attack_decode(out, object->contents))
        return nacre_fail(call, 502, "the Sui node's %llu bytes of contents are not an Attack object",
                          (unsigned long long)object->contents.len);
    if (memcmp(out->id, id, 32) != 0 ||
        (object->id.len && (sentinel_address_parse(told, object->id) || memcmp(told, id, 32) != 0)))
        return nacre_fail(call, 502, "the Sui node answered with object %s, asked was %s",
                          sentinel_address_text(out->id).z, sentinel_address_text(id).z);
    return 0;
}
