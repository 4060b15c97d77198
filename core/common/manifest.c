/* manifest.c - what a manifest must mean before anything is built on it. */
#include "manifest.h"

#include "manifest_parser.h"
#include "sealed_mode.h"

#include <ctype.h>
#include <errno.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

static void check_app(struct nacre_manifest_parser *p)
{
    const char *name = p->m->app;
    size_t len = strlen(name);
    if (p->m->abi_major != NACRE_ABI_MAJOR)
        nacre_manifest_fail(p, -EINVAL, "plugin has ABI major %u, this runtime has %u", p->m->abi_major,
                            NACRE_ABI_MAJOR);
    if (len == 0 || name[0] < 'a' || name[0] > 'z' ||
        strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != len)
        nacre_manifest_fail(p, -EINVAL, "'%s' is no app name: it must be [a-z][a-z0-9-]*", name);
    if (p->m->n_routes == 0)
        nacre_manifest_fail(p, -EINVAL, "app %s declares no route", name);
}

static const char *type_name(const struct nacre_manifest *m, uint32_t index)
{
    const struct nacre_type_decl *t = &m->types.types[index];
    return t->name ? t->name : nacre_kind_name(t->kind);
}

static void check_intents(struct nacre_manifest_parser *p)
{
    struct nacre_manifest *m = p->m;
    for (uint32_t i = 0; i < m->n_intents && !p->err; i++) {
        const struct nacre_intent_decl *a = &m->intents[i];
        if (a->response >= m->types.n_types) {
            nacre_manifest_fail(p, -EINVAL, "intent %u: response type %u, the table has %u", a->scope,
                                a->response, m->types.n_types);
            return;
        }
        const struct nacre_type_decl *t = &m->types.types[a->response];
        if (t->kind != NACRE_KIND_STRUCT || !t->signable)
            nacre_manifest_fail(p, -EINVAL,
                                "intent %u: %s cannot be signed: it must be a struct without f64, json "
                                "and path fields",
                                a->scope, type_name(m, a->response));
        for (uint32_t k = 0; k < i; k++)
            if (m->intents[k].scope == a->scope)
                nacre_manifest_fail(p, -EINVAL, "intent %u is declared with response types %s and %s",
                                    a->scope, type_name(m, m->intents[k].response),
                                    type_name(m, a->response));
    }
}

/* Finds the next {name} in a path. Returns its length, 0 for none; *rest moves past it. */
static size_t next_param(const char **rest, const char **name)
{
    const char *open = strchr(*rest, '{');
    const char *close = open ? strchr(open, '}') : NULL;
    if (!close)
        return 0;
    *name = open + 1;
    *rest = close + 1;
    return (size_t)(close - open - 1);
}

static bool path_field_ok(const struct nacre_manifest *m, const struct nacre_field_decl *f)
{
    uint32_t kind = m->types.types[f->type].kind;
    return kind == NACRE_KIND_STRING || (kind >= NACRE_KIND_U8 && kind <= NACRE_KIND_U64);
}

/* Every {parameter} has its path field and the other way round. */
static void check_params(struct nacre_manifest_parser *p, const struct nacre_route_decl *r)
{
    const struct nacre_manifest *m = p->m;
    const struct nacre_type_decl *t = &m->types.types[r->request];
    const struct nacre_field_decl *fields = &m->types.fields[t->first_field];
    const char *rest = r->path, *name;
    uint32_t params = 0, path_fields = 0;
    for (uint32_t i = 0; i < t->n_fields; i++)
        path_fields += fields[i].source == NACRE_SOURCE_PATH;
    for (size_t len; (len = next_param(&rest, &name)) > 0; params++) {
        const struct nacre_field_decl *found = NULL;
        for (uint32_t i = 0; i < t->n_fields; i++)
            if (fields[i].source == NACRE_SOURCE_PATH && strlen(fields[i].name) == len &&
                memcmp(fields[i].name, name, len) == 0)
                found = &fields[i];
        if (!found || !path_field_ok(m, found))
            nacre_manifest_fail(p, -EINVAL,
                                "route %s: {%.*s} has no path field of kind string or u8..u64 in %s", r->path,
                                (int)len, name, t->name);
    }
    if (params != path_fields || params > NACRE_PATH_PARAMS)
        nacre_manifest_fail(p, -EINVAL, "route %s: %u parameters (at most %u), %s has %u path fields",
                            r->path, params, NACRE_PATH_PARAMS, t->name, path_fields);
    if (strcmp(r->method, "GET") == 0 && path_fields != t->n_fields)
        nacre_manifest_fail(p, -EINVAL,
                            "route GET %s: %s has %u fields, only the %u of the path can be filled", r->path,
                            t->name, t->n_fields, path_fields);
}

/* "/a/{b}/c": segments not empty, of unreserved characters, or one whole parameter; not one of the runtime's
 * own. */
static bool path_ok(const char *path)
{
    static const char *const own[] = {"/",        "/health_check", "/get_attestation", "/openapi.json",
                                      "/metrics", "/jobs"};
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        if (strcmp(path, own[i]) == 0)
            return false;
    if (path[0] != '/' || strncmp(path, "/jobs/", 6) == 0)
        return false;
    while (*path == '/') {
        const char *segment = ++path;
        size_t len = strcspn(path, "/");
        bool param = len > 2 && segment[0] == '{' && segment[len - 1] == '}';
        for (size_t i = param; i < len - param; i++)
            if (!isalnum((unsigned char)segment[i]) && !strchr("-_.~", segment[i]))
                return false;
        if (len == 0 || (len <= 2 && strncmp(segment, "..", len) == 0))
            return false;
        path += len;
    }
    return *path == '\0';
}

static void check_route(struct nacre_manifest_parser *p, struct nacre_route_decl *r)
{
    static const char *const methods[] = {"GET", "POST", "PUT", "DELETE", "PATCH"};
    struct nacre_manifest *m = p->m;
    bool known = false;
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
        known = known || strcmp(r->method, methods[i]) == 0;
    if (!known || !path_ok(r->path))
        nacre_manifest_fail(p, -EINVAL,
                            "route '%s %s': the method is unknown or the path out of form or reserved",
                            r->method, r->path);
    if (r->intent >= m->n_intents)
        nacre_manifest_fail(p, -EINVAL, "route %s: intent number %u, %u are declared", r->path, r->intent,
                            m->n_intents);
    if (r->request >= m->types.n_types || m->types.types[r->request].kind != NACRE_KIND_STRUCT)
        nacre_manifest_fail(p, -EINVAL, "route %s: request type %u is not a struct of the table", r->path,
                            r->request);
    if (r->time_rule > NACRE_TIME_APP || (r->time_rule == NACRE_TIME_APP) != (r->max_age_ms > 0))
        nacre_manifest_fail(p, -EINVAL, "route %s: time rule %u with a maximum age of %llu ms", r->path,
                            r->time_rule, (unsigned long long)r->max_age_ms);
    if (p->err)
        return;
    r->response = m->intents[r->intent].response;
    r->max_body = r->max_body ? r->max_body : m->config.http_body_bytes;
    r->deadline_ms = r->deadline_ms ? r->deadline_ms : (uint32_t)m->config.http_deadline_ms;
    if (r->max_body > 15u * 1024 * 1024 || r->deadline_ms > 86400000)
        nacre_manifest_fail(p, -EINVAL,
                            "route %s: body limit %llu (at most 15 MiB), deadline %u ms (at most a day)",
                            r->path, (unsigned long long)r->max_body, r->deadline_ms);
    check_params(p, r);
}

/* Do two paths match a common request? Then a request's route would depend on the order of the table. */
static bool paths_clash(const char *a, const char *b)
{
    while (*a == '/' && *b == '/') {
        size_t la = strcspn(++a, "/"), lb = strcspn(++b, "/");
        if (a[0] != '{' && b[0] != '{' && (la != lb || memcmp(a, b, la) != 0))
            return false;
        a += la;
        b += lb;
    }
    return *a == '\0' && *b == '\0';
}

static void check_routes(struct nacre_manifest_parser *p)
{
    struct nacre_manifest *m = p->m;
    for (uint32_t i = 0; i < m->n_routes && !p->err; i++) {
        check_route(p, &m->routes[i]);
        for (uint32_t k = 0; k < i && !p->err; k++)
            if (strcmp(m->routes[k].method, m->routes[i].method) == 0 &&
                paths_clash(m->routes[k].path, m->routes[i].path))
                nacre_manifest_fail(p, -EINVAL, "routes %s %s and %s match the same requests",
                                    m->routes[i].method, m->routes[k].path, m->routes[i].path);
    }
}

static bool host_ok(const char *host)
{
    size_t len = strlen(host);
    return len > 0 && len <= NACRE_HOST_MAX &&
           strspn(host, "abcdefghijklmnopqrstuvwxyz0123456789.-") == len && host[0] != '.' &&
           host[0] != '-' && host[len - 1] != '.' && !strstr(host, "..");
}

static void check_endpoints(struct nacre_manifest_parser *p)
{
    struct nacre_manifest *m = p->m;
    for (uint32_t i = 0; i < m->n_allow && !p->err; i++) {
        const struct nacre_endpoint_decl *e = &m->allow[i];
        if (!host_ok(e->host) || e->port == 0)
            nacre_manifest_fail(p, -EINVAL,
                                "allow list: '%s' port %u is not a host name in lower case and a port",
                                e->host, e->port);
        else if (nacre_manifest_allowed(m, e->host, strlen(e->host), e->port) != (int)i)
            nacre_manifest_fail(p, -EINVAL, "allow list: %s port %u stands there twice", e->host, e->port);
    }
    for (uint32_t i = 0; i < m->n_endpoints && !p->err; i++) {
        const struct nacre_endpoint_decl *e = &m->endpoints[i];
        if (nacre_manifest_allowed(m, e->host, strlen(e->host), e->port) < 0)
            nacre_manifest_fail(
                p, -EINVAL,
                "app %s needs %s port %u, which is not on the allow list (%u entries, the first: %s)", m->app,
                e->host, e->port, m->n_allow, m->n_allow ? m->allow[0].host : "none");
    }
}

static void check_secrets(struct nacre_manifest_parser *p)
{
    struct nacre_manifest *m = p->m;
    for (uint32_t i = 0; i < m->n_secrets; i++) {
        if (!m->secrets[i].name[0])
            nacre_manifest_fail(p, -EINVAL, "secret %u has no name", i);
        for (uint32_t k = 0; k < i; k++)
            if (strcmp(m->secrets[i].name, m->secrets[k].name) == 0)
                nacre_manifest_fail(p, -EINVAL, "secret '%s' is declared twice", m->secrets[i].name);
    }
}

/* Reads a byte string that holds one CBOR item by `read`. */
static void read_inner(struct nacre_manifest_parser *p, const uint8_t *data, size_t len, const char *what,
                       void (*read)(struct nacre_manifest_parser *, const cbor_item_t *))
{
    if (p->err)
        return;
    cbor_item_t *item = nacre_cbor_load(data, len);
    if (!item) {
        nacre_manifest_fail(p, -EINVAL, "manifest: %s (%zu bytes) is not one CBOR item", what, len);
        return;
    }
    read(p, item);
    cbor_decref(&item);
}

static void check_config(struct nacre_manifest_parser *p)
{
    char why[512];
    if (!p->err && nacre_config_check(&p->m->config, why, sizeof why))
        nacre_manifest_fail(p, -EINVAL, "manifest: configuration %s", why);
    if (!p->err && nacre_sealed_modes(p->m, why, sizeof why))
        nacre_manifest_fail(p, -EINVAL, "manifest: configuration %s", why);
}

static void parse_root(struct nacre_manifest_parser *p, const cbor_item_t *root)
{
    struct nacre_manifest *m = p->m;
    size_t len, config_len;
    if (nacre_cbor_count(root) != 4)
        nacre_manifest_fail(p, -EINVAL, "manifest: %zu entries, expected 4", nacre_cbor_count(root));
    uint64_t version = nacre_manifest_number(p, nacre_cbor_key(root, "v"), UINT32_MAX, "the version");
    if (version != 1)
        nacre_manifest_fail(p, -EINVAL, "manifest of version %llu, this runtime reads 1",
                            (unsigned long long)version);
    const uint8_t *digest =
        nacre_manifest_bytes(p, nacre_cbor_key(root, "digest"), &len, "the plugin's digest");
    if (digest && len == NACRE_SHA384_LEN)
        memcpy(m->plugin_digest, digest, len);
    else
        nacre_manifest_fail(p, -EINVAL, "manifest: digest of %zu bytes, expected %u", len, NACRE_SHA384_LEN);
    m->descriptor =
        nacre_manifest_bytes(p, nacre_cbor_key(root, "descriptor"), &m->descriptor_len, "the descriptor");
    const uint8_t *config =
        nacre_manifest_bytes(p, nacre_cbor_key(root, "config"), &config_len, "the configuration");
    read_inner(p, m->descriptor, m->descriptor_len, "the descriptor", nacre_manifest_read_descriptor);
    read_inner(p, config, config_len, "the configuration", nacre_manifest_read_config);
    if (p->err)
        return;
    nacre_sha384(m->config_digest, config, config_len);
    p->err = nacre_types_check(&m->types, p->why, p->why_len);
    check_app(p);
    check_intents(p);
    check_routes(p);
    check_endpoints(p);
    check_secrets(p);
    check_config(p);
}

int nacre_manifest_parse(struct nacre_manifest *out, const uint8_t *data, size_t len, char *why,
                         size_t why_len)
{
    struct nacre_manifest m = {.arena = calloc(1, sizeof(struct nacre_arena))};
    struct nacre_manifest_parser p = {m.arena, &m, why, why_len, 0};
    cbor_item_t *root = len <= NACRE_MANIFEST_MAX ? nacre_cbor_load(data, len) : NULL;
    if (!m.arena)
        nacre_manifest_fail(&p, -ENOMEM, "out of memory");
    else if (!root)
        nacre_manifest_fail(&p, -EINVAL, "manifest of %zu bytes is not one CBOR item of at most %u", len,
                            NACRE_MANIFEST_MAX);
    else
        parse_root(&p, root);
    if (root)
        cbor_decref(&root);
    if (p.err)
        nacre_manifest_free(&m);
    else
        *out = m;
    return p.err;
}

void nacre_manifest_free(struct nacre_manifest *m)
{
    if (!m)
        return;
    nacre_arena_free(m->arena);
    free(m->arena);
    memset(m, 0, sizeof *m);
}

int nacre_manifest_load_fd(struct nacre_manifest *out, int fd, char *why, size_t why_len)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return -errno;
    if (st.st_size <= 0 || st.st_size > (off_t)NACRE_MANIFEST_MAX)
        return -EFBIG;
    size_t len = (size_t)st.st_size, got = 0;
    uint8_t *data = malloc(len);
    int err = data ? 0 : -ENOMEM;
    while (!err && got < len) {
        ssize_t n = pread(fd, data + got, len - got, (off_t)got);
        if (n > 0)
            got += (size_t)n;
        else if (n == 0 || errno != EINTR)
            err = n == 0 ? -EIO : -errno;
    }
    if (!err)
        err = nacre_manifest_parse(out, data, len, why, why_len);
    free(data);
    return err;
}

void nacre_kms_host(char out[NACRE_HOST_MAX + 1], const char *region)
{
    (void)snprintf(out, NACRE_HOST_MAX + 1, "kms.%s.amazonaws.com%s", region,
                   strncmp(region, "cn-", 3) == 0 ? ".cn" : "");
}

int nacre_manifest_allowed(const struct nacre_manifest *m, const char *host, size_t host_len, uint32_t port)
{
    for (uint32_t i = 0; i < m->n_allow; i++)
        if (m->allow[i].port == port && strlen(m->allow[i].host) == host_len &&
            strncasecmp(m->allow[i].host, host, host_len) == 0)
            return (int)i;
    return -ENOENT;
}
