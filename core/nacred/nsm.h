/*
 * nsm.h - the Nitro Secure Module's requests and answers in CBOR, bytes to bytes; nsm_transport.h carries them.
 * Answers are read strictly: exactly the one reply that was asked for, of exact types, and nothing behind it.
 */
#ifndef NACRE_NACRED_NSM_H
#define NACRE_NACRED_NSM_H

#include "common/digest.h"
#include "common/frame.h"

#include <nacre/plugin.h>

#define NACRE_NSM_REQUEST_MAX 0x1000u /* bytes, the device's limits */
#define NACRE_NSM_REPLY_MAX   0x3000u
#define NACRE_NSM_WHY         128u /* bytes of an error's text */
#define NACRE_NSM_RANDOM_MAX  256u /* bytes of one GetRandom */

enum nacre_nsm_kind {
    NACRE_NSM_DESCRIBE_PCR,
    NACRE_NSM_EXTEND_PCR,
    NACRE_NSM_LOCK_PCRS,
    NACRE_NSM_ATTESTATION,
    NACRE_NSM_GET_RANDOM
};

struct nacre_nsm_request {
    enum nacre_nsm_kind kind;
    uint16_t number;                                 /* index, or the range of LockPCRs */
    struct nacre_bytes data;                         /* ExtendPCR */
    struct nacre_bytes user_data, nonce, public_key; /* Attestation; null when ptr is */
};

struct nacre_nsm_answer {
    uint8_t pcr[NACRE_SHA384_LEN]; /* DescribePCR, ExtendPCR */
    bool locked;                   /* DescribePCR */
    size_t document_len;           /* Attestation */
    uint8_t document[NACRE_DOCUMENT_MAX];
    size_t random_len; /* GetRandom; never 0 */
    uint8_t random[NACRE_NSM_RANDOM_MAX];
};

/* Writes a request to out; its length in bytes, or 0 when it does not fit in cap. */
size_t nacre_nsm_encode(uint8_t *out, size_t cap, const struct nacre_nsm_request *request);

/*
 * nacre_nsm_decode - read the answer to a request of this kind. Returns 0 with the kind's members of *out filled;
 * -EREMOTEIO when the module answered {"Error": name}, -EBADMSG for anything else, both with a text in `why`.
 */
int nacre_nsm_decode(const uint8_t *reply, size_t len, enum nacre_nsm_kind kind, struct nacre_nsm_answer *out,
                     char why[NACRE_NSM_WHY]);

#endif
