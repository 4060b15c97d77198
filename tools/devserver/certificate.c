#include "certificate.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY_S 86400L

static int add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    int good = e && X509_add_ext(cert, e, -1) == 1;
    X509_EXTENSION_free(e);
    return good;
}

static int set_serial(X509 *cert)
{
    unsigned char bytes[8];
    uint64_t serial;
    if (RAND_bytes(bytes, sizeof bytes) != 1)
        return 0;
    memcpy(&serial, bytes, sizeof serial);
    return ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), serial >> 1 | 1) == 1;
}

/* A certificate for `key`, signed by `signer`; issuer NULL: by itself. */
static X509 *make(const char *name, const char *names, EVP_PKEY *key, X509 *issuer, EVP_PKEY *signer)
{
    X509 *cert = X509_new();
    X509_NAME *subject = cert ? X509_get_subject_name(cert) : NULL;
    int good = cert && X509_set_version(cert, 2) == 1 && set_serial(cert) &&
               X509_gmtime_adj(X509_getm_notBefore(cert), -DAY_S) &&
               X509_gmtime_adj(X509_getm_notAfter(cert), 30 * DAY_S) && X509_set_pubkey(cert, key) == 1 &&
               X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1,
                                          0) == 1 &&
               X509_set_issuer_name(cert, issuer ? X509_get_subject_name(issuer) : subject) == 1 &&
               add_extension(cert, issuer ? issuer : cert, NID_subject_key_identifier, "hash");
    if (good && issuer)
        good = add_extension(cert, issuer, NID_subject_alt_name, names) &&
               add_extension(cert, issuer, NID_basic_constraints, "critical,CA:FALSE") &&
               add_extension(cert, issuer, NID_ext_key_usage, "serverAuth") &&
               add_extension(cert, issuer, NID_authority_key_identifier, "keyid");
    else if (good)
        good = add_extension(cert, cert, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
               add_extension(cert, cert, NID_key_usage, "critical,keyCertSign");
    if (good && X509_sign(cert, signer, EVP_sha256()) > 0)
        return cert;
    X509_free(cert);
    return NULL;
}

static char *text_of(BIO *bio)
{
    char *data = NULL;
    long len = bio ? BIO_get_mem_data(bio, &data) : 0;
    return len > 0 ? strndup(data, (size_t)len) : NULL;
}

static char *pem_of(X509 *cert, EVP_PKEY *key)
{
    BIO *bio = BIO_new(BIO_s_mem());
    int good = bio && (cert ? PEM_write_bio_X509(bio, cert)
                            : PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL)) == 1;
    char *text = good ? text_of(bio) : NULL;
    BIO_free(bio);
    return text;
}

int certificate_make(struct certificate *out, const char *program, const char *names)
{
    char title[64];
    (void)snprintf(title, sizeof title, "%.40s test CA", program);
    EVP_PKEY *ca_key = EVP_EC_gen("P-256"), *key = EVP_EC_gen("P-256");
    X509 *ca = ca_key ? make(title, NULL, ca_key, NULL, ca_key) : NULL;
    X509 *cert = ca && key ? make(program, names, key, ca, ca_key) : NULL;
    *out = (struct certificate){cert ? pem_of(ca, NULL) : NULL, cert ? pem_of(cert, NULL) : NULL,
                                cert ? pem_of(NULL, key) : NULL};
    X509_free(cert);
    X509_free(ca);
    EVP_PKEY_free(key);
    EVP_PKEY_free(ca_key);
    if (out->ca && out->chain && out->key)
        return 0;
    certificate_free(out);
    return -1;
}

void certificate_free(struct certificate *c)
{
    free(c->ca);
    free(c->chain);
    free(c->key);
    memset(c, 0, sizeof *c);
}
