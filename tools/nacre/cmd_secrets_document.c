/* The document that `nacre secrets seal` and `check` believe. */
#include <string.h>

#include "cmd_secrets.h"

int nacre_secrets_usage(const struct nacre_vcmd_options *options, const char *url, const char *document,
                        nacre_verify_error *why)
{
    if ((url == NULL) == (document == NULL)) {
        return nacre_vcmd_unchecked(why,
                                    "the document comes from --url or from --document: give one of them");
    }
    if (url != NULL && !nacre_vcmd_is_url(url)) {
        return nacre_vcmd_unchecked(why, "--url is '%.200s', expected http:// or https://", url);
    }
    if (options->signature_only || options->no_nonce || options->at_document || options->at_ms != 0) {
        return nacre_vcmd_unchecked(
            why, "--signature-only, --no-nonce and --at are for looking, not for handing out secrets");
    }
    return NACRE_CHECKED;
}

/* A PCR that the runtime writes, or the key alone, says nothing about what runs there. */
static int check_pcrs(const nacre_verify_report *report, nacre_verify_error *why)
{
    bool seen[3] = {false, false, false};
    for (size_t i = 0; i < nacre_verify_report_count(report); i++) {
        const char *name = nacre_verify_report_check(report, i)->name;
        if (strncmp(name, "PCR", 3) == 0 && name[3] >= '0' && name[3] <= '2' && name[4] == '\0') {
            seen[name[3] - '0'] = true;
        }
    }
    if (seen[0] || (seen[1] && seen[2])) {
        return NACRE_CHECKED;
    }
    return nacre_vcmd_unchecked(
        why, "--pcrs has to name PCR0, or PCR1 and PCR2: nothing else says what runs there");
}

int nacre_secrets_document(const struct nacre_vcmd_options *options, const char *url, const char *document,
                           nacre_verify_report **report, nacre_verify_error *why)
{
    int r = nacre_vcmd_run_document(options, url != NULL ? url : document,
                                    url != NULL ? "/get_attestation" : NULL, report, why);
    if (r == NACRE_CHECKED && nacre_verify_report_doc(*report) == NULL) {
        r = NACRE_REFUSED;
    }
    return r == NACRE_CHECKED ? check_pcrs(*report, why) : r;
}

int nacre_secrets_conclude(const struct nacre_vcmd_options *options, int code, const char *failed,
                           const nacre_verify_report *report, const nacre_verify_error *why)
{
    if (code == NACRE_UNCHECKED || (code == NACRE_REFUSED && why->text[0] != '\0')) {
        (void)fprintf(stderr, "%s: %s: %s\n", options->program, failed, why->text);
    } else if (code == NACRE_REFUSED) {
        struct nacre_vcmd_verdict verdict = {0};
        nacre_vcmd_add_report(&verdict, "document", report);
        nacre_vcmd_print_text(stderr, &verdict);
    }
    return code;
}
