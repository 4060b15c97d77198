/*
 * From the leaf to the pinned root. X509_verify_cert() does the path: issuers, signatures (each once, and not
 * the root's over itself), unknown critical extensions, name constraints. The rules before it are stricter
 * than its own: the bundle is the path, in order and whole; key usage has to be there; the root is compared
 * as bytes.
 */
#include "cert.h"

#include <stdio.h>
#include <string.h>

#include <openssl/sha.h>
#include <openssl/x509v3.h>

#include "text.h"

#define REASON_SIZE 512

static void fingerprint(nacre_verify_bytes der, char out[2 * SHA256_DIGEST_LENGTH + 1])
{
    uint8_t digest[SHA256_DIGEST_LENGTH];
    (void)SHA256(der.data, der.size, digest);
    nacre_vfy_hex(digest, sizeof digest, out);
}

static bool check_root(const struct nacre_verify_doc *doc, nacre_verify_bytes root,
                       struct nacre_verify_report *report)
{
    char expected[2 * SHA256_DIGEST_LENGTH + 1];
    char actual[2 * SHA256_DIGEST_LENGTH + 1];
    char text[128];
    nacre_verify_bytes aws = nacre_verify_aws_root();
    bool is_aws = root.size == aws.size && memcmp(root.data, aws.data, aws.size) == 0;
    bool same =
        doc->cabundle[0].size == root.size && memcmp(doc->cabundle[0].data, root.data, root.size) == 0;
    fingerprint(root, expected);
    fingerprint(doc->cabundle[0], actual);
    (void)snprintf(text, sizeof text, "%s, SHA-256 %s",
                   is_aws ? "AWS Nitro Enclaves Root-G1" : "the given root", expected);
    return nacre_vfy_check(report, "root", same, text, "cabundle[0], SHA-256 %s", actual);
}

/* A certificate that signs others; `below` is how many such certificates are between it and the leaf. */
static const char *why_no_issuer(X509 *cert, size_t below)
{
    uint32_t flags = X509_get_extension_flags(cert);
    long path_length = X509_get_pathlen(cert);
    if ((flags & EXFLAG_INVALID) != 0) {
        return "has invalid extensions";
    }
    if ((flags & EXFLAG_BCONS) == 0 || (flags & EXFLAG_CA) == 0) {
        return "is no CA by its basic constraints";
    }
    if ((flags & EXFLAG_KUSAGE) == 0) {
        return "has no key usage";
    }
    if ((X509_get_key_usage(cert) & KU_KEY_CERT_SIGN) == 0) {
        return "has a key usage without keyCertSign";
    }
    if (path_length >= 0 && (unsigned long)path_length < below) {
        return "has a path length below the number of CAs under it";
    }
    return NULL;
}

static const char *why_no_leaf(X509 *cert)
{
    uint32_t flags = X509_get_extension_flags(cert);
    if ((flags & EXFLAG_INVALID) != 0) {
        return "has invalid extensions";
    }
    if ((flags & EXFLAG_CA) != 0) {
        return "is a CA, expected an end entity";
    }
    if ((flags & EXFLAG_KUSAGE) == 0) {
        return "has no key usage";
    }
    if ((X509_get_key_usage(cert) & KU_DIGITAL_SIGNATURE) == 0) {
        return "has a key usage without digitalSignature";
    }
    if ((X509_get_key_usage(cert) & KU_KEY_CERT_SIGN) != 0) {
        return "has a key usage with keyCertSign";
    }
    return NULL;
}

static bool rules_hold(const struct nacre_vfy_chain *chain, char *reason)
{
    char label[NACRE_VFY_LABEL_SIZE];
    char issuer[NACRE_VFY_LABEL_SIZE];
    for (size_t i = 0; i < chain->count; i++) {
        X509 *cert = chain->cert[i];
        const char *why = i == 0 ? why_no_leaf(cert) : why_no_issuer(cert, i - 1);
        nacre_vfy_label(chain, i, label);
        if (why != NULL) {
            (void)snprintf(reason, REASON_SIZE, "%s %s", label, why);
            return false;
        }
        if (i + 1 < chain->count &&
            X509_NAME_cmp(X509_get_issuer_name(cert), X509_get_subject_name(chain->cert[i + 1])) != 0) {
            nacre_vfy_label(chain, i + 1, issuer);
            (void)snprintf(reason, REASON_SIZE, "%s is not issued by %s", label, issuer);
            return false;
        }
    }
    return true;
}

static bool uses_whole_chain(X509_STORE_CTX *context, const struct nacre_vfy_chain *chain)
{
    const STACK_OF(X509) *path = X509_STORE_CTX_get0_chain(context);
    if (path == NULL || (size_t)sk_X509_num(path) != chain->count) {
        return false;
    }
    for (size_t i = 0; i < chain->count; i++) {
        if (X509_cmp(sk_X509_value(path, (int)i), chain->cert[i]) != 0) {
            return false;
        }
    }
    return true;
}

static bool path_holds(X509_STORE_CTX *context, const struct nacre_vfy_chain *chain, char *reason)
{
    char label[NACRE_VFY_LABEL_SIZE];
    int verified = X509_verify_cert(context);
    int error = X509_STORE_CTX_get_error(context);
    if (verified != 1 || error != X509_V_OK) {
        int depth = X509_STORE_CTX_get_error_depth(context);
        nacre_vfy_label(chain, depth >= 0 && (size_t)depth < chain->count ? (size_t)depth : 0, label);
        (void)snprintf(reason, REASON_SIZE, "%s: %s", label, X509_verify_cert_error_string(error));
        return false;
    }
    if (!uses_whole_chain(context, chain)) {
        (void)snprintf(reason, REASON_SIZE, "the path that verifies is not cabundle as it is");
        return false;
    }
    return true;
}

/* Returns false and leaves `reason` empty when memory runs out. */
static bool verify_path(const struct nacre_vfy_chain *chain, X509 *root, char *reason)
{
    bool good = false;
    bool ready = true;
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    STACK_OF(X509) *untrusted = sk_X509_new_null();
    if (store == NULL || context == NULL || untrusted == NULL || X509_STORE_add_cert(store, root) != 1) {
        ready = false;
    }
    for (size_t i = 1; ready && i + 1 < chain->count; i++) {
        ready = sk_X509_push(untrusted, chain->cert[i]) > 0;
    }
    if (ready && X509_STORE_CTX_init(context, store, chain->cert[0], untrusted) == 1 &&
        X509_STORE_CTX_set_purpose(context, X509_PURPOSE_ANY) == 1) {
        /* Time is a check of its own, with a report of its own: here it would hide what else is wrong. */
        X509_STORE_CTX_set_flags(context, X509_V_FLAG_NO_CHECK_TIME);
        good = path_holds(context, chain, reason);
    }
    sk_X509_free(untrusted);
    X509_STORE_CTX_free(context);
    X509_STORE_free(store);
    return good;
}

void nacre_vfy_check_chain(const struct nacre_verify_doc *doc, const struct nacre_vfy_chain *chain,
                           nacre_verify_bytes root, struct nacre_verify_report *report)
{
    static const char expected[] =
        "an unbroken path from the certificate to the root: CAs with keyCertSign, path "
        "lengths kept, a leaf with digitalSignature";
    char reason[REASON_SIZE] = "";
    char leaf[NACRE_VFY_LABEL_SIZE];
    if (!check_root(doc, root, report)) {
        /* Without a root there is nothing to verify against; the check fails with it. */
        (void)nacre_vfy_check(report, "chain", false, expected, "a path to another root");
        return;
    }
    /* The same bytes as the pinned root, so it is as trusted. */
    X509 *trusted = chain->cert[chain->count - 1];
    bool good = rules_hold(chain, reason) && verify_path(chain, trusted, reason);
    if (!good && reason[0] == '\0') {
        report->out_of_memory = true;
        return;
    }
    nacre_vfy_label(chain, 0, leaf);
    (void)(good ? nacre_vfy_check(report, "chain", true, expected, "%zu certificates, the leaf is %s",
                                  chain->count, leaf)
                : nacre_vfy_check(report, "chain", false, expected, "%s", reason));
}
