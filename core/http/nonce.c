#include "nonce.h"

#include "common/digest.h"

#include <errno.h>
#include <string.h>

int nacre_nonce_parse(struct nacre_nonce *nonce, const char *text, size_t len)
{
    if (len == 0 || len % 2)
        return -EINVAL;
    if (len / 2 > NACRE_NONCE_MAX)
        return -EMSGSIZE;
    uint8_t bytes[NACRE_NONCE_MAX];
    int err = nacre_unhex(bytes, len / 2, text, len);
    if (err)
        return err;
    memcpy(nonce->bytes, bytes, len / 2);
    nonce->len = (uint32_t)(len / 2);
    return 0;
}
