#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AT(MEMBER) offsetof(struct nacre_hd_config, MEMBER)
#define NUMBER(SECTION, KEY, MEMBER, MIN, MAX, DEFAULT)                                                      \
    {                                                                                                        \
        SECTION, KEY, false, AT(MEMBER), (MIN), (MAX), (DEFAULT), NULL, NULL                                 \
    }
#define STRING(SECTION, KEY, MEMBER, DEFAULT, CHOICES)                                                       \
    {                                                                                                        \
        SECTION, KEY, true, AT(MEMBER), 0, 0, 0, DEFAULT, CHOICES                                            \
    }

const struct nacre_hd_key nacre_hd_keys[] = {
    STRING("", "enclaves_file", enclaves_file, "none", NULL),
    STRING("", "pid_file", pid_file, "none", NULL),
    STRING("egress", "allow", egress_allow, "none", NULL),
    NUMBER("egress", "first_port", egress_first_port, 1, UINT32_MAX - 1024u, 8101),
    NUMBER("egress", "connections", egress_connections, 1, 100000, 512),
    NUMBER("egress", "connect_ms", egress_connect_ms, 10, 60000, 5000),
    NUMBER("egress", "resolvers", egress_resolvers, 1, 32, 4),
    STRING("health", "listen", health_listen, "tcp:0.0.0.0:8080", NULL),
    STRING("health", "path", health_path, "/health_check", NULL),
    NUMBER("health", "port", health_port, 1, UINT32_MAX - 1u, 3000),
    STRING("health", "scheme", health_scheme, "http", "http|https"),
    NUMBER("health", "interval_ms", health_interval_ms, 50, 3600000, 2000),
    NUMBER("health", "timeout_ms", health_timeout_ms, 10, 60000, 2000),
    NUMBER("health", "fall", health_fall, 1, 100, 2),
    NUMBER("health", "rise", health_rise, 1, 100, 1),
    STRING("nitro", "describe", nitro_describe, "nitro-cli describe-enclaves", NULL),
    STRING("nitro", "console", nitro_console, "nitro-cli console --enclave-id {id}", NULL),
    NUMBER("nitro", "interval_s", nitro_interval_s, 1, 3600, 10),
    NUMBER("nitro", "timeout_s", nitro_timeout_s, 1, 300, 10),
    NUMBER("limits", "connections", limits_connections, 1, 1000000, 10000),
    NUMBER("limits", "connections_per_client", limits_connections_per_client, 0, 1000000, 256),
    NUMBER("limits", "rate_per_client", limits_rate_per_client, 0, 1000000, 200),
    NUMBER("limits", "burst_per_client", limits_burst_per_client, 1, 1000000, 400),
    NUMBER("limits", "first_byte_s", limits_first_byte_s, 1, 3600, 10),
    NUMBER("limits", "connect_ms", limits_connect_ms, 10, 60000, 5000),
    NUMBER("limits", "answer_s", limits_answer_s, 1, 604800, 900),
    NUMBER("limits", "idle_s", limits_idle_s, 1, 86400, 60),
    NUMBER("limits", "half_closed_s", limits_half_closed_s, 1, 86400, 30),
    NUMBER("limits", "drain_s", limits_drain_s, 0, 86400, 30),
    STRING("log", "format", log_format, "kv", "kv|json"),
    STRING("log", "level", log_level, "info", "debug|info|warn|error"),
};
const size_t nacre_hd_n_keys = sizeof nacre_hd_keys / sizeof nacre_hd_keys[0];

void nacre_hd_config_defaults(struct nacre_hd_config *config)
{
    memset(config, 0, sizeof *config);
    for (size_t i = 0; i < nacre_hd_n_keys; i++) {
        const struct nacre_hd_key *k = &nacre_hd_keys[i];
        char *at = (char *)config + k->offset;
        if (k->text)
            (void)snprintf(at, NACRE_HD_TEXT, "%s", k->text_default);
        else
            memcpy(at, &k->number_default, sizeof k->number_default);
    }
}

const struct nacre_hd_key *nacre_hd_key_find(const char *section, const char *key)
{
    for (size_t i = 0; i < nacre_hd_n_keys; i++) {
        if (strcmp(nacre_hd_keys[i].section, section) == 0 && strcmp(nacre_hd_keys[i].key, key) == 0)
            return &nacre_hd_keys[i];
    }
    return NULL;
}

bool nacre_hd_section_known(const char *section)
{
    for (size_t i = 0; i < nacre_hd_n_keys; i++) {
        if (section[0] && strcmp(nacre_hd_keys[i].section, section) == 0)
            return true;
    }
    return false;
}

int nacre_hd_set_number(struct nacre_hd_config *config, const struct nacre_hd_key *key, uint64_t value,
                        char *why, size_t why_len)
{
    const char *dot = key->section[0] ? "." : "";
    if (key->text || value < key->min || value > key->max) {
        (void)snprintf(why, why_len, "%s%s%s: %ju is outside %ju to %ju", key->section, dot, key->key,
                       (uintmax_t)value, (uintmax_t)key->min, (uintmax_t)key->max);
        return -EINVAL;
    }
    memcpy((char *)config + key->offset, &value, sizeof value);
    return 0;
}

/* Is value one of "a|b"? */
static bool chosen(const char *choices, const char *value)
{
    size_t len = strlen(value);
    while (*choices) {
        size_t n = strcspn(choices, "|");
        if (n == len && memcmp(choices, value, n) == 0)
            return true;
        choices += n + (choices[n] == '|');
    }
    return false;
}

/* What a text may not be, whichever key it stands under. NULL, or the reason. */
static const char *text_fault(const struct nacre_hd_key *key, const char *value)
{
    struct nacre_netaddr address;
    if (strlen(value) >= NACRE_HD_TEXT)
        return "longer than 255 bytes";
    if (value[0] == '\0')
        return "empty; to switch it off write none";
    for (const char *p = value; *p; p++) {
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            return "has a control character";
    }
    if (key->offset == AT(health_path) && (value[0] != '/' || strpbrk(value, " ?#")))
        return "no path: it begins with '/' and has no space, '?' or '#'";
    if (key->offset == AT(health_listen) && strcmp(value, "none") != 0 &&
        (strncmp(value, "tcp:", 4) != 0 || nacre_netaddr_parse(&address, value + 4)))
        return "neither none nor tcp:ADDRESS:PORT with a numeric address, IPv6 in brackets";
    return NULL;
}

int nacre_hd_set_text(struct nacre_hd_config *config, const struct nacre_hd_key *key, const char *value,
                      char *why, size_t why_len)
{
    const char *dot = key->section[0] ? "." : "";
    const char *fault = text_fault(key, value);
    if (!fault && key->choices && !chosen(key->choices, value)) {
        (void)snprintf(why, why_len, "%s%s%s: '%.64s' is none of %s", key->section, dot, key->key, value,
                       key->choices);
        return -EINVAL;
    }
    if (fault) {
        (void)snprintf(why, why_len, "%s%s%s: '%.64s' is %s", key->section, dot, key->key, value, fault);
        return -EINVAL;
    }
    char *at = (char *)config + key->offset;
    memset(at, 0, NACRE_HD_TEXT); /* two equal configurations are equal byte for byte */
    (void)snprintf(at, NACRE_HD_TEXT, "%s", value);
    return 0;
}

static int place_path(struct nacre_hd_place *out, const char *path, char *why, size_t why_len)
{
    if (path[0] != '/' || strlen(path) >= sizeof out->path) {
        (void)snprintf(why, why_len, "'%.64s' is no absolute path of at most %zu bytes", path,
                       sizeof out->path - 1);
        return -EINVAL;
    }
    (void)snprintf(out->path, sizeof out->path, "%s", path);
    return 0;
}

int nacre_hd_place_parse(struct nacre_hd_place *out, const char *text, char *why, size_t why_len)
{
    struct nacre_hd_place place = {0};
    uint64_t cid = 0;
    int rc = 0;
    if (strncmp(text, "unix:", 5) == 0 || strncmp(text, "local:", 6) == 0) {
        place.kind = text[0] == 'u' ? NACRE_HD_FIRECRACKER : NACRE_HD_LOCAL;
        rc = place_path(&place, strchr(text, ':') + 1, why, why_len);
    } else if (strncmp(text, "vsock:", 6) == 0) {
        place.kind = NACRE_HD_VSOCK;
        /* 0 is the hypervisor's. 1 is this machine: of use where the kernel can loop vsock back. */
        if (nacre_number_parse(&cid, text + 6, strlen(text + 6), UINT32_MAX - 1u) || cid < 1) {
            (void)snprintf(why, why_len, "'%.64s' is not vsock:CID with a CID from 1 to %u", text,
                           UINT32_MAX - 1u);
            rc = -EINVAL;
        }
        place.cid = (uint32_t)cid;
    } else if (strncmp(text, "tcp:", 4) != 0 || nacre_netaddr_parse(&place.tcp, text + 4) ||
               place.tcp.port == 0) {
        (void)snprintf(why, why_len,
                       "'%.64s' is not vsock:CID, unix:PATH, local:PATH or tcp:ADDRESS:PORT (numeric)", text);
        rc = -EINVAL;
    } else {
        place.kind = NACRE_HD_TCP;
    }
    if (rc == 0)
        *out = place;
    return rc;
}

int nacre_hd_range_parse(struct nacre_hd_range *out, const char *text)
{
    struct nacre_hd_range range = {.family = strchr(text, ':') ? AF_INET6 : AF_INET};
    char address[INET6_ADDRSTRLEN] = {0};
    const char *slash = strchr(text, '/');
    uint64_t bits = 0;
    if (!slash || (size_t)(slash - text) >= sizeof address)
        return -EINVAL;
    memcpy(address, text, (size_t)(slash - text));
    if (inet_pton(range.family, address, range.address) != 1 ||
        nacre_number_parse(&bits, slash + 1, strlen(slash + 1), range.family == AF_INET ? 32 : 128))
        return -EINVAL;
    range.bits = (uint8_t)bits;
    *out = range;
    return 0;
}
