/* What nacre-http tells nacred of an operator's certificate, while clients fill the way there. */
#include "fake.h"
#include "sample.h"
#include "suite.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CROWD 24u /* more than FAKE_NARROW has room for */

static struct fake f;
static gnutls_certificate_credentials_t any; /* clients that look at no certificate */

static void setup(void)
{
    struct nacre_config config;
    nacre_config_defaults(&config);
    (void)snprintf(config.http_tls, sizeof config.http_tls, "self-signed");
    fake_start_with(&f, &config, 1, FAKE_TLS | FAKE_NARROW);
    ck_assert_int_eq(gnutls_certificate_allocate_credentials(&any), 0);
}

static void teardown(void)
{
    gnutls_certificate_free_credentials(any);
    fake_stop(&f);
}

/* Certificate and key in PEM; the length, and what names the key. */
static size_t make_pem(char *out, size_t cap, uint8_t name[NACRE_TLS_KEY])
{
    gnutls_x509_privkey_t key;
    gnutls_x509_crt_t crt;
    gnutls_datum_t part[2];
    size_t len = NACRE_TLS_KEY;
    ck_assert_int_eq(gnutls_x509_privkey_init(&key), 0);
    ck_assert_int_eq(gnutls_x509_crt_init(&crt), 0);
    ck_assert_int_eq(gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
                                                  GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0),
                     0);
    ck_assert_int_eq(gnutls_x509_crt_set_version(crt, 3), 0);
    ck_assert_int_eq(gnutls_x509_crt_set_serial(crt, "\x01", 1), 0);
    ck_assert_int_eq(gnutls_x509_crt_set_activation_time(crt, 1577836800), 0);
    ck_assert_int_eq(gnutls_x509_crt_set_expiration_time(crt, (time_t)-1), 0);
    ck_assert_int_eq(gnutls_x509_crt_set_key(crt, key), 0);
    ck_assert_int_eq(gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0), 0);
    ck_assert_int_eq(gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &part[0]), 0);
    ck_assert_int_eq(gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &part[1]), 0);
    ck_assert_int_eq(gnutls_x509_crt_get_key_id(crt, GNUTLS_KEYID_USE_SHA256, name, &len), 0);
    int n = snprintf(out, cap, "%s%s", (const char *)part[0].data, (const char *)part[1].data);
    ck_assert(n > 0 && (size_t)n < cap);
    gnutls_free(part[0].data);
    gnutls_free(part[1].data);
    gnutls_x509_crt_deinit(crt);
    gnutls_x509_privkey_deinit(key);
    return (size_t)n;
}

static gnutls_session_t shake_hands(const struct client *c)
{
    gnutls_session_t session;
    ck_assert_int_eq(gnutls_init(&session, GNUTLS_CLIENT), 0);
    ck_assert_int_eq(gnutls_set_default_priority(session), 0);
    ck_assert_int_eq(gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, any), 0);
    gnutls_transport_set_int(session, c->fd);
    int err = gnutls_handshake(session);
    ck_assert_msg(err == 0, "%s", gnutls_strerror(err));
    return session;
}

/* The next message from nacre-http, whatever it is. */
static const struct nacre_tls_frame *next(void)
{
    struct pollfd p = {f.control, POLLIN, 0};
    ck_assert_msg(poll(&p, 1, FAKE_WAIT_MS) > 0, "it says nothing of the new key");
    ck_assert_int_eq(nacre_frame_receive(f.control, &f.inbox, NACRE_PAYLOAD_MAX, true), 1);
    return (const void *)f.inbox.head;
}

/* nacred names a key from when it hears of it: were that lost, no client who compares keys could come back. */
START_TEST(nacred_hears_of_the_key)
{
    static const char request[] = "GET /get_attestation?nonce=00 HTTP/1.1\r\nHost: x\r\n\r\n";
    struct nacre_tls_frame offer = {.head.type = NACRE_FRAME_TLS};
    struct client crowd[CROWD];
    gnutls_session_t session[CROWD];
    char pem[4096];
    unsigned asked = 0;
    size_t len = make_pem(pem, sizeof pem, offer.key);
    for (unsigned i = 0; i < CROWD; i++) {
        client_open(&crowd[i], f.port);
        session[i] = shake_hands(&crowd[i]);
        ck_assert_int_eq(gnutls_record_send(session[i], request, sizeof request - 1), sizeof request - 1);
    }
    char answer[16] = "";
    ssize_t got = GNUTLS_E_AGAIN; /* once for each ticket */
    for (unsigned i = 0; i < 10 && got == GNUTLS_E_AGAIN; i++)
        got = gnutls_record_recv(session[CROWD - 1], answer, sizeof answer - 1);
    ck_assert_int_gt(got, 0);
    ck_assert_str_eq(answer, "HTTP/1.1 503 Se"); /* the way to nacred is full */
    ck_assert_int_eq(nacre_frame_send(f.control, &offer, pem, len, NULL, 0, NULL, 0), 0);
    (void)usleep(200000);
    const struct nacre_tls_frame *said = next();
    for (; said->head.type == NACRE_FRAME_ATTEST; said = next())
        asked++;
    ck_assert_uint_gt(asked, 0);
    ck_assert_uint_eq(said->head.type, NACRE_FRAME_TLS);
    ck_assert_uint_eq(f.inbox.payload_len, 0);
    ck_assert_mem_eq(said->key, offer.key, sizeof offer.key);
    (void)usleep(50000);
    ck_assert_int_eq(nacre_frame_receive(f.control, &f.inbox, NACRE_PAYLOAD_MAX, true), -EAGAIN); /* once */
    for (unsigned i = 0; i < CROWD; i++) {
        gnutls_deinit(session[i]);
        client_close(&crowd[i]);
    }
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, nacred_hears_of_the_key);
}

int main(void)
{
    return nacre_run_suite("http tls_control", add, 60);
}
