/* auth.c - who signed a request, by AWS Signature Version 4. The credentials are a file in the form of EC2's metadata. */
#include "sigv4.h"
#include "stub.h"

#include <common/json_read.h>

#include <microhttpd.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define HEADERS   16u
#define WINDOW_S  300
#define TOKEN_MAX 4096u

struct role {
    char id[STUB_TEXT], secret[STUB_TEXT], token[TOKEN_MAX], expires[40], arn[STUB_TEXT];
};

static bool member(struct nacre_json *j, const char *key, char *out, size_t room, bool *taken)
{
    if (*taken || !nacre_json_key_is(j, key, strlen(key)))
        return false;
    *taken = true;
    if (nacre_json_next(j) == NACRE_JSON_STRING && j->text_len < room)
        out[nacre_json_unescape(out, j->text, j->text_len)] = '\0';
    return true;
}

static bool read_role(struct role *r, const char *path)
{
    size_t len = 0;
    char *text = stub_read(path, &len);
    struct nacre_json j;
    bool seen[5] = {false};
    *r = (struct role){.arn = "arn:aws:iam::" STUB_ACCOUNT ":role/parent"};
    if (!text)
        return false;
    nacre_json_init(&j, text, len);
    bool good = nacre_json_next(&j) == NACRE_JSON_OBJECT;
    while (good && nacre_json_next(&j) == NACRE_JSON_KEY)
        if (!member(&j, "AccessKeyId", r->id, sizeof r->id, &seen[0]) &&
            !member(&j, "SecretAccessKey", r->secret, sizeof r->secret, &seen[1]) &&
            !member(&j, "Token", r->token, sizeof r->token, &seen[2]) &&
            !member(&j, "Expiration", r->expires, sizeof r->expires, &seen[3]) &&
            !member(&j, "Arn", r->arn, sizeof r->arn, &seen[4]))
            good = nacre_json_skip(&j, nacre_json_next(&j)) == 0;
    free(text);
    return good && r->id[0] && r->secret[0];
}

static struct nacre_str header(struct MHD_Connection *c, const char *name)
{
    const char *value = MHD_lookup_connection_value(c, MHD_HEADER_KIND, name);
    return (struct nacre_str){value ? value : "", value ? strlen(value) : 0};
}

/* "SignedHeaders=a;b;c" taken apart; the text is the caller's. */
static size_t signed_headers(struct MHD_Connection *c, char *names, struct nacre_header out[HEADERS])
{
    size_t n = 0;
    char *save = NULL;
    for (char *name = strtok_r(names, ";", &save); name && n < HEADERS; name = strtok_r(NULL, ";", &save))
        out[n++] = (struct nacre_header){{name, strlen(name)}, header(c, name)};
    return n;
}

static bool covers(const struct nacre_header *headers, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (nacre_str_is(headers[i].name, name))
            return true;
    return false;
}

/* Seconds since 1970 of "20150830T123600Z", or -1. */
static int64_t parse_date(const char *text, const char *format)
{
    struct tm tm = {0};
    const char *end = strptime(text, format, &tm);
    return end && *end == '\0' ? (int64_t)timegm(&tm) : -1;
}

static int check_role(const struct role *role, struct MHD_Connection *c, const char *id, int64_t now_s,
                      struct stub_answer *a)
{
    struct nacre_str token = header(c, "X-Amz-Security-Token");
    int64_t end = role->expires[0] ? parse_date(role->expires, "%Y-%m-%dT%H:%M:%SZ") : INT64_MAX;
    if (strcmp(id, role->id) != 0 || !nacre_str_is(token, role->token))
        return stub_refuse(a, 400, "UnrecognizedClientException",
                           "The security token included in the request is invalid.");
    return end < now_s ? stub_refuse(a, 400, "ExpiredTokenException",
                                     "The security token included in the request is expired")
                       : 0;
}

int stub_authenticate(const struct stub *s, struct MHD_Connection *c, struct stub_request *r, int64_t now_s,
                      struct stub_answer *a)
{
    static struct role role;
    char id[STUB_TEXT] = "", scope[STUB_TEXT] = "", names[512] = "", given[65] = "",
         expected[NACRE_SIGV4_MAX];
    struct nacre_header headers[HEADERS];
    struct nacre_str field = header(c, "Authorization"), date = header(c, "X-Amz-Date");
    if (!read_role(&role, s->credentials_file))
        return stub_refuse(a, 500, "KMSInternalException", "the credentials file cannot be read");
    if (sscanf(field.ptr,
               "AWS4-HMAC-SHA256 Credential=%127[^/]/%127[^,], SignedHeaders=%511[^,], Signature=%64s", id,
               scope, names, given) != 4 ||
        date.len != NACRE_SIGV4_DATE - 1)
        return stub_refuse(a, 400, "MissingAuthenticationTokenException", "no signature");
    if (check_role(&role, c, id, now_s, a))
        return -1;
    struct nacre_sigv4 sign = {.method = "POST",
                               .path = "/",
                               .query = "",
                               .headers = headers,
                               .body = r->body.ptr,
                               .body_len = (size_t)r->body.len,
                               .region = s->region,
                               .service = "kms"};
    sign.n_headers = signed_headers(c, names, headers);
    memcpy(sign.date, date.ptr, NACRE_SIGV4_DATE);
    const struct nacre_credentials lent = {
        .id = role.id, .id_len = strlen(role.id), .secret = role.secret, .secret_len = strlen(role.secret)};
    int rc = nacre_sigv4_authorization(expected, &sign, &lent);
    if (rc || strlen(expected) != field.len || sodium_memcmp(expected, field.ptr, field.len) != 0 ||
        !covers(headers, sign.n_headers, "host") || !covers(headers, sign.n_headers, "x-amz-target") ||
        (role.token[0] && !covers(headers, sign.n_headers, "x-amz-security-token")))
        return stub_refuse(a, 400, "InvalidSignatureException",
                           "The request signature we calculated does not match the signature you provided.");
    int64_t at = parse_date(sign.date, "%Y%m%dT%H%M%SZ");
    if (at < 0 || at < now_s - WINDOW_S || at > now_s + WINDOW_S)
        return stub_refuse(a, 400, "InvalidSignatureException", "Signature expired or not yet current");
    (void)snprintf(r->principal, sizeof r->principal, "%s", role.arn);
    return 0;
}
