/* What an answer of /get_attestation says of a shared document: {"attestation":..,"batch":{"size","index","path"}}. */
#include <string.h>

#include "common/json_read.h"

#include "cmd_verify.h"

/* One more than there can be: whether it is too many, the library says. */
#define HASHES_MAX (NACRE_VERIFY_BATCH_DEPTH + 1)

/* The hashes in an array of hex strings; what comes after HASHES_MAX of them is not looked at. */
static int read_path(struct nacre_vcmd_json array, uint8_t *path, size_t *size, nacre_verify_error *why)
{
    struct nacre_json json;
    size_t one = 0;
    nacre_json_init(&json, array.text, array.size);
    if (nacre_json_next(&json) != NACRE_JSON_ARRAY) {
        return nacre_vcmd_unchecked(why, "\"path\" is no array");
    }
    enum nacre_json_token token = nacre_json_next(&json);
    for (*size = 0; token == NACRE_JSON_STRING && *size < (size_t)HASHES_MAX * NACRE_VERIFY_BATCH_HASH;
         *size += one) {
        if (json.text_len != (size_t)2 * NACRE_VERIFY_BATCH_HASH ||
            nacre_vcmd_parse_hex(json.text, json.text_len, path + *size, NACRE_VERIFY_BATCH_HASH, &one) !=
                NACRE_CHECKED) {
            return nacre_vcmd_unchecked(why, "\"path\" has a text of %zu characters, expected %u hex digits",
                                        json.text_len, 2 * NACRE_VERIFY_BATCH_HASH);
        }
        token = nacre_json_next(&json);
    }
    if (token != NACRE_JSON_ARRAY_END && token != NACRE_JSON_STRING) {
        return nacre_vcmd_unchecked(why, "\"path\" holds something else than hex");
    }
    return NACRE_CHECKED;
}

int nacre_vcmd_take_batch(nacre_verify_policy *policy, const uint8_t *nonce, size_t nonce_size,
                          const struct nacre_vcmd_buffer *answer, nacre_verify_error *why)
{
    uint8_t path[HASHES_MAX * NACRE_VERIFY_BATCH_HASH];
    struct nacre_vcmd_json all = {.text = (const char *)answer->data, .size = answer->size};
    struct nacre_vcmd_json said = {0}, array = {0};
    nacre_verify_batch batch = {
        .struct_size = sizeof batch, .nonce = nonce, .nonce_size = nonce_size, .path = path};
    if (!nacre_vcmd_json_has(all, "batch")) { /* raw, hex, or a document of its own */
        return NACRE_CHECKED;
    }
    int r = nacre_vcmd_json_object(all, "batch", &said, why);
    if (r == NACRE_CHECKED) {
        r = nacre_vcmd_json_u64(said, "size", UINT32_MAX, &batch.size, why);
    }
    if (r == NACRE_CHECKED) {
        r = nacre_vcmd_json_u64(said, "index", UINT32_MAX, &batch.index, why);
    }
    if (r == NACRE_CHECKED) {
        r = nacre_vcmd_json_any(said, "path", &array, why);
    }
    if (r == NACRE_CHECKED) {
        r = read_path(array, path, &batch.path_size, why);
    }
    if (r != NACRE_CHECKED) {
        return r;
    }
    return nacre_verify_policy_expect_batch(policy, &batch, why) == NACRE_VERIFY_OK ? NACRE_CHECKED
                                                                                    : NACRE_UNCHECKED;
}
