#include "pcrs.h"

#include "nsm.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct seal {
    struct nacre_nsm *nsm;
    uint8_t request[NACRE_NSM_REQUEST_MAX];
    uint8_t reply[NACRE_NSM_REPLY_MAX];
    char *why;
    size_t why_len;
};

static int64_t ask(struct seal *s, size_t len)
{
    int64_t n = nacre_nsm_exchange(s->nsm, s->request, len, s->reply);
    if (n < 0)
        (void)snprintf(s->why, s->why_len, "the NSM does not answer: %s", strerror((int)-n));
    return n;
}

static int describe(struct seal *s, uint16_t index, struct nacre_nsm_pcr *pcr)
{
    int64_t n = ask(s, nacre_nsm_put_describe_pcr(s->request, sizeof s->request, index));
    return n < 0 ? (int)n : nacre_nsm_get_describe_pcr(s->reply, (size_t)n, pcr, s->why, s->why_len);
}

static int differs(struct seal *s, uint16_t index, const struct nacre_nsm_pcr *found, const uint8_t *expected)
{
    char a[NACRE_SHA384_HEX], b[NACRE_SHA384_HEX];
    nacre_hex(a, found->value, NACRE_SHA384_LEN);
    nacre_hex(b, expected, NACRE_SHA384_LEN);
    (void)snprintf(s->why, s->why_len, "PCR%u is %s and %s, expected %s", index, a,
                   found->locked ? "locked" : "not locked", b);
    return -EPERM;
}

static int extend(struct seal *s, uint16_t index, const uint8_t *digest, const uint8_t *expected)
{
    static const uint8_t zero[NACRE_SHA384_LEN];
    struct nacre_nsm_pcr pcr;
    int err = describe(s, index, &pcr);
    if (err || memcmp(pcr.value, expected, sizeof pcr.value) == 0)
        return err;
    if (pcr.locked || memcmp(pcr.value, zero, sizeof zero) != 0)
        return differs(s, index, &pcr, expected);
    int64_t n =
        ask(s, nacre_nsm_put_extend_pcr(s->request, sizeof s->request, index, digest, NACRE_SHA384_LEN));
    return n < 0 ? (int)n : nacre_nsm_get_extend_pcr(s->reply, (size_t)n, pcr.value, s->why, s->why_len);
}

/* After locking: what counts is what the NSM will attest, not what it answered on the way. */
static int confirm(struct seal *s, uint16_t index, const uint8_t *expected)
{
    struct nacre_nsm_pcr pcr;
    int err = describe(s, index, &pcr);
    if (!err && (!pcr.locked || memcmp(pcr.value, expected, sizeof pcr.value) != 0))
        err = differs(s, index, &pcr, expected);
    return err;
}

int nacre_pcrs_seal(struct nacre_nsm *nsm, const uint8_t plugin[NACRE_SHA384_LEN],
                    const uint8_t config[NACRE_SHA384_LEN], char *why, size_t why_len)
{
    struct seal s = {.nsm = nsm, .why = why, .why_len = why_len};
    uint8_t chain[2 * NACRE_SHA384_LEN] = {0}, expected[2][NACRE_SHA384_LEN];
    memcpy(chain + NACRE_SHA384_LEN, plugin, NACRE_SHA384_LEN);
    nacre_sha384(expected[0], chain, sizeof chain);
    memcpy(chain + NACRE_SHA384_LEN, config, NACRE_SHA384_LEN);
    nacre_sha384(expected[1], chain, sizeof chain);
    int err = extend(&s, NACRE_PCR_PLUGIN, plugin, expected[0]);
    if (!err)
        err = extend(&s, NACRE_PCR_CONFIG, config, expected[1]);
    if (err)
        return err;
    int64_t n = ask(&s, nacre_nsm_put_lock_pcrs(s.request, sizeof s.request, NACRE_PCR_COUNT));
    if (n < 0)
        return (int)n;
    err = nacre_nsm_get_lock_pcrs(s.reply, (size_t)n, why, why_len);
    if (!err)
        err = confirm(&s, NACRE_PCR_PLUGIN, expected[0]);
    return err ? err : confirm(&s, NACRE_PCR_CONFIG, expected[1]);
}
