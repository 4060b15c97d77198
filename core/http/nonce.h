/* nonce.h - the nonce of ?nonce= and ?attest=: hex digits of either case, 1 to 512 bytes. */
#ifndef NACRE_HTTP_NONCE_H
#define NACRE_HTTP_NONCE_H

#include "common/frame.h"

struct nacre_nonce {
    uint32_t len; /* bytes; 0: none was given */
    uint8_t bytes[NACRE_NONCE_MAX];
};

/* Reads text[0..len). 0, -EINVAL for anything but an even number of hex digits (at least 2), -EMSGSIZE past 512 bytes. */
int nacre_nonce_parse(struct nacre_nonce *nonce, const char *text, size_t len);

#endif
