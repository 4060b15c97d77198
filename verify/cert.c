#include "cert.h"

#include <stdio.h>
#include <string.h>

#include <openssl/objects.h>

/* Certificates in chain order: the leaf, then the bundle backwards. */
static nacre_verify_bytes der_at(const struct nacre_verify_doc *doc, size_t index)
{
    return index == 0 ? doc->certificate : doc->cabundle[doc->cabundle_count - index];
}

void nacre_vfy_label(const struct nacre_vfy_chain *chain, size_t index, char *label)
{
    char place[24] = "certificate";
    int entry = -1;
    const X509_NAME *name = X509_get_subject_name(chain->cert[index]);
    const ASN1_STRING *cn = NULL;
    if (index > 0) {
        (void)snprintf(place, sizeof place, "cabundle[%zu]", chain->count - 1 - index);
    }
    entry = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
    if (entry >= 0) {
        cn = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, entry));
    }
    if (cn == NULL) {
        (void)snprintf(label, NACRE_VFY_LABEL_SIZE, "%s (no common name)", place);
        return;
    }
    int length = ASN1_STRING_length(cn) < 100 ? ASN1_STRING_length(cn) : 100;
    (void)snprintf(label, NACRE_VFY_LABEL_SIZE, "%s \"%.*s\"", place, length,
                   (const char *)ASN1_STRING_get0_data(cn));
}

/*
 * The key's algorithm is read from the certificate rather than from the decoded key, so that a curve spelled
 * out in parameters, which can be made to resemble P-384, never passes for it.
 */
static bool is_p384(const X509 *cert)
{
    X509_ALGOR *algorithm = NULL;
    const ASN1_OBJECT *object = NULL;
    const void *parameter = NULL;
    int type = V_ASN1_UNDEF;
    if (X509_PUBKEY_get0_param(NULL, NULL, NULL, &algorithm, X509_get_X509_PUBKEY(cert)) != 1) {
        return false;
    }
    X509_ALGOR_get0(&object, &type, &parameter, algorithm);
    return OBJ_obj2nid(object) == NID_X9_62_id_ecPublicKey && type == V_ASN1_OBJECT &&
           OBJ_obj2nid(parameter) == NID_secp384r1;
}

static const char *why_unusable(X509 *cert, const uint8_t *end, const uint8_t *parsed)
{
    if (cert == NULL) {
        return "is no X.509 certificate";
    }
    if (parsed != end) {
        return "is followed by other bytes";
    }
    if (!is_p384(cert)) {
        return "holds no key on the named curve P-384";
    }
    if (X509_get_signature_nid(cert) != NID_ecdsa_with_SHA384) {
        return "is not signed by ecdsa-with-SHA384";
    }
    if (X509_get0_pubkey(cert) == NULL) {
        return "holds a key that is no point of P-384";
    }
    return NULL;
}

/* The root and CAs that were seen before need no second reading. */
static X509 *known(nacre_verify_bytes der, const struct nacre_verify_policy *policy)
{
    const struct nacre_vfy_root *root = &policy->root;
    if (der.size == root->der.size && memcmp(der.data, root->der.data, der.size) == 0 &&
        X509_up_ref(root->cert) == 1) {
        return root->cert;
    }
    return nacre_vfy_cache_find(policy->cache, der);
}

static X509 *read(nacre_verify_bytes der, const struct nacre_verify_policy *policy, const uint8_t **end)
{
    X509 *cert = known(der, policy);
    *end = der.data + der.size;
    if (cert == NULL) {
        *end = der.data;
        cert = d2i_X509(NULL, end, (long)der.size);
    }
    return cert;
}

bool nacre_vfy_chain_load(const struct nacre_verify_doc *doc, const struct nacre_verify_policy *policy,
                          struct nacre_vfy_chain *chain, struct nacre_verify_report *report)
{
    static const char name[] = "certificates";
    static const char expected[] = "X.509, P-384 keys, ecdsa-with-SHA384";
    size_t count = doc->cabundle_count + 1;
    for (size_t i = 0; i < count; i++) {
        nacre_verify_bytes der = der_at(doc, i);
        const uint8_t *parsed = NULL;
        X509 *cert = read(der, policy, &parsed);
        const char *why = why_unusable(cert, der.data + der.size, parsed);
        if (why != NULL) {
            X509_free(cert);
            return i == 0 ? nacre_vfy_check(report, name, false, expected, "certificate (the leaf) %s", why)
                          : nacre_vfy_check(report, name, false, expected, "cabundle[%zu] %s", count - 1 - i,
                                            why);
        }
        chain->cert[chain->count++] = cert;
    }
    return nacre_vfy_check(report, name, true, expected, "%zu of them", count);
}

void nacre_vfy_chain_free(struct nacre_vfy_chain *chain)
{
    for (size_t i = 0; i < chain->count; i++) {
        X509_free(chain->cert[i]);
    }
    chain->count = 0;
}

void nacre_vfy_chain_keep(const struct nacre_verify_doc *doc, const struct nacre_verify_policy *policy,
                          const struct nacre_vfy_chain *chain)
{
    for (size_t i = 1; i + 1 < chain->count; i++) {
        nacre_vfy_cache_keep(policy->cache, der_at(doc, i), chain->cert[i]);
    }
}
