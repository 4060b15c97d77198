#include "tls.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>

static X509_STORE *roots;
static int endpoint_slot = -1; /* of an SSL_CTX: the endpoint whose rules it follows */

static size_t add_roots(X509_STORE *store, STACK_OF(X509_INFO) * found)
{
    size_t n = 0;
    for (int i = 0; i < sk_X509_INFO_num(found); i++) {
        const X509_INFO *info = sk_X509_INFO_value(found, i);
        if (info->x509 && X509_STORE_add_cert(store, info->x509) == 1)
            n++;
    }
    return n;
}

/* How many certificates were read; 0 also when one of them is broken. */
static size_t load_roots(X509_STORE *store, const uint8_t *pem, size_t len)
{
    size_t n = 0;
    BIO *bio = len > INT32_MAX ? NULL : BIO_new_mem_buf(pem, (int)len);
    STACK_OF(X509_INFO) *found = bio ? PEM_X509_INFO_read_bio(bio, NULL, NULL, NULL) : NULL;
    if (found)
        n = add_roots(store, found);
    sk_X509_INFO_pop_free(found, X509_INFO_free);
    BIO_free(bio);
    return n;
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
    if (setup->ca_pem && load_roots(roots, setup->ca_pem, setup->ca_len) == 0) {
        (void)snprintf(why, why_len, "egress.ca_file: no usable PEM certificates in its %zu bytes",
                       setup->ca_len);
        fetch_tls_stop();
        return -EINVAL;
    }
    if (endpoint_slot < 0)
        endpoint_slot = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL);
    return 0;
}

void fetch_tls_stop(void)
{
    X509_STORE_free(roots);
    roots = NULL;
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
    SSL_CTX_set1_cert_store(ctx, roots);
    (void)SSL_CTX_set_options(ctx, SSL_OP_CLEANSE_PLAINTEXT);
    if (endpoint->n_pins)
        SSL_CTX_set_cert_verify_callback(ctx, verify_pin, arg);
    return CURLE_OK;
}

CURLcode fetch_tls_apply(CURL *easy, const struct nacre_endpoint_decl *endpoint)
{
    /* The peer is verified in either case: by the chain, or by verify_pin() in its place. */
    CURLcode err = curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    if (!err)
        err = curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, endpoint->n_pins ? 0L : 2L);
    if (!err)
        err = curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (!err)
        err = curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L);
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
