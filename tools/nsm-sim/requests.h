/*
 * NSM requests: from CBOR bytes to a checked struct. Replies: from values to CBOR bytes.
 */
#ifndef NACRE_SIM_REQUESTS_H
#define NACRE_SIM_REQUESTS_H

#include "nsm.h"
#include "pcr.h"
#include "writer.h"

#include <stdint.h>

struct nacre_sim_bytes {
    const uint8_t *data; /* NULL when the field is null or absent */
    size_t len;
};

struct nacre_sim_request {
    enum nacre_sim_kind kind;
    uint16_t number;             /* index, or the range of LockPCRs */
    struct nacre_sim_bytes data; /* of ExtendPCR */
    struct nacre_sim_bytes user_data;
    struct nacre_sim_bytes nonce;
    struct nacre_sim_bytes public_key;
};

/*
 * Decodes one request. The byte strings of *out point into data.
 * Maps may be of definite or indefinite length and unknown fields are read over; unknown requests, wrong
 * types, missing or repeated fields, strings in chunks and bytes behind the end are InvalidOperation, more
 * than NACRE_SIM_REQUEST_MAX bytes InputTooLarge. *out is untouched on failure.
 */
enum nacre_sim_error nacre_sim_request_decode(const uint8_t *data, size_t len, struct nacre_sim_request *out);

struct nacre_sim_describe {
    const char *module_id;
    const struct nacre_sim_pcrs *pcrs;
};

void nacre_sim_reply_error(struct nacre_sim_writer *writer, enum nacre_sim_error error);
void nacre_sim_reply_describe_nsm(struct nacre_sim_writer *writer, const struct nacre_sim_describe *describe);
/* pcr_len bytes of the register's value are sent: all of them, unless a fault wants fewer. */
void nacre_sim_reply_describe_pcr(struct nacre_sim_writer *writer, const struct nacre_sim_pcr *pcr,
                                  size_t pcr_len);
void nacre_sim_reply_extend_pcr(struct nacre_sim_writer *writer, const struct nacre_sim_pcr *pcr,
                                size_t pcr_len);
void nacre_sim_reply_random(struct nacre_sim_writer *writer, const uint8_t random[NACRE_SIM_RANDOM_LEN]);
void nacre_sim_reply_document(struct nacre_sim_writer *writer, const uint8_t *document, size_t len);

#endif
