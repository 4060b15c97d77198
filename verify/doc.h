/* A parsed attestation document. All slices point into `bytes`, the document's own copy. */
#ifndef NACRE_VFY_DOC_H
#define NACRE_VFY_DOC_H

#include "nacre/verify.h"

#define NACRE_VFY_SIGNATURE_SIZE 96u

struct nacre_verify_doc {
    uint8_t *bytes;
    size_t size;
    nacre_verify_bytes protected_header; /* as signed: the content of the byte string */
    nacre_verify_bytes payload;
    nacre_verify_bytes signature; /* r || s */
    char module_id[NACRE_VERIFY_MODULE_ID_MAX + 1];
    uint64_t timestamp_ms;
    nacre_verify_bytes pcr[NACRE_VERIFY_PCR_COUNT_MAX];
    unsigned pcr_count;
    nacre_verify_bytes certificate;
    nacre_verify_bytes cabundle[NACRE_VERIFY_CHAIN_MAX - 1];
    size_t cabundle_count;
    nacre_verify_bytes public_key;
    nacre_verify_bytes user_data;
    nacre_verify_bytes nonce;
};

/* cose.c: the envelope. Sets protected_header, payload and signature from bytes. */
int nacre_vfy_parse_cose(struct nacre_verify_doc *doc, nacre_verify_error *error);

/* payload.c: everything else, from the payload. */
int nacre_vfy_parse_payload(struct nacre_verify_doc *doc, nacre_verify_error *error);

#endif
