#include "receipt.h"

#include "file.h"

#include <common/json_read.h>

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* 32 bytes as a signed answer has them, [1,2,...], or as hex. */
static bool read_digest(struct nacre_vcmd_json object, const char *key, uint8_t out[32])
{
    struct nacre_vcmd_json value;
    size_t n = 0;
    if (nacre_vcmd_json_any(object, key, &value, NULL) != NACRE_CHECKED) {
        return false;
    }
    if (value.size == 64) {
        return nacre_vcmd_parse_hex(value.text, value.size, out, 32, &n) == NACRE_CHECKED && n == 32;
    }
    struct nacre_json j;
    nacre_json_init(&j, value.text, value.size);
    if (nacre_json_next(&j) != NACRE_JSON_ARRAY) {
        return false;
    }
    while (nacre_json_next(&j) == NACRE_JSON_NUMBER) {
        uint64_t byte = 0;
        if (n == 32 || nacre_vcmd_parse_u64(j.text, j.text_len, 255, &byte) != NACRE_CHECKED) {
            return false;
        }
        out[n++] = (uint8_t)byte;
    }
    return n == 32;
}

int nacre_receipt_read(struct nacre_receipt *out, const char *path, nacre_verify_error *why)
{
    static const char *const way[] = {"response", "data", NULL};
    struct nacre_vcmd_buffer file = {0};
    *out = (struct nacre_receipt){.has_sealed = false};
    int r = nacre_vcmd_load_up_to(path, NACRE_VCMD_ANSWER_MAX, &file, why);
    if (r != NACRE_CHECKED) {
        return r;
    }
    struct nacre_vcmd_json data = {.text = (const char *)file.data, .size = file.size}, inner;
    if (nacre_vcmd_json_has(data, "response") &&
        nacre_vcmd_json_path(data, way, &inner, why) == NACRE_CHECKED) {
        data = inner;
    }
    if (!read_digest(data, "model_sha256", out->model_sha256)) {
        r = nacre_vcmd_unchecked(
            why, "%.200s: neither a receipt of /train nor a card: no model_sha256 of 32 bytes", path);
    }
    out->has_sealed = read_digest(data, "sealed_sha256", out->sealed_sha256);
    out->has_buyer = read_digest(data, "buyer", out->buyer);
    nacre_vcmd_buffer_free(&file);
    return r;
}

int nacre_receipt_of_card(uint8_t model_sha256[32], const char *card, size_t len, nacre_verify_error *why)
{
    const struct nacre_vcmd_json object = {.text = card, .size = len};
    return read_digest(object, "model_sha256", model_sha256)
               ? NACRE_CHECKED
               : nacre_vcmd_unchecked(why, "the card has no model_sha256 of 32 bytes");
}
