/*
 * credentials.h - what the parent instance lends for one question to KMS: its role's credentials, in the message that
 * docs/SECRETS.md describes byte by byte. They open nothing without an attestation document.
 */
#ifndef NACRE_COMMON_CREDENTIALS_H
#define NACRE_COMMON_CREDENTIALS_H

#include "frame.h"

#define NACRE_CREDENTIALS_MAX  8192u /* bytes of the message */
#define NACRE_CREDENTIALS_HEAD 36u   /* bytes before the first text */
#define NACRE_CREDENTIALS_WHY  160u

/* Not terminated; into the message. Visible ASCII without spaces, checked. */
struct nacre_credentials {
    const char *id, *secret, *token;
    size_t id_len, secret_len, token_len; /* token_len 0: credentials of a user */
    uint64_t expires_ms;                  /* since 1970; 0: not known */
};

/* Does data[0..len) begin like one, as far as it goes? False for no bytes. */
bool nacre_credentials_is(const uint8_t *data, size_t len);

/* How many bytes it says it has, or 0 when that cannot be told yet. */
size_t nacre_credentials_size(const uint8_t *data, size_t len);

/* 0, or -EBADMSG with `why`, which names lengths and never a text. */
int nacre_credentials_parse(struct nacre_credentials *out, const uint8_t *data, size_t len,
                            char why[NACRE_CREDENTIALS_WHY]);

/* Writes one to out[0..cap). Its length, or -EINVAL when a text is out of form or there is no room. */
int nacre_credentials_write(uint8_t *out, size_t cap, const struct nacre_credentials *c);

#endif
