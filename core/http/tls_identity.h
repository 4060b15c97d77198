/* tls_identity.h - shared by tls.c and tls_conn.c alone. */
#ifndef NACRE_HTTP_TLS_IDENTITY_H
#define NACRE_HTTP_TLS_IDENTITY_H

#include "tls.h"

#include <gnutls/abstract.h>

#define NACRE_TLS_CHAIN 8u /* certificates, the enclave's counted */

struct nacre_tls_identity {
    gnutls_pcert_st chain[NACRE_TLS_CHAIN];
    unsigned n;
    gnutls_privkey_t key;
    uint8_t name[NACRE_TLS_KEY];
};

#endif
