#include "sigv4.h"

#include <common/digest.h>

#include <errno.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#define HEX       (2 * crypto_hash_sha256_BYTES + 1)
#define CANONICAL 16384u /* bytes: a session token is some 1000 */

struct text {
    char *at;
    size_t left;
    bool failed;
};

__attribute__((format(printf, 2, 3))) static void put(struct text *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(t->at, t->left, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= t->left) {
        t->failed = true;
        return;
    }
    t->at += n;
    t->left -= (size_t)n;
}

static void hash(char out[HEX], const void *data, size_t len)
{
    uint8_t digest[crypto_hash_sha256_BYTES];
    (void)crypto_hash_sha256(digest, data, len);
    nacre_hex(out, digest, sizeof digest);
}

static void hmac(uint8_t out[32], const void *key, size_t key_len, const void *data, size_t len)
{
    crypto_auth_hmacsha256_state state;
    (void)crypto_auth_hmacsha256_init(&state, key, key_len);
    (void)crypto_auth_hmacsha256_update(&state, data, len);
    (void)crypto_auth_hmacsha256_final(&state, out);
    sodium_memzero(&state, sizeof state);
}

void nacre_sigv4_date(char out[NACRE_SIGV4_DATE], uint64_t ms)
{
    time_t s = (time_t)(ms / 1000);
    struct tm tm;
    if (!gmtime_r(&s, &tm) || strftime(out, NACRE_SIGV4_DATE, "%Y%m%dT%H%M%SZ", &tm) == 0)
        (void)snprintf(out, NACRE_SIGV4_DATE, "19700101T000000Z");
}

static void put_names(struct text *t, const struct nacre_sigv4 *r)
{
    for (size_t i = 0; i < r->n_headers; i++)
        put(t, "%s%.*s", i ? ";" : "", (int)r->headers[i].name.len, r->headers[i].name.ptr);
}

/* Its digest in hex. */
static bool canonical(char out[HEX], const struct nacre_sigv4 *r)
{
    static _Thread_local char text[CANONICAL];
    char body[HEX];
    struct text t = {text, sizeof text, false};
    put(&t, "%s\n%s\n%s\n", r->method, r->path, r->query);
    for (size_t i = 0; i < r->n_headers; i++)
        put(&t, "%.*s:%.*s\n", (int)r->headers[i].name.len, r->headers[i].name.ptr,
            (int)r->headers[i].value.len, r->headers[i].value.ptr);
    put(&t, "\n");
    put_names(&t, r);
    hash(body, r->body, r->body_len);
    put(&t, "\n%s", body);
    if (!t.failed)
        hash(out, text, sizeof text - t.left);
    sodium_memzero(text, sizeof text); /* the token is in it */
    return !t.failed;
}

static bool signing_key(uint8_t key[32], const struct nacre_sigv4 *r, const struct nacre_credentials *c)
{
    char first[4 + 256];
    if (c->secret_len > 255)
        return false;
    (void)snprintf(first, sizeof first, "AWS4%.*s", (int)c->secret_len, c->secret);
    hmac(key, first, 4 + c->secret_len, r->date, 8);
    hmac(key, key, 32, r->region, strlen(r->region));
    hmac(key, key, 32, r->service, strlen(r->service));
    hmac(key, key, 32, "aws4_request", 12);
    sodium_memzero(first, sizeof first);
    return true;
}

int nacre_sigv4_authorization(char out[NACRE_SIGV4_MAX], const struct nacre_sigv4 *r,
                              const struct nacre_credentials *c)
{
    char request[HEX], scope[192], to_sign[512], hex[HEX];
    uint8_t key[32], signature[32];
    struct text s = {scope, sizeof scope, false}, w = {to_sign, sizeof to_sign, false},
                t = {out, NACRE_SIGV4_MAX, false};
    if (!canonical(request, r) || !signing_key(key, r, c))
        return -EINVAL;
    put(&s, "%.8s/%s/%s/aws4_request", r->date, r->region, r->service);
    put(&w, "AWS4-HMAC-SHA256\n%s\n%s\n%s", r->date, scope, request);
    hmac(signature, key, sizeof key, to_sign, sizeof to_sign - w.left);
    nacre_hex(hex, signature, sizeof signature);
    put(&t, "AWS4-HMAC-SHA256 Credential=%.*s/%s, SignedHeaders=", (int)c->id_len, c->id, scope);
    put_names(&t, r);
    put(&t, ", Signature=%s", hex);
    sodium_memzero(key, sizeof key);
    return s.failed || w.failed || t.failed ? -EINVAL : 0;
}
