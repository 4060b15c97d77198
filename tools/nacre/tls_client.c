#include "tls_client.h"

#include <common/frame.h>
#include <errno.h>
#include <gnutls/gnutls.h>
#include <stdlib.h>
#include <sys/socket.h>

struct nacre_tls_client {
    gnutls_session_t session;
    gnutls_certificate_credentials_t any;
    int fd;
    uint64_t end_ns; /* 0: none */
    bool starved;    /* the descriptor had nothing, or time was up */
};

static ssize_t pull(gnutls_transport_ptr_t context, void *data, size_t room)
{
    struct nacre_tls_client *c = context;
    bool late = c->end_ns && nacre_monotonic_ns() >= c->end_ns;
    ssize_t n = late ? -1 : recv(c->fd, data, room, 0);
    c->starved = n < 0;
    if (late)
        errno = EAGAIN;
    return n;
}

struct nacre_tls_client *nacre_tls_client_new(int fd)
{
    static unsigned char http[] = "http/1.1";
    const gnutls_datum_t protocol = {http, sizeof http - 1};
    struct nacre_tls_client *c = calloc(1, sizeof *c);
    if (c && gnutls_init(&c->session, GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL) == 0 &&
        gnutls_certificate_allocate_credentials(&c->any) == 0 &&
        gnutls_priority_set_direct(c->session, "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2", NULL) == 0 &&
        gnutls_credentials_set(c->session, GNUTLS_CRD_CERTIFICATE, c->any) == 0 &&
        gnutls_alpn_set_protocols(c->session, &protocol, 1, 0) == 0) {
        gnutls_transport_ptr_t in, out;
        c->fd = fd;
        gnutls_transport_set_int(c->session, fd);
        gnutls_transport_get_ptr2(c->session, &in, &out);
        gnutls_transport_set_ptr2(c->session, c, out);
        gnutls_transport_set_pull_function(c->session, pull);
        return c;
    }
    nacre_tls_client_free(c);
    return NULL;
}

void nacre_tls_client_free(struct nacre_tls_client *c)
{
    if (!c)
        return;
    if (c->session)
        gnutls_deinit(c->session);
    if (c->any)
        gnutls_certificate_free_credentials(c->any);
    free(c);
}

void nacre_tls_client_until(struct nacre_tls_client *c, uint64_t end_ns)
{
    c->end_ns = end_ns;
}

static ssize_t result(ssize_t n)
{
    if (n >= 0)
        return n;
    if (n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED)
        return -EAGAIN;
    if (n == GNUTLS_E_PREMATURE_TERMINATION) /* HTTP says itself where it ends */
        return 0;
    return n == GNUTLS_E_PULL_ERROR || n == GNUTLS_E_PUSH_ERROR ? -ECONNRESET : -EPROTO;
}

int nacre_tls_client_handshake(struct nacre_tls_client *c)
{
    int err;
    do {
        err = gnutls_handshake(c->session);
    } while (err < 0 && err != GNUTLS_E_AGAIN && gnutls_error_is_fatal(err) == 0);
    return (int)result(err == GNUTLS_E_PREMATURE_TERMINATION ? GNUTLS_E_UNEXPECTED_PACKET : err);
}

ssize_t nacre_tls_client_send(struct nacre_tls_client *c, const void *data, size_t len)
{
    return result(gnutls_record_send(c->session, data, len));
}

ssize_t nacre_tls_client_receive(struct nacre_tls_client *c, void *data, size_t room)
{
    ssize_t n;
    do { /* tickets and the like are no data, and GnuTLS says "again" after one whether there is more or not */
        c->starved = false;
        n = gnutls_record_recv(c->session, data, room);
    } while (n < 0 && !c->starved && gnutls_error_is_fatal((int)n) == 0);
    return result(n);
}

bool nacre_tls_client_writes(const struct nacre_tls_client *c)
{
    return gnutls_record_get_direction(c->session) == 1;
}
