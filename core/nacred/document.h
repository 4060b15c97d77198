/*
 * document.h - our own attestation documents: what they say of the key, and the time they tell.
 * Nothing is verified here: the NSM is the one who made them, a moment ago, at our request.
 */
#ifndef NACRE_NACRED_DOCUMENT_H
#define NACRE_NACRED_DOCUMENT_H

#include "common/manifest.h"
#include "common/sealed.h"
#include "key.h"

#define NACRE_USER_DATA_MAX 512u /* bytes, the NSM's limit */

/*
 * The CBOR map that ties the key to app, plugin, configuration and boxes, and, once it was taken, to the sealed blob
 * whose digest (NACRE_SEALED_ID bytes) is `secrets`; else NULL. `tls` (NACRE_TLS_KEY bytes) names the key that HTTPS is
 * under, or is NULL. Returns its length, or -ENOSPC.
 */
int nacre_document_user_data(uint8_t out[NACRE_USER_DATA_MAX], const struct nacre_manifest *m,
                             const struct nacre_keys *keys, const uint8_t *secrets, const uint8_t *tls);

/*
 * nacre_document_timestamp - the "timestamp" (ms since 1970) of a COSE_Sign1 document, tagged or not, whose
 * "public_key" is the one given. Returns 0, or -EBADMSG with *ms untouched.
 */
int nacre_document_timestamp(const uint8_t *document, size_t len, const uint8_t public_key[32], uint64_t *ms);

/*
 * nacre_document_recipient - the user_data of the document that KMS gets: {"v": 1, "for": "kms", "config": bstr}. It has
 * none of the members that a verifier of ours looks for, and goes with an RSA key and without a nonce. Its length, or
 * -ENOSPC.
 */
int nacre_document_recipient(uint8_t out[NACRE_USER_DATA_MAX], const struct nacre_manifest *m);

#endif
