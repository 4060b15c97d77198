#include "sealed.h"

#include "bytes.h"

#include <errno.h>
#include <stdio.h>

#define SIZE_AT 20u

const uint8_t nacre_sealed_magic[NACRE_SEALED_MAGIC_LEN] = {0x89, 'n', 'a', 'c', 'r', 'e',  ' ',  's',
                                                            'e',  'a', 'l', 'e', 'd', 0x0d, 0x0a, 0x1a};

bool nacre_sealed_is(const uint8_t *data, size_t len)
{
    size_t n = len < NACRE_SEALED_MAGIC_LEN ? len : NACRE_SEALED_MAGIC_LEN;
    return n > 0 && memcmp(data, nacre_sealed_magic, n) == 0;
}

size_t nacre_sealed_size(const uint8_t *data, size_t len)
{
    if (len < SIZE_AT + 4 || !nacre_sealed_is(data, len))
        return 0;
    struct nacre_reader r = nacre_reader(data + SIZE_AT, 4);
    return (size_t)nacre_read_le(&r, 4);
}

/* What can be told from the first bytes. False with the reason. */
static bool begins_well(struct nacre_reader *r, size_t len, char why[NACRE_SEALED_WHY])
{
    const uint8_t *magic = nacre_read_bytes(r, NACRE_SEALED_MAGIC_LEN);
    uint64_t version = nacre_read_le(r, 4), size = nacre_read_le(r, 4);
    if (len < NACRE_SEALED_MIN || len > NACRE_SEALED_MAX)
        (void)snprintf(why, NACRE_SEALED_WHY, "%zu bytes, a sealed blob has from %u to %u", len,
                       NACRE_SEALED_MIN, NACRE_SEALED_MAX);
    else if (!magic || memcmp(magic, nacre_sealed_magic, NACRE_SEALED_MAGIC_LEN) != 0)
        (void)snprintf(why, NACRE_SEALED_WHY, "it does not begin like a sealed blob");
    else if (version != NACRE_SEALED_VERSION)
        (void)snprintf(why, NACRE_SEALED_WHY, "a sealed blob of version %llu, this reads version %u",
                       (unsigned long long)version, NACRE_SEALED_VERSION);
    else if (size != len)
        (void)snprintf(why, NACRE_SEALED_WHY, "%zu bytes, and the blob says it has %llu", len,
                       (unsigned long long)size);
    else
        return true;
    return false;
}

int nacre_sealed_parse(struct nacre_sealed *out, const uint8_t *data, size_t len, char why[NACRE_SEALED_WHY])
{
    struct nacre_reader r = nacre_reader(data, len);
    if (!begins_well(&r, len, why))
        return -EBADMSG;
    struct nacre_sealed s = {
        .made_ms = nacre_read_le(&r, 8),
        .operator_key = nacre_read_bytes(&r, 32),
        .enclave_key = nacre_read_bytes(&r, 32),
        .config = nacre_read_bytes(&r, NACRE_SHA384_LEN),
        .app_len = nacre_read_u8(&r),
    };
    s.app = (const char *)nacre_read_bytes(&r, s.app_len);
    size_t left = nacre_reader_left(&r);
    if (r.failed || s.app_len == 0 || left <= NACRE_SEALED_BOX + NACRE_SEALED_SIGNATURE ||
        left > NACRE_SEALED_BOX + NACRE_SECRETS_BLOB + NACRE_SEALED_SIGNATURE) {
        (void)snprintf(
            why, NACRE_SEALED_WHY,
            "an app name of %zu bytes and a box of %zd in %zu bytes, expected 1 to %u and %u to %u",
            s.app_len, (ssize_t)left - (ssize_t)NACRE_SEALED_SIGNATURE, len, NACRE_SEALED_APP_MAX,
            NACRE_SEALED_BOX + 1, NACRE_SEALED_BOX + NACRE_SECRETS_BLOB);
        return -EBADMSG;
    }
    s.box_len = left - NACRE_SEALED_SIGNATURE;
    s.box = nacre_read_bytes(&r, s.box_len);
    s.signed_len = len - NACRE_SEALED_SIGNATURE;
    s.signature = nacre_read_bytes(&r, NACRE_SEALED_SIGNATURE);
    *out = s;
    return 0;
}

int nacre_sealed_open(struct nacre_sealed_content *out, const uint8_t *data, size_t len)
{
    size_t skip = 0;
    *out = (struct nacre_sealed_content){0};
    if (len > 0 && data[0] == NACRE_SEALED_TLS) {
        if (len < NACRE_SEALED_TLS_HEAD)
            return -EBADMSG;
        uint32_t tls_len =
            data[1] | (uint32_t)data[2] << 8 | (uint32_t)data[3] << 16 | (uint32_t)data[4] << 24;
        if (tls_len == 0 || tls_len > NACRE_TLS_BLOB || tls_len > len - NACRE_SEALED_TLS_HEAD)
            return -EBADMSG;
        out->tls_key = data + 5;
        out->tls = data + NACRE_SEALED_TLS_HEAD;
        out->tls_len = tls_len;
        skip = NACRE_SEALED_TLS_HEAD + tls_len;
    }
    out->json = data + skip;
    out->json_len = len - skip;
    return out->json_len > 0 ? 0 : -EBADMSG;
}
