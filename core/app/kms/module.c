/* module.c - the whole way once: key, document, request, answer. */
#include "envelope.h"
#include "message.h"
#include "sigv4.h"

#include <app/kms.h>
#include <common/json_read.h>

#include <errno.h>
#include <openssl/crypto.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TRIES      7u
#define PAUSE_MS   200u /* doubles */
#define PAUSE_MAX  5000u
#define TRY_MS     15000u
#define REPLY_MAX  65536u
#define TARGET     "TrentService.Decrypt"
#define TYPE       "application/x-amz-json-1.1"
#define SKEW_MAX_S 86400

enum verdict { GOOD, AGAIN, SKEWED, HOPELESS };

struct state {
    const struct nacre_kms_env *env;
    struct nacre_credentials credentials;
    EVP_PKEY *key;
    struct nacre_json_out body;
    char host[NACRE_HOST_MAX + 1];
    int64_t skew_s; /* how far KMS's clock is ahead, once it has complained */
    uint8_t *out;
    size_t cap, *len;
    char *why;
    size_t why_len;
};

#define WHY(S, ...) (void)snprintf((S)->why, (S)->why_len, __VA_ARGS__)

static struct nacre_str str(const char *z)
{
    return (struct nacre_str){z, strlen(z)};
}

/* Errors of KMS and of the signature's check that pass by themselves. */
static bool passes(const char *name)
{
    static const char *const names[] = {
        "ThrottlingException",  "RequestLimitExceeded",       "LimitExceededException",
        "KMSInternalException", "DependencyTimeoutException", "KeyUnavailableException",
        "InternalFailure",      "ServiceUnavailable",         "ServiceUnavailableException"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

/* What a wrong signature and a wrong date have in common; the credentials' end has names of its own. */
static bool may_be_skew(const char *name)
{
    return strcmp(name, "InvalidSignatureException") == 0 || strcmp(name, "SignatureDoesNotMatch") == 0 ||
           strcmp(name, "RequestTimeTooSkewed") == 0 || strcmp(name, "RequestExpired") == 0;
}

/* The field Date of an answer, and so KMS's clock, which only the next signature is dated by. */
static bool learn_skew(struct state *s, const struct nacre_reply *reply)
{
    uint64_t now;
    for (uint64_t i = 0; i < reply->n_headers; i++) {
        char text[40] = "";
        struct tm tm = {0};
        const struct nacre_header *h = &reply->headers[i];
        if (!nacre_str_is(h->name, "date") || h->value.len >= sizeof text ||
            !s->env->now_ms(s->env->ctx, &now))
            continue;
        memcpy(text, h->value.ptr, (size_t)h->value.len);
        const char *end = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
        int64_t skew = end && *end == '\0' ? (int64_t)timegm(&tm) - (int64_t)(now / 1000) : INT64_MAX;
        bool news = skew > -SKEW_MAX_S && skew < SKEW_MAX_S && s->skew_s == 0 && llabs(skew) > 60;
        if (news)
            s->skew_s = skew;
        return news;
    }
    return false;
}

static enum verdict judge(struct state *s, const struct nacre_reply *reply)
{
    char name[NACRE_KMS_ERROR];
    nacre_kms_error(name, reply->body);
    WHY(s, "KMS answers %u %s", reply->status, name);
    if (may_be_skew(name) && learn_skew(s, reply))
        return SKEWED;
    return reply->status == 429 || reply->status >= 500 || passes(name) ? AGAIN : HOPELESS;
}

static bool is_object(const uint8_t *text, size_t len)
{
    struct nacre_json j;
    nacre_json_init(&j, (const char *)text, len);
    return nacre_json_next(&j) == NACRE_JSON_OBJECT && nacre_json_skip(&j, NACRE_JSON_OBJECT) == 0 &&
           nacre_json_next(&j) == NACRE_JSON_END;
}

static enum verdict open_reply(struct state *s, const struct nacre_reply *reply)
{
    static uint8_t cms[NACRE_KMS_CMS];
    size_t len = 0;
    const char *key_id = s->env->manifest->config.secrets_kms_key_id;
    if (nacre_kms_answer(cms, &len, reply->body, key_id, s->why, s->why_len) ||
        nacre_envelope_open(s->out, s->cap, s->len, cms, len, s->key, s->why, s->why_len))
        return HOPELESS;
    if (is_object(s->out, *s->len))
        return GOOD;
    WHY(s, "what KMS decrypted, %zu bytes, is not a JSON object", *s->len);
    sodium_memzero(s->out, s->cap);
    return HOPELESS;
}

static enum verdict ask(struct state *s)
{
    uint64_t now;
    char authorization[NACRE_SIGV4_MAX], url[NACRE_HOST_MAX + 16];
    const struct nacre_str token = {s->credentials.token, s->credentials.token_len};
    struct nacre_header headers[6] = {{NACRE_S("content-type"), NACRE_S(TYPE)},
                                      {NACRE_S("host"), str(s->host)},
                                      {NACRE_S("x-amz-date"), {0}},
                                      {NACRE_S("x-amz-security-token"), token},
                                      {NACRE_S("x-amz-target"), NACRE_S(TARGET)}};
    size_t n = 5;
    if (!s->env->now_ms(s->env->ctx, &now)) {
        WHY(s, "there is no trusted time to sign a request at");
        return AGAIN;
    }
    if (token.len == 0)
        headers[3] = headers[--n];
    struct nacre_sigv4 sign = {.method = "POST",
                               .path = "/",
                               .query = "",
                               .headers = headers,
                               .n_headers = n,
                               .body = s->body.base,
                               .body_len = s->body.len,
                               .region = s->env->manifest->config.secrets_kms_region,
                               .service = "kms"};
    nacre_sigv4_date(sign.date, now + (uint64_t)(s->skew_s * 1000));
    headers[2].value = str(sign.date);
    if (nacre_sigv4_authorization(authorization, &sign, &s->credentials)) {
        WHY(s, "the credentials are too long to sign with");
        return HOPELESS;
    }
    headers[1] = (struct nacre_header){NACRE_S("authorization"), str(authorization)}; /* curl says the host */
    (void)snprintf(url, sizeof url, "https://%s/", s->host);
    uint64_t left = s->env->http->remaining_ms(s->env->http->ctx);
    const struct nacre_fetch request = {.struct_size = sizeof request,
                                        .http_version = NACRE_HTTP_ANY,
                                        .method = NACRE_S("POST"),
                                        .url = str(url),
                                        .headers = headers,
                                        .n_headers = n,
                                        .body = {(const uint8_t *)s->body.base, s->body.len},
                                        .max_reply = REPLY_MAX,
                                        .timeout_ms = left < TRY_MS ? (uint32_t)left : TRY_MS};
    struct nacre_reply reply = {.struct_size = sizeof reply};
    int32_t status = left ? s->env->fetch->perform(s->env->http, &request, &reply) : 504;
    sodium_memzero(authorization, sizeof authorization);
    if (status) {
        WHY(s, "KMS cannot be asked: %s", left ? s->env->failure(s->env->ctx) : "no time is left");
        return AGAIN;
    }
    return reply.status == 200 ? open_reply(s, &reply) : judge(s, &reply);
}

/* Half of it for certain, and up to all of it by chance: many enclaves may start at once. */
static void pause_ms(uint64_t ms)
{
    ms = ms / 2 + randombytes_uniform((uint32_t)ms / 2 + 1);
    const struct timespec t = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};
    (void)nanosleep(&t, NULL);
}

static int try_all(struct state *s)
{
    uint64_t wait = PAUSE_MS;
    for (unsigned i = 0; i < TRIES; i++) {
        enum verdict v = ask(s);
        s->env->forget(s->env->ctx);
        if (v == GOOD)
            return 0;
        if (v == HOPELESS || s->env->http->remaining_ms(s->env->http->ctx) <= wait)
            return -EACCES;
        if (v == AGAIN) {
            pause_ms(wait);
            wait = wait * 2 > PAUSE_MAX ? PAUSE_MAX : wait * 2;
        }
    }
    return -ETIMEDOUT;
}

static int prepare(struct state *s)
{
    static uint8_t document[NACRE_DOCUMENT_MAX];
    uint8_t spki[NACRE_ENVELOPE_SPKI];
    size_t spki_len = 0, len = 0;
    int err = nacre_credentials_parse(&s->credentials, s->env->credentials, s->env->credentials_len, s->why);
    if (err)
        return err;
    nacre_kms_host(s->host, s->env->manifest->config.secrets_kms_region);
    s->key = nacre_envelope_key(spki, &spki_len);
    if (!s->key) {
        WHY(s, "OpenSSL makes no RSA key");
        return -EIO;
    }
    err = s->env->document(s->env->ctx, spki, spki_len, document, sizeof document, &len, s->why, s->why_len);
    if (err)
        return err;
    s->body = nacre_kms_ask(s->env->manifest, document, len);
    if (s->body.failed)
        WHY(s, "out of memory");
    return s->body.failed ? -ENOMEM : 0;
}

static int run(const struct nacre_kms_env *env, uint8_t *out, size_t cap, size_t *len, char *why,
               size_t why_len)
{
    struct state s = {.env = env, .out = out, .cap = cap, .len = len, .why = why, .why_len = why_len};
    if (why_len < NACRE_CREDENTIALS_WHY)
        return -EINVAL;
    int err = prepare(&s);
    if (!err)
        err = try_all(&s);
    EVP_PKEY_free(s.key); /* which wipes it */
    free(s.body.base);
    return err;
}

/* The first caller decides that the machine's openssl.cnf is not read: here as in the fetch module. */
static int init(void)
{
    return sodium_init() < 0 || OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1 ? -EIO : 0;
}

const struct nacre_kms_module nacre_kms_module = {
    .abi = NACRE_KMS_ABI,
    .struct_size = (uint32_t)sizeof(struct nacre_kms_module),
    .init = init,
    .run = run,
};
