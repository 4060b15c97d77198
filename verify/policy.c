#include "policy.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "text.h"

/* A root is a kilobyte or so, with the text some tools put before the PEM block. */
#define ROOT_SIZE_MAX 65536u

nacre_verify_policy *nacre_verify_policy_new(void)
{
    nacre_verify_bytes root = nacre_verify_aws_root();
    nacre_verify_policy *policy = calloc(1, sizeof(nacre_verify_policy));
    if (policy == NULL) {
        return NULL;
    }
    policy->cache = nacre_vfy_cache_new();
    if (policy->cache == NULL ||
        nacre_verify_policy_root(policy, root.data, root.size, NULL) != NACRE_VERIFY_OK) {
        nacre_verify_policy_free(policy);
        return NULL;
    }
    return policy;
}

static void drop(nacre_verify_bytes *bytes)
{
    free((void *)(uintptr_t)bytes->data);
    *bytes = (nacre_verify_bytes){0};
}

void nacre_verify_policy_free(nacre_verify_policy *policy)
{
    if (policy != NULL) {
        drop(&policy->nonce);
        drop(&policy->public_key);
        drop(&policy->user_data);
        drop(&policy->tls_key);
        drop(&policy->root.der);
        X509_free(policy->root.cert);
        nacre_vfy_cache_free(policy->cache);
        free(policy);
    }
}

static int replace(nacre_verify_bytes *field, const uint8_t *bytes, size_t size, nacre_verify_error *error)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);
    if (copy == NULL) {
        return nacre_vfy_fail(error, NACRE_VERIFY_E_MEMORY, "out of memory");
    }
    if (size > 0) {
        memcpy(copy, bytes, size);
    }
    drop(field);
    *field = (nacre_verify_bytes){.data = copy, .size = size};
    return NACRE_VERIFY_OK;
}

static int expect(nacre_verify_bytes *field, const char *name, nacre_verify_bytes value, size_t max,
                  nacre_verify_error *error)
{
    if (value.data == NULL && value.size > 0) {
        return nacre_vfy_fail(error, NACRE_VERIFY_E_ARGUMENT, "expected %s is no bytes", name);
    }
    if (value.size > max) {
        return nacre_vfy_fail(error, NACRE_VERIFY_E_ARGUMENT, "expected %s has %zu bytes, the limit is %zu",
                              name, value.size, max);
    }
    return replace(field, value.data, value.size, error);
}

int nacre_verify_policy_expect_pcr(nacre_verify_policy *policy, unsigned index, const uint8_t *value,
                                   size_t size, nacre_verify_error *error)
{
    if (index >= NACRE_VERIFY_PCR_COUNT_MAX) {
        return nacre_vfy_fail(error, NACRE_VERIFY_E_ARGUMENT, "PCR%u does not exist, the last is PCR%u",
                              index, NACRE_VERIFY_PCR_COUNT_MAX - 1);
    }
    if (value == NULL || size != NACRE_VERIFY_PCR_SIZE) {
        return nacre_vfy_fail(error, NACRE_VERIFY_E_ARGUMENT, "expected PCR%u has %zu bytes, a PCR has %u",
                              index, size, NACRE_VERIFY_PCR_SIZE);
    }
    uint32_t bit = UINT32_C(1) << index;
    if ((policy->pcr_mask & bit) != 0 && memcmp(policy->pcr[index], value, size) != 0) {
        return nacre_vfy_fail(error, NACRE_VERIFY_E_ARGUMENT, "PCR%u is expected twice, with two values",
                              index);
    }
    memcpy(policy->pcr[index], value, size);
    policy->pcr_mask |= bit;
    return NACRE_VERIFY_OK;
}

int nacre_verify_policy_expect_nonce(nacre_verify_policy *policy, const uint8_t *nonce, size_t size,
                                     nacre_verify_error *error)
{
    nacre_verify_bytes value = {.data = nonce, .size = size};
    int r = expect(&policy->nonce, "nonce", value, NACRE_VERIFY_NONCE_MAX, error);
    if (r == NACRE_VERIFY_OK) {
        policy->batch.expected = false;
    }
    return r;
}

int nacre_verify_policy_expect_batch(nacre_verify_policy *policy, const nacre_verify_batch *batch,
                                     nacre_verify_error *error)
{
    int r = nacre_vfy_batch_take(&policy->batch, batch, error);
    if (r == NACRE_VERIFY_OK) {
        drop(&policy->nonce);
    }
    return r;
}

int nacre_verify_policy_expect_public_key(nacre_verify_policy *policy, const uint8_t *key, size_t size,
                                          nacre_verify_error *error)
{
    nacre_verify_bytes value = {.data = key, .size = size};
    return expect(&policy->public_key, "public_key", value, NACRE_VERIFY_PUBLIC_KEY_MAX, error);
}

int nacre_verify_policy_expect_user_data(nacre_verify_policy *policy, const uint8_t *user_data, size_t size,
                                         nacre_verify_error *error)
{
    nacre_verify_bytes value = {.data = user_data, .size = size};
    return expect(&policy->user_data, "user_data", value, NACRE_VERIFY_USER_DATA_MAX, error);
}

int nacre_verify_policy_expect_tls_key(nacre_verify_policy *policy, const uint8_t *sha256, size_t size,
                                       nacre_verify_error *error)
{
    if (sha256 == NULL || size != NACRE_VERIFY_TLS_KEY_SIZE) {
        return nacre_vfy_fail(error, NACRE_VERIFY_E_ARGUMENT,
                              "expected tls key has %zu bytes, a SHA-256 has %u", size,
                              NACRE_VERIFY_TLS_KEY_SIZE);
    }
    return replace(&policy->tls_key, sha256, size, error);
}

void nacre_verify_policy_max_age(nacre_verify_policy *policy, uint64_t max_age_ms)
{
    policy->has_max_age = true;
    policy->max_age_ms = max_age_ms;
}

void nacre_verify_policy_allow_debug(nacre_verify_policy *policy, int allow)
{
    policy->allow_debug = allow != 0;
}

void nacre_verify_policy_signature_only(nacre_verify_policy *policy, int signature_only)
{
    policy->signature_only = signature_only != 0;
}

static X509 *read_der(const uint8_t *bytes, size_t size)
{
    const uint8_t *parsed = bytes;
    X509 *cert = d2i_X509(NULL, &parsed, (long)size);
    if (cert != NULL && parsed != bytes + size) {
        X509_free(cert);
        cert = NULL;
    }
    return cert;
}

/* NULL, too, when there is a second certificate: which of the two did the caller mean? */
static X509 *read_pem(const uint8_t *bytes, size_t size)
{
    BIO *bio = BIO_new_mem_buf(bytes, (int)size);
    X509 *cert = bio != NULL ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
    X509 *second = cert != NULL ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
    if (second != NULL) {
        X509_free(second);
        X509_free(cert);
        cert = NULL;
    }
    BIO_free(bio);
    return cert;
}

int nacre_verify_policy_root(nacre_verify_policy *policy, const uint8_t *certificate, size_t size,
                             nacre_verify_error *error)
{
    if (certificate == NULL || size == 0 || size > ROOT_SIZE_MAX) {
        return nacre_vfy_fail(error, NACRE_VERIFY_E_ARGUMENT,
                              "root certificate has %zu bytes, expected 1 to %u", size, ROOT_SIZE_MAX);
    }
    unsigned char *der = NULL;
    int der_size = -1;
    ERR_set_mark();
    X509 *cert = read_der(certificate, size);
    if (cert == NULL) {
        cert = read_pem(certificate, size);
    }
    if (cert != NULL) {
        der_size = i2d_X509(cert, &der);
    }
    ERR_pop_to_mark();
    if (der_size <= 0) {
        X509_free(cert);
        return nacre_vfy_fail(error, NACRE_VERIFY_E_ARGUMENT,
                              "root of %zu bytes is not one X.509 certificate in DER or PEM", size);
    }
    int r = replace(&policy->root.der, der, (size_t)der_size, error);
    OPENSSL_free(der);
    if (r != NACRE_VERIFY_OK) {
        X509_free(cert);
        return r;
    }
    X509_free(policy->root.cert);
    policy->root.cert = cert;
    return NACRE_VERIFY_OK;
}

void nacre_verify_policy_at_now(nacre_verify_policy *policy)
{
    policy->clock = NACRE_VFY_CLOCK_NOW;
}

void nacre_verify_policy_at_document(nacre_verify_policy *policy)
{
    policy->clock = NACRE_VFY_CLOCK_DOCUMENT;
}

int nacre_verify_policy_at(nacre_verify_policy *policy, uint64_t time_ms, nacre_verify_error *error)
{
    if (time_ms > NACRE_VFY_TIME_MAX) {
        return nacre_vfy_fail(error, NACRE_VERIFY_E_ARGUMENT, "time is %llu ms, the last is %llu",
                              (unsigned long long)time_ms, (unsigned long long)NACRE_VFY_TIME_MAX);
    }
    policy->clock = NACRE_VFY_CLOCK_TIME;
    policy->at_ms = time_ms;
    return NACRE_VERIFY_OK;
}

int nacre_vfy_policy_usable(const struct nacre_verify_policy *policy, nacre_verify_error *error)
{
    if (!policy->signature_only && policy->pcr_mask == 0 && policy->public_key.data == NULL) {
        return nacre_vfy_fail(
            error, NACRE_VERIFY_E_POLICY,
            "the policy expects no PCR and no public key, so any enclave of anyone would pass; "
            "expect one, or ask for the signature only");
    }
    if (policy->has_max_age && policy->clock == NACRE_VFY_CLOCK_DOCUMENT) {
        return nacre_vfy_fail(error, NACRE_VERIFY_E_POLICY,
                              "a maximum age of %llu ms means nothing by the document's own clock",
                              (unsigned long long)policy->max_age_ms);
    }
    return NACRE_VERIFY_OK;
}

uint64_t nacre_vfy_policy_time(const struct nacre_verify_policy *policy, const nacre_verify_doc *doc)
{
    struct timespec now = {0};
    switch (policy->clock) {
    case NACRE_VFY_CLOCK_DOCUMENT:
        return nacre_verify_doc_timestamp_ms(doc);
    case NACRE_VFY_CLOCK_TIME:
        return policy->at_ms;
    case NACRE_VFY_CLOCK_NOW:
    default:
        /* Fails only for a clock that does not exist; 1970 is then refused by every certificate. */
        (void)clock_gettime(CLOCK_REALTIME, &now);
        return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
    }
}

const char *nacre_vfy_policy_clock_name(const struct nacre_verify_policy *policy)
{
    switch (policy->clock) {
    case NACRE_VFY_CLOCK_DOCUMENT:
        return "the document's timestamp";
    case NACRE_VFY_CLOCK_TIME:
        return "the given time";
    case NACRE_VFY_CLOCK_NOW:
    default:
        return "now";
    }
}
