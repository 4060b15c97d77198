#include "signature.h"

#include <common/cbor_get.h>
#include <errno.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECTION_MAX    (4u * NACRE_EIF_PEM_MAX)
#define TAG_COSE_SIGN1 0xd2u /* tag 18 */

struct parts {
    struct nacre_blob pem, cose;
};

/* An array of numbers below 256, AWS's way to write bytes. */
static bool numbers(struct nacre_blob *out, const cbor_item_t *item)
{
    size_t n = nacre_cbor_count(item);
    if (!item || !cbor_isa_array(item) || n == 0)
        return false;
    for (size_t i = 0; i < n; i++) {
        uint64_t value = 0;
        cbor_item_t *element = nacre_cbor_at(item, i);
        if (!nacre_cbor_u64(element, 255, &value))
            return false;
        nacre_blob_be(out, value, 1);
    }
    return !out->failed;
}

static int damaged(char *why, size_t why_len, const char *what)
{
    (void)snprintf(why, why_len, "signature section: %s", what);
    return -EBADMSG;
}

static int take_apart(struct parts *p, const cbor_item_t *root, char *why, size_t why_len)
{
    if (!root || !cbor_isa_array(root) || nacre_cbor_count(root) != 1) {
        (void)snprintf(why, why_len, "signature section: %s, expected a CBOR array of one signature",
                       !root                  ? "no CBOR"
                       : cbor_isa_array(root) ? "not one signature"
                                              : "another type");
        return -EBADMSG;
    }
    const cbor_item_t *entry = nacre_cbor_at(root, 0);
    if (!numbers(&p->pem, nacre_cbor_key(entry, "signing_certificate")))
        return damaged(why, why_len, "no 'signing_certificate' of bytes");
    if (!numbers(&p->cose, nacre_cbor_key(entry, "signature")))
        return damaged(why, why_len, "no 'signature' of bytes");
    return 0;
}

static int no_password(char *buf, int size, int rwflag, void *user)
{
    (void)buf, (void)size, (void)rwflag, (void)user;
    return 0; /* the image is not to make OpenSSL ask at the terminal */
}

static X509 *certificate(const struct nacre_blob *pem)
{
    BIO *bio = BIO_new_mem_buf(pem->data, (int)pem->len);
    X509 *cert = bio ? PEM_read_bio_X509(bio, NULL, no_password, NULL) : NULL;
    BIO_free(bio);
    ERR_clear_error();
    return cert;
}

static bool ecdsa_good(EVP_PKEY *key, const struct nacre_eif_curve *curve, const struct nacre_blob *message,
                       const uint8_t *raw)
{
    BIGNUM *r = BN_bin2bn(raw, (int)curve->half, NULL),
           *s = BN_bin2bn(raw + curve->half, (int)curve->half, NULL);
    ECDSA_SIG *pair = ECDSA_SIG_new();
    uint8_t *der = NULL;
    int der_len = 0;
    if (r && s && pair && ECDSA_SIG_set0(pair, r, s) == 1) {
        r = s = NULL;
        der_len = i2d_ECDSA_SIG(pair, &der);
    }
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    bool good = der_len > 0 && md && EVP_DigestVerifyInit(md, NULL, curve->md(), NULL, key) == 1 &&
                EVP_DigestVerify(md, der, (size_t)der_len, message->data, message->len) == 1;
    EVP_MD_CTX_free(md);
    OPENSSL_free(der);
    ECDSA_SIG_free(pair);
    BN_free(r);
    BN_free(s);
    ERR_clear_error();
    return good;
}

struct cose {
    const uint8_t *prot, *payload, *raw;
    size_t prot_len, payload_len, raw_len;
};

static void judge(struct nacre_eif_signature *out, const struct cose *c, const uint8_t pcr0[NACRE_SHA384_LEN])
{
    EVP_PKEY *key = X509_get0_pubkey(out->cert);
    const struct nacre_eif_curve *curve = key ? nacre_eif_curve_of(key) : NULL;
    uint8_t prot[NACRE_EIF_COSE_MAX], payload[NACRE_EIF_COSE_MAX];
    if (!curve) {
        (void)snprintf(out->why, sizeof out->why, "the certificate's key is not on P-256, P-384 or P-521");
        return;
    }
    size_t prot_len = nacre_eif_cose_protected(prot, curve->alg);
    size_t payload_len = nacre_eif_cose_payload(payload, pcr0);
    if (c->prot_len != prot_len || memcmp(c->prot, prot, prot_len) != 0) {
        (void)snprintf(out->why, sizeof out->why, "the protected header is not {1: %d}, as the key demands",
                       curve->alg);
        return;
    }
    if (c->payload_len != payload_len || memcmp(c->payload, payload, payload_len) != 0) {
        (void)snprintf(out->why, sizeof out->why, "it signs another PCR0 than the image has");
        return;
    }
    if (c->raw_len != 2 * (size_t)curve->half) {
        (void)snprintf(out->why, sizeof out->why, "%zu bytes, expected %u", c->raw_len, 2 * curve->half);
        return;
    }
    struct nacre_blob message = {0};
    out->good = nacre_eif_cose_to_sign(&message, prot, prot_len, payload, payload_len) == 0 &&
                ecdsa_good(key, curve, &message, c->raw);
    nacre_blob_free(&message);
    if (!out->good)
        (void)snprintf(out->why, sizeof out->why, "not made by the key of the certificate");
}

static int read_cose(struct nacre_eif_signature *out, const struct nacre_blob *bytes,
                     const uint8_t pcr0[NACRE_SHA384_LEN], char *why, size_t why_len)
{
    struct cose c = {0};
    /* The tag is looked for as its one byte: libcbor before 0.9 takes the tags 6 to 20 for errors. */
    size_t tag = bytes->len > 0 && bytes->data[0] == TAG_COSE_SIGN1;
    cbor_item_t *list = nacre_cbor_load(bytes->data + tag, bytes->len - tag);
    bool good = list && cbor_isa_array(list) && nacre_cbor_count(list) == 4 &&
                nacre_cbor_bytes(nacre_cbor_at(list, 0), &c.prot, &c.prot_len) &&
                cbor_isa_map(nacre_cbor_at(list, 1)) &&
                nacre_cbor_bytes(nacre_cbor_at(list, 2), &c.payload, &c.payload_len) &&
                nacre_cbor_bytes(nacre_cbor_at(list, 3), &c.raw, &c.raw_len);
    if (good)
        judge(out, &c, pcr0);
    if (list)
        cbor_decref(&list);
    return good ? 0 : damaged(why, why_len, "'signature' is no COSE_Sign1");
}

int nacre_eif_signature_read(struct nacre_eif_signature *out, const uint8_t *data, size_t len,
                             const uint8_t pcr0[NACRE_SHA384_LEN], char *why, size_t why_len)
{
    struct parts parts = {0};
    struct nacre_eif_signature got = {0};
    if (len > SECTION_MAX)
        return damaged(why, why_len, "longer than any that is written");
    cbor_item_t *root = nacre_cbor_load(data, len);
    int rc = take_apart(&parts, root, why, why_len);
    if (root)
        cbor_decref(&root);
    if (rc == 0 && !(got.cert = certificate(&parts.pem)))
        rc = damaged(why, why_len, "'signing_certificate' is no certificate in PEM");
    if (rc == 0)
        rc = read_cose(&got, &parts.cose, pcr0, why, why_len);
    nacre_blob_free(&parts.pem);
    nacre_blob_free(&parts.cose);
    if (rc) {
        X509_free(got.cert);
        return rc;
    }
    *out = got;
    return 0;
}

int nacre_eif_pcr8(uint8_t out[NACRE_SHA384_LEN], X509 *cert)
{
    uint8_t *der = NULL;
    int len = i2d_X509(cert, &der);
    if (len <= 0)
        return -ENOMEM;
    nacre_eif_measure_data(out, der, (size_t)len);
    OPENSSL_free(der);
    return 0;
}
