/*
 * manifest.h - the measured manifest: what the build found in the plugin, the digest of the plugin's file,
 * the operator's configuration and allow list. Written by the build (`nacre plugin manifest`), read by all
 * three processes from the same sealed memfd that nacred measured.
 *
 * CBOR: { "v": 1, "digest": bstr 48, "descriptor": bstr .cbor descriptor, "config": bstr .cbor config }.
 * The configuration's digest (PCR17) is SHA-384 over the content of the "config" byte string.
 * descriptor: written by descriptor.h. config: { "runtime": {"section.key": value}, "allow": [endpoint...],
 * "plugin": [[name, text]...] } with endpoint = [host, port, connect, [pin bstr 32...]]. Where the secrets come from
 * KMS there is a fourth entry: "kms": [endpoint, ciphertext bstr].
 */
#ifndef NACRE_COMMON_MANIFEST_H
#define NACRE_COMMON_MANIFEST_H

#include "config.h"
#include "digest.h"
#include "types.h"

#define NACRE_MANIFEST_MAX  (1024u * 1024u) /* bytes */
#define NACRE_ROUTES_MAX    64u
#define NACRE_ENDPOINTS_MAX 64u
#define NACRE_SECRETS_MAX   32u
#define NACRE_PINS_MAX      8u
#define NACRE_HOST_MAX      253u /* RFC 1035, 2.3.4, without the last dot */
#define NACRE_PATH_PARAMS   8u

struct nacre_intent_decl {
    uint8_t scope;
    const char *name;
    uint32_t response; /* type index */
};

struct nacre_route_decl {
    const char *method;
    const char *path;
    uint32_t intent;   /* index into intents, not the scope */
    uint32_t request;  /* type index */
    uint32_t response; /* type index, the intent's */
    uint32_t time_rule;
    uint64_t max_age_ms;
    uint64_t max_body;    /* bytes, the default already filled in */
    uint32_t deadline_ms; /* the default already filled in */
    uint32_t sealed;      /* enum nacre_sealed_mode, by the configuration */
};

/* An allow-list entry. Index i of the list is vsock port 8101 + i. */
struct nacre_endpoint_decl {
    const char *host;
    uint32_t port;
    const char *connect; /* "" = vsock to the parent; "tcp:ADDR:PORT" in development; "none" = unreachable */
    uint8_t pins[NACRE_PINS_MAX][32]; /* SHA-256 of SubjectPublicKeyInfo (RFC 7469) */
    uint32_t n_pins;
};

struct nacre_secret_spec {
    const char *name;
    uint32_t required;
};

struct nacre_text_pair {
    const char *name;
    const char *value;
};

#define NACRE_KMS_CIPHERTEXT 8192u /* bytes; KMS itself makes at most some 6 KiB */

/* Where secrets.kms leads: one host more than the allow list has, for one run that never has a plugin. */
struct nacre_kms_decl {
    struct nacre_endpoint_decl endpoint;
    const uint8_t *ciphertext; /* NULL: the secrets do not come from KMS */
    size_t ciphertext_len;
};

struct nacre_manifest {
    uint8_t plugin_digest[NACRE_SHA384_LEN];
    uint8_t config_digest[NACRE_SHA384_LEN];
    const uint8_t *descriptor; /* the encoded descriptor: what nacre-app compares the loaded plugin with */
    size_t descriptor_len;
    uint32_t abi_major, abi_minor, abi_size;
    const char *app, *version;
    struct nacre_types types;
    struct nacre_intent_decl *intents;
    uint32_t n_intents;
    struct nacre_route_decl *routes;
    uint32_t n_routes;
    struct nacre_endpoint_decl *endpoints; /* the plugin's own declaration; host and port only */
    uint32_t n_endpoints;
    struct nacre_endpoint_decl *allow; /* the operator's allow list */
    uint32_t n_allow;
    struct nacre_secret_spec *secrets;
    uint32_t n_secrets;
    struct nacre_text_pair *plugin_config;
    uint32_t n_plugin_config;
    struct nacre_config config;
    struct nacre_kms_decl kms;
    struct nacre_arena *arena; /* owns everything above */
};

/*
 * nacre_manifest_parse - decode and check a manifest. Everything in *out is owned by it; data is not kept.
 * Refused, with both disagreeing values in `why`: another version, magic or ABI major; a type table out of
 * form; an intent declared twice; a route of an undeclared intent, with a type that cannot be signed, or
 * whose path parameters and path fields differ; an endpoint that is not on the allow list; unknown, missing
 * or ill-typed entries. Returns 0, -EINVAL with `why` filled, or -ENOMEM. *out is untouched on failure.
 */
int nacre_manifest_parse(struct nacre_manifest *out, const uint8_t *data, size_t len, char *why,
                         size_t why_len);

/* Frees what parse allocated. Accepts a zeroed struct. */
void nacre_manifest_free(struct nacre_manifest *m);

/*
 * nacre_manifest_load_fd - read the manifest from a descriptor (from offset 0, without moving its offset) and
 * parse. Returns as parse does, or another negative errno from reading.
 */
int nacre_manifest_load_fd(struct nacre_manifest *out, int fd, char *why, size_t why_len);

/*
 * nacre_manifest_encode_config - the "config" byte string of a manifest: runtime configuration, allow list,
 * plugin settings, in a deterministic form. Returns its length, or -ENOSPC.
 */
int64_t nacre_manifest_encode_config(uint8_t *out, size_t cap, const struct nacre_config *config,
                                     const struct nacre_endpoint_decl *allow, uint32_t n_allow,
                                     const struct nacre_text_pair *pairs, uint32_t n_pairs);

/* The same with secrets from KMS; kms may be NULL. */
int64_t nacre_manifest_encode_config_kms(uint8_t *out, size_t cap, const struct nacre_config *config,
                                         const struct nacre_endpoint_decl *allow, uint32_t n_allow,
                                         const struct nacre_text_pair *pairs, uint32_t n_pairs,
                                         const struct nacre_kms_decl *kms);

/* The host of KMS in a region. */
void nacre_kms_host(char out[NACRE_HOST_MAX + 1], const char *region);

/* The whole manifest from its parts. Returns its length, or -ENOSPC. */
int64_t nacre_manifest_encode(uint8_t *out, size_t cap, const uint8_t digest[NACRE_SHA384_LEN],
                              const uint8_t *descriptor, size_t descriptor_len, const uint8_t *config,
                              size_t config_len);

/* The allow-list index of host (any case) and port, or -ENOENT. */
int nacre_manifest_allowed(const struct nacre_manifest *m, const char *host, size_t host_len, uint32_t port);

#endif
