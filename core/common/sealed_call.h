/*
 * sealed_call.h - the envelopes of sealed requests and their answers, docs/SEALED.md: what both ends of them share.
 * Clients use nacre/sealed.h.
 */
#ifndef NACRE_COMMON_SEALED_CALL_H
#define NACRE_COMMON_SEALED_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NACRE_SC_HEADER        80u /* bytes of a request before its box; all of them go into its key */
#define NACRE_SC_ANSWER_HEADER 40u
#define NACRE_SC_MAC           16u /* what a box is longer than its content */
#define NACRE_SC_FIXED         36u /* bytes of a request's content before the body: reply key, length */
#define NACRE_SC_ANSWER_FIXED  8u  /* of an answer's: status, two zeros, length */
#define NACRE_SC_CONTENT_MIN   256u
#define NACRE_SC_REQUEST_MIN   (NACRE_SC_HEADER + NACRE_SC_MAC + NACRE_SC_FIXED)

enum nacre_sc_kind { NACRE_SC_REQUEST = 1, NACRE_SC_ANSWER };

/* Fills the 16 bytes that every envelope begins with. */
void nacre_sc_begin(uint8_t out[16], enum nacre_sc_kind kind);

/* Does data[0..len) have the form of a request as far as anybody can see who cannot open it? */
bool nacre_sc_is_request(const uint8_t *data, size_t len);

/* Out of a request's header: when its client says it was made (ms since 1970), and its X25519 key (32 bytes). */
uint64_t nacre_sc_time(const uint8_t header[NACRE_SC_HEADER]);
const uint8_t *nacre_sc_sender(const uint8_t header[NACRE_SC_HEADER]);

/* BLAKE2b-256 of whom a request is for: app, method and path[0..path_len), each ended by a zero but the last. */
void nacre_sc_target(uint8_t out[32], const char *app, const char *method, const char *path, size_t path_len);

/*
 * nacre_sc_request_key - the box's key from the X25519 product of sender and data key. It depends on every byte of
 * the header: who alters time, sender or nonce has another key. It is not what crypto_box would make of the same
 * product, so neither kind of box can be opened with the key of the other.
 */
void nacre_sc_request_key(uint8_t key[32], const uint8_t product[32], const uint8_t header[NACRE_SC_HEADER],
                          const uint8_t data_key[32], const uint8_t target[32]);

/* The answer's key from the reply key in the request and its header: one answer belongs to one request. */
void nacre_sc_answer_key(uint8_t key[32], const uint8_t reply_key[32], const uint8_t header[NACRE_SC_HEADER]);

/* Bytes of a content of `len` bytes with its padding: Padme, and never less than NACRE_SC_CONTENT_MIN. */
size_t nacre_sc_padded(size_t len);

/* Bytes of a request's or an answer's envelope around a body. */
size_t nacre_sc_request_size(size_t body_len);
size_t nacre_sc_answer_size(size_t body_len);

/* What is in a request that was opened; both point into it. */
struct nacre_sc_content {
    const uint8_t *reply_key; /* 32 */
    uint8_t *body;
    size_t body_len;
};

/*
 * nacre_sc_open - opens a request in its place with its key. 0, -EBADMSG when it is not what was sealed with this key,
 * or -EPROTO when it was and its content is out of form.
 */
int nacre_sc_open(struct nacre_sc_content *out, uint8_t *data, size_t len, const uint8_t key[32]);

/* Fills out[0..nacre_sc_answer_size(len)) with a sealed answer. */
void nacre_sc_seal_answer(uint8_t *out, const uint8_t key[32], uint32_t status, const void *body, size_t len);

#endif
