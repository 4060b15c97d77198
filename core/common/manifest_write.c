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

int64_t nacre_manifest_encode_config(uint8_t *out, size_t cap, const struct nacre_config *config,
                                     const struct nacre_endpoint_decl *allow, uint32_t n_allow,
                                     const struct nacre_text_pair *pairs, uint32_t n_pairs)
{
    struct nacre_writer w = nacre_writer(out, cap);
    nacre_put_map(&w, 3);
    nacre_put_z(&w, "runtime");
    put_runtime(&w, config);
    nacre_put_z(&w, "allow");
    nacre_put_array(&w, n_allow);
    for (uint32_t i = 0; i < n_allow; i++) {
        nacre_put_array(&w, 4);
        nacre_put_z(&w, allow[i].host);
        nacre_put_uint(&w, allow[i].port);
        nacre_put_z(&w, allow[i].connect ? allow[i].connect : "");
        nacre_put_array(&w, allow[i].n_pins);
        for (uint32_t k = 0; k < allow[i].n_pins; k++)
            nacre_put_bytes(&w, allow[i].pins[k], 32);
    }
    nacre_put_z(&w, "plugin");
    nacre_put_array(&w, n_pairs);
    for (uint32_t i = 0; i < n_pairs; i++) {
        nacre_put_array(&w, 2);
        nacre_put_z(&w, pairs[i].name);
        nacre_put_z(&w, pairs[i].value);
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
