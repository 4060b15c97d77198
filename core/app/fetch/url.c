#include "url.h"

#include <stdio.h>
#include <stdlib.h>

#define SCHEME "https://"

struct authority {
    const char *host;
    size_t host_len;
    uint32_t port;
};

static bool host_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
}

/* host[:port] up to the end of the authority; false for any other form. */
static bool read_authority(struct authority *a, const char *text, size_t len)
{
    size_t i = 0;
    uint32_t port = 443;
    while (i < len && host_char(text[i]))
        i++;
    a->host = text;
    a->host_len = i;
    if (i < len && text[i] == ':') {
        size_t first = ++i;
        for (port = 0; i < len && text[i] >= '0' && text[i] <= '9' && port <= 65535; i++)
            port = port * 10 + (uint32_t)(text[i] - '0');
        if (i == first || port == 0 || port > 65535)
            return false;
    }
    a->port = port;
    return a->host_len > 0 && a->host_len <= NACRE_HOST_MAX && (i == len || text[i] == '/' || text[i] == '?');
}

static bool plain(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] < 0x21 || text[i] > 0x7e || text[i] == '\\' || text[i] == '#')
            return false;
    }
    return true;
}

static bool part_is(CURLU *parsed, CURLUPart part, unsigned flags, const char *expected, size_t len)
{
    char *value = NULL;
    bool same = curl_url_get(parsed, part, &value, flags) == CURLUE_OK && strlen(value) == len &&
                strncasecmp(value, expected, len) == 0;
    curl_free(value);
    return same;
}

static bool part_absent(CURLU *parsed, CURLUPart part)
{
    char *value = NULL;
    CURLUcode code = curl_url_get(parsed, part, &value, 0);
    curl_free(value);
    return code != CURLUE_OK;
}

/* Does libcurl read the same scheme, host and port, and nothing that we did not see? */
static bool agrees(CURLU *parsed, const struct authority *a)
{
    char port[8];
    int n = snprintf(port, sizeof port, "%u", (unsigned)a->port);
    return part_is(parsed, CURLUPART_SCHEME, 0, "https", 5) &&
           part_is(parsed, CURLUPART_HOST, 0, a->host, a->host_len) &&
           part_is(parsed, CURLUPART_PORT, CURLU_DEFAULT_PORT, port, (size_t)n) &&
           part_absent(parsed, CURLUPART_USER) && part_absent(parsed, CURLUPART_PASSWORD) &&
           part_absent(parsed, CURLUPART_OPTIONS) && part_absent(parsed, CURLUPART_FRAGMENT) &&
           part_absent(parsed, CURLUPART_ZONEID);
}

static CURLU *parse(struct nacre_str text)
{
    CURLU *parsed = curl_url();
    char *z = parsed ? malloc((size_t)text.len + 1) : NULL;
    CURLUcode code = CURLUE_OUT_OF_MEMORY;
    if (z) {
        memcpy(z, text.ptr, (size_t)text.len);
        z[text.len] = '\0';
        code = curl_url_set(parsed, CURLUPART_URL, z, 0);
        explicit_bzero(z, (size_t)text.len);
        free(z);
    }
    if (code == CURLUE_OK)
        return parsed;
    curl_url_cleanup(parsed);
    return NULL;
}

int32_t fetch_url_read(struct fetch_url *out, const struct nacre_manifest *manifest, struct nacre_str text,
                       char *why, size_t why_len)
{
    static const size_t scheme = sizeof SCHEME - 1;
    struct authority a;
    if (text.len > FETCH_URL_MAX) {
        (void)snprintf(why, why_len, "fetch: URL of %llu bytes, at most %u are allowed",
                       (unsigned long long)text.len, FETCH_URL_MAX);
        return 500;
    }
    if (text.len < scheme || memcmp(text.ptr, SCHEME, scheme) != 0 || !plain(text.ptr, (size_t)text.len) ||
        !read_authority(&a, text.ptr + scheme, (size_t)text.len - scheme)) {
        (void)snprintf(why, why_len, "fetch: not a URL of the form https://host[:port]/path");
        return 500;
    }
    int index = nacre_manifest_allowed(manifest, a.host, a.host_len, a.port);
    if (index < 0) {
        (void)snprintf(why, why_len, "fetch: %.*s:%u is not on the allow list", (int)a.host_len, a.host,
                       (unsigned)a.port);
        return 500;
    }
    CURLU *parsed = parse(text);
    if (!parsed || !agrees(parsed, &a)) {
        curl_url_cleanup(parsed);
        (void)snprintf(why, why_len, "fetch: ambiguous URL for %.*s:%u", (int)a.host_len, a.host,
                       (unsigned)a.port);
        return 500;
    }
    *out = (struct fetch_url){parsed, (uint32_t)index};
    return 0;
}

void fetch_url_free(struct fetch_url *url)
{
    curl_url_cleanup(url->parsed);
    url->parsed = NULL;
}
