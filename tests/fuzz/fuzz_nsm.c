/* The first byte chooses a request, the rest is the module's answer to it; and any bytes as a document of ours. */
#include "fuzz.h"

#include "nacred/document.h"
#include "nacred/nsm.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct nacre_nsm_answer answer;
    static const uint8_t public_key[32] = {1, 2, 3};
    char why[NACRE_NSM_WHY] = "";
    uint64_t ms = 42;
    if (size < 1)
        return 0;
    enum nacre_nsm_kind kind = (enum nacre_nsm_kind)(data[0] % (NACRE_NSM_ATTESTATION + 1));
    int err = nacre_nsm_decode(data + 1, size - 1, kind, &answer, why);
    need(err == 0 || why[0] != '\0');
    need(memchr(why, '\0', sizeof why) != NULL);
    if (err == 0 && kind == NACRE_NSM_ATTESTATION)
        need(answer.document_len <= sizeof answer.document);
    if (nacre_document_timestamp(data + 1, size - 1, public_key, &ms) != 0)
        need(ms == 42);
    return 0;
}
