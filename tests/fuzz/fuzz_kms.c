/*
 * What KMS answers, and what the parent lends, by the first byte: an answer's JSON, an error's, CMS, credentials. Nothing
 * but what is asked for comes out, and nothing is written past its room.
 */
#include "fuzz.h"

#include "common/credentials.h"
#include "envelope.h"
#include "message.h"

#include <string.h>

static void read_answer(struct nacre_bytes body)
{
    static uint8_t cms[NACRE_KMS_CMS];
    char why[256] = "", name[NACRE_KMS_ERROR];
    size_t len = 0;
    int rc = nacre_kms_answer(cms, &len, body, "1-2", why, sizeof why);
    need(rc == 0 ? len <= sizeof cms : why[0] != '\0');
    nacre_kms_error(name, body);
    need(strlen(name) < sizeof name);
}

/* The key is this run's own: what a corpus holds is for others, and is refused at the latest there. */
static void open_envelope(const uint8_t *data, size_t size)
{
    static EVP_PKEY *key;
    static uint8_t out[4096];
    uint8_t spki[NACRE_ENVELOPE_SPKI];
    char why[256] = "";
    size_t len = 0;
    if (!key)
        key = nacre_envelope_key(spki, &len);
    need(key != NULL);
    int rc = nacre_envelope_open(out, sizeof out, &len, data, size, key, why, sizeof why);
    need(rc == 0 ? len < sizeof out : why[0] != '\0');
}

static void read_credentials(const uint8_t *data, size_t size)
{
    struct nacre_credentials c;
    uint8_t again[NACRE_CREDENTIALS_MAX];
    char why[NACRE_CREDENTIALS_WHY] = "";
    if (nacre_credentials_parse(&c, data, size, why)) {
        need(why[0] != '\0');
        return;
    }
    need(nacre_credentials_is(data, size) && nacre_credentials_size(data, size) == size);
    int n = nacre_credentials_write(again, sizeof again, &c);
    need(n >= 0 && (size_t)n == size && memcmp(again, data, size) == 0); /* one form only */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    if (data[0] == '{')
        read_answer((struct nacre_bytes){data, size});
    else if (data[0] == 0x8a)
        read_credentials(data, size);
    else
        open_envelope(data, size);
    return 0;
}
