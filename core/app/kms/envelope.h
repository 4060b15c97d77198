/* envelope.h - the key that KMS encrypts to, and what it answers: CMS EnvelopedData (RFC 5652), opened by OpenSSL. */
#ifndef NACRE_KMS_ENVELOPE_H
#define NACRE_KMS_ENVELOPE_H

#include <openssl/evp.h>
#include <stddef.h>
#include <stdint.h>

#define NACRE_ENVELOPE_SPKI 512u /* bytes that a key's SubjectPublicKeyInfo has at most */

/* RSA, 2048 bits; its SubjectPublicKeyInfo in spki[0..*len). NULL when OpenSSL makes none. */
EVP_PKEY *nacre_envelope_key(uint8_t spki[NACRE_ENVELOPE_SPKI], size_t *len);

/*
 * nacre_envelope_open - the content of cms[0..cms_len), which is exactly one EnvelopedData for one recipient, its key
 * by RSAES-OAEP with SHA-256 and its content by AES-256-CBC; anything else is refused. BER with indefinite lengths is what
 * KMS sends. 0 with out[0..*len), or -EBADMSG with `why`.
 */
int nacre_envelope_open(uint8_t *out, size_t cap, size_t *len, const uint8_t *cms, size_t cms_len,
                        EVP_PKEY *key, char *why, size_t why_len);

#endif
