#include "personal.h"

#include "base64.h"
#include "move_type.h"

#include <sodium.h>

#define FLAG_ED25519 0x00u
#define SIGNATURE    (1u + crypto_sign_BYTES + crypto_sign_PUBLICKEYBYTES)

_Static_assert(SIGNATURE == 97, "flag, signature, key");

struct nacre_bytes sentinel_bcs_bytes(const struct nacre_call *call, struct nacre_bytes prefix,
                                      struct nacre_bytes data)
{
    struct nacre_bytes out = {NULL, 0};
    uint64_t left = data.len, at = prefix.len;
    uint8_t *p = nacre_alloc(call, prefix.len + 10 + data.len);
    if (!p)
        return out;
    if (prefix.len)
        memcpy(p, prefix.ptr, (size_t)prefix.len);
    for (; left >= 0x80; left >>= 7)
        p[at++] = (uint8_t)(left & 0x7f) | 0x80;
    p[at++] = (uint8_t)left;
    if (data.len)
        memcpy(p + at, data.ptr, (size_t)data.len);
    out.ptr = p;
    out.len = at + data.len;
    return out;
}

struct nacre_bytes sentinel_personal_text(const struct nacre_call *call, const char *network,
                                          const uint8_t id[32], struct nacre_str message)
{
    struct nacre_bytes out = {NULL, 0};
    struct nacre_str head =
        nacre_format(call, "sui-sentinel consume-prompt\n%s\n%s\n", network, sentinel_address_text(id).z);
    uint8_t *p = head.ptr ? nacre_alloc(call, head.len + message.len) : NULL;
    if (!p)
        return out;
    memcpy(p, head.ptr, (size_t)head.len);
    if (message.len) /* it may hold zero bytes, so no printf */
        memcpy(p + head.len, message.ptr, (size_t)message.len);
    out.ptr = p;
    out.len = head.len + message.len;
    return out;
}

/* Does the key make the attacker's address? */
static int32_t check_address(const struct nacre_call *call, const uint8_t *key, const uint8_t attacker[32])
{
    uint8_t named[1 + crypto_sign_PUBLICKEYBYTES] = {FLAG_ED25519}, address[32];
    struct nacre_bytes data = {named, sizeof named};
    memcpy(named + 1, key, crypto_sign_PUBLICKEYBYTES);
    int32_t err = nacre_hash(call, NACRE_HASH_BLAKE2B256, data, address);
    if (err)
        return err;
    if (memcmp(address, attacker, sizeof address) != 0)
        return nacre_fail(call, 403, "attacker_signature: by %s, the attacker is %s",
                          sentinel_address_text(address).z, sentinel_address_text(attacker).z);
    return 0;
}

int32_t sentinel_personal_check(const struct nacre_call *call, struct nacre_str signature,
                                struct nacre_bytes text, const uint8_t attacker[32])
{
    static const uint8_t intent[] = {3, 0, 0}; /* PersonalMessage, version 0, Sui */
    struct nacre_bytes prefix = {intent, sizeof intent}, message, raw;
    uint8_t digest[32];
    int32_t err;
    if (signature.len > 256 || sentinel_base64(call, signature, &raw) || raw.len == 0)
        return nacre_fail(call, 400, "attacker_signature: expected base64 of a Sui signature");
    if (raw.ptr[0] != FLAG_ED25519)
        return nacre_fail(call, 400, "attacker_signature: scheme %u, expected 0 (Ed25519)",
                          (unsigned)raw.ptr[0]);
    if (raw.len != SIGNATURE)
        return nacre_fail(call, 400, "attacker_signature: expected %u bytes in base64, got %llu", SIGNATURE,
                          (unsigned long long)raw.len);
    const uint8_t *key = raw.ptr + 1 + crypto_sign_BYTES;
    if ((err = check_address(call, key, attacker)))
        return err;
    message = sentinel_bcs_bytes(call, prefix, text);
    if (!message.ptr)
        return nacre_fail(call, 500, "out of memory");
    if ((err = nacre_hash(call, NACRE_HASH_BLAKE2B256, message, digest)))
        return err;
    if (crypto_sign_verify_detached(raw.ptr + 1, digest, sizeof digest, key) != 0)
        return nacre_fail(call, 403, "attacker_signature: not over this object and message");
    return 0;
}
