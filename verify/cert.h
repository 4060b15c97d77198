/* The certificates of a document, leaf first, root last. */
#ifndef NACRE_VFY_CERT_H
#define NACRE_VFY_CERT_H

#include <openssl/x509.h>

#include "doc.h"
#include "policy.h"

#define NACRE_VFY_LABEL_SIZE 160

struct nacre_vfy_chain {
    X509 *cert[NACRE_VERIFY_CHAIN_MAX];
    size_t count;
};

/*
 * Check "certificates": all of them parse, without a byte left over, hold a P-384 key on the named curve and
 * are signed by ecdsa-with-SHA384. What the policy knows already is not read again. `chain` must be zero, and
 * is freed by the caller whatever comes back.
 */
bool nacre_vfy_chain_load(const struct nacre_verify_doc *doc, const struct nacre_verify_policy *policy,
                          struct nacre_vfy_chain *chain, struct nacre_verify_report *report);
/* Remembers the CAs between leaf and root of a document that verified. */
void nacre_vfy_chain_keep(const struct nacre_verify_doc *doc, const struct nacre_verify_policy *policy,
                          const struct nacre_vfy_chain *chain);
void nacre_vfy_chain_free(struct nacre_vfy_chain *chain);

/* `certificate "CN"` or `cabundle[i] "CN"`. `label` holds NACRE_VFY_LABEL_SIZE. */
void nacre_vfy_label(const struct nacre_vfy_chain *chain, size_t index, char *label);

/* Check "signature": the document, under the leaf's key (signature.c). */
bool nacre_vfy_check_signature(const struct nacre_verify_doc *doc, const struct nacre_vfy_chain *chain,
                               struct nacre_verify_report *report);

/* Checks "root" and "chain": from the leaf to `root` (DER) by X509_verify_cert() and rules of our own
 * (chain.c). */
void nacre_vfy_check_chain(const struct nacre_verify_doc *doc, const struct nacre_vfy_chain *chain,
                           nacre_verify_bytes root, struct nacre_verify_report *report);

/* Check "validity": every certificate at `at_ms`; `clock` says whose time that is (validity.c). */
void nacre_vfy_check_validity(const struct nacre_vfy_chain *chain, uint64_t at_ms, const char *clock,
                              struct nacre_verify_report *report);

#endif
