#include "document.h"

#include "common/cbor_get.h"
#include "common/cbor_put.h"

#include <errno.h>

int nacre_document_user_data(uint8_t out[NACRE_USER_DATA_MAX], const struct nacre_manifest *m,
                             const struct nacre_keys *keys, const uint8_t *secrets, const uint8_t *tls)
{
    struct nacre_writer w = nacre_writer(out, NACRE_USER_DATA_MAX);
    nacre_put_map(&w, 6u + (secrets != NULL) + (tls != NULL));
    nacre_put_z(&w, "v");
    nacre_put_uint(&w, 1);
    nacre_put_z(&w, "app");
    nacre_put_z(&w, m->app);
    nacre_put_z(&w, "plugin");
    nacre_put_bytes(&w, m->plugin_digest, sizeof m->plugin_digest);
    nacre_put_z(&w, "config");
    nacre_put_bytes(&w, m->config_digest, sizeof m->config_digest);
    nacre_put_z(&w, "secrets_key");
    nacre_put_bytes(&w, keys->secrets_public, sizeof keys->secrets_public);
    nacre_put_z(&w, "data_key");
    nacre_put_bytes(&w, keys->data_public, sizeof keys->data_public);
    if (secrets) {
        nacre_put_z(&w, "secrets");
        nacre_put_bytes(&w, secrets, NACRE_SEALED_ID);
    }
    if (tls) {
        nacre_put_z(&w, "tls");
        nacre_put_bytes(&w, tls, NACRE_TLS_KEY);
    }
    return w.failed ? -ENOSPC : (int)w.len;
}

int nacre_document_recipient(uint8_t out[NACRE_USER_DATA_MAX], const struct nacre_manifest *m)
{
    struct nacre_writer w = nacre_writer(out, NACRE_USER_DATA_MAX);
    nacre_put_map(&w, 3);
    nacre_put_z(&w, "v");
    nacre_put_uint(&w, 1);
    nacre_put_z(&w, "for");
    nacre_put_z(&w, "kms");
    nacre_put_z(&w, "config");
    nacre_put_bytes(&w, m->config_digest, sizeof m->config_digest);
    return w.failed ? -ENOSPC : (int)w.len;
}

static bool read_payload(const cbor_item_t *payload, const uint8_t public_key[32], uint64_t *ms)
{
    const uint8_t *data;
    size_t len;
    return nacre_cbor_bytes(nacre_cbor_key(payload, "public_key"), &data, &len) && len == 32 &&
           memcmp(data, public_key, 32) == 0 &&
           nacre_cbor_u64(nacre_cbor_key(payload, "timestamp"), UINT64_MAX, ms);
}

int nacre_document_timestamp(const uint8_t *document, size_t len, const uint8_t public_key[32], uint64_t *ms)
{
    const uint8_t *data;
    size_t data_len;
    /* tag 18 is optional and one byte long (RFC 9052, section 4.2) */
    size_t skip = len > 0 && document[0] == 0xd2;
    cbor_item_t *cose = nacre_cbor_load(document + skip, len - skip), *payload = NULL;
    if (nacre_cbor_count(cose) == 4 && nacre_cbor_bytes(nacre_cbor_at(cose, 2), &data, &data_len))
        payload = nacre_cbor_load(data, data_len);
    int err = read_payload(payload, public_key, ms) ? 0 : -EBADMSG;
    if (payload)
        cbor_decref(&payload);
    if (cose)
        cbor_decref(&cose);
    return err;
}
