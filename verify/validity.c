/*
 * Validity at a stated time, compared by X509_cmp_time(), as X509_verify_cert() does it. Leaves live three
 * hours, so "now" and "then" are different questions, and the report says which was asked.
 */
#include "cert.h"

#include <stdio.h>
#include <time.h>

#include "text.h"

/* A time from a certificate, for people. One that cannot be shown has no say in the verdict. */
static void show(const ASN1_TIME *time, char *out)
{
    struct tm tm;
    int64_t seconds = ASN1_TIME_to_tm(time, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
    uint64_t ms = seconds < 0 ? 0 : (uint64_t)seconds * 1000;
    nacre_vfy_time(ms > NACRE_VFY_TIME_MAX ? NACRE_VFY_TIME_MAX : ms, out);
}

/* X509_cmp_time() says 0 for a time it cannot read, and never "equal". */
static const char *why_invalid(const X509 *cert, time_t at, char *limit)
{
    int from = X509_cmp_time(X509_get0_notBefore(cert), &at);
    int until = X509_cmp_time(X509_get0_notAfter(cert), &at);
    if (from == 0 || until == 0) {
        limit[0] = '\0';
        return "has no readable validity";
    }
    if (from > 0) {
        show(X509_get0_notBefore(cert), limit);
        return "is not valid before";
    }
    if (until < 0) {
        show(X509_get0_notAfter(cert), limit);
        return "expired at";
    }
    return NULL;
}

void nacre_vfy_check_validity(const struct nacre_vfy_chain *chain, uint64_t at_ms, const char *clock,
                              struct nacre_verify_report *report)
{
    char at[NACRE_VFY_TIME_SIZE];
    char from[NACRE_VFY_TIME_SIZE];
    char until[NACRE_VFY_TIME_SIZE];
    char label[NACRE_VFY_LABEL_SIZE];
    char expected[128];
    nacre_vfy_time(at_ms, at);
    (void)snprintf(expected, sizeof expected, "every certificate valid at %s (%s)", at, clock);
    for (size_t i = 0; i < chain->count; i++) {
        const char *why = why_invalid(chain->cert[i], (time_t)(at_ms / 1000), until);
        if (why != NULL) {
            nacre_vfy_label(chain, i, label);
            (void)nacre_vfy_check(report, "validity", false, expected, "%s %s%s%s", label, why,
                                  until[0] != '\0' ? " " : "", until);
            return;
        }
    }
    show(X509_get0_notBefore(chain->cert[0]), from);
    show(X509_get0_notAfter(chain->cert[0]), until);
    nacre_vfy_label(chain, 0, label);
    (void)nacre_vfy_check(report, "validity", true, expected, "all are; %s from %s until %s", label, from,
                          until);
}
