/* jsonrpc.c - an object over sui_getObject, for private nodes that still have it. */
#include "base64.h"
#include "chain.h"
#include "move_type.h"

NACRE_MAYBE(MaybeText, string);
NACRE_MAYBE(MaybeJson, json);
NACRE_RECORD(RpcBcs, (string, dataType), (MaybeText, type), (MaybeText, bcsBytes));
NACRE_MAYBE(MaybeBcs, RpcBcs);
NACRE_RECORD(RpcData, (string, objectId), (MaybeText, type), (MaybeJson, owner), (MaybeBcs, bcs));
NACRE_MAYBE(MaybeData, RpcData);
NACRE_RECORD(RpcError, (string, code));
NACRE_MAYBE(MaybeError, RpcError);
NACRE_RECORD(RpcResult, (MaybeData, data), (MaybeError, error));
NACRE_MAYBE(MaybeResult, RpcResult);
NACRE_RECORD(RpcReply, (MaybeResult, result), (MaybeJson, error));

static bool begins(struct nacre_str s, const char *z)
{
    return s.len >= strlen(z) && memcmp(s.ptr, z, strlen(z)) == 0;
}

/* From the canonical text: "Immutable", or an object whose one key names the kind. */
static enum sentinel_owner owner_of(const struct nacre_str *json)
{
    static const struct {
        const char *begin;
        enum sentinel_owner owner;
    } kinds[] = {{"{\"AddressOwner\":", SENTINEL_OWNER_ADDRESS},
                 {"{\"ConsensusAddressOwner\":", SENTINEL_OWNER_ADDRESS},
                 {"{\"ObjectOwner\":", SENTINEL_OWNER_OBJECT},
                 {"{\"Shared\":", SENTINEL_OWNER_SHARED},
                 {"\"Immutable\"", SENTINEL_OWNER_IMMUTABLE}};
    for (size_t i = 0; json && i < sizeof kinds / sizeof kinds[0]; i++) {
        if (begins(*json, kinds[i].begin))
            return kinds[i].owner;
    }
    return SENTINEL_OWNER_UNKNOWN;
}

static int32_t judge_error(const struct nacre_call *call, const struct sentinel_network *network,
                           struct nacre_str code)
{
    if (nacre_str_is(code, "notExists"))
        return SENTINEL_ABSENT;
    if (nacre_str_is(code, "deleted"))
        return SENTINEL_DELETED;
    return nacre_fail(call, 502, "the Sui node of %s cannot give the object", network->name);
}

static int32_t take_data(const struct nacre_call *call, const struct sentinel_network *network,
                         const struct RpcData *data, struct sentinel_object *out)
{
    memset(out, 0, sizeof *out);
    out->id = data->objectId;
    out->owner = owner_of(data->owner);
    if (data->bcs && nacre_str_is(data->bcs->dataType, "package"))
        return 0;
    if (!data->bcs || !nacre_str_is(data->bcs->dataType, "moveObject") || !data->type || !data->type->len ||
        !data->bcs->bcsBytes || sentinel_base64(call, *data->bcs->bcsBytes, &out->contents))
        return nacre_fail(call, 502, "the Sui node of %s answered with an object without usable contents",
                          network->name);
    out->type = *data->type;
    return 0;
}

int32_t sentinel_jsonrpc_read(const struct nacre_call *call, const struct sentinel_config *config,
                              const struct sentinel_network *network, const uint8_t id[32],
                              struct sentinel_object *out)
{
    struct nacre_reply reply;
    struct RpcReply answer;
    int32_t err = sentinel_chain_post(
        call, config, network,
        nacre_format(call,
                     "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"sui_getObject\",\"params\":[\"%s\","
                     "{\"showType\":true,\"showOwner\":true,\"showBcs\":true}]}",
                     sentinel_address_text(id).z),
        &reply);
    if (err || (err = nacre_decode_json(call, reply.body, &nacre_type_RpcReply, &answer, 502)))
        return err;
    if (answer.error || !answer.result || !answer.result->data == !answer.result->error)
        return nacre_fail(call, 502, "the Sui node of %s answered with a JSON-RPC error", network->name);
    if (answer.result->error)
        return judge_error(call, network, answer.result->error->code);
    return take_data(call, network, answer.result->data, out);
}
