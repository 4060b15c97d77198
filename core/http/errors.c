#include "errors.h"

#include "common/bcs.h"

#include <stdio.h>
#include <string.h>

struct nacre_refusal nacre_refuse(uint32_t status, const char *text)
{
    return (struct nacre_refusal){.status = status, .text = text};
}

struct nacre_refusal nacre_refuse_limit(uint32_t status, const char *text, uint64_t got, uint64_t limit)
{
    return (struct nacre_refusal){.status = status, .text = text, .got = got, .limit = limit};
}

struct nacre_refusal nacre_refuse_later(uint32_t status, const char *text)
{
    return (struct nacre_refusal){.status = status, .text = text, .retry_s = 1};
}

void nacre_error_refusal(struct nacre_json_out *out, const struct nacre_refusal *refusal)
{
    nacre_json_lit(out, "{\"error\":\"");
    nacre_json_lit(out, refusal->text);
    if (refusal->limit) {
        nacre_json_lit(out, ": ");
        nacre_json_u64(out, refusal->got);
        nacre_json_lit(out, ", at most ");
        nacre_json_u64(out, refusal->limit);
    }
    nacre_json_lit(out, "\"}");
}

void nacre_error_clean(uint8_t *text, size_t len)
{
    /* a cut in the middle of a character, or a peer that does not speak UTF-8: keep what is plain */
    bool valid = nacre_utf8_valid(text, len);
    for (size_t i = 0; i < len && !valid; i++)
        text[i] = text[i] < 0x80 ? text[i] : '?';
}

void nacre_error_text(struct nacre_json_out *out, const uint8_t *text, size_t len, const char *instead)
{
    uint8_t clean[NACRE_ERROR_TEXT];
    size_t n = len < sizeof clean ? len : sizeof clean;
    nacre_json_lit(out, "{\"error\":");
    if (n == 0) {
        nacre_json_string(out, instead, strlen(instead));
    } else {
        memcpy(clean, text, n);
        nacre_error_clean(clean, n);
        nacre_json_string(out, (const char *)clean, n);
    }
    nacre_json_lit(out, "}");
}
