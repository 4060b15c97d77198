/* ECDSA over the Sig_structure of RFC 9052 section 4.4: ["Signature1", protected, h'', payload]. */
#include <cbor.h>

#include <openssl/ecdsa.h>
#include <openssl/evp.h>

#include "cert.h"

static const char context_string[] = "Signature1";

/* The longest CBOR head. */
#define HEAD_MAX 9u

/* COSE carries r || s, OpenSSL wants them in DER. Returns the length, 0 on failure; *der is OpenSSL's to
 * free. */
static size_t to_der(nacre_verify_bytes raw, unsigned char **der)
{
    int half = (int)(raw.size / 2);
    int size = 0;
    BIGNUM *r = BN_bin2bn(raw.data, half, NULL);
    BIGNUM *s = BN_bin2bn(raw.data + half, half, NULL);
    ECDSA_SIG *pair = ECDSA_SIG_new();
    if (r != NULL && s != NULL && pair != NULL && ECDSA_SIG_set0(pair, r, s) == 1) {
        r = NULL;
        s = NULL;
        size = i2d_ECDSA_SIG(pair, der);
    }
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(pair);
    return size > 0 ? (size_t)size : 0;
}

static bool update_string(EVP_MD_CTX *md, nacre_verify_bytes string)
{
    unsigned char head[HEAD_MAX];
    size_t n = cbor_encode_bytestring_start(string.size, head, sizeof head);
    return n > 0 && EVP_DigestVerifyUpdate(md, head, n) == 1 &&
           EVP_DigestVerifyUpdate(md, string.data, string.size) == 1;
}

static bool update_prefix(EVP_MD_CTX *md)
{
    unsigned char head[2 * HEAD_MAX];
    size_t n = cbor_encode_array_start(4, head, sizeof head);
    n += cbor_encode_string_start(sizeof context_string - 1, head + n, sizeof head - n);
    return n == 2 && EVP_DigestVerifyUpdate(md, head, n) == 1 &&
           EVP_DigestVerifyUpdate(md, context_string, sizeof context_string - 1) == 1;
}

static bool verifies(const struct nacre_verify_doc *doc, EVP_PKEY *key, EVP_MD_CTX *md)
{
    static const uint8_t nothing[1] = {0};
    const nacre_verify_bytes external_aad = {.data = nothing, .size = 0};
    unsigned char *der = NULL;
    size_t der_size = to_der(doc->signature, &der);
    bool good = der_size > 0 && EVP_DigestVerifyInit(md, NULL, EVP_sha384(), NULL, key) == 1 &&
                update_prefix(md) && update_string(md, doc->protected_header) &&
                update_string(md, external_aad) && update_string(md, doc->payload) &&
                EVP_DigestVerifyFinal(md, der, der_size) == 1;
    OPENSSL_free(der);
    return good;
}

bool nacre_vfy_check_signature(const struct nacre_verify_doc *doc, const struct nacre_vfy_chain *chain,
                               struct nacre_verify_report *report)
{
    static const char expected[] = "ES384 over the payload, by the key of the certificate";
    char label[NACRE_VFY_LABEL_SIZE];
    nacre_vfy_label(chain, 0, label);
    EVP_PKEY *key = X509_get0_pubkey(chain->cert[0]);
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    if (md == NULL) {
        report->out_of_memory = true;
        return false;
    }
    bool good = verifies(doc, key, md);
    EVP_MD_CTX_free(md);
    return nacre_vfy_check(report, "signature", good, expected, "%s the key of %s",
                           good ? "made by" : "not made by", label);
}
