/*
 * keeper - media's first route in an app that has a secret, for the load that kills helpers: what a client sends is
 * what it must get back, and POST /secret answers the digest of the secret, so that one can tell that it is still there.
 */
#include <nacre/plugin.h>

#define HASH_LEN 32u

NACRE_RECORD(Media, (string, media_hash), (string, metadata));
NACRE_RECORD(MediaRequest, (Media, payload));
NACRE_RECORD(MediaResponse, (bytes, media_hash), (string, metadata));
NACRE_RECORD(Nothing, (string, tag));
NACRE_RECORD(Digest, (bytes, digest));

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int32_t process_data(const struct nacre_call *call, const void *request, void *response)
{
    const struct MediaRequest *in = request;
    struct MediaResponse *out = response;
    struct nacre_str hex = in->payload.media_hash;
    uint8_t *hash = nacre_alloc(call, HASH_LEN);
    if (!hash || hex.len != (uint64_t)2 * HASH_LEN)
        return nacre_fail(call, hash ? 400 : 500, "no hash");
    for (uint32_t i = 0; i < HASH_LEN; i++) {
        int high = digit(hex.ptr[2 * i]), low = digit(hex.ptr[2 * i + 1]);
        if (high < 0 || low < 0)
            return nacre_fail(call, 400, "no hex");
        hash[i] = (uint8_t)(high << 4 | low);
    }
    out->media_hash = (struct nacre_bytes){hash, HASH_LEN};
    out->metadata = in->payload.metadata;
    return 0;
}

static int32_t show_digest(const struct nacre_call *call, const void *request, void *response)
{
    struct Digest *out = response;
    struct nacre_str secret;
    uint8_t *hash = nacre_alloc(call, HASH_LEN);
    int32_t err = nacre_secret(call, "KEPT", &secret);
    (void)request;
    if (!err && !hash)
        err = nacre_fail(call, 500, "out of memory");
    if (!err)
        err = nacre_hash(call, NACRE_HASH_SHA256, nacre_bytes_of(secret), hash);
    out->digest = (struct nacre_bytes){hash, HASH_LEN};
    return err;
}

static const struct nacre_intent intents[] = {{0, 0, NACRE_S("ProcessData"), &nacre_type_MediaResponse},
                                              {1, 0, NACRE_S("Secret"), &nacre_type_Digest}};
static const struct nacre_route routes[] = {{.method = NACRE_S("POST"),
                                             .path = NACRE_S("/process_data"),
                                             .intent = 0,
                                             .request = &nacre_type_MediaRequest,
                                             .handler = process_data},
                                            {.method = NACRE_S("POST"),
                                             .path = NACRE_S("/secret"),
                                             .intent = 1,
                                             .request = &nacre_type_Nothing,
                                             .handler = show_digest}};
static const struct nacre_secret secrets[] = {{NACRE_S("KEPT"), 1, 0}};
const struct nacre_plugin nacre_plugin = {NACRE_PREFIX,
                                          NACRE_S("keeper"),
                                          NACRE_S("1"),
                                          NACRE_TABLE(intents),
                                          NACRE_TABLE(routes),
                                          NACRE_NONE,
                                          NACRE_TABLE(secrets),
                                          NULL,
                                          NULL};
