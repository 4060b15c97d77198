/*
 * sealed.h - the blob in which an operator's secrets travel to one enclave; docs/SECRETS.md describes it byte by byte.
 * Only taken apart here: whoever believes it checks the signature first.
 */
#ifndef NACRE_COMMON_SEALED_H
#define NACRE_COMMON_SEALED_H

#include "digest.h"
#include "frame.h"

#define NACRE_SEALED_VERSION   1u
#define NACRE_SEALED_MAGIC_LEN 16u
#define NACRE_SEALED_HEAD      145u /* bytes before the app's name */
#define NACRE_SEALED_APP_MAX   255u
#define NACRE_SEALED_BOX       48u /* what a sealed box is longer than its content (libsodium, crypto_box_seal) */
#define NACRE_SEALED_SIGNATURE 64u
#define NACRE_SEALED_MIN       (NACRE_SEALED_HEAD + 1u + NACRE_SEALED_BOX + 1u + NACRE_SEALED_SIGNATURE)
#define NACRE_SEALED_MAX                                                                                     \
    (NACRE_SEALED_HEAD + NACRE_SEALED_APP_MAX + NACRE_SEALED_BOX + NACRE_SECRETS_BLOB +                      \
     NACRE_SEALED_SIGNATURE)
#define NACRE_SEALED_ID                                                                                      \
    32u /* bytes of the SHA-256 of a whole blob: what a document says of the one that was taken */
#define NACRE_SEALED_WHY 400u /* bytes of a reason */

/* Its first byte begins neither white space, UTF-8 nor JSON; its last ones do not survive a transfer as text. */
extern const uint8_t nacre_sealed_magic[NACRE_SEALED_MAGIC_LEN];

/* All pointers are into the blob. */
struct nacre_sealed {
    uint64_t made_ms;            /* the operator's clock, since 1970 */
    const uint8_t *operator_key; /* 32, Ed25519: who signed it */
    const uint8_t *enclave_key;  /* 32, X25519: who can open it */
    const uint8_t *config;       /* NACRE_SHA384_LEN: the configuration it is for */
    const char *app;             /* the app it is for; not terminated */
    size_t app_len;
    const uint8_t *box; /* crypto_box_seal of the secrets object */
    size_t box_len;
    size_t signed_len; /* the signature is over that many bytes from the first on */
    const uint8_t *signature;
};

/*
 * What is in a box: the secrets object, or before it a certificate for HTTPS: a byte 1, the length of the PEM (u32, little
 * endian), the key's digest (NACRE_TLS_KEY), the PEM. No JSON begins with that byte.
 */
#define NACRE_SEALED_TLS      0x01
#define NACRE_SEALED_TLS_HEAD (1u + 4u + NACRE_TLS_KEY)

struct nacre_sealed_content {
    const uint8_t *tls_key; /* NULL: no certificate */
    const uint8_t *tls;     /* 1 to NACRE_TLS_BLOB bytes of PEM */
    size_t tls_len;
    const uint8_t *json;
    size_t json_len;
};

/* Takes data[0..len) apart; all pointers are into it. 0, or -EBADMSG when it is cut short or lies about a length. */
int nacre_sealed_open(struct nacre_sealed_content *out, const uint8_t *data, size_t len);

/* Does data[0..len) begin like a sealed blob, as far as it goes? False for no bytes. */
bool nacre_sealed_is(const uint8_t *data, size_t len);

/* How many bytes the blob says it has, or 0 when that cannot be told yet from data[0..len). */
size_t nacre_sealed_size(const uint8_t *data, size_t len);

/* Takes data[0..len) apart. 0, or -EBADMSG with `why` (NACRE_SEALED_WHY bytes) naming what disagrees. */
int nacre_sealed_parse(struct nacre_sealed *out, const uint8_t *data, size_t len, char why[NACRE_SEALED_WHY]);

#endif
