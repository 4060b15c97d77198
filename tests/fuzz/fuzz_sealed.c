/* Any bytes as the blob in which secrets are delivered. What is accepted lies within the blob, up to its last byte. */
#include "fuzz.h"

#include "common/sealed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct nacre_sealed sealed;
    char why[NACRE_SEALED_WHY] = "";
    size_t said = nacre_sealed_size(data, size);
    if (nacre_sealed_parse(&sealed, data, size, why)) {
        need(why[0] != '\0');
        return 0;
    }
    need(nacre_sealed_is(data, size) && said == size);
    need(sealed.box >= data && sealed.box + sealed.box_len <= data + size);
    need((const uint8_t *)sealed.app >= data && (const uint8_t *)sealed.app + sealed.app_len <= data + size);
    need(sealed.signature == data + sealed.signed_len && sealed.signed_len + NACRE_SEALED_SIGNATURE == size);
    return 0;
}
