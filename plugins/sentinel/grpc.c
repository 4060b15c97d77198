#include "grpc.h"

#include "move_type.h"

#include "sui.pb-c.h"

#define FRAME_HEAD 5u /* compressed or not, and four bytes of length */
#define METHOD     "/sui.rpc.v2.LedgerService/GetObject"

/* ---- protobuf-c in the call's memory ---------------------------------------------------------------------- */

static void *allocate(void *call, size_t size)
{
    return nacre_alloc(call, size);
}

static void release(void *call, void *p)
{
    (void)call;
    (void)p; /* with the call */
}

int sentinel_grpc_request(const struct nacre_call *call, const uint8_t id[32], struct nacre_bytes *frame)
{
    uint8_t names[][12] = {"object_id", "version", "object_type", "owner", "contents"};
    struct sentinel_address_text text = sentinel_address_text(id);
    Sentinel__FieldMask mask = SENTINEL__FIELD_MASK__INIT;
    Sentinel__GetObjectRequest request = SENTINEL__GET_OBJECT_REQUEST__INIT;
    ProtobufCBinaryData paths[sizeof names / sizeof names[0]];
    mask.n_paths = sizeof paths / sizeof paths[0];
    mask.paths = paths;
    for (size_t i = 0; i < mask.n_paths; i++)
        paths[i] = (ProtobufCBinaryData){strlen((const char *)names[i]), names[i]};
    request.object_id = (ProtobufCBinaryData){strlen(text.z), (uint8_t *)text.z};
    request.read_mask = &mask;
    const size_t len = sentinel__get_object_request__get_packed_size(&request);
    uint8_t *out = nacre_alloc(call, FRAME_HEAD + len);
    if (!out)
        return -1;
    out[3] = (uint8_t)(len >> 8); /* a few hundred bytes at most */
    out[4] = (uint8_t)len;
    (void)sentinel__get_object_request__pack(&request, out + FRAME_HEAD);
    frame->ptr = out;
    frame->len = FRAME_HEAD + len;
    return 0;
}

/* ---- Status and frame of a reply -------------------------------------------------------------------------- */

/* The number of fields with this name; the last one's value in *value. */
static unsigned find(const struct nacre_header *list, uint64_t n, const char *name, struct nacre_str *value)
{
    unsigned found = 0;
    for (uint64_t i = 0; i < n; i++) {
        if (nacre_str_is(list[i].name, name)) {
            *value = list[i].value;
            found++;
        }
    }
    return found;
}

static bool is_grpc(struct nacre_str type)
{
    static const char name[] = "application/grpc";
    const size_t n = sizeof name - 1;
    return type.len >= n && memcmp(type.ptr, name, n) == 0 &&
           (type.len == n || type.ptr[n] == '+' || type.ptr[n] == ';');
}

/* 0 to 16, or -1. */
static int status_number(struct nacre_str s)
{
    int n = 0;
    if (s.len == 0 || s.len > 2 || (s.len == 2 && s.ptr[0] == '0'))
        return -1;
    for (uint64_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return -1;
        n = n * 10 + (s.ptr[i] - '0');
    }
    return n <= 16 ? n : -1;
}

static int32_t judge_status(int status, char why[SENTINEL_WHY])
{
    static const char *const names[] = {
        "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
        "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
        "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
        "DATA_LOSS", "UNAUTHENTICATED"};
    if (status == 0)
        return 0;
    if (status == 5)
        return SENTINEL_ABSENT;
    (void)snprintf(why, SENTINEL_WHY, "gRPC status %d (%s)", status, names[status]);
    return status == 4 ? 504 : 502;
}

static int32_t bad(char why[SENTINEL_WHY], const char *text)
{
    (void)snprintf(why, SENTINEL_WHY, "%s", text);
    return 502;
}

/* In the trailers; in the headers only of a reply that ends with them. */
static int32_t check_status(const struct nacre_reply *reply, char why[SENTINEL_WHY])
{
    struct nacre_str text = {NULL, 0};
    unsigned n = find(reply->trailers, reply->n_trailers, "grpc-status", &text);
    if (reply->body.len == 0 && reply->n_trailers == 0)
        n = find(reply->headers, reply->n_headers, "grpc-status", &text);
    if (n != 1)
        return bad(why, n ? "more than one gRPC status" : "no gRPC status: the reply may be cut short");
    int status = status_number(text);
    return status < 0 ? bad(why, "a gRPC status that is none") : judge_status(status, why);
}

static int32_t open_frame(struct nacre_bytes body, struct nacre_bytes *message, char why[SENTINEL_WHY])
{
    const uint8_t *p = body.ptr;
    if (body.len < FRAME_HEAD)
        return bad(why, body.len ? "a gRPC frame that is cut short" : "no gRPC message");
    if (p[0])
        return bad(why, "a compressed gRPC message, which was not asked for");
    uint64_t len = (uint64_t)p[1] << 24 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 8 | p[4];
    if (len > body.len - FRAME_HEAD)
        return bad(why, "a gRPC frame that is cut short");
    if (len < body.len - FRAME_HEAD)
        return bad(why, "more than one gRPC message");
    message->ptr = p + FRAME_HEAD;
    message->len = len;
    return 0;
}

int32_t sentinel_grpc_open(const struct nacre_reply *reply, struct nacre_bytes *message,
                           char why[SENTINEL_WHY])
{
    struct nacre_str type = {NULL, 0};
    int32_t err;
    if (reply->status != 200) {
        (void)snprintf(why, SENTINEL_WHY, "HTTP status %u", reply->status);
        return 502;
    }
    if (find(reply->headers, reply->n_headers, "content-type", &type) != 1 || !is_grpc(type))
        return bad(why, "something that is not gRPC");
    if ((err = check_status(reply, why)))
        return err;
    return open_frame(reply->body, message, why);
}

/* ---- The object ------------------------------------------------------------------------------------------- */

/* sui.rpc.v2.Owner.OwnerKind */
static enum sentinel_owner owner_of(const Sentinel__Owner *owner)
{
    static const enum sentinel_owner kinds[] = {SENTINEL_OWNER_UNKNOWN,   SENTINEL_OWNER_ADDRESS,
                                                SENTINEL_OWNER_OBJECT,    SENTINEL_OWNER_SHARED,
                                                SENTINEL_OWNER_IMMUTABLE, SENTINEL_OWNER_ADDRESS};
    if (!owner || owner->kind < 0 || (size_t)owner->kind >= sizeof kinds / sizeof kinds[0])
        return SENTINEL_OWNER_UNKNOWN;
    return kinds[owner->kind];
}

int32_t sentinel_grpc_object(const struct nacre_call *call, struct nacre_bytes message,
                             struct sentinel_object *out, char why[SENTINEL_WHY])
{
    ProtobufCAllocator memory = {allocate, release, (void *)(uintptr_t)call};
    const Sentinel__GetObjectResponse *reply =
        sentinel__get_object_response__unpack(&memory, (size_t)message.len, message.ptr);
    if (!reply)
        return bad(why, "a message that is not a GetObjectResponse");
    const Sentinel__Object *o = reply->object;
    if (!o)
        return bad(why, "a GetObjectResponse without an object");
    if (o->object_id.len == 0)
        return bad(why, "an object without its id");
    memset(out, 0, sizeof *out);
    out->id.ptr = (const char *)o->object_id.data;
    out->id.len = o->object_id.len;
    out->owner = owner_of(o->owner);
    /* Sui's own name for the type of packages */
    if (o->object_type.len != 7 || memcmp(o->object_type.data, "package", 7) != 0) {
        if (o->object_type.len == 0)
            return bad(why, "an object without its type");
        out->type.ptr = (const char *)o->object_type.data;
        out->type.len = o->object_type.len;
    }
    if (o->contents) {
        out->contents.ptr = o->contents->value.data;
        out->contents.len = o->contents->value.len;
    }
    return 0;
}

int32_t sentinel_grpc_read(const struct nacre_call *call, const struct sentinel_config *config,
                           const struct sentinel_network *network, const uint8_t id[32],
                           struct sentinel_object *out)
{
    struct nacre_header headers[] = {{NACRE_S("content-type"), NACRE_S("application/grpc")},
                                     {NACRE_S("te"), NACRE_S("trailers")},
                                     {NACRE_S("grpc-timeout"), {NULL, 0}}};
    struct nacre_fetch fetch;
    struct nacre_reply reply;
    struct nacre_bytes message;
    char why[SENTINEL_WHY];
    int32_t err;
    nacre_fetch_init(&fetch, &reply);
    fetch.http_version = NACRE_HTTP_2;
    fetch.url = nacre_format(call, "%s" METHOD, network->url);
    headers[2].value = nacre_format(call, "%um", (unsigned)config->sui_timeout_ms);
    fetch.headers = headers;
    fetch.n_headers = sizeof headers / sizeof headers[0];
    if (!fetch.url.ptr || !headers[2].value.ptr || sentinel_grpc_request(call, id, &fetch.body))
        return nacre_fail(call, 500, "out of memory");
    if ((err = sentinel_chain_fetch(call, config, &fetch, &reply)))
        return err;
    if ((err = sentinel_grpc_open(&reply, &message, why)) == 0)
        err = sentinel_grpc_object(call, message, out, why);
    if (err && err != SENTINEL_ABSENT)
        return nacre_fail(call, err, "the Sui node of %s answered with %s", network->name, why);
    return err;
}
