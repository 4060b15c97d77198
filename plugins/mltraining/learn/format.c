#include "format.h"

#include <errno.h>
#include <stdlib.h>

#define MAGIC_LEN  8u
#define BOUND_HEAD 28u

static const uint8_t magic_dataset[] = {'N', 'A', 'C', 'R', 'E', 'D', 'S', '1'};
static const uint8_t magic_grant[] = {'N', 'A', 'C', 'R', 'E', 'D', 'K', '1'};
static const uint8_t magic_model[] = {'N', 'A', 'C', 'R', 'E', 'M', 'L', '1'};

static void put_u64(uint8_t *out, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        out[i] = (uint8_t)(value >> (8 * i));
}

static uint64_t get_u64(const uint8_t *in)
{
    uint64_t value = 0;
    for (int i = 7; i >= 0; i--)
        value = value << 8 | in[i];
    return value;
}

void ml_seal_begin(struct ml_seal *s, const uint8_t key[32])
{
    memcpy(s->head, magic_dataset, MAGIC_LEN);
    randombytes_buf(s->head + MAGIC_LEN, ML_DATASET_ID);
    for (int i = 0; i < 4; i++)
        s->head[24 + i] = (uint8_t)(ML_DATASET_CHUNK >> (8 * i));
    (void)crypto_secretstream_xchacha20poly1305_init_push(&s->state, s->head + BOUND_HEAD, key);
}

size_t ml_seal_chunk(struct ml_seal *s, uint8_t *out, const uint8_t *plain, size_t len, bool last)
{
    unsigned long long sealed = 0;
    (void)crypto_secretstream_xchacha20poly1305_push(&s->state, out, &sealed, plain, len, s->head, BOUND_HEAD,
                                                     last
                                                         ? crypto_secretstream_xchacha20poly1305_TAG_FINAL
                                                         : crypto_secretstream_xchacha20poly1305_TAG_MESSAGE);
    return (size_t)sealed;
}

void ml_grant_write(uint8_t out[ML_GRANT_LEN], const struct ml_grant *grant)
{
    memcpy(out, magic_grant, MAGIC_LEN);
    memcpy(out + 8, grant->id, sizeof grant->id);
    memcpy(out + 24, grant->key, sizeof grant->key);
    memcpy(out + 56, grant->buyer, sizeof grant->buyer);
    put_u64(out + 88, grant->not_after_ms);
}

int ml_grant_read(struct ml_grant *out, const uint8_t *bytes, size_t len)
{
    if (len != ML_GRANT_LEN || memcmp(bytes, magic_grant, MAGIC_LEN) != 0)
        return -EBADMSG;
    memcpy(out->id, bytes + 8, sizeof out->id);
    memcpy(out->key, bytes + 24, sizeof out->key);
    memcpy(out->buyer, bytes + 56, sizeof out->buyer);
    out->not_after_ms = get_u64(bytes + 88);
    return 0;
}

/* Base64 as it stands in an envelope. */
static char *put_base64(char *at, const uint8_t *bytes, size_t len)
{
    const size_t room = sodium_base64_ENCODED_LEN(len, sodium_base64_VARIANT_ORIGINAL);
    (void)sodium_bin2base64(at, room, bytes, len, sodium_base64_VARIANT_ORIGINAL);
    return at + room - 1;
}

static char *put_text(char *at, const char *text)
{
    while (*text)
        *at++ = *text++;
    return at;
}

char *ml_envelope_seal(const uint8_t *plain, size_t len, const uint8_t receiver[32])
{
    uint8_t public[32], secret[32], nonce[24];
    const size_t sealed_len = len + crypto_box_MACBYTES;
    uint8_t *sealed = malloc(sealed_len);
    char *text = malloc(sodium_base64_ENCODED_LEN(sealed_len, sodium_base64_VARIANT_ORIGINAL) + 256);
    (void)crypto_box_keypair(public, secret);
    randombytes_buf(nonce, sizeof nonce);
    if (!sealed || !text || crypto_box_easy(sealed, plain, len, nonce, receiver, secret) != 0) {
        free(text);
        text = NULL;
    } else {
        char *at = put_base64(put_text(text, "{\"encrypted\":\""), sealed, sealed_len);
        at = put_base64(put_text(at, "\",\"nonce\":\""), nonce, sizeof nonce);
        at = put_base64(put_text(at, "\",\"ephemeralPublicKey\":\""), public, sizeof public);
        *put_text(at, "\"}") = '\0';
    }
    sodium_memzero(secret, sizeof secret);
    free(sealed);
    return text;
}

int ml_key_read(uint8_t out[32], const char *text, size_t len)
{
    static const int variants[] = {sodium_base64_VARIANT_ORIGINAL, sodium_base64_VARIANT_ORIGINAL_NO_PADDING,
                                   sodium_base64_VARIANT_URLSAFE, sodium_base64_VARIANT_URLSAFE_NO_PADDING};
    uint8_t key[32];
    size_t n = 0;
    if (len == 64) {
        if (sodium_hex2bin(key, sizeof key, text, len, NULL, &n, NULL) != 0 || n != sizeof key)
            return -EINVAL;
        memcpy(out, key, sizeof key);
        return 0;
    }
    for (size_t i = 0; i < sizeof variants / sizeof variants[0]; i++) {
        const char *end = NULL;
        if (sodium_base642bin(key, sizeof key, text, len, NULL, &n, &end, variants[i]) == 0 &&
            n == sizeof key && end == text + len) {
            memcpy(out, key, sizeof key);
            return 0;
        }
    }
    return -EINVAL;
}

uint8_t *ml_bundle_write(const struct ml_bundle *parts, size_t *len)
{
    const size_t all = 2 * MAGIC_LEN + parts->card_len + parts->model_len;
    uint8_t *out = malloc(all);
    if (!out)
        return NULL;
    memcpy(out, magic_model, MAGIC_LEN);
    put_u64(out + MAGIC_LEN, parts->card_len);
    memcpy(out + 2 * MAGIC_LEN, parts->card, parts->card_len);
    memcpy(out + 2 * MAGIC_LEN + parts->card_len, parts->model, parts->model_len);
    *len = all;
    return out;
}

int ml_bundle_read(struct ml_bundle *out, const uint8_t *bytes, size_t len, char why[ML_WHY])
{
    if (len < 2 * MAGIC_LEN || memcmp(bytes, magic_model, MAGIC_LEN) != 0) {
        (void)snprintf(why, ML_WHY, "not a model: %zu bytes that do not begin with NACREML1", len);
        return -EBADMSG;
    }
    const uint64_t card_len = get_u64(bytes + MAGIC_LEN);
    if (card_len > len - 2 * MAGIC_LEN) {
        (void)snprintf(why, ML_WHY, "the card is %llu bytes long, but only %zu follow",
                       (unsigned long long)card_len, len - 2 * (size_t)MAGIC_LEN);
        return -EBADMSG;
    }
    out->card = (const char *)bytes + 2 * MAGIC_LEN;
    out->card_len = (size_t)card_len;
    out->model = bytes + 2 * MAGIC_LEN + card_len;
    out->model_len = len - 2 * MAGIC_LEN - (size_t)card_len;
    return 0;
}
