/*
 * tls.h - what nacred knows of TLS: two blobs of bytes that it never looks into, and the digest of a key that it attests.
 * nacre-http makes a key at its first start and hands it here, so that later ones carry on with it; the operator may have
 * sealed another one, with its certificates. What a document says of the key was decided by the first nacre-http or by
 * the operator's signature: a nacre-http that is taken over later cannot have a key of its own attested.
 */
#ifndef NACRE_NACRED_TLS_H
#define NACRE_NACRED_TLS_H

#include "common/frame.h"

struct nacre_tls {
    enum nacre_tls_form form; /* of the key that is attested; NONE: there is none, or not yet */
    uint8_t *own;             /* guarded memory; NULL: none yet */
    size_t own_len;
    uint8_t own_key[NACRE_TLS_KEY];
    uint8_t *operators; /* guarded memory: what the operator has sealed; NULL: nothing */
    size_t operators_len;
    uint8_t operators_key[NACRE_TLS_KEY];
};

/* Takes over what a nacre-http made: once, NACRE_TLS_BLOB bytes at most. 0, -EEXIST, -EMSGSIZE or -ENOMEM. */
int nacre_tls_keep(struct nacre_tls *t, const uint8_t key[NACRE_TLS_KEY], const uint8_t *blob, size_t len);

/* The same for what the operator has sealed, once there is a key of our own. It is attested when nacre-http serves it. */
int nacre_tls_offer(struct nacre_tls *t, const uint8_t key[NACRE_TLS_KEY], const uint8_t *blob, size_t len);

/* nacre-http says that it serves with `key`: true when that is the operator's and was not attested before. */
bool nacre_tls_accepted(struct nacre_tls *t, const uint8_t key[NACRE_TLS_KEY]);

/* The digest that documents carry, or NULL. */
const uint8_t *nacre_tls_attested(const struct nacre_tls *t);

/* What a new nacre-http is to serve with. False: nothing yet, it is to make a key. */
bool nacre_tls_current(const struct nacre_tls *t, const uint8_t **blob, size_t *len);

/* Wipes both. */
void nacre_tls_close(struct nacre_tls *t);

#endif
