#include "sample.h"

#include "common/descriptor.h"

#include <stdio.h>
#include <stdlib.h>

/* Not Check's: fuzz targets use the sample too, and are no tests. */
static void must(int holds, const char *why)
{
    if (holds)
        return;
    (void)fprintf(stderr, "the sample is out of form: %s\n", why);
    abort();
}

/* cppcheck-suppress syntaxError ; it cannot expand what declares records */
NACRE_RECORD(Weather, (string, location), (u64, temperature));
NACRE_RECORD(Point, (u16, x), (bool, set));
NACRE_LIST(Numbers, u64);
NACRE_LIST(Points, Point);
NACRE_LIST(Octets, u8);
NACRE_LIST(Texts, string);
NACRE_LIST(Lists, Numbers);
NACRE_MAYBE(MaybeText, string);
NACRE_MAYBE(MaybePoint, Point);
NACRE_LIST(MaybePoints, MaybePoint);
NACRE_RECORD(Everything, (bool, yes), (u8, a), (u16, b), (u32, c), (u64, d), (u128, e), (u256, f),
             (string, text), (bytes, data), (address, owner), (Point, point), (Numbers, numbers),
             (Points, points), (Octets, octets), (Texts, texts), (Lists, lists), (MaybeText, maybe),
             (MaybePoint, spot), (MaybePoints, spots));

NACRE_RECORD(Payload, (string, location), (f64, ratio), (json, extra));
NACRE_RECORD(Ask, (Payload, payload));
NACRE_RECORD(Agent, (string, network, path), (string, prompt), (address, creator), (MaybeText, key),
             (Everything, all));
NACRE_RECORD(Item, (u64, id, path), (string, name, path));
NACRE_RECORD(Page, (u64, id, path), (u64, limit));
NACRE_RECORD(Removal, (u64, id, path), (string, name, path), (MaybeText, reason));

static int32_t never_called(const struct nacre_call *call, const void *request, void *response)
{
    (void)request;
    (void)response;
    return nacre_fail(call, 500, "not loaded by these tests");
}

#define ROUTE(METHOD, PATH, INTENT, BODY, DEADLINE, REQUEST)                                                 \
    {                                                                                                        \
        NACRE_S(METHOD), NACRE_S(PATH), (INTENT), NACRE_TIME_CORE, 0, (BODY), (DEADLINE), 0,                 \
            &nacre_type_##REQUEST, never_called                                                              \
    }

static const struct nacre_intent intents[] = {{0, 0, NACRE_S("ProcessData"), &nacre_type_Weather},
                                              {7, 0, NACRE_S("Everything"), &nacre_type_Everything}};

static const struct nacre_route routes[] = {
    [ROUTE_PROCESS] = ROUTE("POST", "/process_data", 0, 0, 0, Ask),
    [ROUTE_REGISTER] = ROUTE("POST", "/{network}/register-agent", 7, 0, 0, Agent),
    [ROUTE_ITEM] = ROUTE("GET", "/item/{id}/{name}", 0, 0, 0, Item),
    [ROUTE_REPLACE] = ROUTE("PUT", "/process_data", 7, 0, 0, Ask),
    [ROUTE_DELETE] = ROUTE("DELETE", "/item/{id}/{name}", 0, 0, 0, Removal),
    [ROUTE_SMALL] = ROUTE("POST", "/small", 0, 64, 300, Ask),
    [ROUTE_LIST] = ROUTE("POST", "/item/{id}/list", 0, 0, 0, Page),
};

static const struct nacre_endpoint endpoints[] = {{NACRE_S("api.example.com"), 443, 0}};

static const struct nacre_plugin plugin = {NACRE_PREFIX,
                                           NACRE_S("sample"),
                                           NACRE_S("2.3.4"),
                                           NACRE_TABLE(intents),
                                           NACRE_TABLE(routes),
                                           NACRE_TABLE(endpoints),
                                           NACRE_NONE,
                                           NULL,
                                           NULL};

static const struct nacre_endpoint_decl allow[] = {{.host = "api.example.com", .port = 443},
                                                   {.host = "api.example.com", .port = 8443},
                                                   {.host = "other.example.org", .port = 443}};

uint8_t *sample_bytes(size_t *len, const struct nacre_config *config)
{
    enum { CAP = 65536 };
    static const uint8_t digest[NACRE_SHA384_LEN] = {9, 8, 7};
    char why[512] = "";
    struct nacre_config defaults;
    uint8_t *descriptor = malloc(CAP), *encoded = malloc(CAP), *out = malloc(2 * CAP);
    must(descriptor && encoded && out, "no memory");
    nacre_config_defaults(&defaults);
    int64_t d = nacre_descriptor_encode(descriptor, CAP, &plugin, why, sizeof why);
    must(d > 0, why);
    int64_t c = nacre_manifest_encode_config(encoded, CAP, config ? config : &defaults, allow, 3, NULL, 0);
    must(c > 0, "configuration");
    int64_t n = nacre_manifest_encode(out, 2u * CAP, digest, descriptor, (size_t)d, encoded, (size_t)c);
    must(n > 0, "manifest");
    free(descriptor);
    free(encoded);
    *len = (size_t)n;
    return out;
}

void sample_load(struct nacre_manifest *manifest, const struct nacre_config *config)
{
    char why[512] = "";
    size_t len;
    uint8_t *bytes = sample_bytes(&len, config);
    int err = nacre_manifest_parse(manifest, bytes, len, why, sizeof why);
    must(err == 0, why);
    free(bytes);
}

uint32_t sample_response(const struct nacre_manifest *manifest, uint32_t route)
{
    return manifest->routes[route].response;
}
