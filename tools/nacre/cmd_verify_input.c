/* Where documents come from, and the forms they come in. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "cmd_verify.h"

/* The first byte of a document: an array of four, or tag 18 before it. No text starts like that. */
#define FIRST_ARRAY 0x84
#define FIRST_TAG   0xd2

static const char white_space[] = " \t\r\n";

void nacre_vcmd_buffer_free(struct nacre_vcmd_buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct nacre_vcmd_buffer){0};
}

static int read_all(FILE *file, const char *name, size_t max, struct nacre_vcmd_buffer *buffer,
                    nacre_verify_error *why)
{
    uint8_t *data = malloc(max + 1);
    if (data == NULL) {
        return nacre_vcmd_unchecked(why, "out of memory");
    }
    size_t size = fread(data, 1, max + 1, file);
    if (ferror(file) != 0) {
        free(data);
        return nacre_vcmd_unchecked(why, "cannot read %s: %s", name, strerror(errno));
    }
    if (size > max) {
        free(data);
        return nacre_vcmd_unchecked(why, "%s has more than %zu bytes", name, max);
    }
    data[size] = '\0';
    *buffer = (struct nacre_vcmd_buffer){.data = data, .size = size};
    return NACRE_CHECKED;
}

int nacre_vcmd_load(const char *name, struct nacre_vcmd_buffer *buffer, nacre_verify_error *why)
{
    return nacre_vcmd_load_up_to(name, NACRE_VCMD_INPUT_MAX, buffer, why);
}

int nacre_vcmd_load_up_to(const char *name, size_t max, struct nacre_vcmd_buffer *buffer,
                          nacre_verify_error *why)
{
    if (strcmp(name, "-") == 0) {
        return read_all(stdin, "standard input", max, buffer, why);
    }
    FILE *file = fopen(name, "rbe");
    if (file == NULL) {
        return nacre_vcmd_unchecked(why, "cannot open %s: %s", name, strerror(errno));
    }
    int r = read_all(file, name, max, buffer, why);
    (void)fclose(file);
    return r;
}

static void keep(struct nacre_vcmd_buffer *buffer, uint8_t *data, size_t size)
{
    free(buffer->data);
    *buffer = (struct nacre_vcmd_buffer){.data = data, .size = size};
}

static bool from_hex(const char *text, size_t length, struct nacre_vcmd_buffer *buffer)
{
    size_t size = 0;
    size_t skip = length >= 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X') ? 2 : 0;
    const char *end = NULL;
    uint8_t *data = malloc(length + 1);
    if (data == NULL ||
        sodium_hex2bin(data, length, text + skip, length - skip, white_space, &size, &end) != 0 ||
        end != text + length || size == 0) {
        free(data);
        return false;
    }
    keep(buffer, data, size);
    return true;
}

static bool starts_like_a_document(const uint8_t *data)
{
    return data[0] == FIRST_ARRAY || data[0] == FIRST_TAG;
}

/* Many a text happens to be base64: what comes out has to start like a document. */
static bool from_base64(const char *text, size_t length, struct nacre_vcmd_buffer *buffer)
{
    static const int variants[] = {sodium_base64_VARIANT_ORIGINAL, sodium_base64_VARIANT_ORIGINAL_NO_PADDING,
                                   sodium_base64_VARIANT_URLSAFE, sodium_base64_VARIANT_URLSAFE_NO_PADDING};
    uint8_t *data = malloc(length + 1);
    for (size_t i = 0; data != NULL && i < sizeof variants / sizeof variants[0]; i++) {
        size_t size = 0;
        const char *end = NULL;
        if (sodium_base642bin(data, length, text, length, white_space, &size, &end, variants[i]) == 0 &&
            end == text + length && size > 0 && starts_like_a_document(data)) {
            keep(buffer, data, size);
            return true;
        }
    }
    free(data);
    return false;
}

static int from_json(struct nacre_vcmd_buffer *buffer, nacre_verify_error *why)
{
    struct nacre_vcmd_json all = {.text = (const char *)buffer->data, .size = buffer->size};
    struct nacre_vcmd_json hex;
    int r = nacre_vcmd_json_string(all, "attestation", &hex, why);
    if (r == NACRE_CHECKED && !from_hex(hex.text, hex.size, buffer)) {
        return nacre_vcmd_unchecked(why, "\"attestation\" of %zu characters is no hex", hex.size);
    }
    return r;
}

int nacre_vcmd_decode(struct nacre_vcmd_buffer *buffer, nacre_verify_error *why)
{
    if (buffer->size == 0) {
        return nacre_vcmd_unchecked(why, "the document is empty");
    }
    if (starts_like_a_document(buffer->data)) {
        return NACRE_CHECKED;
    }
    const char *text = (const char *)buffer->data;
    size_t start = strspn(text, white_space);
    if (text[start] == '{') {
        return from_json(buffer, why);
    }
    if (from_hex(text + start, buffer->size - start, buffer) || from_base64(text, buffer->size, buffer)) {
        return NACRE_CHECKED;
    }
    return nacre_vcmd_unchecked(
        why, "%zu bytes that are no CBOR array, hex, base64 or {\"attestation\":\"hex\"}", buffer->size);
}
