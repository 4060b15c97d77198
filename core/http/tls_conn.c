#include "tls_identity.h"

#include <errno.h>
#include <microhttpd.h>
#include <string.h>

/* Bytes of one message of a handshake. A ClientHello with post-quantum key shares has two thousand. */
#define HANDSHAKE_MAX 16384u

static gnutls_session_t session_of(struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    return info ? info->tls_session : NULL;
}

/* Which certificate a handshake is under. */
static int choose(gnutls_session_t session, const struct gnutls_cert_retr_st *info, gnutls_pcert_st **chain,
                  unsigned *n, gnutls_ocsp_data_st **ocsp, unsigned *n_ocsp, gnutls_privkey_t *key,
                  unsigned *flags)
{
    const struct nacre_tls_state *state = gnutls_session_get_ptr(session);
    (void)info;
    if (!state)
        return -1;
    struct nacre_tls_identity *id = atomic_load(&state->tls->used);
    *chain = id->chain;
    *n = id->n;
    *ocsp = NULL;
    *n_ocsp = 0;
    *key = id->key;
    *flags = 0; /* ours to free */
    return 0;
}

unsigned nacre_tls_options(struct MHD_OptionItem *options)
{
    union { /* a function among options that are data */
        int (*function)(gnutls_session_t, const struct gnutls_cert_retr_st *, gnutls_pcert_st **, unsigned *,
                        gnutls_ocsp_data_st **, unsigned *, gnutls_privkey_t *, unsigned *);
        void *data;
    } as = {choose};
    options[0] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_CERT_CALLBACK2, 0, as.data};
    options[1] =
        (struct MHD_OptionItem){MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)nacre_tls_priorities};
    return MHD_USE_TLS;
}

/* The client's Finished is the last message of a handshake that it sends, in both versions. */
static int on_finished(gnutls_session_t session, unsigned type, unsigned when, unsigned incoming,
                       const gnutls_datum_t *message)
{
    struct nacre_tls_state *state = gnutls_session_get_ptr(session);
    (void)type;
    (void)when;
    (void)message;
    if (state && incoming)
        state->done = true;
    return 0;
}

void nacre_tls_forget(struct MHD_Connection *mhd)
{
    gnutls_session_t session = session_of(mhd);
    if (session)
        gnutls_session_set_ptr(session, NULL);
}

bool nacre_tls_writes(struct MHD_Connection *mhd)
{
    gnutls_session_t session = session_of(mhd);
    return session && gnutls_record_get_direction(session) == 1;
}

int nacre_tls_open(struct nacre_tls *tls, struct nacre_tls_state *state, struct MHD_Connection *mhd)
{
    static unsigned char http[] = "http/1.1";
    const gnutls_datum_t protocol = {http, sizeof http - 1};
    gnutls_session_t session = session_of(mhd);
    if (!session)
        return -ENOTSUP;
    *state = (struct nacre_tls_state){.tls = tls};
    gnutls_session_set_ptr(session, state);
    gnutls_handshake_set_hook_function(session, GNUTLS_HANDSHAKE_FINISHED, GNUTLS_HOOK_POST, on_finished);
    gnutls_handshake_set_max_packet_length(session, HANDSHAKE_MAX);
    /* who offers nothing that we speak is told so, as RFC 7301 wants; who offers nothing at all is served */
    int err = gnutls_alpn_set_protocols(session, &protocol, 1, GNUTLS_ALPN_MANDATORY);
    if (!err)
        err = gnutls_session_ticket_enable_server(session, &tls->tickets);
    if (err)
        gnutls_session_set_ptr(session, NULL);
    return err ? -EINVAL : 0;
}

bool nacre_tls_say_last(struct MHD_Connection *mhd, const void *data, size_t len)
{
    gnutls_session_t session = session_of(mhd);
    if (!session || gnutls_record_send(session, data, len) <= 0)
        return false;
    (void)gnutls_bye(session, GNUTLS_SHUT_WR);
    return true;
}
