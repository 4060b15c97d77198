#include "config.h"

#include "digest.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define AT(MEMBER) offsetof(struct nacre_config, MEMBER)
#define NUMBER(SECTION, KEY, MEMBER, MIN, MAX, DEFAULT)                                                      \
    {                                                                                                        \
        SECTION, KEY, NACRE_CONFIG_NUMBER, AT(MEMBER), (MIN), (MAX), (DEFAULT), NULL, NULL                   \
    }
#define STRING(SECTION, KEY, MEMBER, DEFAULT, CHOICES)                                                       \
    {                                                                                                        \
        SECTION, KEY, NACRE_CONFIG_STRING, AT(MEMBER), 0, 0, 0, DEFAULT, CHOICES                             \
    }

#define KIB 1024u
#define MIB (1024u * 1024u)

const struct nacre_config_key nacre_config_keys[] = {
    STRING("listen", "api", listen_api, "tcp:127.0.0.1:3000", "tcp:|vsock:"),
    STRING("listen", "admin", listen_admin, "none", "none|tcp:|vsock:"),
    STRING("nsm", "transport", nsm_transport, "device", "device|unix:"),
    NUMBER("nsm", "queue", nsm_queue, 1, 1024, 64),
    NUMBER("nsm", "batch", nsm_batch, 0, 16384, 1024),
    NUMBER("clock", "interval_s", clock_interval_s, 1, 3600, 60),
    NUMBER("clock", "max_error_ms", clock_max_error_ms, 1, 60000, 1000),
    NUMBER("http", "threads", http_threads, 0, 16, 0),
    NUMBER("http", "connections", http_connections, 1, 100000, 1024),
    NUMBER("http", "connections_per_address", http_connections_per_address, 0, 100000, 0),
    NUMBER("http", "in_flight", http_in_flight, 1, 16384, 512),
    NUMBER("http", "header_bytes", http_header_bytes, 4 * KIB, 256 * KIB, 16 * KIB),
    NUMBER("http", "body_bytes", http_body_bytes, 1, 15 * MIB, 1 * MIB),
    NUMBER("http", "idle_s", http_idle_s, 1, 3600, 30),
    NUMBER("http", "deadline_ms", http_deadline_ms, 10, 86400000, 30000),
    STRING("http", "cors_origin", http_cors_origin, "*", NULL),
    STRING("http", "tls", http_tls, "none", "none|self-signed|operator"),
    STRING("http", "tls_name", http_tls_name, "", NULL),
    NUMBER("app", "workers", app_workers, 1, 512, 64),
    NUMBER("app", "scratch_bytes", app_scratch_bytes, 64 * KIB, 4096ull * MIB, 64 * MIB),
    NUMBER("app", "response_bytes", app_response_bytes, 256, 15 * MIB, 1 * MIB),
    NUMBER("app", "memory_bytes", app_memory_bytes, 0, 65536ull * 1024 * MIB, 0),
    NUMBER("app", "threads", app_threads, 0, 16384, 256),
    NUMBER("jobs", "concurrent", jobs_concurrent, 0, 16, 1),
    NUMBER("jobs", "queue", jobs_queue, 0, 1000, 16),
    NUMBER("jobs", "deadline_ms", jobs_deadline_ms, 10, 604800000, 3600000),
    NUMBER("jobs", "keep_s", jobs_keep_s, 1, 604800, 3600),
    NUMBER("jobs", "keep_count", jobs_keep_count, 1, 1000, 64),
    NUMBER("jobs", "keep_bytes", jobs_keep_bytes, 64 * KIB, 4096ull * MIB, 64 * MIB),
    STRING("egress", "ca_file", egress_ca_file, "/etc/ssl/certs/ca-certificates.crt", NULL),
    NUMBER("egress", "connect_ms", egress_connect_ms, 10, 60000, 5000),
    NUMBER("egress", "check_interval_s", egress_check_interval_s, 1, 3600, 60),
    STRING("secrets", "source", secrets_source, "none", "none|file:|unix:|vsock:"),
    NUMBER("secrets", "timeout_s", secrets_timeout_s, 1, 86400, 300),
    STRING("secrets", "operator_key", secrets_operator_key, "none", NULL),
    STRING("secrets", "sealed_only", secrets_sealed_only, NACRE_CONFIG_FALSE, NACRE_CONFIG_BOOLEAN),
    STRING("secrets", "kms.region", secrets_kms_region, "none", NULL),
    STRING("secrets", "kms.key_id", secrets_kms_key_id, "none", NULL),
    STRING("secrets", "kms.ciphertext", secrets_kms_ciphertext, "none", NULL),
    STRING("sealed", "mode", sealed_mode, "allowed", "off|allowed|required"),
    STRING("sealed", "routes", sealed_routes, "", NULL),
    NUMBER("sealed", "window_s", sealed_window_s, 1, 3600, 60),
    NUMBER("sealed", "skew_s", sealed_skew_s, 0, 600, 10),
    NUMBER("sealed", "seen", sealed_seen, 16, 1048576, 65536),
    NUMBER("restart", "initial_ms", restart_initial_ms, 0, 60000, 10),
    NUMBER("restart", "max_ms", restart_max_ms, 1, 3600000, 10000),
    NUMBER("restart", "reset_s", restart_reset_s, 1, 86400, 30),
    NUMBER("restart", "stop_after", restart_stop_after, 0, 1000000, 0),
    STRING("log", "format", log_format, "kv", "kv|json"),
    STRING("log", "level", log_level, "info", "debug|info|warn|error"),
};
const size_t nacre_config_n_keys = sizeof nacre_config_keys / sizeof nacre_config_keys[0];

void nacre_config_defaults(struct nacre_config *config)
{
    memset(config, 0, sizeof *config);
    for (size_t i = 0; i < nacre_config_n_keys; i++) {
        const struct nacre_config_key *k = &nacre_config_keys[i];
        char *at = (char *)config + k->offset;
        if (k->kind == NACRE_CONFIG_NUMBER)
            memcpy(at, &k->number_default, sizeof k->number_default);
        else
            (void)snprintf(at, NACRE_CONFIG_TEXT, "%s", k->default_text);
    }
}

const struct nacre_config_key *nacre_config_find(const char *section, const char *key)
{
    for (size_t i = 0; i < nacre_config_n_keys; i++)
        if (strcmp(nacre_config_keys[i].section, section) == 0 && strcmp(nacre_config_keys[i].key, key) == 0)
            return &nacre_config_keys[i];
    return NULL;
}

int nacre_config_set_number(struct nacre_config *config, const struct nacre_config_key *key, uint64_t value,
                            char *why, size_t why_len)
{
    if (key->kind != NACRE_CONFIG_NUMBER) {
        (void)snprintf(why, why_len, "%s.%s: expected text, got the number %llu", key->section, key->key,
                       (unsigned long long)value);
        return -EINVAL;
    }
    if (value < key->min || value > key->max) {
        (void)snprintf(why, why_len, "%s.%s: %llu is outside %llu to %llu", key->section, key->key,
                       (unsigned long long)value, (unsigned long long)key->min, (unsigned long long)key->max);
        return -EINVAL;
    }
    memcpy((char *)config + key->offset, &value, sizeof value);
    return 0;
}

/* Is value one of "a|b:|c"? A choice that ends in ':' is a prefix with something behind it. */
static int choice_ok(const char *choices, const char *value, size_t len)
{
    while (*choices) {
        size_t n = strcspn(choices, "|");
        int prefix = n > 0 && choices[n - 1] == ':';
        if ((prefix ? len > n : len == n) && memcmp(choices, value, n) == 0)
            return 1;
        choices += n + (choices[n] == '|');
    }
    return 0;
}

int nacre_config_set_string(struct nacre_config *config, const struct nacre_config_key *key,
                            const char *value, size_t len, char *why, size_t why_len)
{
    if (key->kind != NACRE_CONFIG_STRING) {
        (void)snprintf(why, why_len, "%s.%s: expected a number, got '%.*s'", key->section, key->key,
                       (int)(len > 64 ? 64 : len), value);
        return -EINVAL;
    }
    if (len >= NACRE_CONFIG_TEXT || memchr(value, 0, len)) {
        (void)snprintf(why, why_len, "%s.%s: text of %zu bytes, at most %u and no NUL", key->section,
                       key->key, len, NACRE_CONFIG_TEXT - 1);
        return -EINVAL;
    }
    if (key->choices && !choice_ok(key->choices, value, len)) {
        (void)snprintf(why, why_len, "%s.%s: '%.*s' is none of %s", key->section, key->key,
                       (int)(len > 64 ? 64 : len), value, key->choices);
        return -EINVAL;
    }
    char *at = (char *)config + key->offset;
    memset(at, 0, NACRE_CONFIG_TEXT);
    memcpy(at, value, len);
    return 0;
}

bool nacre_config_operator_key(uint8_t out[32], const struct nacre_config *config)
{
    const char *text = config->secrets_operator_key;
    return nacre_unhex(out, 32, text, strlen(text)) == 0;
}

bool nacre_config_tls_operator(const struct nacre_config *config)
{
    return strcmp(config->http_tls, "operator") == 0;
}

bool nacre_config_tls(const struct nacre_config *config)
{
    return strcmp(config->http_tls, "self-signed") == 0 || nacre_config_tls_operator(config);
}

/* A DNS name as certificates have it; "" is the app's. */
static bool is_name(const char *name)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.";
    size_t len = strlen(name);
    return strspn(name, allowed) == len && len < 254 &&
           (len == 0 || (name[0] != '.' && name[0] != '-' && !strstr(name, "..")));
}

bool nacre_config_kms(const struct nacre_config *config)
{
    return strcmp(config->secrets_kms_region, "none") != 0;
}

/* Letters, digits and `more`: what goes into a host name, and into a request. */
static bool plain(const char *text, const char *more)
{
    for (size_t i = 0; text[i]; i++)
        if (!((text[i] >= 'a' && text[i] <= 'z') || (text[i] >= '0' && text[i] <= '9') ||
              strchr(more, text[i])))
            return false;
    return text[0] != '\0';
}

#define KEY_ID_MARKS "ABCDEFGHIJKLMNOPQRSTUVWXYZ-_:/"

/* All three or none. */
static int check_kms(const struct nacre_config *c, char *why, size_t why_len)
{
    bool region = nacre_config_kms(c), key = strcmp(c->secrets_kms_key_id, "none") != 0,
         file = strcmp(c->secrets_kms_ciphertext, "none") != 0;
    if (region != key || region != file)
        (void)snprintf(why, why_len,
                       "secrets.kms: region is '%s', key_id '%s', ciphertext '%s': all three, or none",
                       c->secrets_kms_region, c->secrets_kms_key_id, c->secrets_kms_ciphertext);
    else if (region && (!plain(c->secrets_kms_region, "-") || strlen(c->secrets_kms_region) > 32))
        (void)snprintf(why, why_len, "secrets.kms.region: '%s' is no region such as eu-central-1",
                       c->secrets_kms_region);
    else if (region &&
             (!plain(c->secrets_kms_key_id, KEY_ID_MARKS) || strstr(c->secrets_kms_key_id, "alias/")))
        (void)snprintf(why, why_len,
                       "secrets.kms.key_id: '%s' is neither a key's id nor its ARN (an alias can be moved)",
                       c->secrets_kms_key_id);
    else if (region && nacre_config_tls_operator(c))
        (void)snprintf(why, why_len,
                       "http.tls is operator: the certificate comes with sealed secrets, and "
                       "secrets.kms.region is %s",
                       c->secrets_kms_region);
    else if (region && strncmp(c->secrets_source, "unix:", 5) != 0 &&
             strncmp(c->secrets_source, "vsock:", 6) != 0)
        (void)snprintf(why, why_len,
                       "secrets.kms needs credentials at secrets.source, unix: or vsock:, which is %s",
                       c->secrets_source);
    else
        return 0;
    return -EINVAL;
}

int nacre_config_check(const struct nacre_config *config, char *why, size_t why_len)
{
    uint8_t key[32];
    bool sealed_only = strcmp(config->secrets_sealed_only, NACRE_CONFIG_TRUE) == 0,
         none = strcmp(config->secrets_operator_key, "none") == 0;
    if (!none && !nacre_config_operator_key(key, config))
        (void)snprintf(why, why_len,
                       "secrets.operator_key: '%s' is neither none nor an Ed25519 key of 64 hex digits",
                       config->secrets_operator_key);
    else if (sealed_only && none && !nacre_config_kms(config))
        (void)snprintf(why, why_len,
                       "secrets.sealed_only is true, and secrets.operator_key names nobody who may seal");
    else if (sealed_only && strncmp(config->secrets_source, "file:", 5) == 0)
        (void)snprintf(why, why_len,
                       "secrets.sealed_only is true, and secrets.source %s is older than the key to seal to",
                       config->secrets_source);
    else if (nacre_config_tls_operator(config) && (none || strcmp(config->secrets_source, "none") == 0))
        (void)snprintf(why, why_len, "http.tls is operator: the certificate comes sealed, and %s is none",
                       none ? "secrets.operator_key" : "secrets.source");
    else if (!is_name(config->http_tls_name))
        (void)snprintf(why, why_len, "http.tls_name: '%s' is no DNS name", config->http_tls_name);
    else
        return check_kms(config, why, why_len);
    return -EINVAL;
}
