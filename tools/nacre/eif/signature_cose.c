#include "signature.h"

#include <common/cbor_put.h>
#include <errno.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <string.h>

const struct nacre_eif_curve *nacre_eif_curve_of(EVP_PKEY *key)
{
    static const struct nacre_eif_curve curves[] = {
        {"prime256v1", -7, 32, EVP_sha256},
        {"secp384r1", -35, 48, EVP_sha384},
        {"secp521r1", -36, 66, EVP_sha512},
    };
    char name[64];
    size_t len = 0;
    if (EVP_PKEY_get_group_name(key, name, sizeof name, &len) != 1)
        return NULL;
    for (size_t i = 0; i < sizeof curves / sizeof curves[0]; i++)
        if (strcmp(curves[i].group, name) == 0)
            return &curves[i];
    return NULL;
}

size_t nacre_eif_cose_protected(uint8_t out[NACRE_EIF_COSE_MAX], int alg)
{
    struct nacre_writer w = nacre_writer(out, NACRE_EIF_COSE_MAX);
    nacre_put_map(&w, 1);
    nacre_put_uint(&w, 1);
    nacre_put_step(&w, cbor_encode_negint((uint64_t)(-1 - alg), w.base + w.len, w.cap - w.len));
    return w.len;
}

size_t nacre_eif_cose_payload(uint8_t out[NACRE_EIF_COSE_MAX], const uint8_t pcr0[NACRE_SHA384_LEN])
{
    struct nacre_writer w = nacre_writer(out, NACRE_EIF_COSE_MAX);
    nacre_put_map(&w, 2);
    nacre_put_z(&w, "register_index");
    nacre_put_uint(&w, 0);
    nacre_put_z(&w, "register_value");
    nacre_put_array(&w, NACRE_SHA384_LEN);
    for (unsigned i = 0; i < NACRE_SHA384_LEN; i++)
        nacre_put_uint(&w, pcr0[i]);
    return w.len;
}

int nacre_eif_cose_to_sign(struct nacre_blob *out, const uint8_t *prot, size_t prot_len,
                           const uint8_t *payload, size_t payload_len)
{
    size_t cap = prot_len + payload_len + 64;
    uint8_t *room = nacre_blob_room(out, cap);
    if (!room)
        return -ENOMEM;
    struct nacre_writer w = nacre_writer(room, cap);
    nacre_put_array(&w, 4);
    nacre_put_z(&w, "Signature1");
    nacre_put_bytes(&w, prot, prot_len);
    nacre_put_bytes(&w, NULL, 0);
    nacre_put_bytes(&w, payload, payload_len);
    out->len -= cap - w.len;
    return w.failed ? -ENOMEM : 0;
}
