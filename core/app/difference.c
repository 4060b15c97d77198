/* difference.c - what differs between two descriptors, in words an app author can use. */
#include "load.h"

#include <common/cbor_get.h>

#include <stdio.h>

#define PLACE_MAX 160u
#define VALUE_MAX 96u

/* A scalar as text; containers by their number of elements. */
static void describe(const cbor_item_t *item, char out[VALUE_MAX])
{
    const char *text;
    const uint8_t *data;
    size_t len;
    uint64_t number;
    if (!item)
        (void)snprintf(out, VALUE_MAX, "nothing");
    else if (nacre_cbor_u64(item, UINT64_MAX, &number))
        (void)snprintf(out, VALUE_MAX, "%llu", (unsigned long long)number);
    else if (nacre_cbor_text(item, &text, &len))
        (void)snprintf(out, VALUE_MAX, "\"%.*s\"", (int)(len > 64 ? 64 : len), text);
    else if (nacre_cbor_bytes(item, &data, &len))
        (void)snprintf(out, VALUE_MAX, "%zu bytes", len);
    else
        (void)snprintf(out, VALUE_MAX, "%zu entries", nacre_cbor_count(item));
}

static bool is_container(const cbor_item_t *item)
{
    return item && (cbor_isa_array(item) || cbor_isa_map(item));
}

static bool same_scalar(const cbor_item_t *a, const cbor_item_t *b)
{
    char x[VALUE_MAX], y[VALUE_MAX];
    const char *ta, *tb;
    size_t la, lb;
    if (nacre_cbor_text(a, &ta, &la) && nacre_cbor_text(b, &tb, &lb)) /* describe() cuts */
        return la == lb && memcmp(ta, tb, la) == 0;
    describe(a, x);
    describe(b, y);
    return strcmp(x, y) == 0;
}

static bool find(const char *place, const cbor_item_t *a, const cbor_item_t *b, char *why, uint32_t depth);

/* Element i of an array with its place, or the value of pair i of a map; NULL past the end. */
static const cbor_item_t *element(const cbor_item_t *item, size_t i)
{
    if (!cbor_isa_map(item))
        return nacre_cbor_at(item, i);
    return i < cbor_map_size(item) ? cbor_map_handle(item)[i].value : NULL;
}

/* What column i of a table's row is called; NULL where rows have no names for them. */
static const char *column(const char *place, size_t i)
{
    static const struct {
        const char *table;
        const char *columns[8];
    } tables[] = {
        {"intents[", {"scope", "name", "response"}},
        {"routes[",
         {"method", "path", "intent", "request", "time_rule", "max_age_ms", "max_body", "deadline_ms"}},
        {"endpoints[", {"host", "port"}},
        {"secrets[", {"name", "required"}},
    };
    for (size_t k = 0; k < sizeof tables / sizeof tables[0] && i < 8; k++)
        if (strncmp(place, tables[k].table, strlen(tables[k].table)) == 0)
            return tables[k].columns[i];
    return NULL;
}

static void element_place(char out[PLACE_MAX], const char *place, const cbor_item_t *item, size_t i)
{
    const char *key = NULL;
    size_t len = 0;
    if (cbor_isa_map(item) && i < cbor_map_size(item)) {
        (void)nacre_cbor_text(cbor_map_handle(item)[i].key, &key, &len);
    } else {
        key = column(place, i);
        len = key ? strlen(key) : 0;
    }
    if (key)
        (void)snprintf(out, PLACE_MAX, "%s%s%.*s", place, place[0] ? "." : "", (int)(len > 64 ? 64 : len),
                       key);
    else
        (void)snprintf(out, PLACE_MAX, "%s[%zu]", place, i);
}

static bool find_inside(const char *place, const cbor_item_t *a, const cbor_item_t *b, char *why,
                        uint32_t depth)
{
    size_t na = nacre_cbor_count(a), nb = nacre_cbor_count(b);
    for (size_t i = 0; i < (na < nb ? na : nb); i++) {
        char inner[PLACE_MAX];
        element_place(inner, place, a, i);
        if (find(inner, element(a, i), element(b, i), why, depth + 1))
            return true;
    }
    if (na == nb)
        return false;
    (void)snprintf(why, NACRE_LOAD_WHY, "%s: the plugin has %zu entries, the manifest %zu",
                   place[0] ? place : "descriptor", na, nb);
    return true;
}

/* Recursion ends where descriptors do, at most six levels down. */
static bool find(const char *place, const cbor_item_t *a, const cbor_item_t *b, char *why, uint32_t depth)
{
    char x[VALUE_MAX], y[VALUE_MAX];
    if (depth < 8 && is_container(a) && is_container(b) && cbor_isa_map(a) == cbor_isa_map(b))
        return find_inside(place, a, b, why, depth);
    if (!is_container(a) && !is_container(b) && same_scalar(a, b))
        return false;
    describe(a, x);
    describe(b, y);
    (void)snprintf(why, NACRE_LOAD_WHY, "%s: the plugin has %s, the manifest %s",
                   place[0] ? place : "descriptor", x, y);
    return true;
}

void nacre_descriptor_difference(const uint8_t *plugin, size_t plugin_len, const uint8_t *manifest,
                                 size_t manifest_len, char why[NACRE_LOAD_WHY])
{
    cbor_item_t *a = nacre_cbor_load(plugin, plugin_len), *b = nacre_cbor_load(manifest, manifest_len);
    if (!a || !b || !find("", a, b, why, 0))
        (void)snprintf(why, NACRE_LOAD_WHY,
                       "the plugin's descriptor (%zu bytes) and the manifest's (%zu bytes) differ",
                       plugin_len, manifest_len);
    if (a)
        cbor_decref(&a);
    if (b)
        cbor_decref(&b);
}
