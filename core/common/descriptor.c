#include "descriptor.h"

#include "cbor_put.h"
#include "digest.h"
#include "types.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

/* The types met so far, children before parents: what the manifest's table must look like. */
struct encoder {
    struct nacre_writer w;
    const struct nacre_type *types[NACRE_TYPES_MAX];
    uint32_t n_types;
    char *why;
    size_t why_len;
    int err;
};

__attribute__((format(printf, 2, 3))) static void refuse(struct encoder *e, const char *format, ...)
{
    if (e->err)
        return;
    e->err = -EINVAL;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(e->why, e->why_len, format, args);
    va_end(args);
}

int nacre_descriptor_prefix(const struct nacre_plugin *plugin, char *why, size_t why_len)
{
    static const uint8_t magic[8] = NACRE_MAGIC;
    char found[17], expected[17];
    if (memcmp(plugin->magic, magic, sizeof magic) != 0) {
        nacre_hex(found, plugin->magic, 8);
        nacre_hex(expected, magic, 8);
        (void)snprintf(why, why_len, "plugin magic is %s, expected %s", found, expected);
        return -EINVAL;
    }
    if (plugin->abi_major != NACRE_ABI_MAJOR) {
        (void)snprintf(why, why_len, "plugin has ABI major %u, this runtime has %u", plugin->abi_major,
                       NACRE_ABI_MAJOR);
        return -EINVAL;
    }
    /* an older minor may be shorter one day; 1.0 is the first, so nothing may be shorter yet */
    if (plugin->struct_size < sizeof *plugin) {
        (void)snprintf(why, why_len, "plugin descriptor has %u bytes, ABI %u.%u has %zu", plugin->struct_size,
                       NACRE_ABI_MAJOR, NACRE_ABI_MINOR, sizeof *plugin);
        return -EINVAL;
    }
    return 0;
}

static void put_str(struct encoder *e, struct nacre_str s, const char *what)
{
    if (s.len > 65536 || (s.len > 0 && !s.ptr))
        refuse(e, "%s: text of %llu bytes at %p", what, (unsigned long long)s.len, (const void *)s.ptr);
    else
        nacre_put_text(&e->w, s.ptr, (size_t)s.len);
}

static uint64_t expected_size(uint32_t kind)
{
    static const uint8_t sizes[] = {0, 1, 1, 2, 4, 8, 16, 32, 16, 16, 32, 0, 16, 8, 8, 16};
    return kind < sizeof sizes ? sizes[kind] : 0;
}

static uint32_t type_index(const struct encoder *e, const struct nacre_type *t)
{
    for (uint32_t i = 0; i < e->n_types; i++)
        if (e->types[i] == t)
            return i;
    return UINT32_MAX;
}

static void check_type(struct encoder *e, const struct nacre_type *t)
{
    if (t->struct_size < sizeof *t)
        refuse(e, "a type table entry has %u bytes, ABI %u.%u has %zu", t->struct_size, NACRE_ABI_MAJOR,
               NACRE_ABI_MINOR, sizeof *t);
    else if (t->kind < NACRE_KIND_BOOL || t->kind > NACRE_KIND_JSON)
        refuse(e, "type kind %u, known are %u to %u", t->kind, NACRE_KIND_BOOL, NACRE_KIND_JSON);
    else if (t->kind == NACRE_KIND_STRUCT && t->n_fields && t->field_size != sizeof(struct nacre_field))
        refuse(e, "struct %.*s: a field entry has %u bytes, expected %zu", (int)t->name.len, t->name.ptr,
               t->field_size, sizeof(struct nacre_field));
    else if (t->kind != NACRE_KIND_STRUCT && t->c_size != expected_size(t->kind))
        refuse(e, "type %s: C size %llu, expected %llu", nacre_kind_name(t->kind),
               (unsigned long long)t->c_size, (unsigned long long)expected_size(t->kind));
    else if ((t->kind == NACRE_KIND_VECTOR || t->kind == NACRE_KIND_OPTION) && !t->elem)
        refuse(e, "a %s without an element type", nacre_kind_name(t->kind));
}

/* Children first, so that every reference points backwards. Depth bounds the recursion of a table that loops.
 */
static void collect(struct encoder *e, const struct nacre_type *t, uint32_t depth)
{
    if (e->err)
        return;
    if (!t || depth > NACRE_TYPE_DEPTH) {
        refuse(e, t ? "types are nested deeper than 16" : "a type is missing");
        return;
    }
    check_type(e, t);
    if (e->err || type_index(e, t) != UINT32_MAX)
        return;
    if (t->kind == NACRE_KIND_STRUCT) {
        for (uint32_t i = 0; i < t->n_fields && !e->err; i++) {
            const struct nacre_field *f = &t->fields[i];
            collect(e, f->type, depth + 1);
            if (!e->err && (f->offset > t->c_size || f->type->c_size > t->c_size - f->offset))
                refuse(e, "struct %.*s: field %u ends at byte %llu, the struct has %llu", (int)t->name.len,
                       t->name.ptr, i, (unsigned long long)f->offset + f->type->c_size,
                       (unsigned long long)t->c_size);
        }
    } else if (t->kind == NACRE_KIND_VECTOR || t->kind == NACRE_KIND_OPTION) {
        collect(e, t->elem, depth + 1);
    }
    if (e->err)
        return;
    if (e->n_types == NACRE_TYPES_MAX)
        refuse(e, "more than %u types", NACRE_TYPES_MAX);
    else
        e->types[e->n_types++] = t;
}

static void put_type(struct encoder *e, const struct nacre_type *t)
{
    if (t->kind == NACRE_KIND_STRUCT) {
        nacre_put_array(&e->w, 3);
        nacre_put_uint(&e->w, t->kind);
        put_str(e, t->name, "a struct's name");
        nacre_put_array(&e->w, t->n_fields);
        for (uint32_t i = 0; i < t->n_fields; i++) {
            nacre_put_array(&e->w, 3);
            put_str(e, t->fields[i].name, "a field's name");
            nacre_put_uint(&e->w, type_index(e, t->fields[i].type));
            nacre_put_uint(&e->w, t->fields[i].source);
        }
    } else if (t->kind == NACRE_KIND_VECTOR || t->kind == NACRE_KIND_OPTION) {
        nacre_put_array(&e->w, 2);
        nacre_put_uint(&e->w, t->kind);
        nacre_put_uint(&e->w, type_index(e, t->elem));
    } else {
        nacre_put_array(&e->w, 1);
        nacre_put_uint(&e->w, t->kind);
    }
}

static void put_intents(struct encoder *e, const struct nacre_plugin *p)
{
    nacre_put_z(&e->w, "intents");
    nacre_put_array(&e->w, p->n_intents);
    for (uint32_t i = 0; i < p->n_intents; i++) {
        nacre_put_array(&e->w, 3);
        nacre_put_uint(&e->w, p->intents[i].scope);
        put_str(e, p->intents[i].name, "an intent's name");
        nacre_put_uint(&e->w, type_index(e, p->intents[i].response));
    }
}

/* A route names its intent by scope; the manifest by index, which exists for declared ones only. */
static uint32_t intent_index(const struct nacre_plugin *p, uint32_t scope)
{
    for (uint32_t i = 0; i < p->n_intents; i++)
        if (p->intents[i].scope == scope)
            return i;
    return UINT32_MAX;
}

static void put_routes(struct encoder *e, const struct nacre_plugin *p)
{
    nacre_put_z(&e->w, "routes");
    nacre_put_array(&e->w, p->n_routes);
    for (uint32_t i = 0; i < p->n_routes && !e->err; i++) {
        const struct nacre_route *r = &p->routes[i];
        if (!r->handler)
            refuse(e, "route %.*s has no handler", (int)r->path.len, r->path.ptr);
        if (intent_index(p, r->intent) == UINT32_MAX)
            refuse(e, "route %.*s signs under intent %u, which is not among the %u declared",
                   (int)r->path.len, r->path.ptr, r->intent, p->n_intents);
        nacre_put_array(&e->w, 8);
        put_str(e, r->method, "a route's method");
        put_str(e, r->path, "a route's path");
        nacre_put_uint(&e->w, intent_index(p, r->intent));
        nacre_put_uint(&e->w, type_index(e, r->request));
        nacre_put_uint(&e->w, r->time_rule);
        nacre_put_uint(&e->w, r->max_age_ms);
        nacre_put_uint(&e->w, r->max_body);
        nacre_put_uint(&e->w, r->deadline_ms);
    }
}

static void put_needs(struct encoder *e, const struct nacre_plugin *p)
{
    nacre_put_z(&e->w, "endpoints");
    nacre_put_array(&e->w, p->n_endpoints);
    for (uint32_t i = 0; i < p->n_endpoints; i++) {
        nacre_put_array(&e->w, 2);
        put_str(e, p->endpoints[i].host, "an endpoint's host");
        nacre_put_uint(&e->w, p->endpoints[i].port);
    }
    nacre_put_z(&e->w, "secrets");
    nacre_put_array(&e->w, p->n_secrets);
    for (uint32_t i = 0; i < p->n_secrets; i++) {
        nacre_put_array(&e->w, 2);
        put_str(e, p->secrets[i].name, "a secret's name");
        nacre_put_uint(&e->w, p->secrets[i].required ? 1 : 0);
    }
}

static void check_table(struct encoder *e, const char *what, const void *table, uint32_t n, uint32_t max,
                        uint32_t size, size_t expected)
{
    if (n > max || (n && (!table || size != expected)))
        refuse(e, "%s: %u entries (at most %u) of %u bytes (expected %zu)", what, n, max, size, expected);
}

int64_t nacre_descriptor_encode(uint8_t *out, size_t cap, const struct nacre_plugin *p, char *why,
                                size_t why_len)
{
    struct encoder e = {.w = nacre_writer(out, cap), .why = why, .why_len = why_len};
    check_table(&e, "intents", p->intents, p->n_intents, 256, p->intent_size, sizeof *p->intents);
    check_table(&e, "routes", p->routes, p->n_routes, 64, p->route_size, sizeof *p->routes);
    check_table(&e, "endpoints", p->endpoints, p->n_endpoints, 64, p->endpoint_size, sizeof *p->endpoints);
    check_table(&e, "secrets", p->secrets, p->n_secrets, 32, p->secret_size, sizeof *p->secrets);
    for (uint32_t i = 0; i < p->n_intents && !e.err; i++)
        collect(&e, p->intents[i].response, 1);
    for (uint32_t i = 0; i < p->n_routes && !e.err; i++)
        collect(&e, p->routes[i].request, 1);
    if (e.err)
        return e.err;
    nacre_put_map(&e.w, 8);
    nacre_put_z(&e.w, "abi");
    nacre_put_array(&e.w, 3);
    nacre_put_uint(&e.w, p->abi_major);
    nacre_put_uint(&e.w, p->abi_minor);
    nacre_put_uint(&e.w, p->struct_size);
    nacre_put_z(&e.w, "name");
    put_str(&e, p->name, "the app's name");
    nacre_put_z(&e.w, "version");
    put_str(&e, p->version, "the app's version");
    nacre_put_z(&e.w, "types");
    nacre_put_array(&e.w, e.n_types);
    for (uint32_t i = 0; i < e.n_types; i++)
        put_type(&e, e.types[i]);
    put_intents(&e, p);
    put_routes(&e, p);
    put_needs(&e, p);
    if (e.err)
        return e.err;
    return e.w.failed ? -ENOSPC : (int64_t)e.w.len;
}
