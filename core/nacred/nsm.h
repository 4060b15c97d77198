/*
 * nsm.h - the Nitro Secure Module's requests and answers in CBOR, bytes to bytes; nsm_transport.h carries them.
 * Answers are read strictly: exactly the one reply that was asked for, of exact types, and nothing behind it.
 */
#ifndef NACRE_NACRED_NSM_H
#define NACRE_NACRED_NSM_H

#include "common/digest.h"

#include <stdbool.h>

#define NACRE_NSM_REQUEST_MAX 0x1000u /* bytes, the device's limits */
#define NACRE_NSM_REPLY_MAX   0x3000u

struct nacre_nsm_pcr {
    uint8_t value[NACRE_SHA384_LEN];
    bool locked;
};

/* Each writes one request to out and returns its length in bytes, or 0 when it does not fit in cap. */
size_t nacre_nsm_put_describe_pcr(uint8_t *out, size_t cap, uint16_t index);
size_t nacre_nsm_put_extend_pcr(uint8_t *out, size_t cap, uint16_t index, const void *data, size_t len);
size_t nacre_nsm_put_lock_pcrs(uint8_t *out, size_t cap, uint16_t range);

/* Attestation. A field is null when its pointer is. */
struct nacre_nsm_attestation {
    const uint8_t *user_data, *nonce, *public_key;
    size_t user_data_len, nonce_len, public_key_len; /* bytes */
};
size_t nacre_nsm_put_attestation(uint8_t *out, size_t cap, const struct nacre_nsm_attestation *a);

/*
 * Each reads the answer to its request. Returns 0, -EREMOTEIO when the module answered {"Error": name} (`why` then
 * holds the name), or -EBADMSG for anything else (`why` says so). Outputs are untouched on failure.
 */
int nacre_nsm_get_describe_pcr(const uint8_t *reply, size_t len, struct nacre_nsm_pcr *out, char *why,
                               size_t why_len);
int nacre_nsm_get_extend_pcr(const uint8_t *reply, size_t len, uint8_t out[NACRE_SHA384_LEN], char *why,
                             size_t why_len);
int nacre_nsm_get_lock_pcrs(const uint8_t *reply, size_t len, char *why, size_t why_len);
/* Copies the document to out (cap bytes) and its length to *out_len. */
int nacre_nsm_get_attestation(const uint8_t *reply, size_t len, uint8_t *out, size_t cap, size_t *out_len,
                              char *why, size_t why_len);

#endif
