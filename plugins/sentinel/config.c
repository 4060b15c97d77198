#include "config.h"

#include "move_type.h"

#define SUI_TIMEOUT_MIN   100u
#define SUI_TIMEOUT_MAX   60000u
#define VERDICT_BYTES_MIN (UINT64_C(1) << 20)
#define VERDICT_BYTES_MAX (UINT64_C(1) << 32)

static int32_t wrong(const struct nacre_call *call, const char *key, struct nacre_str value,
                     const char *expected)
{
    return nacre_fail(call, 500, "plugin.%s is '%.*s', expected %s", key,
                      (int)(value.len > 100 ? 100 : value.len), value.ptr, expected);
}

static int32_t read_url(const struct nacre_call *call, const char *key, char out[SENTINEL_URL_MAX + 1])
{
    struct nacre_str v;
    int32_t err = nacre_config(call, key, &v);
    if (err)
        return err;
    while (v.len && v.ptr[v.len - 1] == '/')
        v.len--;
    if (v.len > SENTINEL_URL_MAX || v.len < 9 || memcmp(v.ptr, "https://", 8) != 0 ||
        memchr(v.ptr, '?', v.len))
        return wrong(call, key, v, "https://HOST[:PORT][/PATH], 256 bytes at most");
    memcpy(out, v.ptr, (size_t)v.len);
    out[v.len] = '\0';
    return 0;
}

static int32_t read_bool(const struct nacre_call *call, const char *key, bool *out)
{
    struct nacre_str v;
    int32_t err = nacre_config(call, key, &v);
    if (err)
        return err;
    if (!nacre_str_is(v, "true") && !nacre_str_is(v, "false"))
        return wrong(call, key, v, "true or false");
    *out = nacre_str_is(v, "true");
    return 0;
}

static int32_t read_number(const struct nacre_call *call, const char *key, uint64_t min, uint64_t max,
                           uint64_t *out)
{
    struct nacre_str v;
    uint64_t n = 0;
    int32_t err = nacre_config(call, key, &v);
    if (err)
        return err;
    bool ok = v.len > 0 && v.len <= 12;
    for (uint64_t i = 0; ok && i < v.len; i++) {
        ok = v.ptr[i] >= '0' && v.ptr[i] <= '9';
        n = n * 10 + (uint64_t)(v.ptr[i] - '0');
    }
    if (!ok || n < min || n > max)
        return nacre_fail(call, 500, "plugin.%s is '%.*s', expected a number from %llu to %llu", key,
                          (int)(v.len > 100 ? 100 : v.len), v.ptr, (unsigned long long)min,
                          (unsigned long long)max);
    *out = n;
    return 0;
}

static int32_t read_access(const struct nacre_call *call, const char *key, enum sentinel_access *out)
{
    static const char *const names[] = {"grpc", "graphql", "jsonrpc"};
    struct nacre_str v;
    int32_t err = nacre_config(call, key, &v);
    if (err)
        return err;
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (nacre_str_is(v, names[i])) {
            *out = (enum sentinel_access)i;
            return 0;
        }
    }
    return wrong(call, key, v, "grpc, graphql or jsonrpc");
}

/* An empty package turns the network off: nothing else of it is looked at. */
static int32_t read_network(const struct nacre_call *call, struct sentinel_network *n)
{
    char key[64];
    struct nacre_str v;
    int32_t err;
    (void)snprintf(key, sizeof key, "%s.package", n->name);
    if ((err = nacre_config(call, key, &v)) || v.len == 0)
        return err;
    if (sentinel_address_parse(n->package, v))
        return wrong(call, key, v, "\"0x\" and up to 64 hex digits, or empty for a network that is off");
    n->enabled = true;
    (void)snprintf(key, sizeof key, "%s.access", n->name);
    if ((err = read_access(call, key, &n->access)))
        return err;
    (void)snprintf(key, sizeof key, "%s.url", n->name);
    return read_url(call, key, n->url);
}

int32_t sentinel_config_read(const struct nacre_call *call, struct sentinel_config *out)
{
    struct sentinel_config c;
    uint64_t timeout = 0;
    int32_t err;
    memset(&c, 0, sizeof c);
    c.networks[0].name = "mainnet";
    c.networks[1].name = "testnet";
    c.networks[1].index = 1;
    if ((err = read_url(call, "ai_url", c.ai_url)) ||
        (err = read_bool(call, "require_attacker_signature", &c.require_attacker_signature)) ||
        (err = read_number(call, "sui_timeout_ms", SUI_TIMEOUT_MIN, SUI_TIMEOUT_MAX, &timeout)) ||
        (err = read_number(call, "verdict_bytes", VERDICT_BYTES_MIN, VERDICT_BYTES_MAX, &c.verdict_bytes)) ||
        (err = read_network(call, &c.networks[0])) || (err = read_network(call, &c.networks[1])))
        return err;
    if (!c.networks[0].enabled && !c.networks[1].enabled)
        return nacre_fail(call, 500, "neither plugin.mainnet.package nor plugin.testnet.package is set");
    c.sui_timeout_ms = (uint32_t)timeout;
    *out = c;
    return 0;
}

int32_t sentinel_config_network(const struct nacre_call *call, const struct sentinel_config *config,
                                struct nacre_str name, const struct sentinel_network **out)
{
    for (unsigned i = 0; i < SENTINEL_NETWORKS; i++) {
        const struct sentinel_network *n = &config->networks[i];
        if (!nacre_str_is(name, n->name))
            continue;
        if (!n->enabled)
            return nacre_fail(call, 404, "network: %s is not served by this enclave", n->name);
        *out = n;
        return 0;
    }
    return nacre_fail(call, 404, "network: expected mainnet or testnet");
}
