/*
 * Issuing one X.509 certificate of the test chain. P-384 keys, ECDSA with SHA-384.
 */
#ifndef NACRE_SIM_CERT_H
#define NACRE_SIM_CERT_H

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdint.h>

/* A key with its certificate; both owned. All zero is an empty identity. */
struct nacre_sim_identity {
    EVP_PKEY *key;
    X509 *cert;
    int64_t not_before; /* seconds since 1970, as in the certificate */
    int64_t not_after;
};

enum nacre_sim_role {
    NACRE_SIM_ROOT,         /* CA:TRUE without path length, keyCertSign and cRLSign */
    NACRE_SIM_INTERMEDIATE, /* CA:TRUE with path length 0, keyCertSign */
    NACRE_SIM_LEAF          /* CA:FALSE, digitalSignature */
};

/*
 * Makes a key and a certificate for it, valid from not_before to not_after (seconds since 1970), signed by
 * issuer or, when issuer is NULL, by itself. *out must be empty or hold an older identity, which is freed.
 * Returns 0, -ENOMEM, or -EIO when OpenSSL refused; *out is untouched then.
 */
int nacre_sim_identity_issue(struct nacre_sim_identity *out, const struct nacre_sim_identity *issuer,
                             enum nacre_sim_role role, const char *common_name, int64_t not_before,
                             int64_t not_after);

/* Frees key and certificate and empties the identity. Accepts NULL. */
void nacre_sim_identity_clear(struct nacre_sim_identity *identity);

/*
 * ES384 over data: the 96 bytes r || s of RFC 9053, section 2.1. Returns 0, -ENOMEM or -EIO.
 */
#define NACRE_SIM_SIGNATURE_LEN 96
int nacre_sim_identity_sign(const struct nacre_sim_identity *identity, const uint8_t *data, size_t len,
                            uint8_t signature[NACRE_SIM_SIGNATURE_LEN]);

#endif
