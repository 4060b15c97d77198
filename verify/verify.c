#include <openssl/err.h>

#include "cert.h"
#include "policy.h"
#include "text.h"

const char *nacre_verify_version(void)
{
    return NACRE_VERSION;
}

static int parse(const uint8_t *bytes, size_t size, struct nacre_verify_report *report,
                 nacre_verify_error *error)
{
    static const char expected[] = "COSE_Sign1 with a Nitro attestation payload";
    nacre_verify_error why;
    int r = nacre_verify_doc_parse(bytes, size, &report->doc, &why);
    if (r == NACRE_VERIFY_OK) {
        (void)nacre_vfy_check(report, "encoding", true, expected, "%zu bytes, module %s", size,
                              nacre_verify_doc_module_id(report->doc));
    } else if (r == NACRE_VERIFY_REFUSED) {
        (void)nacre_vfy_check(report, "encoding", false, expected, "%s", why.text);
    } else {
        (void)nacre_vfy_fail(error, r, "%s", why.text);
    }
    return r;
}

/* From here on the document is what its leaf signed. Whether the leaf may is for the chain to say. */
static void verify_signed(const struct nacre_verify_policy *policy, const struct nacre_vfy_chain *chain,
                          struct nacre_verify_report *report)
{
    uint64_t at_ms = nacre_vfy_policy_time(policy, report->doc);
    report->time_ms = at_ms;
    nacre_vfy_check_chain(report->doc, chain, policy->root.der, report);
    nacre_vfy_check_validity(chain, at_ms, nacre_vfy_policy_clock_name(policy), report);
    nacre_vfy_judge(policy, report->doc, at_ms, report);
}

int nacre_verify_document(const uint8_t *bytes, size_t size, const nacre_verify_policy *policy,
                          nacre_verify_report **report, nacre_verify_error *error)
{
    if (policy == NULL) {
        return nacre_vfy_fail(error, NACRE_VERIFY_E_POLICY, "no policy");
    }
    int r = nacre_vfy_policy_usable(policy, error);
    if (r != NACRE_VERIFY_OK) {
        return r;
    }
    struct nacre_verify_report *made = nacre_vfy_report_new();
    if (made == NULL) {
        return nacre_vfy_fail(error, NACRE_VERIFY_E_MEMORY, "out of memory");
    }
    r = parse(bytes, size, made, error);
    if (r < 0) {
        nacre_verify_report_free(made);
        return r;
    }
    if (r == NACRE_VERIFY_OK) {
        struct nacre_vfy_chain chain = {.count = 0};
        /* What OpenSSL has to say about a bad document is in the report, not in the caller's error queue. */
        ERR_set_mark();
        if (nacre_vfy_chain_load(made->doc, policy, &chain, made) &&
            nacre_vfy_check_signature(made->doc, &chain, made)) {
            verify_signed(policy, &chain, made);
        }
        if (nacre_verify_report_verified(made)) {
            nacre_vfy_chain_keep(made->doc, policy, &chain);
        }
        nacre_vfy_chain_free(&chain);
        ERR_pop_to_mark();
    }
    return nacre_vfy_conclude(made, report, error);
}
