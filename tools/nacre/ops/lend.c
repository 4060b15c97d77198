#include "lend.h"

#include "deliver.h"
#include "file.h"
#include "reach.h"

#include <common/credentials.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define IMDS      "169.254.169.254:80"
#define PATH      "/latest/meta-data/iam/security-credentials/"
#define ROLE_MAX  128u /* bytes of a role's name; AWS allows 64 */
#define TOKEN_MAX 6000u
#define AGAIN_US  5000000u /* between newer credentials */
#define LOOKS     10u      /* in which it is looked whether anybody still listens */
#define NS_PER_MS 1000000u

/* One exchange of the metadata service, version 2: every answer needs a session's token. */
static int ask(const char *place, const char *request, char **body, size_t *len, char *why, size_t why_len)
{
    int status = nacre_ops_ask(place, request, " (metadata service)", body, len, why, why_len);
    if (status == 200)
        return 0;
    if (status >= 0) {
        free(*body);
        *body = NULL;
        (void)snprintf(why, why_len, "the metadata service answers with status %d", status);
    }
    return status >= 0 ? -EIO : status;
}

static int get(const char *place, const char *token, const char *role, char **body, size_t *len, char *why,
               size_t why_len)
{
    char request[1024];
    int n = snprintf(request, sizeof request,
                     "GET " PATH "%s HTTP/1.1\r\nHost: imds\r\nX-aws-ec2-metadata-token: %s\r\n"
                     "Connection: close\r\n\r\n",
                     role, token);
    if (n < 0 || (size_t)n >= sizeof request) {
        (void)snprintf(why, why_len, "the metadata service's token is too long");
        return -EBADMSG;
    }
    return ask(place, request, body, len, why, why_len);
}

/* A word of one line, as the service answers: it goes into the next request. */
static bool is_word(const char *text, size_t len, size_t most)
{
    for (size_t i = 0; i < len; i++)
        if (text[i] < 0x21 || text[i] > 0x7e)
            return false;
    return len > 0 && len <= most;
}

static int from_imds(const char *address, char **body, size_t *len, char *why, size_t why_len)
{
    static const char session[] = "PUT /latest/api/token HTTP/1.1\r\nHost: imds\r\n"
                                  "X-aws-ec2-metadata-token-ttl-seconds: 60\r\nContent-Length: 0\r\n"
                                  "Connection: close\r\n\r\n";
    char place[128], *token = NULL, *role = NULL;
    size_t token_len = 0, role_len = 0;
    (void)snprintf(place, sizeof place, "tcp:%s", address);
    int rc = ask(place, session, &token, &token_len, why, why_len);
    if (rc == 0 && !is_word(token, token_len, 512))
        rc = -EBADMSG;
    if (rc == 0)
        rc = get(place, token, "", &role, &role_len, why, why_len);
    if (rc == 0 && !is_word(role, role_len, ROLE_MAX))
        rc = -EBADMSG;
    if (rc == 0)
        rc = get(place, token, role, body, len, why, why_len);
    else if (rc == -EBADMSG)
        (void)snprintf(why, why_len, "the metadata service's answer is no word: has this instance a role?");
    if (token)
        sodium_memzero(token, token_len);
    free(token);
    free(role);
    return rc;
}

static uint64_t when(const char *text)
{
    struct tm tm = {0};
    const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    return end && *end == '\0' ? (uint64_t)timegm(&tm) * 1000 : 0;
}

static int write_message(uint8_t *out, const char *json, size_t len, char *why, size_t why_len)
{
    static char id[256], secret[256], token[TOKEN_MAX];
    char expires[40] = "";
    bool good = nacre_ops_member(json, len, "AccessKeyId", id, sizeof id) &&
                nacre_ops_member(json, len, "SecretAccessKey", secret, sizeof secret);
    if (!nacre_ops_member(json, len, "Token", token, sizeof token))
        token[0] = '\0';
    (void)nacre_ops_member(json, len, "Expiration", expires, sizeof expires);
    const struct nacre_credentials c = {
        id, secret, token, strlen(id), strlen(secret), strlen(token), when(expires)};
    int n = good ? nacre_credentials_write(out, NACRE_CREDENTIALS_MAX, &c) : -EBADMSG;
    sodium_memzero(id, sizeof id);
    sodium_memzero(secret, sizeof secret);
    sodium_memzero(token, sizeof token);
    if (n < 0)
        (void)snprintf(why, why_len, "%zu bytes without a usable AccessKeyId, SecretAccessKey and Token",
                       len);
    return n;
}

/* The length of the message in out, or a negative errno. */
static int borrow(uint8_t *out, const char *from, char *why, size_t why_len)
{
    char *body = NULL;
    uint8_t *data = NULL;
    size_t len = 0;
    int rc;
    if (strcmp(from, "imds") == 0 || strncmp(from, "imds:", 5) == 0)
        rc = from_imds(from[4] ? from + 5 : IMDS, &body, &len, why, why_len);
    else if ((rc = nacre_file_read(&data, &len, from, 65536, why, why_len)) == 0)
        body = (char *)data;
    if (rc == 0)
        rc = write_message(out, body, len, why, why_len);
    if (body)
        sodium_memzero(body, len);
    free(body);
    return rc;
}

/* Newer ones are due in a while. Whether anybody listens a connection says, without credentials. */
static bool listens(const char *place, uint64_t end)
{
    char why[512];
    for (unsigned i = 0; i < LOOKS && nacre_monotonic_ns() < end; i++) {
        (void)usleep(AGAIN_US / LOOKS);
        int fd = nacre_place_dial(place, 0, why, sizeof why);
        if (fd < 0)
            return false;
        (void)close(fd);
    }
    return true;
}

static int lend(const char *place, const char *from, uint64_t wait_ms, char *why, size_t why_len, bool *has)
{
    uint8_t message[NACRE_CREDENTIALS_MAX];
    int len = borrow(message, from, why, why_len);
    *has = len > 0;
    int rc = *has             ? nacre_deliver(place, message, (size_t)len, wait_ms, why, why_len)
             : len == -EACCES ? -EIO /* of a file; a refusal is the enclave's */
                              : len;
    sodium_memzero(message, sizeof message);
    return rc;
}

int nacre_lend(const char *place, const char *from, uint64_t wait_ms, char *why, size_t why_len)
{
    const uint64_t end = nacre_monotonic_ns() + wait_ms * NS_PER_MS;
    bool has = false; /* a source that fails later is asked again: the enclave still waits */
    int rc = lend(place, from, wait_ms, why, why_len, &has);
    if (rc)
        return rc;
    do {
        if (!listens(place, end))
            return 0;
        rc = lend(place, from, 0, why, why_len, &has);
        if (has && rc)
            return rc == -EACCES || rc == -EBADMSG ? rc : 0; /* else nobody is there any more */
    } while (nacre_monotonic_ns() < end);
    if (rc == 0)
        (void)snprintf(why, why_len, "the enclave still waits for its secrets after %ju ms; its log says why",
                       (uintmax_t)wait_ms);
    return -ETIMEDOUT;
}
