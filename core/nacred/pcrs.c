#include "pcrs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct seal {
    struct nacre_nsm *nsm;
    struct nacre_nsm_answer answer; /* to the last call */
    char *why;
    size_t why_len;
};

static int call(struct seal *s, enum nacre_nsm_kind kind, uint16_t number, const uint8_t *digest)
{
    const struct nacre_nsm_request request = {
        .kind = kind, .number = number, .data = {digest, digest ? NACRE_SHA384_LEN : 0}};
    char why[NACRE_NSM_WHY];
    int err = nacre_nsm_call(s->nsm, &request, &s->answer, why);
    if (err)
        (void)snprintf(s->why, s->why_len, "PCR %u: %s", number, why);
    return err;
}

static int differs(struct seal *s, uint16_t index, const uint8_t *expected)
{
    char a[NACRE_SHA384_HEX], b[NACRE_SHA384_HEX];
    nacre_hex(a, s->answer.pcr, NACRE_SHA384_LEN);
    nacre_hex(b, expected, NACRE_SHA384_LEN);
    (void)snprintf(s->why, s->why_len, "PCR%u is %s and %s, expected %s", index, a,
                   s->answer.locked ? "locked" : "not locked", b);
    return -EPERM;
}

static int extend(struct seal *s, uint16_t index, const uint8_t *digest, const uint8_t *expected)
{
    static const uint8_t zero[NACRE_SHA384_LEN];
    int err = call(s, NACRE_NSM_DESCRIBE_PCR, index, NULL);
    if (err || memcmp(s->answer.pcr, expected, sizeof zero) == 0)
        return err;
    if (s->answer.locked || memcmp(s->answer.pcr, zero, sizeof zero) != 0)
        return differs(s, index, expected);
    return call(s, NACRE_NSM_EXTEND_PCR, index, digest);
}

int nacre_pcrs_seal(struct nacre_nsm *nsm, const uint8_t plugin[NACRE_SHA384_LEN],
                    const uint8_t config[NACRE_SHA384_LEN], char *why, size_t why_len)
{
    struct seal s = {.nsm = nsm, .why = why, .why_len = why_len};
    const uint8_t *const digests[] = {plugin, config};
    uint8_t chain[2 * NACRE_SHA384_LEN] = {0}, expected[2][NACRE_SHA384_LEN];
    int err = 0;
    for (uint16_t i = 0; i < 2 && !err; i++) {
        memcpy(chain + NACRE_SHA384_LEN, digests[i], NACRE_SHA384_LEN);
        nacre_sha384(expected[i], chain, sizeof chain);
        err = extend(&s, (uint16_t)(NACRE_PCR_PLUGIN + i), digests[i], expected[i]);
    }
    if (!err)
        err = call(&s, NACRE_NSM_LOCK_PCRS, NACRE_PCR_COUNT, NULL);
    /* what counts is what the NSM will attest, not what it answered on the way */
    for (uint16_t i = 0; i < 2 && !err; i++) {
        err = call(&s, NACRE_NSM_DESCRIBE_PCR, (uint16_t)(NACRE_PCR_PLUGIN + i), NULL);
        if (!err && (!s.answer.locked || memcmp(s.answer.pcr, expected[i], NACRE_SHA384_LEN) != 0))
            err = differs(&s, (uint16_t)(NACRE_PCR_PLUGIN + i), expected[i]);
    }
    return err;
}
