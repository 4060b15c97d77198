/* The questions and what their answers must be: bodies, expected JSON, expected signed bytes. */
#include "storm.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void hex(char *out, const uint8_t *data, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        *out++ = digits[data[i] >> 4];
        *out++ = digits[data[i] & 15];
    }
    *out = '\0';
}

static void fill(const struct storm_options *o, uint64_t n, struct storm_question *q)
{
    uint64_t seed[2] = {o->seed, n};
    crypto_generichash(q->hash, sizeof q->hash, (const uint8_t *)seed, sizeof seed, NULL, 0);
    int len = snprintf(q->metadata, STORM_METADATA_MAX - 160u, "storm %llu/%llu %s ",
                       (unsigned long long)o->seed, (unsigned long long)n, o->canary ? o->canary : "");
    size_t at = (size_t)len;
    size_t want = at + q->hash[0] % 160u;
    for (size_t i = 0; at < want; i++)
        q->metadata[at++] = (char)('a' + (q->hash[i % 32] + i) % 26u);
    q->metadata[at] = '\0';
    q->metadata_len = at;
}

size_t storm_ask(const struct storm_options *o, uint64_t n, struct storm_question *q,
                 char out[STORM_REQUEST_MAX])
{
    char digits[65];
    char body[STORM_REQUEST_MAX / 2];
    fill(o, n, q);
    q->asked_ms = storm_real_ms();
    hex(digits, q->hash, sizeof q->hash);
    int body_len = snprintf(body, sizeof body, "{\"payload\":{\"media_hash\":\"%s\",\"metadata\":\"%s\"}}",
                            digits, q->metadata);
    int len = snprintf(out, STORM_REQUEST_MAX,
                       "POST /process_data HTTP/1.1\r\nHost: storm\r\nContent-Type: application/json\r\n"
                       "Content-Length: %d\r\n\r\n%s",
                       body_len, body);
    return (size_t)len;
}

/* Moves past `text` where it stands at *at; false otherwise. */
static bool skip(const char **at, const char *end, const char *text)
{
    size_t len = strlen(text);
    if ((size_t)(end - *at) < len || memcmp(*at, text, len) != 0)
        return false;
    *at += len;
    return true;
}

static bool skip_number(const char **at, const char *end, uint64_t *value)
{
    const char *p = *at;
    uint64_t v = 0;
    while (p < end && *p >= '0' && *p <= '9' && v < UINT64_MAX / 10 - 1)
        v = v * 10 + (uint64_t)(*p++ - '0');
    if (p == *at)
        return false;
    *at = p;
    *value = v;
    return true;
}

/* The answer, taken apart with the request's own values as the only ones that fit. */
static bool parse(const struct storm_question *q, const char *body, size_t len, uint64_t *timestamp,
                  uint8_t signature[64])
{
    const char *at = body, *end = body + len;
    char number[8];
    if (!skip(&at, end, "{\"response\":{\"intent\":0,\"timestamp_ms\":") ||
        !skip_number(&at, end, timestamp) || !skip(&at, end, ",\"data\":{\"media_hash\":["))
        return false;
    for (size_t i = 0; i < sizeof q->hash; i++) {
        (void)snprintf(number, sizeof number, i ? ",%u" : "%u", q->hash[i]);
        if (!skip(&at, end, number))
            return false;
    }
    if (!skip(&at, end, "],\"metadata\":\"") || !skip(&at, end, q->metadata) ||
        !skip(&at, end, "\"}},\"signature\":\""))
        return false;
    size_t got = 0;
    const char *rest = NULL;
    if (sodium_hex2bin(signature, 64, at, (size_t)(end - at), NULL, &got, &rest) != 0 || got != 64)
        return false;
    at = rest;
    return skip(&at, end, "\"}") && at == end;
}

static size_t signed_bytes(const struct storm_question *q, uint64_t timestamp, uint8_t *out)
{
    size_t n = 0;
    out[n++] = 0;
    for (unsigned i = 0; i < 8; i++)
        out[n++] = (uint8_t)(timestamp >> (8 * i));
    out[n++] = sizeof q->hash;
    memcpy(out + n, q->hash, sizeof q->hash);
    n += sizeof q->hash;
    if (q->metadata_len >= 0x80) {
        out[n++] = (uint8_t)(q->metadata_len | 0x80);
        out[n++] = (uint8_t)(q->metadata_len >> 7);
    } else {
        out[n++] = (uint8_t)q->metadata_len;
    }
    memcpy(out + n, q->metadata, q->metadata_len);
    return n + q->metadata_len;
}

enum storm_verdict storm_check(const struct storm_options *o, const struct storm_question *q,
                               const char *body, size_t len)
{
    uint8_t signature[64], message[64 + STORM_METADATA_MAX];
    uint64_t timestamp = 0;
    if (!parse(q, body, len, &timestamp, signature))
        return STORM_FOREIGN;
    size_t n = signed_bytes(q, timestamp, message);
    if (o->verify && crypto_sign_verify_detached(signature, message, n, o->key) != 0)
        return STORM_UNSIGNED;
    if (o->timed && (timestamp + o->bound_ms < q->asked_ms || timestamp > storm_real_ms() + o->bound_ms))
        return STORM_UNTIMELY;
    return STORM_RIGHT;
}
