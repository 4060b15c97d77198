/*
 * config.h - the daemon's configuration: config/host.yaml as structs. One table of keys serves the reader, the
 * defaults and the test that the shipped file shows all of them.
 *
 * Everything in this folder that other files use is named nacre_hd_: the host daemon. (struct nacre_host is taken: it
 * is what the runtime offers to plugins.)
 */
#ifndef NACRE_HOST_CONFIG_H
#define NACRE_HOST_CONFIG_H

#include "netaddr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NACRE_HD_TEXT         256u /* bytes of a text value with its terminator */
#define NACRE_HD_LISTEN_MAX   16u
#define NACRE_HD_ENCLAVES_MAX 64u
#define NACRE_HD_PRIVATE_MAX  8u
#define NACRE_HD_NAME_MAX     64u

enum nacre_hd_kind {
    NACRE_HD_VSOCK,       /* vsock:CID */
    NACRE_HD_FIRECRACKER, /* unix:PATH, "CONNECT port" first */
    NACRE_HD_TCP,         /* tcp:ADDRESS:PORT, one port whatever was asked for */
    NACRE_HD_LOCAL,       /* local:PATH, a Unix socket of one service */
};

/* Where an enclave is reached. */
struct nacre_hd_place {
    enum nacre_hd_kind kind;
    uint32_t cid;
    struct nacre_netaddr tcp;
    char path[100]; /* sun_path has 108 and egress adds "_8101" */
};

struct nacre_hd_enclave_config {
    char name[NACRE_HD_NAME_MAX];
    char connect[NACRE_HD_TEXT]; /* as written */
    struct nacre_hd_place place;
    char allow[NACRE_HD_TEXT]; /* "": egress.allow */
    bool drain;
};

struct nacre_hd_ingress_config {
    struct nacre_netaddr listen;
    uint64_t port; /* the enclave's */
};

/* A range that egress may reach although it is private. For tests. */
struct nacre_hd_range {
    int family;
    uint8_t address[16];
    uint8_t bits;
};

struct nacre_hd_config {
    char enclaves_file[NACRE_HD_TEXT];
    char pid_file[NACRE_HD_TEXT];
    char egress_allow[NACRE_HD_TEXT];
    uint64_t egress_first_port;
    uint64_t egress_connections;
    uint64_t egress_connect_ms;
    uint64_t egress_resolvers;
    char health_listen[NACRE_HD_TEXT];
    char health_path[NACRE_HD_TEXT];
    uint64_t health_port;
    char health_scheme[NACRE_HD_TEXT];
    uint64_t health_interval_ms;
    uint64_t health_timeout_ms;
    uint64_t health_fall;
    uint64_t health_rise;
    char nitro_describe[NACRE_HD_TEXT];
    char nitro_console[NACRE_HD_TEXT];
    uint64_t nitro_interval_s;
    uint64_t nitro_timeout_s;
    uint64_t limits_connections;
    uint64_t limits_connections_per_client;
    uint64_t limits_rate_per_client;
    uint64_t limits_burst_per_client;
    uint64_t limits_first_byte_s;
    uint64_t limits_connect_ms;
    uint64_t limits_answer_s;
    uint64_t limits_idle_s;
    uint64_t limits_half_closed_s;
    uint64_t limits_drain_s;
    char log_format[NACRE_HD_TEXT];
    char log_level[NACRE_HD_TEXT];

    struct nacre_hd_ingress_config ingress[NACRE_HD_LISTEN_MAX];
    size_t n_ingress;
    struct nacre_hd_enclave_config enclaves[NACRE_HD_ENCLAVES_MAX];
    size_t n_enclaves;
    struct nacre_hd_range private_ranges[NACRE_HD_PRIVATE_MAX];
    size_t n_private;
};

struct nacre_hd_key {
    const char *section; /* "" for a key of the top level */
    const char *key;
    bool text;
    size_t offset;
    uint64_t min, max, number_default;
    const char *text_default;
    const char *choices; /* "a|b": only these; NULL: any */
};

extern const struct nacre_hd_key nacre_hd_keys[];
extern const size_t nacre_hd_n_keys;

/* Every key at its default, no lists. */
void nacre_hd_config_defaults(struct nacre_hd_config *config);

/* The key's row, or NULL. */
const struct nacre_hd_key *nacre_hd_key_find(const char *section, const char *key);

/* Is there a section of this name? */
bool nacre_hd_section_known(const char *section);

/* Store a value after checking it. 0, or -EINVAL with "section.key: reason" in `why`. */
int nacre_hd_set_number(struct nacre_hd_config *config, const struct nacre_hd_key *key, uint64_t value,
                        char *why, size_t why_len);
int nacre_hd_set_text(struct nacre_hd_config *config, const struct nacre_hd_key *key, const char *value,
                      char *why, size_t why_len);

/* "vsock:CID", "unix:PATH", "tcp:ADDRESS:PORT" or "local:PATH". 0, or -EINVAL with a reason in `why`. */
int nacre_hd_place_parse(struct nacre_hd_place *out, const char *text, char *why, size_t why_len);

/* "127.0.0.0/8" or "fd00::/8". 0 or -EINVAL. */
int nacre_hd_range_parse(struct nacre_hd_range *out, const char *text);

/*
 * nacre_hd_config_read - data[0..len) as the configuration. Returns 0; -EINVAL with "FILE:LINE: key: reason" in `why`
 * for anything unknown, ill-typed, out of range or given twice; or -ENOMEM. *out is untouched on failure.
 */
int nacre_hd_config_read(struct nacre_hd_config *out, const char *file, const char *data, size_t len,
                         char *why, size_t why_len);

/*
 * nacre_hd_config_load - the file, and the enclaves of its enclaves_file after its own. That file may be absent: then
 * nobody has started an enclave yet.
 */
int nacre_hd_config_load(struct nacre_hd_config *out, const char *file, char *why, size_t why_len);

#endif
