/*
 * Any text as JSON for a struct with every kind of value: what is decoded can be encoded, and what is encoded is a
 * value of the type. Any text as JSON in canonical form: canonical text is its own canonical form (RFC 8785).
 */
#include "fuzz.h"

#include "app/canonical.h"
#include "app/decode.h"
#include "app/encode.h"
#include "kinds.h"

#include <string.h>

#define SCRATCH ((size_t)8 << 20)

static struct nacre_scratch scratch;
static uint8_t bcs[1 << 20];

static void decode(const char *text, size_t len)
{
    struct kinds value;
    struct kinds_request request;
    char why[NACRE_PLACE_TEXT];
    struct nacre_decode d = {.scratch = &scratch, .borrow = len % 2 == 0, .root = "body"};
    memset(&value, 0, sizeof value);
    memset(&request, 0, sizeof request);
    if (nacre_decode_text(&d, &kinds_type, &value, text, len) == 0) {
        struct nacre_writer out = nacre_writer(bcs, sizeof bcs);
        need(nacre_encode(&out, &kinds_type, &value, why) == 0);
    } else {
        need(d.why[0] != '\0');
    }
    if (nacre_decode_text(&d, &kinds_request_type, &request, text, len) == 0)
        need(request.rate - request.rate == 0.0);
}

/* False when the text is no JSON. */
static int canonical(const char *text, size_t len, struct nacre_str *out)
{
    struct nacre_json j;
    const char *why = NULL;
    nacre_json_init(&j, text, len);
    return nacre_canonical(&scratch, &j, nacre_json_next(&j), out, &why) == 0 &&
           nacre_json_next(&j) == NACRE_JSON_END;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct nacre_str once, twice;
    if (!scratch.first)
        need(nacre_scratch_init(&scratch, SCRATCH) == 0);
    decode((const char *)data, size);
    if (canonical((const char *)data, size, &once)) {
        need(canonical(once.ptr, once.len, &twice));
        need(once.len == twice.len && memcmp(once.ptr, twice.ptr, once.len) == 0);
    }
    nacre_scratch_reset(&scratch);
    return 0;
}
