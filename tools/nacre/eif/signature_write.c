#include "../file.h"
#include "signature.h"

#include <common/cbor_put.h>
#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HALF_MAX 66u

static int openssl_error(const char *what, char *why, size_t why_len)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    (void)snprintf(why, why_len, "%s%s%s", what, reason ? ": " : "", reason ? reason : "");
    ERR_clear_error();
    return -EINVAL;
}

static int no_password(char *buf, int size, int rwflag, void *user)
{
    (void)buf, (void)size, (void)rwflag, (void)user;
    return 0; /* never ask at the terminal */
}

static int load_cert(struct nacre_eif_signer *s, const char *path, char *why, size_t why_len)
{
    int rc = nacre_file_read(&s->pem, &s->pem_len, path, NACRE_EIF_PEM_MAX, why, why_len);
    if (rc)
        return rc;
    BIO *bio = BIO_new_mem_buf(s->pem, (int)s->pem_len);
    s->cert = bio ? PEM_read_bio_X509(bio, NULL, no_password, NULL) : NULL;
    BIO_free(bio);
    if (s->cert)
        return 0;
    (void)openssl_error("no certificate in PEM", why, why_len);
    char reason[256];
    (void)snprintf(reason, sizeof reason, "%.255s", why);
    (void)snprintf(why, why_len, "%s: %s", path, reason);
    return -EINVAL;
}

static int load_key(struct nacre_eif_signer *s, const char *path, char *why, size_t why_len)
{
    uint8_t *pem = NULL;
    size_t len = 0;
    int rc = nacre_file_read(&pem, &len, path, NACRE_EIF_PEM_MAX, why, why_len);
    if (rc)
        return rc;
    BIO *bio = BIO_new_mem_buf(pem, (int)len);
    s->key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL) : NULL;
    BIO_free(bio);
    OPENSSL_cleanse(pem, len);
    free(pem);
    if (!s->key) {
        ERR_clear_error();
        (void)snprintf(why, why_len, "%s: no unencrypted private key in PEM", path);
        return -EINVAL;
    }
    return 0;
}

static int check_pair(const struct nacre_eif_signer *s, const char *cert, const char *key, char *why,
                      size_t why_len)
{
    if (!nacre_eif_curve_of(s->key)) {
        (void)snprintf(why, why_len, "%s: a key of type %s; images are signed with P-256, P-384 or P-521",
                       key, EVP_PKEY_get0_type_name(s->key) ? EVP_PKEY_get0_type_name(s->key) : "unknown");
        return -EINVAL;
    }
    EVP_PKEY *public_key = X509_get0_pubkey(s->cert);
    if (!public_key || EVP_PKEY_eq(public_key, s->key) != 1) {
        ERR_clear_error();
        (void)snprintf(why, why_len, "the key in %s is not that of the certificate in %s", key, cert);
        return -EINVAL;
    }
    return 0;
}

int nacre_eif_signer_load(struct nacre_eif_signer *out, const char *cert, const char *key, char *why,
                          size_t why_len)
{
    struct nacre_eif_signer s = {0};
    int rc = load_cert(&s, cert, why, why_len);
    if (rc == 0 && key)
        rc = load_key(&s, key, why, why_len);
    if (rc == 0 && key)
        rc = check_pair(&s, cert, key, why, why_len);
    if (rc) {
        nacre_eif_signer_free(&s);
        return rc;
    }
    *out = s;
    return 0;
}

void nacre_eif_signer_free(struct nacre_eif_signer *s)
{
    if (!s)
        return;
    X509_free(s->cert);
    EVP_PKEY_free(s->key);
    free(s->pem);
    *s = (struct nacre_eif_signer){0};
}

/* RFC 6979, where this OpenSSL has it (3.2 and later). */
static bool make_deterministic(EVP_PKEY_CTX *ctx)
{
    unsigned type = 1;
    const OSSL_PARAM *settable = EVP_PKEY_CTX_settable_params(ctx);
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_uint("nonce-type", &type), OSSL_PARAM_construct_end()};
    return settable && OSSL_PARAM_locate_const(settable, "nonce-type") &&
           EVP_PKEY_CTX_set_params(ctx, params) == 1;
}

/* r || s, each of `half` bytes, from OpenSSL's DER. */
static bool to_raw(uint8_t *raw, unsigned half, const uint8_t *der, size_t len)
{
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &der, (long)len);
    bool good = pair && BN_bn2binpad(ECDSA_SIG_get0_r(pair), raw, (int)half) == (int)half &&
                BN_bn2binpad(ECDSA_SIG_get0_s(pair), raw + half, (int)half) == (int)half;
    ECDSA_SIG_free(pair);
    return good;
}

static bool sign(uint8_t raw[2 * HALF_MAX], struct nacre_eif_signer *s, const struct nacre_eif_curve *curve,
                 const struct nacre_blob *message)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    EVP_PKEY_CTX *ctx = NULL;
    uint8_t der[2 * HALF_MAX + 16];
    size_t len = sizeof der;
    bool good = md && EVP_DigestSignInit(md, &ctx, curve->md(), NULL, s->key) == 1;
    s->deterministic = good && make_deterministic(ctx);
    good = good && EVP_DigestSign(md, der, &len, message->data, message->len) == 1 &&
           to_raw(raw, curve->half, der, len);
    EVP_MD_CTX_free(md);
    return good;
}

static void put_numbers(struct nacre_writer *w, const uint8_t *data, size_t len)
{
    nacre_put_array(w, len);
    for (size_t i = 0; i < len; i++)
        nacre_put_uint(w, data[i]);
}

static int put_section(struct nacre_blob *out, const struct nacre_eif_signer *s, const uint8_t *cose,
                       size_t cose_len)
{
    size_t cap = 2 * (s->pem_len + cose_len) + 128;
    uint8_t *room = nacre_blob_room(out, cap);
    if (!room)
        return -ENOMEM;
    struct nacre_writer w = nacre_writer(room, cap);
    nacre_put_array(&w, 1);
    nacre_put_map(&w, 2);
    nacre_put_z(&w, "signing_certificate");
    put_numbers(&w, s->pem, s->pem_len);
    nacre_put_z(&w, "signature");
    put_numbers(&w, cose, cose_len);
    out->len -= cap - w.len;
    return w.failed ? -ENOMEM : 0;
}

int nacre_eif_sign(struct nacre_blob *out, struct nacre_eif_signer *s, const uint8_t pcr0[NACRE_SHA384_LEN],
                   char *why, size_t why_len)
{
    const struct nacre_eif_curve *curve = nacre_eif_curve_of(s->key);
    if (!curve)
        return -EINVAL;
    uint8_t prot[NACRE_EIF_COSE_MAX], payload[NACRE_EIF_COSE_MAX], raw[2 * HALF_MAX], cose[1024];
    size_t prot_len = nacre_eif_cose_protected(prot, curve->alg);
    size_t payload_len = nacre_eif_cose_payload(payload, pcr0);
    struct nacre_blob message = {0};
    int rc = nacre_eif_cose_to_sign(&message, prot, prot_len, payload, payload_len);
    if (rc == 0 && !sign(raw, s, curve, &message))
        rc = openssl_error("cannot sign", why, why_len);
    nacre_blob_free(&message);
    if (rc)
        return rc;
    struct nacre_writer w = nacre_writer(cose, sizeof cose);
    nacre_put_array(&w, 4);
    nacre_put_bytes(&w, prot, prot_len);
    nacre_put_map(&w, 0);
    nacre_put_bytes(&w, payload, payload_len);
    nacre_put_bytes(&w, raw, 2 * (size_t)curve->half);
    return w.failed ? -ENOMEM : put_section(out, s, cose, w.len);
}
