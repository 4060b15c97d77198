/*
 * secrets.h - receives the secrets object once, plain or sealed, and keeps it for every start of nacre-app. nacred does
 * not look into it. docs/SECRETS.md says what is received and answered.
 */
#ifndef NACRE_NACRED_SECRETS_H
#define NACRE_NACRED_SECRETS_H

#include "common/frame.h"
#include "unseal.h"

struct nacre_secrets {
    /* Set by the caller before nacre_secrets_open, and kept by it. */
    int epoll; /* sockets are registered here, edge-triggered, with data `tag` */
    uint64_t tag;
    struct nacre_unseal_terms terms; /* its keys: before the first step */
    bool sealed_only;                /* plain ones are refused */
    bool takes_tls;                  /* a certificate may come with them */
    bool wants_credentials;          /* the secrets come from KMS, and the parent lends what that costs */

    uint8_t
        *blob; /* guarded memory: what came so far, then the secrets object; NULL when there is no source */
    size_t len;
    bool settled;                     /* the blob is what it will ever be */
    enum nacre_secrets_form form;     /* how it came */
    uint8_t blob_id[NACRE_SEALED_ID]; /* SEALED: of the blob that was taken */
    uint8_t *tls; /* guarded memory: the certificate that came with them; NULL: none did */
    size_t tls_len;
    uint8_t tls_key[NACRE_TLS_KEY];
    uint8_t *credentials; /* guarded memory: the newest that were lent; NULL: none yet */
    size_t credentials_len;
    uint64_t lent;              /* how often */
    uint64_t refused;           /* deliveries that were turned down */
    int listener, connection;   /* -1: none */
    uint64_t give_up_ns;        /* CLOCK_MONOTONIC: then go on without */
    uint64_t stalled_ns;        /* when the connection has taken too long */
    uint64_t window_ns;         /* when `tries` starts from 0 again */
    uint32_t tries;             /* connections accepted in this second */
    char why[NACRE_SEALED_WHY]; /* of the last step: the reason of a refusal, else empty */
};

/*
 * nacre_secrets_open - `source` as in the configuration: "none", "file:PATH" (read now), "unix:PATH" or "vsock:PORT"
 * (listens). Returns 0, -EFBIG for a file of more than NACRE_SECRETS_BLOB bytes, -EPERM for one that is plain and may
 * not be or is sealed (the key is newer than the file), or another negative errno.
 */
int nacre_secrets_open(struct nacre_secrets *s, const char *source, uint64_t timeout_s);

/*
 * nacre_secrets_step - accept or read what is there without blocking; call when a descriptor is readable and once a
 * second. One connection at a time and a few a second; a plain object ends with end of file, a sealed one when it has
 * the length that it says. One that is empty, too long, broken or refused counts for nothing, and the next is looked
 * at. The sender gets one line. Returns true when something happened that the log should know: *what, a static text,
 * and s->why.
 */
bool nacre_secrets_step(struct nacre_secrets *s, uint64_t now_ns, const char **what);

/*
 * nacre_secrets_give - the secrets object data[0..len) has come from KMS: final, as one that was delivered. False when
 * they are settled already or there is no guarded memory. *what as of a step.
 */
bool nacre_secrets_give(struct nacre_secrets *s, const uint8_t *data, size_t len, const char **what);

/* Wipes the blob, closes the rest. */
void nacre_secrets_close(struct nacre_secrets *s);

#endif
