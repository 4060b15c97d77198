/*
 * tls.h - the key and the certificates that HTTPS is under. The key of a self-signed certificate is P-256, which every
 * client takes, and made by the first nacre-http; nacred keeps it for the next ones. Key and certificates of an operator
 * come later and replace it. All of it is read from memory: this process opens no files.
 */
#ifndef NACRE_HTTP_TLS_H
#define NACRE_HTTP_TLS_H

#include "common/frame.h"

#include <gnutls/gnutls.h>
#include <stdatomic.h>
#include <stdbool.h>

struct nacre_tls_identity; /* certificates with their key; never changed once it is in use */

struct nacre_tls {
    struct nacre_tls_identity *self_signed, *operators; /* NULL: not there */
    _Atomic(struct nacre_tls_identity *) used;          /* by handshakes that begin now */
    gnutls_datum_t tickets;                             /* the key that session tickets are under */
};

/* Every version and algorithm that is spoken: TLS 1.3 and 1.2 with forward secrecy and AEAD. */
extern const char nacre_tls_priorities[];

/*
 * nacre_tls_new - serves with what nacred kept: a key (form SELF_SIGNED; PKCS #8, DER) or an operator's certificates and
 * key (OPERATOR; PEM), or with a new key when form is NONE. `name` is what a self-signed certificate is for. NULL with
 * `why`. One at a time; handshakes of all threads use it.
 */
struct nacre_tls *nacre_tls_new(enum nacre_tls_form form, const uint8_t *blob, size_t len, const char *name,
                                char *why, size_t why_len);

/*
 * nacre_tls_take - goes over to an operator's certificates and key when the key is the one that `key` names. Once; what
 * is served already goes on. 0, or -EINVAL with `why`, which says nothing of what is secret.
 */
int nacre_tls_take(struct nacre_tls *tls, const uint8_t key[NACRE_TLS_KEY], const uint8_t *pem, size_t len,
                   char *why, size_t why_len);

/* What names the key in use. */
void nacre_tls_key(const struct nacre_tls *tls, uint8_t key[NACRE_TLS_KEY]);

/* The self-signed certificate's key as nacred keeps it; out has NACRE_TLS_BLOB bytes. Its length, or -EINVAL. */
int nacre_tls_export(const struct nacre_tls *tls, uint8_t *out);

void nacre_tls_free(struct nacre_tls *tls); /* accepts NULL */

/* tls_conn.c */
struct MHD_Connection;

/* What a session knows of its connection; outlives it. */
struct nacre_tls_state {
    struct nacre_tls *tls;
    bool done; /* the handshake: the client has said its last word of it */
};

/* Before the handshake: what it may say, and under which certificate. 0 or negative errno. */
int nacre_tls_open(struct nacre_tls *tls, struct nacre_tls_state *state, struct MHD_Connection *mhd);

/* The state goes; the session may still be ended. */
void nacre_tls_forget(struct MHD_Connection *mhd);

/* Does it wait to write, and not to read? */
bool nacre_tls_writes(struct MHD_Connection *mhd);

/* What a daemon needs: two options, and the flags that are returned. */
struct MHD_OptionItem;
unsigned nacre_tls_options(struct MHD_OptionItem *options);

/* As much of data[0..len) as goes at once, outside libmicrohttpd, and the end of what we say. False: nothing of it. */
bool nacre_tls_say_last(struct MHD_Connection *mhd, const void *data, size_t len);

#endif
