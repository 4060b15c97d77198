#include "head.h"

#include "path.h"
#include "seal.h"

#include "common/sealed_mode.h"

#include <errno.h>
#include <stdlib.h>
#include <strings.h>

static bool is(struct nacre_slice s, const char *name, size_t len)
{
    return s.len == len && strncasecmp(s.ptr, name, len) == 0;
}

#define IS(SLICE, LITERAL) is((SLICE), (LITERAL), sizeof(LITERAL) - 1)

/* Digits only: "+5", "5,5" and the like are read differently by different programs, so they are refused. */
static bool parse_length(struct nacre_slice s, uint64_t *out)
{
    uint64_t v = 0;
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] < '0' || s.ptr[i] > '9' || __builtin_mul_overflow(v, 10u, &v) ||
            __builtin_add_overflow(v, (uint64_t)(s.ptr[i] - '0'), &v))
            return false;
    *out = v;
    return s.len > 0;
}

/*
 * RFC 7240: preferences are separated by commas, parameters follow a ';', and either may have a quoted value. A
 * respond-async with a value is not the one that is defined.
 */
bool nacre_prefers_async(struct nacre_slice s)
{
    size_t at = 0;
    while (at < s.len) {
        while (at < s.len && strchr(", \t", s.ptr[at]))
            at++;
        size_t begin = at;
        while (at < s.len && !strchr(",;= \t\"", s.ptr[at]))
            at++;
        struct nacre_slice name = {s.ptr + begin, at - begin};
        while (at < s.len && (s.ptr[at] == ' ' || s.ptr[at] == '\t'))
            at++;
        if (IS(name, "respond-async") && (at == s.len || s.ptr[at] == ',' || s.ptr[at] == ';'))
            return true;
        for (bool quoted = false; at < s.len && (quoted || s.ptr[at] != ','); at++) {
            if (quoted && s.ptr[at] == '\\')
                at++;
            else if (s.ptr[at] == '"')
                quoted = !quoted;
        }
    }
    return false;
}

static void take_query(struct nacre_head *head, struct nacre_slice name, struct nacre_slice value)
{
    if (name.len == 5 && memcmp(name.ptr, "nonce", 5) == 0) {
        head->nonce = value;
        head->n_nonce++;
    } else if (name.len == 6 && memcmp(name.ptr, "attest", 6) == 0) {
        head->attest = value;
        head->n_attest++;
    } else if (name.len == 5 && memcmp(name.ptr, "batch", 5) == 0) {
        head->batch = value;
        head->n_batch++;
    }
}

static const bool token_byte[256] = {
    ['a' ... 'z'] = true, ['A' ... 'Z'] = true, ['0' ... '9'] = true, ['!'] = true,  ['#'] = true,
    ['$'] = true,         ['%'] = true,         ['&'] = true,         ['\''] = true, ['*'] = true,
    ['+'] = true,         ['-'] = true,         ['.'] = true,         ['^'] = true,  ['_'] = true,
    ['`'] = true,         ['|'] = true,         ['~'] = true,
};

/*
 * libmicrohttpd passes on what a stricter party in front of us reads differently or not at all: "Content-Length :",
 * a carriage return or NUL inside a value. A name is a token (RFC 9110, 5.6.2), a value holds neither (5.5).
 */
static bool field_ok(struct nacre_slice name, struct nacre_slice value)
{
    for (size_t i = 0; i < name.len; i++)
        if (!token_byte[(uint8_t)name.ptr[i]])
            return false;
    return name.len > 0 && !memchr(value.ptr, '\r', value.len) && !memchr(value.ptr, '\n', value.len) &&
           !memchr(value.ptr, '\0', value.len);
}

void nacre_head_take(struct nacre_head *head, bool is_query, struct nacre_slice name,
                     struct nacre_slice value)
{
    if (!value.ptr)
        value = (struct nacre_slice){"", 0};
    if (is_query) {
        take_query(head, name, value);
        return;
    }
    head->bad_field |= !field_ok(name, value);
    switch (name.len) { /* most headers are none of these: one comparison and on */
    case 4:
        head->n_host += IS(name, "Host");
        break;
    case 6:
        head->browser |= IS(name, "Origin");
        head->expects |= IS(name, "Expect");
        head->async |= IS(name, "Prefer") && nacre_prefers_async(value);
        break;
    case 12:
        if (IS(name, "Content-Type"))
            head->content_type = value;
        break;
    case 14:
        if (IS(name, "Content-Length")) {
            head->n_content_length++;
            head->bad_length |= !parse_length(value, &head->content_length);
        }
        break;
    case 17:
        if (IS(name, "Transfer-Encoding")) {
            head->n_transfer_encoding++;
            head->chunked = IS(value, "chunked");
        }
        break;
    default:
        break;
    }
}

/* Is it this type, with or without parameters? */
static bool is_type(struct nacre_slice s, const char *type)
{
    size_t n = strlen(type);
    if (s.len < n || strncasecmp(s.ptr, type, n) != 0)
        return false;
    while (n < s.len && (s.ptr[n] == ' ' || s.ptr[n] == '\t'))
        n++;
    return n == s.len || s.ptr[n] == ';';
}

bool nacre_is_json(struct nacre_slice content_type)
{
    return is_type(content_type, "application/json");
}

bool nacre_is_sealed(struct nacre_slice content_type)
{
    return content_type.ptr && is_type(content_type, NACRE_TYPE_SEALED);
}

/* Where a message ends must be beyond doubt: a proxy in front of us could see another end (RFC 9112, 11.2). */
static struct nacre_refusal judge_framing(const struct nacre_head *head)
{
    if (head->bad_field)
        return nacre_refuse(400, "a header field is out of form");
    if (head->n_content_length > 1 || head->bad_length || head->n_transfer_encoding > 1 ||
        (head->n_transfer_encoding && head->n_content_length))
        return nacre_refuse(400, "the length of the body is ambiguous");
    if (head->n_transfer_encoding && !head->chunked)
        return nacre_refuse(501, "of transfer codings only chunked is known");
    if (head->n_host > 1)
        return nacre_refuse(400, "more than one Host header");
    return (struct nacre_refusal){0};
}

/*
 * Could somebody in front of us see another end of this request than libmicrohttpd does? It takes a bare LF for a line
 * end inside chunked bodies, and a line without a name for the end of the head, with the length still to come. What
 * follows on such a connection is never read as a request.
 */
static bool end_is_doubtful(enum nacre_method method, const struct nacre_head *head)
{
    bool takes_body = method == NACRE_POST || method == NACRE_PUT || method == NACRE_PATCH;
    return head->n_transfer_encoding > 0 || (takes_body && head->n_content_length == 0);
}

/* Does the route take what came, as the configuration says? */
static struct nacre_refusal judge_sealing(const struct nacre_conn *conn)
{
    if (conn->path->builtin)
        return (struct nacre_refusal){0};
    const uint32_t mode = conn->lane->shared->manifest->routes[conn->path->index].sealed;
    if (conn->sealed && mode == NACRE_SEALED_OFF)
        return nacre_refuse(415, "sealed requests are switched off for this route");
    if (!conn->sealed && mode == NACRE_SEALED_REQUIRED)
        return nacre_refuse(415, "this route takes sealed requests only: " NACRE_TYPE_SEALED);
    return (struct nacre_refusal){0};
}

static struct nacre_refusal judge_body(const struct nacre_conn *conn, const struct nacre_head *head)
{
    bool has_body = head->content_length > 0 || head->chunked;
    bool takes_none = (conn->path->method == NACRE_GET && !conn->sealed) || conn->path->builtin;
    struct nacre_refusal sealing = judge_sealing(conn);
    if (sealing.status)
        return sealing;
    if (has_body && takes_none)
        return nacre_refuse(400, conn->path->method == NACRE_GET ? "a GET request takes no body"
                                                                 : "a job's DELETE takes no body");
    if (takes_none)
        return (struct nacre_refusal){0};
    if (head->content_type.ptr && !conn->sealed && !nacre_is_json(head->content_type))
        return nacre_refuse(415, "the body must be JSON: send Content-Type: application/json");
    uint64_t max = nacre_conn_max_body(conn);
    if (head->content_length > max)
        return nacre_refuse_limit(413, "bytes of body", head->content_length, max);
    return (struct nacre_refusal){0};
}

static struct nacre_refusal take_nonce(struct nacre_conn *conn, struct nacre_slice text, uint32_t n)
{
    if (n > 1)
        return nacre_refuse(400, "more than one nonce");
    conn->nonce = malloc(sizeof *conn->nonce);
    if (!conn->nonce)
        return nacre_refuse_later(503, "no memory for the nonce");
    int err = nacre_nonce_parse(conn->nonce, text.ptr, text.len);
    if (err == -EMSGSIZE)
        return nacre_refuse_limit(400, "bytes of nonce", text.len / 2, NACRE_NONCE_MAX);
    if (err)
        return nacre_refuse(400, "the nonce must be hex digits, two for each of 1 to 512 bytes");
    return (struct nacre_refusal){0};
}

/* May the document be shared? What is no clear yes or no is refused: the two are checked in different ways. */
static struct nacre_refusal take_batch(struct nacre_conn *conn, const struct nacre_head *head)
{
    bool yes = head->n_batch == 1 && IS(head->batch, "1");
    if (head->n_batch > 1 || (head->n_batch && !yes && !IS(head->batch, "0")))
        return nacre_refuse(400, "batch must be 1 or 0, once");
    if (yes && !head->n_nonce)
        return nacre_refuse(400, "batch=1 needs a nonce");
    conn->batch = yes && conn->lane->shared->manifest->config.nsm_batch > 0;
    return (struct nacre_refusal){0};
}

static struct nacre_refusal take_params(struct nacre_conn *conn, const struct nacre_match *match,
                                        const char *path)
{
    size_t room = conn->sealed ? sizeof(struct nacre_sealed_pass) : 0;
    conn->params_len = 0;
    if (match->path->n_params == 0 && !conn->sealed)
        return (struct nacre_refusal){0};
    if (match->path->builtin) { /* a job's id; what is none is nobody's job */
        if (!nacre_job_id_parse(conn->job_id, match->params[0].ptr, match->params[0].len))
            return nacre_refuse(404, "no such job: an id has 32 hex digits");
        return (struct nacre_refusal){0};
    }
    for (uint32_t i = 0; i < match->path->n_params; i++)
        room += 2 + match->params[i].len;
    if (room > conn->params_cap) {
        free(conn->params);
        conn->params = malloc(room);
        conn->params_cap = conn->params ? room : 0;
    }
    if (!conn->params)
        return nacre_refuse_later(503, "no memory for the path");
    if (conn->sealed)
        nacre_pass_begin(conn, path, strlen(path));
    int64_t n =
        nacre_params_encode(match, conn->params + conn->params_len, conn->params_cap - conn->params_len);
    if (n < 0)
        return nacre_refuse(400, "a path parameter is not percent-encoded UTF-8");
    conn->params_len += (size_t)n;
    return (struct nacre_refusal){0};
}

/* GET takes no body, so the sealed form of an app's GET is a POST; its envelope says which it is. */
static enum nacre_found find_route(const struct nacre_conn *conn, const char *path, struct nacre_match *match)
{
    const struct nacre_router *router = &conn->lane->shared->router;
    enum nacre_found found = nacre_router_find(router, conn->method, path, strlen(path), match);
    const uint32_t allowed = match->allowed;
    if (found != NACRE_NO_METHOD || !conn->sealed || conn->method != NACRE_POST ||
        !(allowed & 1u << NACRE_GET))
        return found;
    found = nacre_router_find(router, NACRE_GET, path, strlen(path), match);
    if (found != NACRE_FOUND || !match->path->builtin)
        return found;
    *match = (struct nacre_match){.allowed = allowed}; /* the runtime's own have nothing to seal */
    return NACRE_NO_METHOD;
}

static struct nacre_refusal judge_route(struct nacre_conn *conn, const struct nacre_head *head,
                                        const char *target, struct nacre_match *match)
{
    const char *path = nacre_path_of_target(target);
    enum nacre_found found = find_route(conn, path, match);
    struct nacre_refusal r = {0};
    conn->path = match->path;
    conn->sealed = conn->sealed && match->path && !match->path->builtin;
    if (conn->method == NACRE_OPTIONS) { /* a preflight: the answer is in its headers, see reply.c */
        if (head->content_length > 0 || head->chunked)
            r = nacre_refuse(400, "an OPTIONS request takes no body");
        r.allowed = match->allowed;
        return r;
    }
    if (found == NACRE_BAD_PATH)
        return nacre_refuse(400, "the path is not in its plain form");
    if (found == NACRE_NO_PATH)
        return nacre_refuse(404, "no such route");
    if (found == NACRE_NO_METHOD) {
        r = nacre_refuse(405, "the route does not take this method");
        r.allowed = match->allowed;
    }
    return r;
}

struct nacre_refusal nacre_head_judge(struct nacre_conn *conn, const struct nacre_head *head,
                                      const char *target, const char *method)
{
    struct nacre_match match;
    conn->method = nacre_method_of(method);
    conn->content_length = head->content_length;
    conn->chunked = head->n_transfer_encoding > 0;
    conn->browser = head->browser;
    conn->sealed = nacre_is_sealed(head->content_type);
    conn->last = end_is_doubtful(conn->method, head);
    struct nacre_refusal r = judge_route(conn, head, target, &match);
    struct nacre_refusal framing = judge_framing(head);
    framing.close = true;
    if (framing.status)
        return framing;
    if (r.status || !conn->path || conn->method == NACRE_OPTIONS)
        return r;
    r = judge_body(conn, head);
    if (!r.status)
        r = take_params(conn, &match, nacre_path_of_target(target));
    bool attestation = conn->path->builtin && conn->path->index == NACRE_BUILTIN_ATTESTATION;
    if (!r.status && attestation)
        r = take_batch(conn, head);
    if (!r.status && attestation && head->n_nonce)
        r = take_nonce(conn, head->nonce, head->n_nonce);
    else if (!r.status && !conn->path->builtin && head->n_attest)
        r = take_nonce(conn, head->attest, head->n_attest);
    conn->async =
        head->async && !conn->path->builtin && conn->lane->shared->manifest->config.jobs_concurrent > 0;
    return r;
}
