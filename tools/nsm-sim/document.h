/*
 * The attestation document: the payload map, and COSE_Sign1 (RFC 9052, section 4.2) around it.
 */
#ifndef NACRE_SIM_DOCUMENT_H
#define NACRE_SIM_DOCUMENT_H

#include "chain.h"
#include "pcr.h"
#include "requests.h"

#define NACRE_SIM_DOCUMENT_MAX (NACRE_SIM_REPLY_MAX - 64) /* bytes; leaves room for the reply around it */

struct nacre_sim_document {
    const char *module_id;
    uint64_t timestamp; /* milliseconds since 1970 */
    const struct nacre_sim_pcrs *pcrs;
    const struct nacre_sim_chain *chain; /* renewed for this timestamp by the caller */
    const struct nacre_sim_request *request;
    bool definite;      /* length of the payload map */
    bool tagged;        /* tag 18 before the array */
    bool bad_signature; /* one bit of the signature is flipped */
    size_t pcr_len;     /* bytes of each PCR */
};

/*
 * Writes the signed document to out. Carries the PCRs that are locked.
 * Returns 0, -EMSGSIZE when it does not fit, -ENOMEM or -EIO when the signature failed.
 */
int nacre_sim_document_write(const struct nacre_sim_document *document, struct nacre_sim_writer *out);

#endif
