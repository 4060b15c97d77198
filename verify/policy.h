/* What a caller expects of a document. */
#ifndef NACRE_VFY_POLICY_H
#define NACRE_VFY_POLICY_H

#include <stdbool.h>

#include <openssl/x509.h>

#include "batch.h"
#include "cache.h"
#include "report.h"

enum nacre_vfy_clock { NACRE_VFY_CLOCK_NOW, NACRE_VFY_CLOCK_DOCUMENT, NACRE_VFY_CLOCK_TIME };

/* The trust anchor, as bytes and read. */
struct nacre_vfy_root {
    nacre_verify_bytes der;
    X509 *cert;
};

/* An expected field: data points to a copy that the policy owns, NULL expects nothing. */
struct nacre_verify_policy {
    uint32_t pcr_mask;
    uint8_t pcr[NACRE_VERIFY_PCR_COUNT_MAX][NACRE_VERIFY_PCR_SIZE];
    nacre_verify_bytes nonce; /* this or the batch */
    struct nacre_vfy_batch batch;
    nacre_verify_bytes public_key;
    nacre_verify_bytes user_data;
    nacre_verify_bytes tls_key;
    struct nacre_vfy_root root;
    struct nacre_vfy_cache *cache;
    bool allow_debug;
    bool signature_only;
    bool has_max_age;
    uint64_t max_age_ms;
    enum nacre_vfy_clock clock;
    uint64_t at_ms;
};

/* E_POLICY when the policy says nothing about who is behind a document, or contradicts itself. */
int nacre_vfy_policy_usable(const struct nacre_verify_policy *policy, nacre_verify_error *error);

/* The time to verify at, by the policy's clock. */
uint64_t nacre_vfy_policy_time(const struct nacre_verify_policy *policy, const nacre_verify_doc *doc);
const char *nacre_vfy_policy_clock_name(const struct nacre_verify_policy *policy);

/* Checks "debug", "PCRn", "batch", "nonce", "public_key", "user_data", "tls", "age" (judge.c). */
void nacre_vfy_judge(const struct nacre_verify_policy *policy, const nacre_verify_doc *doc, uint64_t at_ms,
                     struct nacre_verify_report *report);

/* Check "age" of anything with a timestamp (judge.c). */
void nacre_vfy_check_age(uint64_t timestamp_ms, uint64_t now_ms, uint64_t max_age_ms,
                         struct nacre_verify_report *report);

#endif
