#include "digest.h"

#include <sodium.h>
#include <string.h>

/*
 * SHA-384 is SHA-512 from another initial state, cut to 48 bytes (FIPS 180-4, 5.3.4 and 6.5). libsodium has
 * SHA-512 only, with its state in the open, so this saves nacred a whole libcrypto.
 */
static const uint64_t sha384_initial[8] = {
    0xcbbb9d5dc1059ed8, 0x629a292a367cd507, 0x9159015a3070dd17, 0x152fecd8f70e5939,
    0x67332667ffc00b31, 0x8eb44a8768581511, 0xdb0c2e0d64f98fa7, 0x47b5481dbefa4fa4,
};

void nacre_sha384(uint8_t out[NACRE_SHA384_LEN], const void *data, size_t len)
{
    crypto_hash_sha512_state state;
    uint8_t full[crypto_hash_sha512_BYTES];
    crypto_hash_sha512_init(&state);
    _Static_assert(sizeof state.state == sizeof sha384_initial, "libsodium's SHA-512 state has another form");
    memcpy(state.state, sha384_initial, sizeof sha384_initial);
    crypto_hash_sha512_update(&state, data, len);
    crypto_hash_sha512_final(&state, full);
    memcpy(out, full, NACRE_SHA384_LEN);
}

void nacre_hex(char *out, const void *data, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *p = data;
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[p[i] >> 4];
        out[2 * i + 1] = digits[p[i] & 15];
    }
    out[2 * len] = '\0';
}
