/* graphql.c - an object over Sui's GraphQL. */
#include "base64.h"
#include "chain.h"
#include "move_type.h"

NACRE_RECORD(GqlType, (string, repr));
NACRE_RECORD(GqlContents, (GqlType, type), (string, bcs));
NACRE_MAYBE(MaybeContents, GqlContents);
NACRE_RECORD(GqlMove, (MaybeContents, contents));
NACRE_MAYBE(MaybeMove, GqlMove);
NACRE_RECORD(GqlOwner, (string, __typename));
NACRE_MAYBE(MaybeOwner, GqlOwner);
NACRE_RECORD(GqlObject, (MaybeOwner, owner), (MaybeMove, asMoveObject));
NACRE_MAYBE(MaybeObject, GqlObject);
NACRE_RECORD(GqlData, (MaybeObject, object));
NACRE_MAYBE(MaybeData, GqlData);
NACRE_MAYBE(MaybeJson, json);
NACRE_RECORD(GqlReply, (MaybeData, data), (MaybeJson, errors));

static const char query[] = "query($id:SuiAddress!){object(address:$id){version owner{__typename} "
                            "asMoveObject{contents{type{repr} bcs}}}}";

static enum sentinel_owner owner_of(const struct GqlOwner *owner)
{
    static const struct {
        const char *name;
        enum sentinel_owner owner;
    } kinds[] = {{"AddressOwner", SENTINEL_OWNER_ADDRESS}, {"ConsensusAddressOwner", SENTINEL_OWNER_ADDRESS},
                 {"ObjectOwner", SENTINEL_OWNER_OBJECT},   {"Parent", SENTINEL_OWNER_OBJECT},
                 {"Shared", SENTINEL_OWNER_SHARED},        {"Immutable", SENTINEL_OWNER_IMMUTABLE}};
    for (size_t i = 0; owner && i < sizeof kinds / sizeof kinds[0]; i++) {
        if (nacre_str_is(owner->__typename, kinds[i].name))
            return kinds[i].owner;
    }
    return SENTINEL_OWNER_UNKNOWN;
}

int32_t sentinel_graphql_read(const struct nacre_call *call, const struct sentinel_config *config,
                              const struct sentinel_network *network, const uint8_t id[32],
                              struct sentinel_object *out)
{
    struct nacre_reply reply;
    struct GqlReply answer;
    int32_t err = sentinel_chain_post(call, config, network,
                                      nacre_format(call, "{\"query\":\"%s\",\"variables\":{\"id\":\"%s\"}}",
                                                   query, sentinel_address_text(id).z),
                                      &reply);
    if (err || (err = nacre_decode_json(call, reply.body, &nacre_type_GqlReply, &answer, 502)))
        return err;
    /* a reply may have both; what a node calls an error is none to guess about */
    if (answer.errors || !answer.data)
        return nacre_fail(call, 502, "the Sui node of %s answered with a GraphQL error", network->name);
    const struct GqlObject *o = answer.data->object;
    if (!o)
        return SENTINEL_ABSENT;
    memset(out, 0, sizeof *out);
    out->owner = owner_of(o->owner);
    if (!o->asMoveObject)
        return 0; /* a package */
    const struct GqlContents *contents = o->asMoveObject->contents;
    if (!contents || contents->type.repr.len == 0 || sentinel_base64(call, contents->bcs, &out->contents))
        return nacre_fail(call, 502, "the Sui node of %s answered with an object without usable contents",
                          network->name);
    out->type = contents->type.repr;
    return 0;
}
