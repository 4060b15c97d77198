#include "router.h"

#include "path.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const method_names[] = {"GET",   "HEAD",   "POST",    "PUT",
                                           "PATCH", "DELETE", "OPTIONS", "OTHER"};
static const struct {
    const char *path;
    enum nacre_method method;
} builtins[] = {{"/", NACRE_GET},
                {"/health_check", NACRE_GET},
                {"/get_attestation", NACRE_GET},
                {"/openapi.json", NACRE_GET},
                {"/jobs/{id}", NACRE_GET},
                {"/jobs/{id}/answer", NACRE_GET},
                {"/jobs/{id}", NACRE_DELETE}};

_Static_assert(sizeof builtins / sizeof builtins[0] == NACRE_BUILTINS, "a path for each");

const char *nacre_builtin_path(enum nacre_builtin builtin)
{
    return builtins[builtin].path;
}

enum nacre_method nacre_builtin_method(enum nacre_builtin builtin)
{
    return builtins[builtin].method;
}

const char *nacre_method_name(enum nacre_method method)
{
    return method_names[method];
}

enum nacre_method nacre_method_of(const char *name)
{
    for (unsigned m = 0; m < NACRE_METHOD_OTHER; m++)
        if (strcmp(name, method_names[m]) == 0)
            return (enum nacre_method)m;
    return NACRE_METHOD_OTHER;
}

/* Splits text[0..len) after its first '/'. Returns the number of segments, 0 when there are too many. */
static uint32_t split(const char *text, size_t len, struct nacre_segment out[NACRE_SEGMENTS_MAX])
{
    uint32_t n = 0;
    for (size_t at = 1; at <= len;) {
        const char *slash = memchr(text + at, '/', len - at);
        size_t end = slash ? (size_t)(slash - text) : len;
        if (n == NACRE_SEGMENTS_MAX)
            return 0;
        out[n++] = (struct nacre_segment){text + at, end - at, false};
        at = end + 1;
    }
    return n;
}

/* Fills a path from its text. Returns false for one out of form. */
static bool parse_path(struct nacre_path *p)
{
    p->len = strlen(p->text);
    /* quotes would have to be escaped in metrics, and a literal with an escape would never match its plain spelling */
    if (p->len == 0 || p->len > NACRE_ROUTE_TEXT || p->text[0] != '/' || strpbrk(p->text, "%\"\\"))
        return false;
    p->n_segments = split(p->text, p->len, p->segments);
    for (uint32_t i = 0; i < p->n_segments; i++) {
        struct nacre_segment *s = &p->segments[i];
        s->param = s->len > 2 && s->text[0] == '{' && s->text[s->len - 1] == '}';
        p->n_params += s->param;
        if (!s->param && (memchr(s->text, '{', s->len) || memchr(s->text, '}', s->len)))
            return false;
    }
    /* a literal is compared with the raw request, so it must itself be a path that passes */
    return p->n_segments > 0 && p->n_params <= NACRE_PATH_PARAMS && nacre_path_ok(p->text, p->len);
}

/* Literals before parameters, from the left: "/a/b" is looked at before "/a/{x}", that before "/{y}/b". */
static int by_literals(const void *a, const void *b)
{
    const struct nacre_path *p = a, *q = b;
    for (uint32_t i = 0; i < p->n_segments && i < q->n_segments; i++)
        if (p->segments[i].param != q->segments[i].param)
            return p->segments[i].param ? 1 : -1;
    return p->n_segments < q->n_segments ? -1 : p->n_segments > q->n_segments;
}

/* All of /jobs/ is kept, so that no parameter of an app's stands where a job's id does. */
static bool is_builtin_path(const char *text)
{
    for (unsigned i = 0; i < NACRE_BUILTINS; i++)
        if (strcmp(text, builtins[i].path) == 0)
            return true;
    return strcmp(text, "/jobs") == 0 || strncmp(text, "/jobs/", 6) == 0;
}

static int add_route(struct nacre_router *r, const struct nacre_route_decl *decl, uint32_t index, char *why,
                     size_t why_len)
{
    struct nacre_path *p = &r->paths[r->n_paths++];
    *p = (struct nacre_path){.text = decl->path, .method = nacre_method_of(decl->method), .index = index};
    if (is_builtin_path(decl->path)) {
        (void)snprintf(why, why_len, "route %u: %.128s is the runtime's own path", index, decl->path);
        return -EINVAL;
    }
    if (p->method == NACRE_METHOD_OTHER || p->method == NACRE_HEAD || p->method == NACRE_OPTIONS ||
        !parse_path(p)) {
        (void)snprintf(why, why_len, "route %u: %.16s %.128s cannot be routed", index, decl->method,
                       decl->path);
        return -EINVAL;
    }
    return 0;
}

int nacre_router_build(struct nacre_router *router, const struct nacre_manifest *manifest, char *why,
                       size_t why_len)
{
    struct nacre_router r = {calloc((size_t)manifest->n_routes + NACRE_BUILTINS, sizeof *r.paths), 0};
    if (!r.paths)
        return -ENOMEM;
    for (unsigned i = 0; i < NACRE_BUILTINS; i++) {
        struct nacre_path *p = &r.paths[r.n_paths++];
        *p = (struct nacre_path){
            .text = builtins[i].path, .method = builtins[i].method, .index = i, .builtin = true};
        (void)parse_path(p);
    }
    for (uint32_t i = 0; i < manifest->n_routes; i++) {
        int err = add_route(&r, &manifest->routes[i], i, why, why_len);
        if (err) {
            nacre_router_free(&r);
            return err;
        }
    }
    qsort(r.paths, r.n_paths, sizeof *r.paths, by_literals);
    *router = r;
    return 0;
}

void nacre_router_free(struct nacre_router *router)
{
    free(router->paths);
    router->paths = NULL;
    router->n_paths = 0;
}

static bool fits(const struct nacre_path *p, const struct nacre_segment *s, uint32_t n)
{
    if (p->n_segments != n)
        return false;
    for (uint32_t i = 0; i < n; i++) {
        const struct nacre_segment *want = &p->segments[i];
        if (want->param ? s[i].len == 0
                        : want->len != s[i].len || memcmp(want->text, s[i].text, s[i].len) != 0)
            return false;
    }
    return true;
}

static uint32_t methods_of(const struct nacre_path *p)
{
    return 1u << p->method | (p->method == NACRE_GET ? 1u << NACRE_HEAD : 0);
}

/* The paths with parameters; only they need the request's path taken apart. */
static void find_params(const struct nacre_router *router, enum nacre_method method, const char *path,
                        size_t len, struct nacre_match *match)
{
    struct nacre_segment segments[NACRE_SEGMENTS_MAX];
    uint32_t n = split(path, len, segments);
    for (uint32_t i = 0; i < router->n_paths; i++) {
        const struct nacre_path *p = &router->paths[i];
        if (p->n_params == 0 || n == 0 || !fits(p, segments, n))
            continue;
        match->allowed |= methods_of(p);
        if (match->path || !(methods_of(p) & 1u << method))
            continue;
        match->path = p;
        for (uint32_t k = 0, at = 0; k < n; k++)
            if (p->segments[k].param)
                match->params[at++] = (struct nacre_slice){segments[k].text, segments[k].len};
    }
}

enum nacre_found nacre_router_find(const struct nacre_router *router, enum nacre_method method,
                                   const char *path, size_t len, struct nacre_match *match)
{
    match->path = NULL;
    match->allowed = 0;
    for (uint32_t i = 0; i < router->n_paths; i++) {
        const struct nacre_path *p = &router->paths[i];
        if (p->n_params || p->len != len || memcmp(p->text, path, len) != 0)
            continue;
        if (methods_of(p) & 1u << method) {
            match->path = p;
            return NACRE_FOUND;
        }
        match->allowed |= methods_of(p);
    }
    if (!nacre_path_ok(path, len))
        return NACRE_BAD_PATH;
    find_params(router, method, path, len, match);
    if (match->path)
        return NACRE_FOUND;
    return match->allowed ? NACRE_NO_METHOD : NACRE_NO_PATH;
}

void nacre_allow_header(uint32_t allowed, char out[64])
{
    size_t at = 0;
    allowed |= 1u << NACRE_OPTIONS;
    for (unsigned m = 0; m < NACRE_METHOD_OTHER; m++)
        if (allowed & 1u << m)
            at += (size_t)snprintf(out + at, 64 - at, "%s%s", at ? ", " : "", method_names[m]);
}

int64_t nacre_params_encode(const struct nacre_match *match, uint8_t *out, size_t cap)
{
    size_t at = 0;
    for (uint32_t i = 0; i < match->path->n_params; i++) {
        const struct nacre_slice *s = &match->params[i];
        if (s->len > UINT16_MAX || cap - at < 2 || cap - at - 2 < s->len)
            return -ENOSPC;
        int64_t n = nacre_percent_decode(out + at + 2, s->ptr, s->len);
        if (n < 0)
            return n;
        out[at] = (uint8_t)n;
        out[at + 1] = (uint8_t)(n >> 8);
        at += 2 + (size_t)n;
    }
    return (int64_t)at;
}
