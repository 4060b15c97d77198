/*
 * Any bytes as the envelope of a sealed request, and as the content of one that opens; the same for answers. What is accepted lies
 * within the envelope, and is sealed and opened again to the same.
 */
#include "fuzz.h"

#include "common/sealed_call.h"

#include <nacre/sealed.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t key[32] = {7};

/* The bytes after the header as the content of a box that opens. */
static void as_content(const uint8_t *data, size_t size)
{
    const size_t len = NACRE_SC_HEADER + NACRE_SC_MAC + size;
    uint8_t *envelope = calloc(1, len);
    struct nacre_sc_content content;
    need(envelope != NULL);
    nacre_sc_begin(envelope, NACRE_SC_REQUEST);
    (void)crypto_secretbox_easy(envelope + NACRE_SC_HEADER, data, size, envelope + NACRE_SC_HEADER - 24, key);
    int err = nacre_sc_open(&content, envelope, len, key);
    if (err == 0) {
        need(content.reply_key == envelope + NACRE_SC_HEADER + NACRE_SC_MAC);
        need(content.body == content.reply_key + NACRE_SC_FIXED && content.body_len <= size - NACRE_SC_FIXED);
        need(memcmp(content.body, data + NACRE_SC_FIXED, content.body_len) == 0);
    }
    free(envelope);
}

static void as_answer(const uint8_t *data, size_t size)
{
    const size_t len = NACRE_SC_ANSWER_HEADER + NACRE_SC_MAC + size;
    uint8_t *envelope = calloc(1, len);
    nacre_sealed_exchange x;
    unsigned status;
    const void *body;
    size_t body_len;
    need(envelope != NULL);
    memcpy(x.answer_key, key, sizeof key);
    nacre_sc_begin(envelope, NACRE_SC_ANSWER);
    (void)crypto_secretbox_easy(envelope + NACRE_SC_ANSWER_HEADER, data, size, envelope + 16, key);
    if (nacre_sealed_answer(&x, envelope, len, &status, &body, &body_len) == 0) {
        need((const uint8_t *)body + body_len <= envelope + len && status <= 0xffff);
        uint8_t *again = malloc(nacre_sc_answer_size(body_len));
        need(again != NULL);
        nacre_sc_seal_answer(again, key, status, body, body_len);
        unsigned status_again;
        const void *body_again;
        size_t len_again;
        need(nacre_sealed_answer(&x, again, nacre_sc_answer_size(body_len), &status_again, &body_again,
                                 &len_again) == 0);
        need(status_again == status && len_again == body_len && memcmp(body, body_again, body_len) == 0);
        free(again);
    }
    free(envelope);
}

/* As it comes: nobody has sealed it, so nothing of it opens. */
static void as_envelope(const uint8_t *data, size_t size)
{
    struct nacre_sc_content content;
    uint8_t *copy = malloc(size + 1);
    need(copy != NULL);
    memcpy(copy, data, size);
    bool fits = nacre_sc_is_request(data, size);
    need(nacre_sc_open(&content, copy, size, key) != 0);
    if (fits) {
        need(size >= NACRE_SC_REQUEST_MIN);
        need(nacre_sc_sender(data) == data + 24);
        (void)nacre_sc_time(data);
    }
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    as_envelope(data, size);
    as_content(data, size);
    as_answer(data, size);
    return 0;
}
