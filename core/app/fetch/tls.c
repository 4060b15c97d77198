#include "tls.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdio.h>

static X509_STORE *roots;
static int endpoint_slot = -1; /* of an SSL_CTX: the endpoint whose rules it follows */

/* What `roots` is filled from at the first handshake that needs it: to parse 140 certificates takes up to 60 ms. */
static pthread_mutex_t bundle_lock = PTHREAD_MUTEX_INITIALIZER;
static const uint8_t *bundle;
static size_t bundle_len, bundle_certificates;

/* The number of certificates, not decoded further than PEM; 0 also when a block is broken. */
static size_t count_certificates(const uint8_t *pem, size_t len)
{
    BIO *bio = len > INT32_MAX ? NULL : BIO_new_mem_buf(pem, (int)len);
    char *name, *header;
    unsigned char *data;
    long data_len;
    size_t n = 0;
    while (bio && PEM_read_bio(bio, &name, &header, &data, &data_len) == 1) {
        n += strcmp(name, PEM_STRING_X509) == 0;
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_free(data);
    }
    bool whole = bio && ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    ERR_clear_error();
    BIO_free(bio);
    return whole ? n : 0;
}

/* A block that is no certificate is passed over: one root less, nothing more. */
static void fill_roots(void)
{
    BIO *bio = BIO_new_mem_buf(bundle, (int)bundle_len);
    for (size_t i = 0; bio && i < bundle_certificates; i++) {
        X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
        if (cert)
            (void)X509_STORE_add_cert(roots, cert);
        X509_free(cert);
    }
    ERR_clear_error();
    BIO_free(bio);
}

static void need_roots(void)
{
    (void)pthread_mutex_lock(&bundle_lock);
    if (bundle)
        fill_roots();
    bundle = NULL;
    (void)pthread_mutex_unlock(&bundle_lock);
}

static const char *host_without_pins(const struct nacre_manifest *m)
{
    for (uint32_t i = 0; i < m->n_allow; i++) {
        if (m->allow[i].n_pins == 0 && strcmp(m->allow[i].connect, "none") != 0)
            return m->allow[i].host;
    }
    return NULL;
}

int fetch_tls_init(const struct nacre_fetch_setup *setup, char *why, size_t why_len)
{
    const char *host = host_without_pins(setup->manifest);
    if (!setup->ca_pem && host) {
        (void)snprintf(why, why_len,
                       "egress.ca_file is empty and %s has no key pins: nothing to check it against", host);
        return -EINVAL;
    }
    /* the first caller decides: libcurl would have the machine's openssl.cnf read, which nobody measured */
    if (OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1 || !(roots = X509_STORE_new())) {
        (void)snprintf(why, why_len, "OpenSSL cannot be set up");
        return -EINVAL;
    }
    bundle_certificates = setup->ca_pem ? count_certificates(setup->ca_pem, setup->ca_len) : 0;
    if (setup->ca_pem && bundle_certificates == 0) {
        (void)snprintf(why, why_len, "egress.ca_file: no usable PEM certificates in its %zu bytes",
                       setup->ca_len);
        fetch_tls_stop();
        return -EINVAL;
    }
    bundle = setup->ca_pem;
    bundle_len = setup->ca_len;
    if (endpoint_slot < 0)
        endpoint_slot = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL);
    return 0;
}

void fetch_tls_stop(void)
{
    X509_STORE_free(roots);
    roots = NULL;
    bundle = NULL;
}

/* SHA-256 of the DER form of the key alone, RFC 7469, 2.4 */
static bool spki_digest(const X509 *cert, uint8_t out[32])
{
    uint8_t *der = NULL;
    unsigned n = 0;
    int len = cert ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der) : -1;
    bool ok = len > 0 && EVP_Digest(der, (size_t)len, out, &n, EVP_sha256(), NULL) == 1 && n == 32;
    OPENSSL_free(der);
    return ok;
}

/* Instead of OpenSSL's check of the chain: is the server's key a pinned one? */
static int verify_pin(X509_STORE_CTX *ctx, void *arg)
{
    const struct nacre_endpoint_decl *endpoint = arg;
    uint8_t digest[32];
    bool match = false;
    if (spki_digest(X509_STORE_CTX_get0_cert(ctx), digest)) {
        for (uint32_t i = 0; i < endpoint->n_pins && i < NACRE_PINS_MAX; i++)
            match |= memcmp(digest, endpoint->pins[i], sizeof digest) == 0;
    }
    X509_STORE_CTX_set_error(ctx, match ? X509_V_OK : X509_V_ERR_APPLICATION_VERIFICATION);
    return match;
}

/* CURLOPT_SSL_CTX_FUNCTION: every connection has a context of its own. */
static CURLcode prepare(CURL *easy, void *ssl_ctx, void *arg)
{
    SSL_CTX *ctx = ssl_ctx;
    const struct nacre_endpoint_decl *endpoint = arg;
    (void)easy;
    if (SSL_CTX_set_ex_data(ctx, endpoint_slot, arg) != 1)
        return CURLE_OUT_OF_MEMORY;
    if (endpoint->n_pins)
        SSL_CTX_set_cert_verify_callback(ctx, verify_pin, arg);
    else
        need_roots();
    SSL_CTX_set1_cert_store(ctx, roots);
    (void)SSL_CTX_set_options(ctx, SSL_OP_CLEANSE_PLAINTEXT);
    return CURLE_OK;
}

CURLcode fetch_tls_apply(CURL *easy, const struct nacre_endpoint_decl *endpoint, bool resumes)
{
    /* The peer is verified in either case: by the chain, or by verify_pin() in its place. */
    CURLcode err = curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    if (!err)
        err = curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, endpoint->n_pins ? 0L : 2L);
    if (!err)
        err = curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (!err)
        err = curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, resumes ? 1L : 0L);
    /* no file of the machine's: the store above is the only one */
    if (!err)
        err = curl_easy_setopt(easy, CURLOPT_CAINFO, NULL);
    if (!err)
        err = curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    if (!err)
        err = curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, prepare);
    if (!err)
        err = curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, (void *)(uintptr_t)endpoint);
    return err;
}

static SSL *connection(CURL *easy)
{
    struct curl_tlssessioninfo *info = NULL;
    if (curl_easy_getinfo(easy, CURLINFO_TLS_SSL_PTR, &info) != CURLE_OK || !info ||
        info->backend != CURLSSLBACKEND_OPENSSL)
        return NULL;
    return info->internals;
}

bool fetch_tls_made_for(CURL *easy, const struct nacre_endpoint_decl *endpoint)
{
    const SSL *ssl = connection(easy);
    return ssl && SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), endpoint_slot) == endpoint;
}

bool fetch_tls_is_http2(CURL *easy)
{
    const SSL *ssl = connection(easy);
    const unsigned char *name = NULL;
    unsigned len = 0;
    if (ssl)
        SSL_get0_alpn_selected(ssl, &name, &len);
    return len == 2 && memcmp(name, "h2", 2) == 0;
}
