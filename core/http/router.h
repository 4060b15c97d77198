/*
 * router.h - which route a request is for. Built once from the manifest, then only read, by all lanes at once.
 *
 * Paths are matched as they came over the wire, case and all; only what fills a {param} is percent-decoded, once.
 * So "/a%2fb" is never "/a/b" and no spelling of a path reaches a route that another spelling is kept from.
 */
#ifndef NACRE_HTTP_ROUTER_H
#define NACRE_HTTP_ROUTER_H

#include "common/manifest.h"

#define NACRE_SEGMENTS_MAX 16u  /* of a route's path */
#define NACRE_ROUTE_TEXT   256u /* bytes of a route's path */

enum nacre_method {
    NACRE_GET,
    NACRE_HEAD, /* answered like GET, without the body */
    NACRE_POST,
    NACRE_PUT,
    NACRE_PATCH,
    NACRE_DELETE,
    NACRE_OPTIONS,
    NACRE_METHOD_OTHER,
};

/* The routes of the runtime itself; an app's routes have the manifest's index. */
enum nacre_builtin {
    NACRE_BUILTIN_ROOT,
    NACRE_BUILTIN_HEALTH,
    NACRE_BUILTIN_ATTESTATION,
    NACRE_BUILTIN_OPENAPI,
    NACRE_BUILTIN_JOB,
    NACRE_BUILTIN_JOB_ANSWER,
    NACRE_BUILTIN_JOB_DELETE,
    NACRE_BUILTINS,
};

struct nacre_segment {
    const char *text;
    size_t len;
    bool param;
};

struct nacre_path {
    const char *text; /* "/a/{b}" */
    size_t len;
    enum nacre_method method;
    uint32_t index; /* the manifest's route, or enum nacre_builtin */
    bool builtin;
    uint32_t n_params;
    uint32_t n_segments;
    struct nacre_segment segments[NACRE_SEGMENTS_MAX];
};

struct nacre_router {
    struct nacre_path *paths; /* most literal first */
    uint32_t n_paths;
};

struct nacre_slice {
    const char *ptr;
    size_t len;
};

enum nacre_found {
    NACRE_FOUND,
    NACRE_NO_PATH,   /* 404 */
    NACRE_NO_METHOD, /* 405, see allowed */
    NACRE_BAD_PATH,  /* 400 */
};

struct nacre_match {
    const struct nacre_path *path;                /* FOUND; borrowed from the router */
    struct nacre_slice params[NACRE_PATH_PARAMS]; /* FOUND; raw, borrowed from the request's path */
    uint32_t allowed; /* bit (1 << enum nacre_method) for each method the path has */
};

/*
 * nacre_router_build - all routes of the manifest, which must outlive the router, and the runtime's own.
 * Returns 0, -ENOMEM, or -EINVAL with `why`: a path out of form, or one that the runtime keeps for itself.
 */
int nacre_router_build(struct nacre_router *router, const struct nacre_manifest *manifest, char *why,
                       size_t why_len);

/* Accepts a zeroed struct. */
void nacre_router_free(struct nacre_router *router);

/* The path of a builtin: "/health_check", and its method. */
const char *nacre_builtin_path(enum nacre_builtin builtin);
enum nacre_method nacre_builtin_method(enum nacre_builtin builtin);

enum nacre_method nacre_method_of(const char *name);
const char *nacre_method_name(enum nacre_method method);

/* Finds the route for a raw request path without its query. HEAD finds what GET finds. Fills *match, see there. */
enum nacre_found nacre_router_find(const struct nacre_router *router, enum nacre_method method,
                                   const char *path, size_t len, struct nacre_match *match);

/* The value of an Allow header ("GET, HEAD, OPTIONS") for a set of methods; out holds 64 bytes. */
void nacre_allow_header(uint32_t allowed, char out[64]);

/*
 * nacre_params_encode - the parameters of a match as a REQUEST frame carries them: u16 LE length and bytes each,
 * percent-decoded. Returns the length, -EBADMSG for a bad escape, %2f, %00 or text that is no UTF-8, or -ENOSPC.
 */
int64_t nacre_params_encode(const struct nacre_match *match, uint8_t *out, size_t cap);

#endif
