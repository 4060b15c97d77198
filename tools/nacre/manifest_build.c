#include "manifest_build.h"

#include "file.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is measured is the ciphertext, not where the build found it. */
struct kms {
    struct nacre_config config;
    struct nacre_kms_decl decl;
    char host[NACRE_HOST_MAX + 1];
    uint8_t *data;
};

static int read_kms(struct kms *k, const struct nacre_settings *settings, char *why, size_t why_len)
{
    uint8_t digest[crypto_hash_sha256_BYTES];
    char hex[2 * sizeof digest + 1];
    const char *path = settings->config.secrets_kms_ciphertext;
    size_t len = 0;
    *k = (struct kms){.config = settings->config};
    if (!nacre_config_kms(&k->config) || strcmp(path, "none") == 0)
        return 0;
    int rc = nacre_file_read(&k->data, &len, path, NACRE_KMS_CIPHERTEXT, why, why_len);
    if (rc)
        return rc;
    (void)crypto_hash_sha256(digest, k->data, len);
    nacre_hex(hex, digest, sizeof digest);
    (void)snprintf(k->config.secrets_kms_ciphertext, NACRE_CONFIG_TEXT, "sha256:%s", hex);
    nacre_kms_host(k->host, k->config.secrets_kms_region);
    k->decl =
        (struct nacre_kms_decl){.endpoint = {.host = k->host, .port = 443, .connect = settings->kms_connect},
                                .ciphertext = k->data,
                                .ciphertext_len = len};
    return 0;
}

static int64_t encode_config(uint8_t *out, size_t cap, const struct nacre_settings *settings,
                             const struct nacre_allow *allow, const struct kms *kms)
{
    struct nacre_text_pair pairs[NACRE_SETTINGS_MAX];
    for (size_t i = 0; i < settings->n_plugin; i++)
        pairs[i] = (struct nacre_text_pair){settings->plugin[i].name, settings->plugin[i].value};
    return nacre_manifest_encode_config_kms(out, cap, &kms->config, allow->entries, allow->n, pairs,
                                            (uint32_t)settings->n_plugin, kms->data ? &kms->decl : NULL);
}

/* Encodes into `out`, with `scratch` (both NACRE_MANIFEST_MAX bytes) for the part inside. */
static int64_t encode(uint8_t *out, uint8_t *scratch, const struct nacre_plugin_facts *plugin,
                      const struct nacre_settings *settings, const struct nacre_allow *allow,
                      const struct kms *kms)
{
    int64_t len = encode_config(scratch, NACRE_MANIFEST_MAX, settings, allow, kms);
    if (len < 0)
        return len;
    return nacre_manifest_encode(out, NACRE_MANIFEST_MAX, plugin->digest, plugin->descriptor,
                                 plugin->descriptor_len, scratch, (size_t)len);
}

static int check(const uint8_t *data, size_t len, char *why, size_t why_len)
{
    struct nacre_manifest manifest;
    int rc = nacre_manifest_parse(&manifest, data, len, why, why_len);
    if (rc == 0)
        nacre_manifest_free(&manifest);
    return rc;
}

int nacre_manifest_build(uint8_t **out, size_t *out_len, const struct nacre_plugin_facts *plugin,
                         const struct nacre_settings *settings, const struct nacre_allow *allow, char *why,
                         size_t why_len)
{
    uint8_t *data = malloc(NACRE_MANIFEST_MAX), *scratch = malloc(NACRE_MANIFEST_MAX);
    struct kms kms = {.data = NULL};
    int rc = data && scratch ? read_kms(&kms, settings, why, why_len) : -ENOMEM;
    if (rc == 0) {
        int64_t len = encode(data, scratch, plugin, settings, allow, &kms);
        rc = len < 0 ? -EINVAL : 0;
        if (len < 0)
            (void)snprintf(why, why_len, "the manifest would exceed %u bytes", NACRE_MANIFEST_MAX);
        else
            rc = check(data, (size_t)len, why, why_len);
        if (rc == 0) {
            *out = data;
            *out_len = (size_t)len;
            data = NULL;
        }
    }
    free(data);
    free(scratch);
    free(kms.data);
    return rc;
}
