#include "refuse.h"

#include <string.h>

struct row {
    uint8_t address[16];
    uint8_t bits;
    const char *what;
};

/* The IANA special-purpose registries (RFC 6890 and what came after), less what is globally reachable. */
static const struct row v4_rows[] = {
    {{0}, 8, "this network"},
    {{10}, 8, "private"},
    {{100, 64}, 10, "carrier-grade NAT"},
    {{127}, 8, "loopback"},
    {{169, 254}, 16, "link-local or cloud metadata"},
    {{172, 16}, 12, "private"},
    {{192, 0, 0}, 24, "IETF protocol assignments"},
    {{192, 0, 2}, 24, "documentation"},
    {{192, 88, 99}, 24, "6to4 relay"},
    {{192, 168}, 16, "private"},
    {{198, 18}, 15, "benchmarking"},
    {{198, 51, 100}, 24, "documentation"},
    {{203, 0, 113}, 24, "documentation"},
    {{224}, 4, "multicast"},
    {{240}, 4, "reserved or broadcast"},
};

static const struct row v6_rows[] = {
    {{0x01}, 64, "discard"}, /* 100::/64 */
    {{0x20, 0x01, 0x0d, 0xb8}, 32, "documentation"},
    {{0x20, 0x01, 0x00, 0x02}, 48, "benchmarking"},
    {{0x20, 0x01, 0x00, 0x10}, 28, "ORCHID"},
    {{0x20, 0x01, 0x00, 0x20}, 28, "ORCHID"},
    {{0x3f, 0xff}, 20, "documentation"},
    {{0x5f}, 16, "segment routing"}, /* 5f00::/16 */
    {{0xfc}, 7, "unique local or cloud metadata"},
    {{0xfe, 0x80}, 10, "link-local"},
    {{0xfe, 0xc0}, 10, "site-local"},
    {{0xff}, 8, "multicast"},
};

/* IPv6 prefixes with an IPv4 address inside, and where. */
static const struct {
    uint8_t address[16];
    uint8_t bits, at;
    bool inverted;
} carriers[] = {
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96, 12, false}, /* ::ffff:0:0/96, mapped */
    {{0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0}, 96, 12, false}, /* ::ffff:0:0:0/96, translated */
    {{0x00, 0x64, 0xff, 0x9b}, 96, 12, false},                   /* 64:ff9b::/96, NAT64 */
    {{0x20, 0x02}, 16, 2, false},                                /* 2002::/16, 6to4 */
    {{0x20, 0x01, 0, 0}, 32, 12, true},                          /* 2001::/32, Teredo: the client */
    {{0x20, 0x01, 0, 0}, 32, 4, false},                          /* and the server */
};

static bool prefix_equal(const uint8_t *a, const uint8_t *b, uint8_t bits)
{
    size_t whole = bits / 8u;
    uint8_t mask = (uint8_t)(0xff00u >> (bits % 8u));
    return memcmp(a, b, whole) == 0 && (bits % 8u == 0 || ((a[whole] ^ b[whole]) & mask) == 0);
}

bool nacre_hd_range_holds(const struct nacre_hd_range *range, int family, const uint8_t *address)
{
    return range->family == family && prefix_equal(range->address, address, range->bits);
}

static const char *match(const struct row *rows, size_t n, const uint8_t *address)
{
    for (size_t i = 0; i < n; i++) {
        if (prefix_equal(rows[i].address, address, rows[i].bits))
            return rows[i].what;
    }
    return NULL;
}

static const char *v4_refused(const uint8_t *address)
{
    return match(v4_rows, sizeof v4_rows / sizeof v4_rows[0], address);
}

static const char *v6_refused(const uint8_t *address)
{
    static const uint8_t nothing[16];
    static const uint8_t local_nat64[6] = {0x00, 0x64, 0xff,
                                           0x9b, 0x00, 0x01}; /* RFC 8215: /48, the site's own */
    bool carried = false;
    for (size_t i = 0; i < sizeof carriers / sizeof carriers[0]; i++) {
        if (!prefix_equal(carriers[i].address, address, carriers[i].bits))
            continue;
        uint8_t inner[4];
        for (size_t k = 0; k < sizeof inner; k++)
            inner[k] = address[carriers[i].at + k] ^ (carriers[i].inverted ? 0xff : 0);
        const char *what = v4_refused(inner);
        if (what)
            return what;
        carried = true;
    }
    if (memcmp(address, local_nat64, sizeof local_nat64) == 0)
        return "local NAT64";
    /* ::/96: unspecified, loopback and the IPv4-compatible addresses, which nobody uses for good. */
    if (memcmp(address, nothing, 12) == 0)
        return memcmp(address, nothing, 15) == 0 ? "loopback" : "IPv4-compatible";
    const char *what = match(v6_rows, sizeof v6_rows / sizeof v6_rows[0], address);
    if (what)
        return what;
    /* 2000::/3 is all there is of global unicast, and the carriers stand outside of it. */
    return carried || (address[0] & 0xe0) == 0x20 ? NULL : "not global unicast";
}

const char *nacre_hd_refused(const struct sockaddr *address, const struct nacre_hd_range *ranges, size_t n)
{
    uint8_t bytes[16] = {0};
    if (address->sa_family == AF_INET)
        memcpy(bytes, &((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
    else if (address->sa_family == AF_INET6)
        memcpy(bytes, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, 16);
    else
        return "neither IPv4 nor IPv6";
    for (size_t i = 0; i < n; i++) {
        if (nacre_hd_range_holds(&ranges[i], address->sa_family, bytes))
            return NULL;
    }
    return address->sa_family == AF_INET ? v4_refused(bytes) : v6_refused(bytes);
}
