/*
 * Any bytes as what the app sentinel is answered: gRPC frames and statuses, the object in them, the same by GraphQL and
 * JSON-RPC, an Attack's contents, a type's name, base64, the AI module's verdict, a wallet's signature. The first byte
 * says which. What is accepted is the only way to write what was read.
 */
#include "fuzz.h"

#include "sentinel_host.h"

#include <ai.h>
#include <base64.h>
#include <chain.h>
#include <grpc.h>
#include <move_type.h>
#include <personal.h>
#include <sodium.h>
#include <string.h>

static struct sentinel_host h;
static const uint8_t id[32] = {[0] = 0xab};
static const struct sentinel_network net = {
    .name = "testnet", .index = 1, .enabled = true, .package = {[31] = 0x5e}, .url = "https://node.example"};
static const struct sentinel_config config = {.ai_url = "https://ai.example", .sui_timeout_ms = 1000};

static void take_attack(struct nacre_bytes bytes)
{
    struct sentinel_attack a;
    uint8_t tail[48];
    if (sentinel_attack_decode(&a, bytes))
        return;
    const struct nacre_bytes prefix = {a.id, 32}, agent = nacre_bytes_of(a.agent_id);
    const struct nacre_bytes again = sentinel_bcs_bytes(&h.call, prefix, agent);
    memcpy(tail, a.attacker, 32);
    memcpy(tail + 32, &a.paid_amount, 8); /* little endian like all that this runs on */
    memcpy(tail + 40, &a.nonce, 8);
    need(again.len + sizeof tail == bytes.len);
    need(memcmp(again.ptr, bytes.ptr, again.len) == 0 &&
         memcmp(tail, bytes.ptr + again.len, sizeof tail) == 0);
}

static void take_object(int32_t status, const struct sentinel_object *o)
{
    struct sentinel_attack a;
    need(status == 0 || status == 404 || status == 410 || status == 502 || status == 504);
    if (status == 0 && sentinel_chain_check(&h.call, &net, id, o, &a) == 0) {
        need(memcmp(a.id, id, 32) == 0);
        take_attack(o->contents);
    }
}

static void take_grpc(struct nacre_bytes bytes, const char *grpc_status)
{
    const struct nacre_header head = {NACRE_S("content-type"), NACRE_S("application/grpc")};
    const struct nacre_header tail = {NACRE_S("grpc-status"), nacre_str(grpc_status)};
    const struct nacre_reply reply = {
        .status = 200, .body = bytes, .headers = &head, .n_headers = 1, .trailers = &tail, .n_trailers = 1};
    struct sentinel_object o;
    struct nacre_bytes message;
    char why[SENTINEL_WHY] = "";
    int32_t status = sentinel_grpc_open(&reply, &message, why);
    if (status == 0) {
        need(message.len + 5 == bytes.len);
        status = sentinel_grpc_object(&h.call, message, &o, why);
    }
    need(status == 0 || status == SENTINEL_ABSENT || why[0]);
    take_object(status, &o);
}

static void take_base64(struct nacre_str text)
{
    struct nacre_bytes bytes;
    if (sentinel_base64(&h.call, text, &bytes))
        return;
    const size_t room = sodium_base64_encoded_len((size_t)bytes.len, sodium_base64_VARIANT_ORIGINAL);
    char *again = nacre_alloc(&h.call, room);
    need(again != NULL);
    (void)sodium_bin2base64(again, room, bytes.ptr, (size_t)bytes.len, sodium_base64_VARIANT_ORIGINAL);
    need(nacre_str_is(text, again));
}

static void take_verdict(void)
{
    struct sentinel_verdict v = {.agent_id = NACRE_S("7")};
    const int32_t status = sentinel_ai_attack(&h.call, &config, &net, nacre_str("hi"), &v);
    need(status == 0 || status == 502);
    if (status == 0)
        need(v.success <= 1 && v.score <= 100 && v.agent_response.len <= SENTINEL_TEXT_MAX &&
             v.jury_response.len <= SENTINEL_TEXT_MAX && v.fun_response.len <= SENTINEL_TEXT_MAX);
    else
        need(!v.success && !v.score && h.text[0]);
}

static void take_type(struct nacre_str text)
{
    if (sentinel_type_match(text, net.package) == SENTINEL_TYPE_FITS)
        need(memmem(text.ptr, (size_t)text.len, "::sentinel::Attack<", 19) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sentinel_object o;
    if (!h.scratch.first)
        sentinel_host_init(&h, UINT32_MAX);
    if (size == 0)
        return 0;
    const struct nacre_bytes bytes = {data + 1, size - 1};
    const struct nacre_str text = {(const char *)data + 1, size - 1};
    h.reply = (struct nacre_reply){.status = 200, .body = bytes};
    h.text[0] = '\0';
    memset(&o, 0, sizeof o);
    switch (data[0] % 8) {
    case 0:
        take_grpc(bytes, data[0] < 128 ? "0" : "5");
        break;
    case 1:
        take_object(sentinel_graphql_read(&h.call, &config, &net, id, &o), &o);
        break;
    case 2:
        take_object(sentinel_jsonrpc_read(&h.call, &config, &net, id, &o), &o);
        break;
    case 3:
        take_attack(bytes);
        break;
    case 4:
        take_type(text);
        break;
    case 5:
        take_base64(text);
        break;
    case 6:
        take_verdict();
        break;
    default:
        need(sentinel_personal_check(&h.call, text, bytes, id) != 0); /* nobody has a key for this address */
    }
    nacre_scratch_reset(&h.scratch);
    return 0;
}
