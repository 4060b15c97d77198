#include "doc.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"

int nacre_verify_doc_parse(const uint8_t *bytes, size_t size, nacre_verify_doc **doc,
                           nacre_verify_error *error)
{
    if (doc == NULL || (bytes == NULL && size > 0)) {
        return nacre_vfy_fail(error, NACRE_VERIFY_E_ARGUMENT, "no document or nowhere to put it");
    }
    if (size > NACRE_VERIFY_DOCUMENT_MAX) {
        return nacre_vfy_fail(error, NACRE_VERIFY_REFUSED, "the document has %zu bytes, the limit is %u",
                              size, NACRE_VERIFY_DOCUMENT_MAX);
    }
    struct nacre_verify_doc *made = calloc(1, sizeof *made);
    uint8_t *copy = malloc(size > 0 ? size : 1);
    if (made == NULL || copy == NULL) {
        free(made);
        free(copy);
        return nacre_vfy_fail(error, NACRE_VERIFY_E_MEMORY, "out of memory");
    }
    if (size > 0) {
        memcpy(copy, bytes, size);
    }
    made->bytes = copy;
    made->size = size;
    int r = nacre_vfy_parse_cose(made, error);
    if (r == NACRE_VERIFY_OK) {
        r = nacre_vfy_parse_payload(made, error);
    }
    if (r != NACRE_VERIFY_OK) {
        nacre_verify_doc_free(made);
        return r;
    }
    *doc = made;
    return NACRE_VERIFY_OK;
}

void nacre_verify_doc_free(nacre_verify_doc *doc)
{
    if (doc != NULL) {
        free(doc->bytes);
        free(doc);
    }
}

const char *nacre_verify_doc_module_id(const nacre_verify_doc *doc)
{
    return doc->module_id;
}

uint64_t nacre_verify_doc_timestamp_ms(const nacre_verify_doc *doc)
{
    return doc->timestamp_ms;
}

nacre_verify_bytes nacre_verify_doc_public_key(const nacre_verify_doc *doc)
{
    return doc->public_key;
}

nacre_verify_bytes nacre_verify_doc_user_data(const nacre_verify_doc *doc)
{
    return doc->user_data;
}

nacre_verify_bytes nacre_verify_doc_nonce(const nacre_verify_doc *doc)
{
    return doc->nonce;
}

nacre_verify_bytes nacre_verify_doc_pcr(const nacre_verify_doc *doc, unsigned index)
{
    return index < NACRE_VERIFY_PCR_COUNT_MAX ? doc->pcr[index] : (nacre_verify_bytes){0};
}

nacre_verify_bytes nacre_verify_doc_certificate(const nacre_verify_doc *doc)
{
    return doc->certificate;
}

size_t nacre_verify_doc_cabundle_count(const nacre_verify_doc *doc)
{
    return doc->cabundle_count;
}

nacre_verify_bytes nacre_verify_doc_cabundle(const nacre_verify_doc *doc, size_t index)
{
    return index < doc->cabundle_count ? doc->cabundle[index] : (nacre_verify_bytes){0};
}
