#include "cert.h"

#include <errno.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/x509v3.h>
#include <time.h>

struct extension {
    int nid;
    const char *value;
};

#define EXTENSION_COUNT 4

static const struct extension extensions[][EXTENSION_COUNT] = {
    [NACRE_SIM_ROOT] = {{NID_basic_constraints, "critical,CA:TRUE"},
                        {NID_key_usage, "critical,keyCertSign,cRLSign"},
                        {NID_subject_key_identifier, "hash"}},
    [NACRE_SIM_INTERMEDIATE] = {{NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
                                {NID_key_usage, "critical,keyCertSign"},
                                {NID_subject_key_identifier, "hash"},
                                {NID_authority_key_identifier, "keyid:always"}},
    [NACRE_SIM_LEAF] = {{NID_basic_constraints, "critical,CA:FALSE"},
                        {NID_key_usage, "critical,digitalSignature"},
                        {NID_subject_key_identifier, "hash"},
                        {NID_authority_key_identifier, "keyid:always"}},
};

static int set_serial(X509 *cert)
{
    BIGNUM *number = BN_new();
    /* 127 bits with the top one set: positive, never zero, and of constant length. */
    int ok = number != NULL && BN_rand(number, 127, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
             BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert)) != NULL;
    BN_free(number);
    return ok ? 0 : -EIO;
}

static int add_name(X509_NAME *name, const char *field, const char *value)
{
    int ok = X509_NAME_add_entry_by_txt(name, field, MBSTRING_ASC, (const unsigned char *)value, -1, -1, 0);
    return ok == 1 ? 0 : -EIO;
}

static int set_subject(X509 *cert, const char *common_name)
{
    X509_NAME *name = X509_get_subject_name(cert);
    if (add_name(name, "O", "nacre") < 0 || add_name(name, "OU", "TEST ONLY") < 0)
        return -EIO;
    return add_name(name, "CN", common_name);
}

static int add_extensions(X509 *cert, X509 *issuer, enum nacre_sim_role role)
{
    X509V3_CTX ctx;
    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    for (size_t i = 0; i < EXTENSION_COUNT && extensions[role][i].value != NULL; i++) {
        X509_EXTENSION *ext =
            X509V3_EXT_conf_nid(NULL, &ctx, extensions[role][i].nid, extensions[role][i].value);
        int ok = ext != NULL && X509_add_ext(cert, ext, -1) == 1;
        X509_EXTENSION_free(ext);
        if (!ok)
            return -EIO;
    }
    return 0;
}

static int fill(struct nacre_sim_identity *made, const struct nacre_sim_identity *issuer,
                enum nacre_sim_role role, const char *common_name)
{
    X509 *cert = made->cert;
    X509 *issuer_cert = issuer != NULL ? issuer->cert : cert;
    EVP_PKEY *issuer_key = issuer != NULL ? issuer->key : made->key;
    if (X509_set_version(cert, X509_VERSION_3) != 1 || set_serial(cert) < 0 ||
        set_subject(cert, common_name) < 0)
        return -EIO;
    if (ASN1_TIME_set(X509_getm_notBefore(cert), (time_t)made->not_before) == NULL ||
        ASN1_TIME_set(X509_getm_notAfter(cert), (time_t)made->not_after) == NULL ||
        X509_set_pubkey(cert, made->key) != 1 ||
        X509_set_issuer_name(cert, X509_get_subject_name(issuer_cert)) != 1)
        return -EIO;
    if (add_extensions(cert, issuer_cert, role) < 0)
        return -EIO;
    return X509_sign(cert, issuer_key, EVP_sha384()) > 0 ? 0 : -EIO;
}

int nacre_sim_identity_issue(struct nacre_sim_identity *out, const struct nacre_sim_identity *issuer,
                             enum nacre_sim_role role, const char *common_name, int64_t not_before,
                             int64_t not_after)
{
    struct nacre_sim_identity made = {
        .key = EVP_EC_gen("P-384"), .cert = X509_new(), .not_before = not_before, .not_after = not_after};
    int rc = made.key != NULL && made.cert != NULL ? fill(&made, issuer, role, common_name) : -ENOMEM;
    if (rc < 0) {
        nacre_sim_identity_clear(&made);
        return rc;
    }
    nacre_sim_identity_clear(out);
    *out = made;
    return 0;
}

void nacre_sim_identity_clear(struct nacre_sim_identity *identity)
{
    if (identity == NULL)
        return;
    EVP_PKEY_free(identity->key);
    X509_free(identity->cert);
    *identity = (struct nacre_sim_identity){0};
}

/* DER ECDSA-Sig-Value to the fixed-width form COSE wants. */
static int to_raw(const uint8_t *der, size_t len, uint8_t raw[NACRE_SIM_SIGNATURE_LEN])
{
    const int half = NACRE_SIM_SIGNATURE_LEN / 2;
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &der, (long)len);
    int ok = pair != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(pair), raw, half) == half &&
             BN_bn2binpad(ECDSA_SIG_get0_s(pair), raw + half, half) == half;
    ECDSA_SIG_free(pair);
    return ok ? 0 : -EIO;
}

int nacre_sim_identity_sign(const struct nacre_sim_identity *identity, const uint8_t *data, size_t len,
                            uint8_t signature[NACRE_SIM_SIGNATURE_LEN])
{
    uint8_t der[NACRE_SIM_SIGNATURE_LEN + 16]; /* two INTEGERs of up to 49 bytes, with their headers */
    size_t der_len = sizeof(der);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    if (ctx == NULL)
        return -ENOMEM;
    int ok = EVP_DigestSignInit(ctx, NULL, EVP_sha384(), NULL, identity->key) == 1 &&
             EVP_DigestSign(ctx, der, &der_len, data, len) == 1;
    EVP_MD_CTX_free(ctx);
    return ok ? to_raw(der, der_len, signature) : -EIO;
}
