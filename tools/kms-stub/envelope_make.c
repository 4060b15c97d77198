/*
 * envelope_make.c - CMS EnvelopedData as KMS answers with: version 2, the recipient by subjectKeyIdentifier, RSAES-OAEP
 * with SHA-256, AES-256-CBC, BER with indefinite lengths.
 */
#include "stub.h"

#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

/* OpenSSL knows recipients by their certificates; this one carries the key and its identifier, and nobody sees it. */
static X509 *wrap(EVP_PKEY *key)
{
    X509V3_CTX ctx;
    EVP_PKEY *signer = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    bool good = cert && signer && X509_set_version(cert, 2) == 1 && X509_set_pubkey(cert, key) == 1 &&
                X509_gmtime_adj(X509_getm_notBefore(cert), 0) &&
                X509_gmtime_adj(X509_getm_notAfter(cert), 60);
    X509V3_set_ctx(&ctx, NULL, cert, NULL, NULL, 0);
    X509_EXTENSION *id = good ? X509V3_EXT_conf_nid(NULL, &ctx, NID_subject_key_identifier, "hash") : NULL;
    good = id && X509_add_ext(cert, id, -1) == 1 && X509_sign(cert, signer, EVP_sha256()) > 0;
    X509_EXTENSION_free(id);
    EVP_PKEY_free(signer);
    if (good)
        return cert;
    X509_free(cert);
    return NULL;
}

static bool add_recipient(CMS_ContentInfo *cms, X509 *cert, const EVP_MD *md)
{
    CMS_RecipientInfo *r = CMS_add1_recipient_cert(cms, cert, CMS_USE_KEYID | CMS_KEY_PARAM);
    EVP_PKEY_CTX *ctx = r ? CMS_RecipientInfo_get0_pkey_ctx(r) : NULL;
    return ctx && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) > 0 &&
           EVP_PKEY_CTX_set_rsa_oaep_md(ctx, md) > 0 && EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, md) > 0;
}

static uint8_t *take(BIO *bio, size_t *len)
{
    char *data = NULL;
    long n = BIO_get_mem_data(bio, &data);
    uint8_t *out = n > 0 ? malloc((size_t)n) : NULL;
    if (out)
        memcpy(out, data, (size_t)n);
    *len = out ? (size_t)n : 0;
    return out;
}

uint8_t *stub_envelope(EVP_PKEY *recipient, const uint8_t *plain, size_t len, const char *fault,
                       size_t *out_len)
{
    EVP_PKEY *other = strcmp(fault, "other-key") == 0 ? EVP_RSA_gen(2048) : NULL;
    X509 *cert = wrap(other ? other : recipient);
    CMS_ContentInfo *cms =
        CMS_encrypt(NULL, NULL, strcmp(fault, "aes128") == 0 ? EVP_aes_128_cbc() : EVP_aes_256_cbc(),
                    CMS_BINARY | CMS_STREAM | CMS_PARTIAL);
    BIO *in = BIO_new_mem_buf(plain, (int)len), *out = BIO_new(BIO_s_mem());
    const EVP_MD *md = strcmp(fault, "oaep-sha1") == 0 ? EVP_sha1() : EVP_sha256();
    uint8_t *made = NULL;
    if (cert && cms && in && out && add_recipient(cms, cert, md) &&
        (strcmp(fault, "two-recipients") != 0 || add_recipient(cms, cert, md)) &&
        i2d_CMS_bio_stream(out, cms, in, CMS_BINARY | CMS_STREAM) == 1)
        made = take(out, out_len);
    else
        ERR_print_errors_fp(stderr);
    BIO_free(in);
    BIO_free(out);
    CMS_ContentInfo_free(cms);
    X509_free(cert);
    EVP_PKEY_free(other);
    return made;
}
