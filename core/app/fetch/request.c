#include "request.h"

#include "memory.h"

#include <stdio.h>
#include <strings.h>

#define USER_AGENT "nacre/" NACRE_VERSION

static bool name_is(struct nacre_str name, const char *z)
{
    return name.len == strlen(z) && strncasecmp(name.ptr, z, (size_t)name.len) == 0;
}

/* RFC 9110, 5.6.2 */
static bool is_token(struct nacre_str s)
{
    static const char marks[] = "!#$%&'*+-.^_`|~";
    for (uint64_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool alnum = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (!alnum && (c == '\0' || !strchr(marks, c)))
            return false;
    }
    return s.len > 0;
}

static bool is_value(struct nacre_str s)
{
    for (uint64_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

/* Without white space at the ends, which is not part of a value (RFC 9110, 5.5) and which HTTP/2 forbids. */
static struct nacre_str trim(struct nacre_str s)
{
    while (s.len && (s.ptr[0] == ' ' || s.ptr[0] == '\t')) {
        s.ptr++;
        s.len--;
    }
    while (s.len && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t'))
        s.len--;
    return s;
}

/* Fields that say where the message goes or how long it is: two opinions about them are request smuggling. */
static bool is_reserved(const struct nacre_header *h)
{
    static const char *const names[] = {"host",
                                        "content-length",
                                        "transfer-encoding",
                                        "connection",
                                        "keep-alive",
                                        "proxy-connection",
                                        "upgrade",
                                        "expect",
                                        "trailer",
                                        "http2-settings",
                                        "proxy-authorization"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (name_is(h->name, names[i]))
            return true;
    }
    return name_is(h->name, "te") && !name_is(trim(h->value), "trailers");
}

static bool has_header(const struct nacre_fetch *in, const char *name)
{
    for (uint64_t i = 0; i < in->n_headers; i++) {
        if (name_is(in->headers[i].name, name))
            return true;
    }
    return false;
}

static bool append(struct curl_slist **list, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*list, line);
    if (longer)
        *list = longer;
    return longer != NULL;
}

/* "Name: value"; libcurl wants "Name;" for an empty value and would drop "Name:". */
static bool append_header(struct curl_slist **list, const struct nacre_header *h)
{
    struct nacre_str value = trim(h->value);
    size_t room = (size_t)h->name.len + (size_t)value.len + 3;
    char *line = fetch_malloc(room);
    if (!line)
        return false;
    if (value.len)
        (void)snprintf(line, room, "%.*s: %.*s", (int)h->name.len, h->name.ptr, (int)value.len, value.ptr);
    else
        (void)snprintf(line, room, "%.*s;", (int)h->name.len, h->name.ptr);
    bool ok = append(list, line);
    fetch_free(line);
    return ok;
}

static int32_t check_method(const struct nacre_fetch *in, char *why, size_t why_len)
{
    bool upper = in->method.len > 0 && in->method.len <= FETCH_METHOD_MAX;
    for (uint64_t i = 0; upper && i < in->method.len; i++)
        upper = in->method.ptr[i] >= 'A' && in->method.ptr[i] <= 'Z';
    if (!upper || nacre_str_is(in->method, "CONNECT") || nacre_str_is(in->method, "TRACE")) {
        (void)snprintf(why, why_len, "fetch: this method is not possible");
        return 500;
    }
    if (in->http_version != NACRE_HTTP_ANY && in->http_version != NACRE_HTTP_2) {
        (void)snprintf(why, why_len, "fetch: http_version is %u, expected %u or %u",
                       (unsigned)in->http_version, NACRE_HTTP_ANY, NACRE_HTTP_2);
        return 500;
    }
    return 0;
}

static int32_t check_headers(const struct nacre_fetch *in, char *why, size_t why_len)
{
    uint64_t total = 0;
    if (in->n_headers > FETCH_HEADERS_MAX) {
        (void)snprintf(why, why_len, "fetch: %llu header fields, at most %u are allowed",
                       (unsigned long long)in->n_headers, FETCH_HEADERS_MAX);
        return 500;
    }
    for (uint64_t i = 0; i < in->n_headers; i++) {
        const struct nacre_header *h = &in->headers[i];
        if (h->name.len > FETCH_HEADER_BYTES_MAX || h->value.len > FETCH_HEADER_BYTES_MAX ||
            (total += h->name.len + h->value.len) > FETCH_HEADER_BYTES_MAX) {
            (void)snprintf(why, why_len, "fetch: more than %u bytes of headers", FETCH_HEADER_BYTES_MAX);
            return 500;
        }
        if (!is_token(h->name) || !is_value(h->value)) {
            (void)snprintf(why, why_len, "fetch: header field %llu is not well formed",
                           (unsigned long long)i);
            return 500;
        }
        if (is_reserved(h)) {
            (void)snprintf(why, why_len, "fetch: the header %.*s is not the app's to set", (int)h->name.len,
                           h->name.ptr);
            return 500;
        }
    }
    return 0;
}

static bool build_headers(struct curl_slist **list, const struct nacre_fetch *in)
{
    for (uint64_t i = 0; i < in->n_headers; i++) {
        if (!append_header(list, &in->headers[i]))
            return false;
    }
    /* libcurl's own ideas: a form's type for every body, and a pause for "100 Continue" */
    return append(list, "Expect:") && (has_header(in, "content-type") || append(list, "Content-Type:"));
}

int32_t fetch_request_read(struct fetch_request *out, const struct nacre_fetch *in, char *why, size_t why_len)
{
    static const char *const repeatable[] = {"GET", "HEAD", "PUT", "DELETE", "OPTIONS"};
    struct fetch_request r = {{0}, NULL, false};
    int32_t status = check_method(in, why, why_len);
    if (!status)
        status = check_headers(in, why, why_len);
    if (status)
        return status;
    memcpy(r.method, in->method.ptr, (size_t)in->method.len);
    for (size_t i = 0; i < sizeof repeatable / sizeof repeatable[0]; i++)
        r.repeatable |= strcmp(r.method, repeatable[i]) == 0;
    if (!build_headers(&r.headers, in)) {
        fetch_request_free(&r);
        (void)snprintf(why, why_len, "fetch: out of memory");
        return 500;
    }
    *out = r;
    return 0;
}

CURLcode fetch_request_apply(const struct fetch_request *request, const struct nacre_fetch *in, CURL *easy)
{
    bool body = in->body.len > 0 || strcmp(request->method, "POST") == 0 ||
                strcmp(request->method, "PUT") == 0 || strcmp(request->method, "PATCH") == 0;
    CURLcode err = curl_easy_setopt(easy, CURLOPT_HTTPHEADER, request->headers);
    if (!err)
        err = curl_easy_setopt(easy, CURLOPT_USERAGENT, USER_AGENT);
    if (!err)
        err = curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    if (!err && body) {
        err = curl_easy_setopt(easy, CURLOPT_POST, 1L);
        if (!err)
            err = curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)in->body.len);
        if (!err)
            err = curl_easy_setopt(easy, CURLOPT_POSTFIELDS, in->body.len ? (const char *)in->body.ptr : "");
    } else if (!err && strcmp(request->method, "HEAD") == 0) {
        return curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    }
    return err ? err : curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
}

void fetch_request_free(struct fetch_request *request)
{
    curl_slist_free_all(request->headers);
    request->headers = NULL;
}
