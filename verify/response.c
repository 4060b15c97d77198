/* A signed response: Ed25519 (RFC 8032, no prehash) over the BCS of { intent: u8, timestamp_ms: u64, data }.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>

#include "policy.h"
#include "response.h"
#include "text.h"

#define KEY_SIZE       32u
#define SIGNATURE_SIZE 64u
#define PREFIX_SIZE    9u

static uint8_t *message_of(const nacre_verify_signed *response, size_t *size)
{
    if (__builtin_add_overflow(response->bcs_size, PREFIX_SIZE, size)) {
        return NULL;
    }
    uint8_t *message = malloc(*size);
    if (message == NULL) {
        return NULL;
    }
    message[0] = response->intent;
    for (unsigned i = 0; i < 8; i++) {
        message[1 + i] = (uint8_t)(response->timestamp_ms >> (8 * i));
    }
    if (response->bcs_size > 0) {
        memcpy(message + PREFIX_SIZE, response->bcs, response->bcs_size);
    }
    return message;
}

static bool verifies(const nacre_verify_signed *response, const uint8_t *message, size_t size)
{
    bool good = false;
    EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, response->public_key, KEY_SIZE);
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    if (key != NULL && md != NULL && EVP_DigestVerifyInit(md, NULL, NULL, NULL, key) == 1) {
        good = EVP_DigestVerify(md, response->signature, SIGNATURE_SIZE, message, size) == 1;
    }
    EVP_MD_CTX_free(md);
    EVP_PKEY_free(key);
    return good;
}

/* What failed for want of memory counts as a bad signature: it fails closed. */
static void check_signature(const nacre_verify_signed *response, const uint8_t *message, size_t size,
                            struct nacre_verify_report *report)
{
    char expected[128] = "Ed25519 by ";
    nacre_vfy_hex(response->public_key, KEY_SIZE, expected + strlen(expected));
    ERR_set_mark();
    bool good = verifies(response, message, size);
    ERR_pop_to_mark();
    (void)nacre_vfy_check(report, "signature", good, expected,
                          "%s intent %u, timestamp %llu ms and %zu bytes of BCS data",
                          good ? "signs" : "does not sign", response->intent,
                          (unsigned long long)response->timestamp_ms, response->bcs_size);
}

static bool sizes_right(const nacre_verify_signed *response, struct nacre_verify_report *report)
{
    if (response->public_key == NULL || response->public_key_size != KEY_SIZE) {
        return nacre_vfy_check(report, "key", false, "an Ed25519 key of 32 bytes", "%zu bytes",
                               response->public_key_size);
    }
    if (response->signature == NULL || response->signature_size != SIGNATURE_SIZE) {
        return nacre_vfy_check(report, "signature", false, "an Ed25519 signature of 64 bytes", "%zu bytes",
                               response->signature_size);
    }
    return true;
}

bool nacre_vfy_check_response(const nacre_verify_signed *response, struct nacre_verify_report *report)
{
    size_t size = 0;
    uint8_t *message = message_of(response, &size);
    if (message == NULL) {
        return false;
    }
    if (sizes_right(response, report)) {
        check_signature(response, message, size, report);
        if (response->max_age_ms > 0) {
            nacre_vfy_check_age(response->timestamp_ms, response->now_ms, response->max_age_ms, report);
        }
    }
    free(message);
    return true;
}

int nacre_verify_response(const nacre_verify_signed *response, nacre_verify_report **report,
                          nacre_verify_error *error)
{
    if (response == NULL || response->struct_size < sizeof *response ||
        (response->bcs == NULL && response->bcs_size > 0)) {
        return nacre_vfy_fail(error, NACRE_VERIFY_E_ARGUMENT,
                              "no response, no data, or a struct_size below %zu bytes", sizeof *response);
    }
    struct nacre_verify_report *made = nacre_vfy_report_new();
    if (made == NULL || !nacre_vfy_check_response(response, made)) {
        nacre_verify_report_free(made);
        return nacre_vfy_fail(error, NACRE_VERIFY_E_MEMORY, "out of memory");
    }
    return nacre_vfy_conclude(made, report, error);
}
