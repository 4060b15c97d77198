/* Any bytes as an attestation document, as a .pcrs text and as a root. */
#include "fuzz.h"

#include "nacre/verify.h"

/* What an accepted and what a refused document must look like from outside. */
static void fuzz_verify(const nacre_verify_policy *policy, const uint8_t *data, size_t size)
{
    nacre_verify_report *report = NULL;
    int verdict = nacre_verify_document(data, size, policy, &report, NULL);
    need(verdict == NACRE_VERIFY_OK || verdict == NACRE_VERIFY_REFUSED);
    need(nacre_verify_report_verified(report) == (verdict == NACRE_VERIFY_OK));
    need((nacre_verify_report_doc(report) != NULL) == (verdict == NACRE_VERIFY_OK));
    need(nacre_verify_report_count(report) > 0);
    nacre_verify_report_free(report);
}

static uint64_t touch(nacre_verify_bytes bytes)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < bytes.size; i++) {
        sum += bytes.data[i];
    }
    return sum;
}

/* Every byte that the accessors hand out can be read. */
static void fuzz_parse(const uint8_t *data, size_t size)
{
    nacre_verify_doc *doc = NULL;
    uint64_t sum = 0;
    if (nacre_verify_doc_parse(data, size, &doc, NULL) != NACRE_VERIFY_OK) {
        need(doc == NULL);
        return;
    }
    need(nacre_verify_doc_module_id(doc)[0] != '\0');
    need(nacre_verify_doc_timestamp_ms(doc) > 0);
    for (unsigned i = 0; i < 40; i++) {
        nacre_verify_bytes pcr = nacre_verify_doc_pcr(doc, i);
        need(pcr.data == NULL ? i >= 16 : pcr.size == NACRE_VERIFY_PCR_SIZE && i < 32);
        sum += touch(pcr);
    }
    for (size_t i = 0; i <= nacre_verify_doc_cabundle_count(doc); i++) {
        sum += touch(nacre_verify_doc_cabundle(doc, i));
    }
    sum += touch(nacre_verify_doc_certificate(doc)) + touch(nacre_verify_doc_public_key(doc)) +
           touch(nacre_verify_doc_user_data(doc)) + touch(nacre_verify_doc_nonce(doc));
    /* Never true of 16 KB of bytes, but the compiler has to add them up. */
    need(sum != UINT64_MAX);
    nacre_verify_doc_free(doc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    nacre_verify_policy *policy = nacre_verify_policy_new();
    need(policy != NULL);
    nacre_verify_policy_signature_only(policy, 1);
    nacre_verify_policy_at_document(policy);
    fuzz_parse(data, size);
    fuzz_verify(policy, data, size);
    (void)nacre_verify_policy_expect_pcrs_text(policy, (const char *)data, size, NULL);
    (void)nacre_verify_policy_root(policy, data, size, NULL);
    nacre_verify_policy_free(policy);
    return 0;
}
