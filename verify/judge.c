/* The policy, applied to a document whose signature is already known to be good. */
#include <stdio.h>

#include "policy.h"
#include "text.h"

static void check_debug(const struct nacre_verify_policy *policy, const nacre_verify_doc *doc,
                        struct nacre_verify_report *report)
{
    nacre_verify_bytes pcr0 = nacre_verify_doc_pcr(doc, 0);
    uint8_t any = 0;
    for (size_t i = 0; i < pcr0.size; i++) {
        any |= pcr0.data[i];
    }
    bool debug = any == 0;
    (void)nacre_vfy_check(report, "debug", !debug || policy->allow_debug,
                          policy->allow_debug ? "debug mode or not (allowed)" : "no debug mode", "PCR0 is %s",
                          debug ? "all zero: debug mode, the code was not measured" : "not zero");
}

static void check_pcrs(const struct nacre_verify_policy *policy, const nacre_verify_doc *doc,
                       struct nacre_verify_report *report)
{
    for (unsigned i = 0; i < NACRE_VERIFY_PCR_COUNT_MAX; i++) {
        if ((policy->pcr_mask & (UINT32_C(1) << i)) == 0) {
            continue;
        }
        char name[16];
        nacre_verify_bytes expected = {.data = policy->pcr[i], .size = NACRE_VERIFY_PCR_SIZE};
        (void)snprintf(name, sizeof name, "PCR%u", i);
        /* A PCR the document lacks fails here. */
        (void)nacre_vfy_check_bytes(report, name, expected, nacre_verify_doc_pcr(doc, i));
    }
}

void nacre_vfy_check_age(uint64_t timestamp_ms, uint64_t now_ms, uint64_t max_age_ms,
                         struct nacre_verify_report *report)
{
    char expected[128];
    char now[NACRE_VFY_TIME_SIZE];
    bool ahead = timestamp_ms > now_ms;
    uint64_t distance = ahead ? timestamp_ms - now_ms : now_ms - timestamp_ms;
    nacre_vfy_time(now_ms > NACRE_VFY_TIME_MAX ? NACRE_VFY_TIME_MAX : now_ms, now);
    (void)snprintf(expected, sizeof expected, "at most %llu.%03llu s old at %s",
                   (unsigned long long)(max_age_ms / 1000), (unsigned long long)(max_age_ms % 1000), now);
    (void)nacre_vfy_check(report, "age", distance <= (ahead ? NACRE_VERIFY_CLOCK_SKEW_MS : max_age_ms),
                          expected, "%llu.%03llu s %s", (unsigned long long)(distance / 1000),
                          (unsigned long long)(distance % 1000), ahead ? "in the future" : "old");
}

void nacre_vfy_judge(const struct nacre_verify_policy *policy, const nacre_verify_doc *doc, uint64_t at_ms,
                     struct nacre_verify_report *report)
{
    check_debug(policy, doc, report);
    check_pcrs(policy, doc, report);
    if (policy->nonce.data != NULL) {
        (void)nacre_vfy_check_bytes(report, "nonce", policy->nonce, nacre_verify_doc_nonce(doc));
    }
    if (policy->batch.expected) {
        nacre_vfy_check_batch(&policy->batch, doc, report);
    }
    if (policy->public_key.data != NULL) {
        (void)nacre_vfy_check_bytes(report, "public_key", policy->public_key,
                                    nacre_verify_doc_public_key(doc));
    }
    if (policy->user_data.data != NULL) {
        (void)nacre_vfy_check_bytes(report, "user_data", policy->user_data, nacre_verify_doc_user_data(doc));
    }
    if (policy->tls_key.data != NULL) {
        (void)nacre_vfy_check_bytes(report, "tls", policy->tls_key, nacre_verify_doc_tls_key(doc));
    }
    if (policy->has_max_age) {
        nacre_vfy_check_age(nacre_verify_doc_timestamp_ms(doc), at_ms, policy->max_age_ms, report);
    }
}
