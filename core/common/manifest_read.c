/* manifest_read.c - the entries of the manifest, one by one: form only. What they must mean is manifest.c's.
 */
#include "manifest_parser.h"

#include "bcs.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

void nacre_manifest_fail(struct nacre_manifest_parser *p, int err, const char *format, ...)
{
    if (p->err)
        return;
    p->err = err;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(p->why, p->why_len, format, args);
    va_end(args);
}

uint64_t nacre_manifest_number(struct nacre_manifest_parser *p, const cbor_item_t *item, uint64_t max,
                               const char *what)
{
    uint64_t v = 0;
    if (!p->err && !nacre_cbor_u64(item, max, &v))
        nacre_manifest_fail(p, -EINVAL, "manifest: %s is not a number up to %llu", what,
                            (unsigned long long)max);
    return v;
}

const char *nacre_manifest_text(struct nacre_manifest_parser *p, const cbor_item_t *item, size_t max_len,
                                const char *what)
{
    const char *text = "";
    size_t len = 0;
    if (p->err)
        return "";
    if (!nacre_cbor_text(item, &text, &len) || len > max_len || (len && memchr(text, 0, len)) ||
        !nacre_utf8_valid((const uint8_t *)text, len)) {
        nacre_manifest_fail(p, -EINVAL, "manifest: %s is not UTF-8 text of at most %zu bytes", what, max_len);
        return "";
    }
    char *copy = nacre_arena_alloc(p->arena, 1, len + 1);
    if (!copy) {
        nacre_manifest_fail(p, -ENOMEM, "out of memory");
        return "";
    }
    if (len)
        memcpy(copy, text, len);
    return copy;
}

const uint8_t *nacre_manifest_bytes(struct nacre_manifest_parser *p, const cbor_item_t *item, size_t *len,
                                    const char *what)
{
    const uint8_t *data = NULL;
    *len = 0;
    if (p->err)
        return NULL;
    if (!nacre_cbor_bytes(item, &data, len)) {
        nacre_manifest_fail(p, -EINVAL, "manifest: %s is not a byte string", what);
        return NULL;
    }
    uint8_t *copy = nacre_arena_alloc(p->arena, 1, *len + 1);
    if (!copy) {
        nacre_manifest_fail(p, -ENOMEM, "out of memory");
        return NULL;
    }
    if (*len)
        memcpy(copy, data, *len);
    return copy;
}

void *nacre_manifest_table(struct nacre_manifest_parser *p, const cbor_item_t *item, uint32_t max,
                           size_t size, uint32_t *n, const char *what)
{
    *n = 0;
    if (p->err)
        return NULL;
    if (!item || !cbor_isa_array(item) || cbor_array_size(item) > max) {
        nacre_manifest_fail(p, -EINVAL, "manifest: %s is not an array of at most %u, it has %zu", what, max,
                            nacre_cbor_count(item));
        return NULL;
    }
    size_t count = cbor_array_size(item);
    void *table = nacre_arena_alloc(p->arena, count + 1, size);
    if (!table) {
        nacre_manifest_fail(p, -ENOMEM, "out of memory");
        return NULL;
    }
    *n = (uint32_t)count;
    return table;
}

static uint32_t number32(struct nacre_manifest_parser *p, const cbor_item_t *item, const char *what)
{
    return (uint32_t)nacre_manifest_number(p, item, UINT32_MAX, what);
}

static void read_struct(struct nacre_manifest_parser *p, const cbor_item_t *item, struct nacre_type_decl *t)
{
    struct nacre_types *types = &p->m->types;
    const cbor_item_t *list = nacre_cbor_at(item, 2);
    size_t n = nacre_cbor_count(list);
    t->name = nacre_manifest_text(p, nacre_cbor_at(item, 1), 64, "a struct's name");
    if (n > NACRE_FIELDS_MAX - types->n_fields) {
        nacre_manifest_fail(p, -EINVAL, "manifest: more than %u fields", NACRE_FIELDS_MAX);
        return;
    }
    t->first_field = types->n_fields;
    t->n_fields = (uint32_t)n;
    for (size_t i = 0; i < n && !p->err; i++) {
        const cbor_item_t *f = nacre_cbor_at(list, i);
        types->fields[types->n_fields++] = (struct nacre_field_decl){
            nacre_manifest_text(p, nacre_cbor_at(f, 0), 64, "a field's name"),
            number32(p, nacre_cbor_at(f, 1), "a field's type"),
            number32(p, nacre_cbor_at(f, 2), "a field's source"),
        };
    }
}

static void read_types(struct nacre_manifest_parser *p, const cbor_item_t *list)
{
    struct nacre_types *types = &p->m->types;
    types->types =
        nacre_manifest_table(p, list, NACRE_TYPES_MAX, sizeof *types->types, &types->n_types, "types");
    types->fields = p->err ? NULL : nacre_arena_alloc(p->arena, NACRE_FIELDS_MAX, sizeof *types->fields);
    if (!types->fields)
        nacre_manifest_fail(p, -ENOMEM, "out of memory");
    for (uint32_t i = 0; i < types->n_types && !p->err; i++) {
        const cbor_item_t *item = nacre_cbor_at(list, i);
        struct nacre_type_decl *t = &types->types[i];
        t->kind = number32(p, nacre_cbor_at(item, 0), "a type's kind");
        if (t->kind == NACRE_KIND_STRUCT)
            read_struct(p, item, t);
        else if (t->kind == NACRE_KIND_VECTOR || t->kind == NACRE_KIND_OPTION)
            t->elem = number32(p, nacre_cbor_at(item, 1), "an element type");
    }
}

static void read_intents(struct nacre_manifest_parser *p, const cbor_item_t *list)
{
    struct nacre_manifest *m = p->m;
    m->intents = nacre_manifest_table(p, list, 256, sizeof *m->intents, &m->n_intents, "intents");
    for (uint32_t i = 0; i < m->n_intents && !p->err; i++) {
        const cbor_item_t *item = nacre_cbor_at(list, i);
        m->intents[i].scope =
            (uint8_t)nacre_manifest_number(p, nacre_cbor_at(item, 0), 255, "an intent's scope");
        m->intents[i].name = nacre_manifest_text(p, nacre_cbor_at(item, 1), 64, "an intent's name");
        m->intents[i].response = number32(p, nacre_cbor_at(item, 2), "an intent's response type");
    }
}

static void read_routes(struct nacre_manifest_parser *p, const cbor_item_t *list)
{
    struct nacre_manifest *m = p->m;
    m->routes = nacre_manifest_table(p, list, NACRE_ROUTES_MAX, sizeof *m->routes, &m->n_routes, "routes");
    for (uint32_t i = 0; i < m->n_routes && !p->err; i++) {
        const cbor_item_t *item = nacre_cbor_at(list, i);
        struct nacre_route_decl *r = &m->routes[i];
        r->method = nacre_manifest_text(p, nacre_cbor_at(item, 0), 8, "a route's method");
        r->path = nacre_manifest_text(p, nacre_cbor_at(item, 1), 256, "a route's path");
        r->intent = number32(p, nacre_cbor_at(item, 2), "a route's intent");
        r->request = number32(p, nacre_cbor_at(item, 3), "a route's request type");
        r->time_rule = number32(p, nacre_cbor_at(item, 4), "a route's time rule");
        r->max_age_ms = nacre_manifest_number(p, nacre_cbor_at(item, 5), INT64_MAX, "a route's maximum age");
        r->max_body = nacre_manifest_number(p, nacre_cbor_at(item, 6), INT64_MAX, "a route's body limit");
        r->deadline_ms = number32(p, nacre_cbor_at(item, 7), "a route's deadline");
    }
}

static void read_needs(struct nacre_manifest_parser *p, const cbor_item_t *endpoints,
                       const cbor_item_t *secrets)
{
    struct nacre_manifest *m = p->m;
    m->endpoints = nacre_manifest_table(p, endpoints, NACRE_ENDPOINTS_MAX, sizeof *m->endpoints,
                                        &m->n_endpoints, "endpoints");
    for (uint32_t i = 0; i < m->n_endpoints && !p->err; i++) {
        const cbor_item_t *item = nacre_cbor_at(endpoints, i);
        m->endpoints[i].host =
            nacre_manifest_text(p, nacre_cbor_at(item, 0), NACRE_HOST_MAX, "an endpoint's host");
        m->endpoints[i].port = (uint32_t)nacre_manifest_number(p, nacre_cbor_at(item, 1), 65535, "a port");
        m->endpoints[i].connect = "";
    }
    m->secrets =
        nacre_manifest_table(p, secrets, NACRE_SECRETS_MAX, sizeof *m->secrets, &m->n_secrets, "secrets");
    for (uint32_t i = 0; i < m->n_secrets && !p->err; i++) {
        const cbor_item_t *item = nacre_cbor_at(secrets, i);
        m->secrets[i].name = nacre_manifest_text(p, nacre_cbor_at(item, 0), 128, "a secret's name");
        m->secrets[i].required = (uint32_t)nacre_manifest_number(p, nacre_cbor_at(item, 1), 1, "required");
    }
}

void nacre_manifest_read_descriptor(struct nacre_manifest_parser *p, const cbor_item_t *root)
{
    struct nacre_manifest *m = p->m;
    if (nacre_cbor_count(root) != 8)
        nacre_manifest_fail(p, -EINVAL, "manifest: descriptor of %zu entries, expected 8",
                            nacre_cbor_count(root));
    const cbor_item_t *abi = nacre_cbor_key(root, "abi");
    m->abi_major = number32(p, nacre_cbor_at(abi, 0), "ABI major");
    m->abi_minor = number32(p, nacre_cbor_at(abi, 1), "ABI minor");
    m->abi_size = number32(p, nacre_cbor_at(abi, 2), "descriptor size");
    m->app = nacre_manifest_text(p, nacre_cbor_key(root, "name"), 32, "the app's name");
    m->version = nacre_manifest_text(p, nacre_cbor_key(root, "version"), 64, "the app's version");
    read_types(p, nacre_cbor_key(root, "types"));
    read_intents(p, nacre_cbor_key(root, "intents"));
    read_routes(p, nacre_cbor_key(root, "routes"));
    read_needs(p, nacre_cbor_key(root, "endpoints"), nacre_cbor_key(root, "secrets"));
}

static void read_endpoint(struct nacre_manifest_parser *p, const cbor_item_t *item,
                          struct nacre_endpoint_decl *e)
{
    const cbor_item_t *pins = nacre_cbor_at(item, 3);
    e->host = nacre_manifest_text(p, nacre_cbor_at(item, 0), NACRE_HOST_MAX, "an allowed host");
    e->port = (uint32_t)nacre_manifest_number(p, nacre_cbor_at(item, 1), 65535, "an allowed port");
    e->connect = nacre_manifest_text(p, nacre_cbor_at(item, 2), 128, "a connect address");
    if (nacre_cbor_count(pins) > NACRE_PINS_MAX)
        nacre_manifest_fail(p, -EINVAL, "manifest: %s has %zu pins, at most %u", e->host,
                            nacre_cbor_count(pins), NACRE_PINS_MAX);
    for (size_t k = 0; k < nacre_cbor_count(pins) && !p->err; k++) {
        size_t len;
        const uint8_t *pin = nacre_manifest_bytes(p, nacre_cbor_at(pins, k), &len, "a pin");
        if (!pin || len != 32) {
            nacre_manifest_fail(p, -EINVAL, "manifest: %s: pin of %zu bytes, expected 32", e->host, len);
            return;
        }
        memcpy(e->pins[e->n_pins++], pin, 32);
    }
}

static void read_allow(struct nacre_manifest_parser *p, const cbor_item_t *list)
{
    struct nacre_manifest *m = p->m;
    m->allow = nacre_manifest_table(p, list, NACRE_ENDPOINTS_MAX, sizeof *m->allow, &m->n_allow, "allow");
    for (uint32_t i = 0; i < m->n_allow && !p->err; i++)
        read_endpoint(p, nacre_cbor_at(list, i), &m->allow[i]);
}

static void read_runtime(struct nacre_manifest_parser *p, const cbor_item_t *map)
{
    if (nacre_cbor_count(map) != nacre_config_n_keys)
        nacre_manifest_fail(p, -EINVAL, "manifest: %zu configuration keys, this runtime has %zu",
                            nacre_cbor_count(map), nacre_config_n_keys);
    nacre_config_defaults(&p->m->config);
    for (size_t i = 0; i < nacre_config_n_keys && !p->err; i++) {
        const struct nacre_config_key *k = &nacre_config_keys[i];
        char name[64], why[256] = "missing or of the wrong type";
        uint64_t number;
        const char *text;
        size_t len;
        int err = -EINVAL;
        (void)snprintf(name, sizeof name, "%s.%s", k->section, k->key);
        const cbor_item_t *item = nacre_cbor_key(map, name);
        if (k->kind == NACRE_CONFIG_NUMBER && nacre_cbor_u64(item, UINT64_MAX, &number))
            err = nacre_config_set_number(&p->m->config, k, number, why, sizeof why);
        else if (k->kind == NACRE_CONFIG_STRING && nacre_cbor_text(item, &text, &len))
            err = nacre_config_set_string(&p->m->config, k, text, len, why, sizeof why);
        if (err)
            nacre_manifest_fail(p, -EINVAL, "manifest: configuration %s: %s", name, why);
    }
}

/* The host follows from the region: whoever reads the configuration knows where the secrets come from. */
static void read_kms(struct nacre_manifest_parser *p, const cbor_item_t *item)
{
    struct nacre_kms_decl *k = &p->m->kms;
    char host[NACRE_HOST_MAX + 1];
    if (!nacre_config_kms(&p->m->config)) {
        if (item)
            nacre_manifest_fail(p, -EINVAL, "manifest: an entry kms, and secrets.kms.region is none");
        return;
    }
    if (!item && strcmp(p->m->config.secrets_kms_ciphertext, "none") == 0)
        return; /* which nacre_config_check() has better words for */
    read_endpoint(p, nacre_cbor_at(item, 0), &k->endpoint);
    nacre_kms_host(host, p->m->config.secrets_kms_region);
    if (!p->err && (strcmp(k->endpoint.host, host) != 0 || k->endpoint.port != 443))
        nacre_manifest_fail(p, -EINVAL, "manifest: KMS at %s:%u, the region's is %s:443", k->endpoint.host,
                            k->endpoint.port, host);
    k->ciphertext = nacre_manifest_bytes(p, nacre_cbor_at(item, 1), &k->ciphertext_len, "the ciphertext");
    if (p->m->n_allow == NACRE_ENDPOINTS_MAX)
        nacre_manifest_fail(p, -EINVAL, "manifest: %u allowed hosts leave no port for KMS", p->m->n_allow);
    if (!p->err && (k->ciphertext_len == 0 || k->ciphertext_len > NACRE_KMS_CIPHERTEXT))
        nacre_manifest_fail(p, -EINVAL, "manifest: a ciphertext of %zu bytes, expected 1 to %u",
                            k->ciphertext_len, NACRE_KMS_CIPHERTEXT);
}

void nacre_manifest_read_config(struct nacre_manifest_parser *p, const cbor_item_t *root)
{
    struct nacre_manifest *m = p->m;
    const cbor_item_t *kms = nacre_cbor_key(root, "kms");
    if (nacre_cbor_count(root) != (kms ? 4 : 3))
        nacre_manifest_fail(p, -EINVAL, "manifest: config of %zu entries, expected %d",
                            nacre_cbor_count(root), kms ? 4 : 3);
    read_runtime(p, nacre_cbor_key(root, "runtime"));
    read_allow(p, nacre_cbor_key(root, "allow"));
    read_kms(p, kms);
    const cbor_item_t *list = nacre_cbor_key(root, "plugin");
    m->plugin_config =
        nacre_manifest_table(p, list, 1024, sizeof *m->plugin_config, &m->n_plugin_config, "plugin");
    for (uint32_t i = 0; i < m->n_plugin_config && !p->err; i++) {
        const cbor_item_t *item = nacre_cbor_at(list, i);
        m->plugin_config[i].name =
            nacre_manifest_text(p, nacre_cbor_at(item, 0), 256, "a plugin setting's name");
        m->plugin_config[i].value = nacre_manifest_text(p, nacre_cbor_at(item, 1), 65536, "a plugin setting");
    }
}
