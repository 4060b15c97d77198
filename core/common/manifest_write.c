/* manifest_write.c - the manifest as the build writes it; manifest.h says its form. Not linked into nacred.
 */
#include "manifest.h"

#include "cbor_put.h"

#include <errno.h>
#include <stdio.h>

static void put_runtime(struct nacre_writer *w, const struct nacre_config *config)
{
    nacre_put_map(w, nacre_config_n_keys);
    for (size_t i = 0; i < nacre_config_n_keys; i++) {
        const struct nacre_config_key *k = &nacre_config_keys[i];
        const char *at = (const char *)config + k->offset;
        char name[64];
        uint64_t number;
        (void)snprintf(name, sizeof name, "%s.%s", k->section, k->key);
        nacre_put_z(w, name);
        if (k->kind == NACRE_CONFIG_NUMBER) {
            memcpy(&number, at, sizeof number);
            nacre_put_uint(w, number);
        } else {
            nacre_put_z(w, at);
        }
    }
}

static void put_endpoint(struct nacre_writer *w, const struct nacre_endpoint_decl *e)
{
    nacre_put_array(w, 4);
    nacre_put_z(w, e->host);
    nacre_put_uint(w, e->port);
    nacre_put_z(w, e->connect ? e->connect : "");
    nacre_put_array(w, e->n_pins);
    for (uint32_t k = 0; k < e->n_pins; k++)
        nacre_put_bytes(w, e->pins[k], 32);
}

int64_t nacre_manifest_encode_config(uint8_t *out, size_t cap, const struct nacre_config *config,
                                     const struct nacre_endpoint_decl *allow, uint32_t n_allow,
                                     const struct nacre_text_pair *pairs, uint32_t n_pairs)
{
    return nacre_manifest_encode_config_kms(out, cap, config, allow, n_allow, pairs, n_pairs, NULL);
}

int64_t nacre_manifest_encode_config_kms(uint8_t *out, size_t cap, const struct nacre_config *config,
                                         const struct nacre_endpoint_decl *allow, uint32_t n_allow,
                                         const struct nacre_text_pair *pairs, uint32_t n_pairs,
                                         const struct nacre_kms_decl *kms)
{
    struct nacre_writer w = nacre_writer(out, cap);
    nacre_put_map(&w, kms ? 4 : 3);
    nacre_put_z(&w, "runtime");
    put_runtime(&w, config);
    nacre_put_z(&w, "allow");
    nacre_put_array(&w, n_allow);
    for (uint32_t i = 0; i < n_allow; i++)
        put_endpoint(&w, &allow[i]);
    nacre_put_z(&w, "plugin");
    nacre_put_array(&w, n_pairs);
    for (uint32_t i = 0; i < n_pairs; i++) {
        nacre_put_array(&w, 2);
        nacre_put_z(&w, pairs[i].name);
        nacre_put_z(&w, pairs[i].value);
    }
    if (kms) {
        nacre_put_z(&w, "kms");
        nacre_put_array(&w, 2);
        put_endpoint(&w, &kms->endpoint);
        nacre_put_bytes(&w, kms->ciphertext, kms->ciphertext_len);
    }
    return w.failed ? -ENOSPC : (int64_t)w.len;
}

int64_t nacre_manifest_encode(uint8_t *out, size_t cap, const uint8_t digest[NACRE_SHA384_LEN],
                              const uint8_t *descriptor, size_t descriptor_len, const uint8_t *config,
                              size_t config_len)
{
    struct nacre_writer w = nacre_writer(out, cap);
    nacre_put_map(&w, 4);
    nacre_put_z(&w, "v");
    nacre_put_uint(&w, 1);
    nacre_put_z(&w, "digest");
    nacre_put_bytes(&w, digest, NACRE_SHA384_LEN);
    nacre_put_z(&w, "descriptor");
    nacre_put_bytes(&w, descriptor, descriptor_len);
    nacre_put_z(&w, "config");
    nacre_put_bytes(&w, config, config_len);
    return w.failed ? -ENOSPC : (int64_t)w.len;
}
