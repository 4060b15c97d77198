/*
 * config.h - the runtime's configuration: one struct, and one table of its keys that serves the YAML reader
 * of the build, the CBOR in the manifest and the documentation alike. No process of the enclave reads YAML.
 */
#ifndef NACRE_COMMON_CONFIG_H
#define NACRE_COMMON_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NACRE_CONFIG_TEXT  256u /* bytes of a text value with its terminator */
#define NACRE_CONFIG_TRUE  "true"
#define NACRE_CONFIG_FALSE "false"
#define NACRE_CONFIG_BOOLEAN                                                                                 \
    NACRE_CONFIG_FALSE "|" NACRE_CONFIG_TRUE /* the choices of a key that is true or false */

struct nacre_config {
    char listen_api[NACRE_CONFIG_TEXT];
    char listen_admin[NACRE_CONFIG_TEXT];
    char nsm_transport[NACRE_CONFIG_TEXT];
    uint64_t nsm_queue;
    uint64_t nsm_batch;
    uint64_t clock_interval_s;
    uint64_t clock_max_error_ms;
    uint64_t http_threads;
    uint64_t http_connections;
    uint64_t http_connections_per_address;
    uint64_t http_in_flight;
    uint64_t http_header_bytes;
    uint64_t http_body_bytes;
    uint64_t http_idle_s;
    uint64_t http_deadline_ms;
    char http_cors_origin[NACRE_CONFIG_TEXT];
    char http_tls[NACRE_CONFIG_TEXT];
    char http_tls_name[NACRE_CONFIG_TEXT];
    uint64_t app_workers;
    uint64_t app_scratch_bytes;
    uint64_t app_response_bytes;
    uint64_t app_memory_bytes;
    uint64_t app_threads;
    uint64_t jobs_concurrent;
    uint64_t jobs_queue;
    uint64_t jobs_deadline_ms;
    uint64_t jobs_keep_s;
    uint64_t jobs_keep_count;
    uint64_t jobs_keep_bytes;
    char egress_ca_file[NACRE_CONFIG_TEXT];
    uint64_t egress_connect_ms;
    uint64_t egress_check_interval_s;
    char secrets_source[NACRE_CONFIG_TEXT];
    uint64_t secrets_timeout_s;
    char secrets_operator_key[NACRE_CONFIG_TEXT];
    char secrets_sealed_only[NACRE_CONFIG_TEXT];
    char secrets_kms_region[NACRE_CONFIG_TEXT];
    char secrets_kms_key_id[NACRE_CONFIG_TEXT];
    char secrets_kms_ciphertext[NACRE_CONFIG_TEXT];
    char sealed_mode[NACRE_CONFIG_TEXT];
    char sealed_routes[NACRE_CONFIG_TEXT];
    uint64_t sealed_window_s;
    uint64_t sealed_skew_s;
    uint64_t sealed_seen;
    uint64_t restart_initial_ms;
    uint64_t restart_max_ms;
    uint64_t restart_reset_s;
    uint64_t restart_stop_after;
    char log_format[NACRE_CONFIG_TEXT];
    char log_level[NACRE_CONFIG_TEXT];
};

enum nacre_config_kind { NACRE_CONFIG_NUMBER, NACRE_CONFIG_STRING };

struct nacre_config_key {
    const char *section; /* "http" */
    const char *key;     /* "body_bytes"; "kms.region" is in a mapping of its own */
    enum nacre_config_kind kind;
    size_t offset;
    uint64_t min, max;        /* NUMBER: inclusive */
    uint64_t number_default;  /* NUMBER */
    const char *default_text; /* STRING */
    const char *choices; /* STRING: "a|b" when only these are allowed, else NULL. "tcp:" allows a prefix */
};

extern const struct nacre_config_key nacre_config_keys[];
extern const size_t nacre_config_n_keys;

/* Every key at its default. */
void nacre_config_defaults(struct nacre_config *config);

/* The key's table row, or NULL. */
const struct nacre_config_key *nacre_config_find(const char *section, const char *key);

/*
 * Store a value after checking it against the row. 0, or -EINVAL with a reason in `why` that names key, value
 * and what is allowed.
 */
int nacre_config_set_number(struct nacre_config *config, const struct nacre_config_key *key, uint64_t value,
                            char *why, size_t why_len);
int nacre_config_set_string(struct nacre_config *config, const struct nacre_config_key *key,
                            const char *value, size_t len, char *why, size_t why_len);

/* Do the values fit each other? 0, or -EINVAL with a reason in `why` that names the keys. */
int nacre_config_check(const struct nacre_config *config, char *why, size_t why_len);

/* Does nacre-http speak TLS? And does it wait for the operator's certificate? */
bool nacre_config_tls(const struct nacre_config *config);
bool nacre_config_tls_operator(const struct nacre_config *config);

/* Do the secrets come from KMS? */
bool nacre_config_kms(const struct nacre_config *config);

/* secrets.operator_key as bytes; false when it names nobody or is out of form. */
bool nacre_config_operator_key(uint8_t out[32], const struct nacre_config *config);

#endif
