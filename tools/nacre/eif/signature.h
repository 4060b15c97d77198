/*
 * signature.h - the signature section: CBOR, an array of one map of `signing_certificate` (the PEM text) and
 * `signature`, a COSE_Sign1 (RFC 9052) whose payload is the CBOR map of `register_index` 0 and
 * `register_value`, PCR0. AWS's tools write every byte string but those of COSE as an array of numbers, and
 * read nothing else. PCR8 is the measurement of the certificate's DER.
 */
#ifndef NACRE_EIF_SIGNATURE_H
#define NACRE_EIF_SIGNATURE_H

#include "eif.h"

#include <openssl/x509.h>

#define NACRE_EIF_PEM_MAX 65536u /* bytes of a certificate or key file */

struct nacre_eif_signer {
    X509 *cert;
    EVP_PKEY *key;
    uint8_t *pem; /* the certificate's file as it is */
    size_t pem_len;
    bool deterministic; /* set by signing: the nonce was RFC 6979's, so that equal images stay equal */
};

/*
 * nacre_eif_signer_load - certificate and key (PEM, unencrypted) from two files. The key must be the
 * certificate's, on P-256, P-384 or P-521. 0, or a negative errno with `why` filled; *out is untouched then.
 */
int nacre_eif_signer_load(struct nacre_eif_signer *out, const char *cert, const char *key, char *why,
                          size_t why_len);

/* Frees what it holds. Accepts NULL and a zeroed struct. */
void nacre_eif_signer_free(struct nacre_eif_signer *s);

/*
 * nacre_eif_sign - the section's data over `pcr0` at the end of *out. Before OpenSSL 3.2 the nonce is random
 * and so is the signature; measurements do not depend on it. 0, or a negative errno with `why` filled.
 */
int nacre_eif_sign(struct nacre_blob *out, struct nacre_eif_signer *s, const uint8_t pcr0[NACRE_SHA384_LEN],
                   char *why, size_t why_len);

/* PCR8 of a certificate. 0 or -ENOMEM. */
int nacre_eif_pcr8(uint8_t out[NACRE_SHA384_LEN], X509 *cert);

struct nacre_eif_signature {
    X509 *cert;    /* NULL: there is no signature */
    bool good;     /* made by the certificate's key over the image's PCR0 */
    char why[160]; /* when it is not good */
};

/*
 * nacre_eif_signature_read - take the section apart and check it against `pcr0`. Returns 0 also when the
 * signature is a bad one (see `good`), -EBADMSG with `why` filled when the section is damaged, or -ENOMEM. Free
 * the certificate with X509_free().
 */
int nacre_eif_signature_read(struct nacre_eif_signature *out, const uint8_t *data, size_t len,
                             const uint8_t pcr0[NACRE_SHA384_LEN], char *why, size_t why_len);

/* What signing and checking share; signature_cose.c. */
struct nacre_eif_curve {
    const char *group; /* OpenSSL's name */
    int alg;           /* COSE's number (RFC 9053 table 1) */
    unsigned half;     /* bytes of r and of s */
    const EVP_MD *(*md)(void);
};

/* The curve of a key, or NULL when it is none of the three. */
const struct nacre_eif_curve *nacre_eif_curve_of(EVP_PKEY *key);

/* The Sig_structure over payload, the protected header {1: alg}, and the payload over pcr0; caps are enough
 * below. */
#define NACRE_EIF_COSE_MAX 256u
size_t nacre_eif_cose_protected(uint8_t out[NACRE_EIF_COSE_MAX], int alg);
size_t nacre_eif_cose_payload(uint8_t out[NACRE_EIF_COSE_MAX], const uint8_t pcr0[NACRE_SHA384_LEN]);
int nacre_eif_cose_to_sign(struct nacre_blob *out, const uint8_t *prot, size_t prot_len,
                           const uint8_t *payload, size_t payload_len);

#endif
