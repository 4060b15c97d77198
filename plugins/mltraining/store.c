#include "app.h"

#include <sodium.h>
#include <time.h>

#define TRIES      8u
#define FIRST_MS   200u
#define LONGEST_MS 5000u

NACRE_RECORD(BlobObject, (string, blobId));
NACRE_RECORD(Created, (BlobObject, blobObject));
NACRE_RECORD(Certified, (string, blobId));
NACRE_MAYBE(MaybeCreated, Created);
NACRE_MAYBE(MaybeCertified, Certified);
NACRE_RECORD(Stored, (MaybeCreated, newlyCreated), (MaybeCertified, alreadyCertified));

/* Waits before try number `n`; twice as long each time. 0 when there is no time left for it. */
static int wait_for(const struct nacre_call *call, uint32_t n)
{
    uint64_t ms = FIRST_MS;
    for (uint32_t i = 1; i < n && ms < LONGEST_MS; i++)
        ms *= 2;
    if (ms > LONGEST_MS)
        ms = LONGEST_MS;
    if (nacre_remaining_ms(call) <= ms)
        return 0;
    const struct timespec t = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};
    (void)nanosleep(&t, NULL);
    return 1;
}

/* Letters, digits, "-", "_" and, between others, ".": what Walrus gives and what is one segment of any URL. */
static int is_id(struct nacre_str id)
{
    if (id.len == 0 || id.len > BLOB_ID_MAX || id.ptr[0] == '.')
        return 0;
    for (uint64_t i = 0; i < id.len; i++) {
        const char c = id.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
              c == '_' || c == '.'))
            return 0;
    }
    return 1;
}

static int worth_another_try(int32_t err, uint32_t status)
{
    return err ? err == 502 : status == 404 || status == 429 || status >= 500;
}

#define PIECE_MAX (UINT64_C(1) << 20) /* bytes more than any that a sink is given at once */

struct counted {
    const struct nacre_call *call;
    struct nacre_str id;
    nacre_sink sink;
    void *ctx;
    uint64_t max, bytes;
    int32_t refused; /* what the sink said: nothing to try again */
};

static int32_t counted_sink(void *ctx, const uint8_t *data, uint64_t len)
{
    struct counted *c = ctx;
    c->refused =
        len > c->max - c->bytes
            ? nacre_fail(c->call, 413, "blob %.*s: more than the %llu bytes that are left of the limit",
                         (int)c->id.len, c->id.ptr, (unsigned long long)c->max)
            : c->sink(c->ctx, data, len);
    c->bytes += len;
    return c->refused;
}

int32_t store_get(const struct nacre_call *call, const struct settings *settings, struct nacre_str id,
                  uint64_t max, nacre_sink sink, int32_t (*again)(void *ctx), void *ctx)
{
    struct counted c = {call, id, sink, ctx, max, 0, 0};
    struct nacre_fetch get;
    struct nacre_reply reply;
    int32_t err = 0;
    if (!is_id(id))
        return nacre_fail(call, 400, "a blob id has 1 to %u letters, digits, '-', '_' or '.', not '%.*s'",
                          BLOB_ID_MAX, (int)(id.len > 64 ? 64 : id.len), id.ptr);
    for (uint32_t n = 1; n <= TRIES; n++) {
        if (n > 1 && (!wait_for(call, n - 1) || (err = again(ctx))))
            break;
        nacre_fetch_init(&get, &reply);
        get.url = nacre_format(call, "%.*s%s%.*s", (int)settings->get.len, settings->get.ptr,
                               settings->plain_store ? "/" : "/v1/blobs/", (int)id.len, id.ptr);
        get.max_reply = max + PIECE_MAX; /* the sink counts: what is too large is not tried again */
        c.bytes = 0;
        get.sink = counted_sink;
        get.sink_ctx = &c;
        err = nacre_fetch(call, &get, &reply);
        if (c.refused || (!err && reply.status == 200) || !worth_another_try(err, reply.status))
            break;
    }
    if (err)
        return err;
    if (reply.status == 200) /* a host that knows no sinks gives the body whole */
        return reply.body.len ? sink(ctx, reply.body.ptr, reply.body.len) : 0;
    if (reply.status == 404)
        return nacre_fail(call, 422, "blob %.*s is not in the store", (int)id.len, id.ptr);
    return nacre_fail(call, 502, "the store answered with status %u for blob %.*s", reply.status, (int)id.len,
                      id.ptr);
}

/* The name under which a plain store keeps the bytes; for Walrus the query. */
static struct nacre_str put_url(const struct nacre_call *call, const struct settings *settings,
                                struct nacre_bytes bytes, struct nacre_str *name)
{
    uint8_t digest[crypto_hash_sha256_BYTES];
    char hex[2 * crypto_hash_sha256_BYTES + 1];
    if (!settings->plain_store)
        return nacre_format(call, "%.*s/v1/blobs?epochs=%llu", (int)settings->put.len, settings->put.ptr,
                            (unsigned long long)settings->store_epochs);
    (void)crypto_hash_sha256(digest, bytes.ptr, bytes.len);
    (void)sodium_bin2hex(hex, sizeof hex, digest, sizeof digest);
    *name = nacre_format(call, "%s", hex);
    return nacre_format(call, "%.*s/%s", (int)settings->put.len, settings->put.ptr, hex);
}

/* Either form of a publisher's answer. */
static int32_t stored_id(const struct nacre_call *call, struct nacre_bytes body, struct nacre_str *id)
{
    struct Stored stored;
    int32_t err = nacre_decode_json(call, body, &nacre_type_Stored, &stored, 502);
    if (err)
        return err;
    if (stored.newlyCreated)
        *id = stored.newlyCreated->blobObject.blobId;
    else if (stored.alreadyCertified)
        *id = stored.alreadyCertified->blobId;
    else
        return nacre_fail(call, 502, "the publisher's answer has neither newlyCreated nor alreadyCertified");
    return is_id(*id) ? 0 : nacre_fail(call, 502, "the publisher's answer has no usable blobId");
}

int32_t store_put(const struct nacre_call *call, const struct settings *settings, struct nacre_bytes bytes,
                  struct nacre_str *id)
{
    static const struct nacre_header type = {NACRE_S("content-type"), NACRE_S("application/octet-stream")};
    struct nacre_str name = {NULL, 0};
    struct nacre_fetch put;
    struct nacre_reply reply;
    int32_t err = 0;
    for (uint32_t n = 1; n <= TRIES; n++) {
        if (n > 1 && !wait_for(call, n - 1))
            break;
        nacre_fetch_init(&put, &reply);
        put.method = nacre_str("PUT");
        put.url = put_url(call, settings, bytes, &name);
        put.headers = &type;
        put.n_headers = 1;
        put.body = bytes;
        put.max_reply = STORE_REPLIES;
        err = nacre_fetch(call, &put, &reply);
        if (!worth_another_try(err, reply.status) || (!err && reply.status == 404))
            break;
    }
    if (err)
        return err;
    if (reply.status < 200 || reply.status > 299)
        return nacre_fail(call, 502, "the store answered with status %u when given a model of %llu bytes",
                          reply.status, (unsigned long long)bytes.len);
    if (!settings->plain_store)
        return stored_id(call, reply.body, id);
    *id = name;
    return 0;
}
