/* A certificate for HTTPS, put before the secrets that are sealed: only nacre-http gets to see it. */
#include <stdlib.h>
#include <string.h>

#include <common/bytes.h>
#include <common/sealed.h>
#include <openssl/pem.h>
#include <sodium.h>

#include "cmd_secrets.h"

static void forget(struct nacre_vcmd_buffer *buffer)
{
    if (buffer->data != NULL) {
        sodium_memzero(buffer->data, buffer->size);
    }
    nacre_vcmd_buffer_free(buffer);
}

/* No passphrase is asked for: an enclave has nobody to ask. */
static int no_passphrase(char *text, int room, int writing, void *context)
{
    (void)text;
    (void)room;
    (void)writing;
    (void)context;
    return -1;
}

/* The first certificate's key is the private one, and `name` gets what names it. */
static bool is_pair(const struct nacre_vcmd_buffer *chain, const struct nacre_vcmd_buffer *key,
                    uint8_t name[NACRE_TLS_KEY])
{
    BIO *first = BIO_new_mem_buf(chain->data, (int)chain->size);
    BIO *second = BIO_new_mem_buf(key->data, (int)key->size);
    X509 *certificate = first != NULL ? PEM_read_bio_X509(first, NULL, NULL, NULL) : NULL;
    EVP_PKEY *private = second != NULL ? PEM_read_bio_PrivateKey(second, NULL, no_passphrase, NULL) : NULL;
    unsigned char *der = NULL;
    int size = certificate != NULL && private != NULL && X509_check_private_key(certificate, private) == 1
                   ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der)
                   : -1;
    if (size > 0) {
        (void)crypto_hash_sha256(name, der, (unsigned long long)size);
    }
    OPENSSL_free(der);
    EVP_PKEY_free(private);
    X509_free(certificate);
    BIO_free(second);
    BIO_free(first);
    return size > 0;
}

static int join(struct nacre_vcmd_buffer *secrets, const struct nacre_vcmd_buffer *chain,
                const struct nacre_vcmd_buffer *key, nacre_verify_error *why)
{
    uint8_t name[NACRE_TLS_KEY];
    size_t pem = key->size + 1 + chain->size;
    size_t size = NACRE_SEALED_TLS_HEAD + pem + secrets->size;
    if (pem > NACRE_TLS_BLOB || size > NACRE_SECRETS_BLOB) {
        return nacre_vcmd_unchecked(
            why, "certificates and key have %zu bytes of at most %u, with the secrets %zu of at most %u", pem,
            NACRE_TLS_BLOB, size, NACRE_SECRETS_BLOB);
    }
    if (!is_pair(chain, key, name)) {
        return nacre_vcmd_unchecked(
            why, "the first certificate is not the private key's, or one of them is no PEM");
    }
    uint8_t *all = malloc(size + 1);
    if (all == NULL) {
        return nacre_vcmd_unchecked(why, "out of memory");
    }
    struct nacre_writer w = nacre_writer(all, size);
    nacre_write_u8(&w, NACRE_SEALED_TLS);
    nacre_write_le(&w, pem, 4);
    nacre_write_bytes(&w, name, sizeof name);
    nacre_write_bytes(&w, key->data, key->size);
    nacre_write_u8(&w, '\n');
    nacre_write_bytes(&w, chain->data, chain->size);
    nacre_write_bytes(&w, secrets->data, secrets->size);
    all[size] = '\0';
    forget(secrets);
    *secrets = (struct nacre_vcmd_buffer){.data = all, .size = size};
    return NACRE_CHECKED;
}

int nacre_secrets_add_tls(struct nacre_vcmd_buffer *secrets, const char *certificate, const char *key,
                          nacre_verify_error *why)
{
    struct nacre_vcmd_buffer chain = {0};
    struct nacre_vcmd_buffer private = {0};
    int r = nacre_vcmd_load(certificate, &chain, why);
    if (r == NACRE_CHECKED) {
        r = nacre_vcmd_load(key, &private, why);
    }
    if (r == NACRE_CHECKED) {
        r = join(secrets, &chain, &private, why);
    }
    forget(&private);
    nacre_vcmd_buffer_free(&chain);
    return r;
}
