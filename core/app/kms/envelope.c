#include "envelope.h"

#include <errno.h>
#include <openssl/asn1t.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define BITS 2048u

EVP_PKEY *nacre_envelope_key(uint8_t spki[NACRE_ENVELOPE_SPKI], size_t *len)
{
    EVP_PKEY *key = EVP_RSA_gen(BITS);
    int n = key ? i2d_PUBKEY(key, NULL) : -1;
    if (n > 0 && (unsigned)n <= NACRE_ENVELOPE_SPKI && i2d_PUBKEY(key, &spki) == n) {
        *len = (size_t)n;
        return key;
    }
    EVP_PKEY_free(key);
    return NULL;
}

static int algorithm(const X509_ALGOR *a)
{
    return a && a->algorithm ? OBJ_obj2nid(a->algorithm) : NID_undef;
}

/* SHA-256 for the label and in MGF1, as the request has asked for. Left out they would be SHA-1. */
static bool is_oaep_sha256(const X509_ALGOR *a)
{
    RSA_OAEP_PARAMS *p = NULL;
    X509_ALGOR *mgf_hash = NULL;
    if (algorithm(a) == NID_rsaesOaep && a->parameter)
        p = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(RSA_OAEP_PARAMS), a->parameter);
    if (p && algorithm(p->maskGenFunc) == NID_mgf1 && p->maskGenFunc->parameter)
        mgf_hash = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(X509_ALGOR), p->maskGenFunc->parameter);
    bool good = p && algorithm(p->hashFunc) == NID_sha256 && algorithm(mgf_hash) == NID_sha256;
    X509_ALGOR_free(mgf_hash);
    RSA_OAEP_PARAMS_free(p);
    return good;
}

/* Why it is not what KMS was asked for, or NULL with the one recipient. */
static const char *fault(CMS_ContentInfo *cms, CMS_RecipientInfo **recipient)
{
    X509_ALGOR *a = NULL;
    EVP_PKEY *none = NULL;
    X509 *nobody = NULL;
    if (OBJ_obj2nid(CMS_get0_type(cms)) != NID_pkcs7_enveloped)
        return "it is CMS, and not EnvelopedData";
    STACK_OF(CMS_RecipientInfo) *all = CMS_get0_RecipientInfos(cms);
    if (sk_CMS_RecipientInfo_num(all) != 1)
        return "it has not exactly one recipient";
    *recipient = sk_CMS_RecipientInfo_value(all, 0);
    if (CMS_RecipientInfo_type(*recipient) != CMS_RECIPINFO_TRANS ||
        CMS_RecipientInfo_ktri_get0_algs(*recipient, &none, &nobody, &a) != 1 || !is_oaep_sha256(a))
        return "its key is not encrypted by RSAES-OAEP with SHA-256";
    return NULL;
}

/* Everything up to the end, or what is wrong. The padding is checked by the last read. */
static const char *read_content(BIO *chain, uint8_t *out, size_t cap, size_t *len)
{
    EVP_CIPHER_CTX *ctx = NULL;
    BIO *cipher = BIO_find_type(chain, BIO_TYPE_CIPHER);
    if (!cipher || BIO_get_cipher_ctx(cipher, &ctx) <= 0 || EVP_CIPHER_CTX_get_nid(ctx) != NID_aes_256_cbc)
        return "its content is not encrypted by AES-256-CBC";
    int n = 1;
    for (*len = 0; *len < cap && n > 0; *len += n > 0 ? (size_t)n : 0)
        n = BIO_read(chain, out + *len, (int)(cap - *len));
    if (*len == cap)
        return "its content is too long";
    return n < 0 || BIO_get_cipher_status(cipher) <= 0 ? "its content cannot be decrypted" : NULL;
}

static const char *decrypt(CMS_ContentInfo *cms, EVP_PKEY *key, uint8_t *out, size_t cap, size_t *len)
{
    CMS_RecipientInfo *recipient = NULL;
    const char *wrong = fault(cms, &recipient);
    if (wrong)
        return wrong;
    if (EVP_PKEY_up_ref(key) != 1 || CMS_RecipientInfo_set0_pkey(recipient, key) != 1)
        return "OpenSSL does not take the key";
    if (CMS_RecipientInfo_decrypt(cms, recipient) != 1)
        return "it is not encrypted to this run's key";
    BIO *chain = CMS_dataInit(cms, NULL);
    wrong = chain ? read_content(chain, out, cap, len) : "it has no content";
    BIO_free_all(chain);
    return wrong;
}

int nacre_envelope_open(uint8_t *out, size_t cap, size_t *len, const uint8_t *cms, size_t cms_len,
                        EVP_PKEY *key, char *why, size_t why_len)
{
    const uint8_t *at = cms;
    const char *wrong = "it is not CMS";
    CMS_ContentInfo *info = cms_len <= INT32_MAX ? d2i_CMS_ContentInfo(NULL, &at, (long)cms_len) : NULL;
    if (info && at != cms + cms_len)
        wrong = "there is something behind the CMS";
    else if (info)
        wrong = decrypt(info, key, out, cap, len);
    CMS_ContentInfo_free(info);
    ERR_clear_error();
    if (!wrong)
        return 0;
    OPENSSL_cleanse(out, cap);
    (void)snprintf(why, why_len, "what KMS encrypted for us cannot be opened: %s", wrong);
    return -EBADMSG;
}
