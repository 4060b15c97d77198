#include "attack.h"

#include <stdbool.h>

/* What is left to read. After a failure nothing more is read. */
struct reader {
    const uint8_t *at;
    uint64_t left;
    bool bad;
};

static const uint8_t *take(struct reader *r, uint64_t n)
{
    const uint8_t *p = r->at;
    if (r->bad || n > r->left) {
        r->bad = true;
        return NULL;
    }
    r->at += n;
    r->left -= n;
    return p;
}

static void take_address(struct reader *r, uint8_t out[32])
{
    const uint8_t *p = take(r, 32);
    if (p)
        memcpy(out, p, 32);
}

static uint64_t take_u64(struct reader *r)
{
    const uint8_t *p = take(r, 8);
    uint64_t v = 0;
    for (unsigned i = 0; p && i < 8; i++)
        v |= (uint64_t)p[i] << (8 * i);
    return v;
}

/* ULEB128 as BCS has it: at most 32 bits, and no byte more than needed. */
static uint64_t take_length(struct reader *r)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 35; shift += 7) {
        const uint8_t *p = take(r, 1);
        if (!p)
            return 0;
        v |= (uint64_t)(*p & 0x7f) << shift;
        if (*p & 0x80)
            continue;
        if ((shift && *p == 0) || v > UINT32_MAX)
            break;
        return v;
    }
    r->bad = true;
    return 0;
}

int sentinel_attack_decode(struct sentinel_attack *out, struct nacre_bytes bcs)
{
    struct reader r = {bcs.ptr, bcs.len, false};
    struct sentinel_attack a;
    memset(&a, 0, sizeof a);
    take_address(&r, a.id);
    a.agent_id.len = take_length(&r);
    a.agent_id.ptr = (const char *)take(&r, a.agent_id.len);
    take_address(&r, a.attacker);
    a.paid_amount = take_u64(&r);
    a.nonce = take_u64(&r);
    if (r.bad || r.left)
        return -1;
    *out = a;
    return 0;
}
