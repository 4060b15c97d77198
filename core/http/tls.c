#include "tls_identity.h"

#include <errno.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * A self-signed certificate says nothing about time: how long its key is good is what attestation documents say, and this
 * process has no clock when it starts. So it has begun long ago, and ends never (RFC 5280, 4.1.2.5).
 */
#define NOT_BEFORE 1577836800 /* 2020-01-01T00:00:00Z */
#define SERIAL                                                                                               \
    16u /* bytes; from the key, so that the same key has the same certificate but for its signature */

const char nacre_tls_priorities[] =
    "NONE:+VERS-TLS1.3:+VERS-TLS1.2:+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305:+AEAD:"
    "+ECDHE-ECDSA:+ECDHE-RSA:+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1:"
    "+SIGN-ECDSA-SHA256:+SIGN-ECDSA-SHA384:+SIGN-ECDSA-SHA512:+SIGN-ECDSA-SECP256R1-SHA256:"
    "+SIGN-ECDSA-SECP384R1-SHA384:+SIGN-ECDSA-SECP521R1-SHA512:+SIGN-EDDSA-ED25519:+SIGN-RSA-PSS-RSAE-SHA256:"
    "+SIGN-RSA-PSS-RSAE-SHA384:+SIGN-RSA-PSS-RSAE-SHA512:+SIGN-RSA-SHA256:+SIGN-RSA-SHA384:+SIGN-RSA-SHA512:"
    "+CTYPE-X509:+COMP-NULL:%NO_TICKETS_TLS12:%SERVER_PRECEDENCE";

static int say(char *why, size_t why_len, const char *what, int err)
{
    (void)snprintf(why, why_len, "TLS, %s: %s", what, gnutls_strerror(err));
    return -EINVAL;
}

static void free_identity(struct nacre_tls_identity *id)
{
    if (!id)
        return;
    for (unsigned i = 0; i < id->n; i++)
        gnutls_pcert_deinit(&id->chain[i]);
    if (id->key)
        gnutls_privkey_deinit(id->key);
    free(id);
}

/* SHA-256 of the certificate's SubjectPublicKeyInfo. */
static int name_of(gnutls_x509_crt_t crt, uint8_t name[NACRE_TLS_KEY])
{
    size_t len = NACRE_TLS_KEY;
    return gnutls_x509_crt_get_key_id(crt, GNUTLS_KEYID_USE_SHA256, name, &len);
}

/* Takes over `key`, whatever it returns; the certificates stay the caller's. */
static struct nacre_tls_identity *make_identity(gnutls_x509_crt_t *chain, unsigned n,
                                                gnutls_x509_privkey_t key, int *err)
{
    struct nacre_tls_identity *id = calloc(1, sizeof *id);
    *err = id ? gnutls_privkey_init(&id->key) : GNUTLS_E_MEMORY_ERROR;
    if (*err == 0)
        *err = gnutls_privkey_import_x509(id->key, key, GNUTLS_PRIVKEY_IMPORT_AUTO_RELEASE);
    if (*err != 0)
        gnutls_x509_privkey_deinit(key);
    for (; *err == 0 && id->n < n; id->n++) {
        *err = gnutls_pcert_import_x509(&id->chain[id->n], chain[id->n], 0);
        if (*err != 0)
            break;
    }
    if (*err == 0)
        *err = name_of(chain[0], id->name);
    if (*err == 0)
        return id;
    free_identity(id);
    return NULL;
}

static int fill_certificate(gnutls_x509_crt_t crt, gnutls_x509_privkey_t key, const char *name)
{
    uint8_t id[NACRE_TLS_KEY];
    size_t id_len = sizeof id;
    int err = gnutls_x509_privkey_get_key_id(key, GNUTLS_KEYID_USE_SHA256, id, &id_len);
    id[0] = (uint8_t)((id[0] & 0x7f) | 0x40); /* positive, and as long as it looks */
    if (!err)
        err = gnutls_x509_crt_set_version(crt, 3);
    if (!err)
        err = gnutls_x509_crt_set_serial(crt, id, SERIAL);
    if (!err)
        err = gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, name,
                                            (unsigned)(strlen(name) < 64 ? strlen(name) : 64));
    if (!err)
        err = gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, name, (unsigned)strlen(name),
                                                   GNUTLS_FSAN_SET);
    if (!err)
        err = gnutls_x509_crt_set_activation_time(crt, NOT_BEFORE);
    if (!err)
        err = gnutls_x509_crt_set_expiration_time(crt, (time_t)-1);
    if (!err)
        err = gnutls_x509_crt_set_basic_constraints(crt, 0, -1);
    if (!err)
        err = gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_DIGITAL_SIGNATURE);
    if (!err)
        err = gnutls_x509_crt_set_key_purpose_oid(crt, GNUTLS_KP_TLS_WWW_SERVER, 0);
    if (!err)
        err = gnutls_x509_crt_set_key(crt, key);
    return err ? err : gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0);
}

static struct nacre_tls_identity *self_sign(gnutls_x509_privkey_t key, const char *name, int *err)
{
    struct nacre_tls_identity *id = NULL;
    gnutls_x509_crt_t crt = NULL;
    *err = gnutls_x509_crt_init(&crt);
    if (*err == 0)
        *err = fill_certificate(crt, key, name);
    if (*err == 0)
        id = make_identity(&crt, 1, key, err);
    else
        gnutls_x509_privkey_deinit(key);
    if (crt)
        gnutls_x509_crt_deinit(crt);
    return id;
}

/* With the key of before, or with a new one. */
static struct nacre_tls_identity *self_signed(const uint8_t *blob, size_t len, const char *name, char *why,
                                              size_t why_len)
{
    const gnutls_datum_t der = {(unsigned char *)(uintptr_t)blob, (unsigned)len};
    gnutls_x509_privkey_t key = NULL;
    struct nacre_tls_identity *id = NULL;
    int err = gnutls_x509_privkey_init(&key);
    if (!err) {
        err = len ? gnutls_x509_privkey_import_pkcs8(key, &der, GNUTLS_X509_FMT_DER, NULL, GNUTLS_PKCS_PLAIN)
                  : gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
                                                 GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
        if (err)
            gnutls_x509_privkey_deinit(key);
    }
    if (!err)
        id = self_sign(key, name, &err);
    if (!id)
        (void)say(why, why_len, "the self-signed certificate", err);
    return id;
}

/* The first certificate has to be the key's. */
static int check_pair(gnutls_x509_crt_t crt, gnutls_x509_privkey_t key)
{
    uint8_t of_crt[NACRE_TLS_KEY], of_key[NACRE_TLS_KEY];
    size_t len = sizeof of_key;
    int err = name_of(crt, of_crt);
    if (!err)
        err = gnutls_x509_privkey_get_key_id(key, GNUTLS_KEYID_USE_SHA256, of_key, &len);
    return err ? err : memcmp(of_crt, of_key, sizeof of_key) != 0 ? GNUTLS_E_CERTIFICATE_KEY_MISMATCH : 0;
}

static struct nacre_tls_identity *from_pem(const uint8_t *pem, size_t len, char *why, size_t why_len)
{
    const gnutls_datum_t text = {(unsigned char *)(uintptr_t)pem, (unsigned)len};
    gnutls_x509_crt_t chain[NACRE_TLS_CHAIN];
    gnutls_x509_privkey_t key = NULL;
    struct nacre_tls_identity *id = NULL;
    unsigned n = NACRE_TLS_CHAIN;
    int err = gnutls_x509_crt_list_import(chain, &n, &text, GNUTLS_X509_FMT_PEM,
                                          GNUTLS_X509_CRT_LIST_IMPORT_FAIL_IF_EXCEED |
                                              GNUTLS_X509_CRT_LIST_FAIL_IF_UNSORTED);
    if (err < 0) {
        (void)say(why, why_len, "the operator's certificates", err);
        return NULL;
    }
    n = (unsigned)err;
    err = gnutls_x509_privkey_init(&key);
    if (!err) {
        err = gnutls_x509_privkey_import2(key, &text, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN);
        if (!err)
            err = check_pair(chain[0], key);
        if (err)
            gnutls_x509_privkey_deinit(key);
        else
            id = make_identity(chain, n, key, &err);
    }
    if (!id)
        (void)say(why, why_len, "the operator's key", err);
    for (unsigned i = 0; i < n; i++)
        gnutls_x509_crt_deinit(chain[i]);
    return id;
}

struct nacre_tls *nacre_tls_new(enum nacre_tls_form form, const uint8_t *blob, size_t len, const char *name,
                                char *why, size_t why_len)
{
    struct nacre_tls *tls = calloc(1, sizeof *tls);
    if (!tls) {
        (void)snprintf(why, why_len, "out of memory");
        return NULL;
    }
    if (form == NACRE_TLS_OPERATOR)
        tls->operators = from_pem(blob, len, why, why_len);
    else
        tls->self_signed = self_signed(blob, form == NACRE_TLS_NONE ? 0 : len, name, why, why_len);
    atomic_store(&tls->used, tls->operators ? tls->operators : tls->self_signed);
    int err = gnutls_session_ticket_key_generate(&tls->tickets);
    if (err)
        (void)say(why, why_len, "the key of tickets", err);
    if (!err && atomic_load(&tls->used))
        return tls;
    nacre_tls_free(tls);
    return NULL;
}

int nacre_tls_take(struct nacre_tls *tls, const uint8_t key[NACRE_TLS_KEY], const uint8_t *pem, size_t len,
                   char *why, size_t why_len)
{
    if (tls->operators) {
        (void)snprintf(why, why_len, "TLS, the operator's certificate is in use already");
        return -EINVAL;
    }
    struct nacre_tls_identity *id = from_pem(pem, len, why, why_len);
    if (!id)
        return -EINVAL;
    if (memcmp(id->name, key, NACRE_TLS_KEY) != 0) {
        char found[2 * NACRE_TLS_KEY + 1], expected[2 * NACRE_TLS_KEY + 1];
        (void)snprintf(why, why_len, "TLS, the operator's key is %s, sealed as %s",
                       sodium_bin2hex(found, sizeof found, id->name, NACRE_TLS_KEY),
                       sodium_bin2hex(expected, sizeof expected, key, NACRE_TLS_KEY));
        free_identity(id);
        return -EINVAL;
    }
    tls->operators = id;
    atomic_store(&tls->used, id);
    return 0;
}

void nacre_tls_key(const struct nacre_tls *tls, uint8_t key[NACRE_TLS_KEY])
{
    memcpy(key, atomic_load(&tls->used)->name, NACRE_TLS_KEY);
}

int nacre_tls_export(const struct nacre_tls *tls, uint8_t *out)
{
    gnutls_x509_privkey_t key = NULL;
    size_t len = NACRE_TLS_BLOB;
    int err =
        tls->self_signed ? gnutls_privkey_export_x509(tls->self_signed->key, &key) : GNUTLS_E_INVALID_REQUEST;
    if (!err)
        err = gnutls_x509_privkey_export_pkcs8(key, GNUTLS_X509_FMT_DER, NULL, GNUTLS_PKCS_PLAIN, out, &len);
    if (key)
        gnutls_x509_privkey_deinit(key);
    return err ? -EINVAL : (int)len;
}

void nacre_tls_free(struct nacre_tls *tls)
{
    if (!tls)
        return;
    free_identity(tls->self_signed);
    free_identity(tls->operators);
    if (tls->tickets.data) {
        sodium_memzero(tls->tickets.data, tls->tickets.size);
        gnutls_free(tls->tickets.data);
    }
    free(tls);
}
