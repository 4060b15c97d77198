#include "sealed_call.h"

#include "bytes.h"

#include <errno.h>
#include <sodium.h>

#define VERSION   1u
#define TIME_AT   16u
#define SENDER_AT 24u
#define NONCE_AT  56u
#define LABEL     24u /* bytes: what a key is for */

static const uint8_t magic[8] = {0x89, 'N', 'S', 'E', 'A', 'L', 0x0d, 0x0a};
static const uint8_t request_label[LABEL] = "nacre sealed request v1";
static const uint8_t answer_label[LABEL] = "nacre sealed answer v1";

_Static_assert(crypto_secretbox_MACBYTES == NACRE_SC_MAC, "docs/SEALED.md");
_Static_assert(crypto_secretbox_NONCEBYTES == NACRE_SC_HEADER - NONCE_AT, "docs/SEALED.md");
_Static_assert(crypto_secretbox_NONCEBYTES == NACRE_SC_ANSWER_HEADER - 16, "docs/SEALED.md");

void nacre_sc_begin(uint8_t out[16], enum nacre_sc_kind kind)
{
    memset(out, 0, 16);
    memcpy(out, magic, sizeof magic);
    out[8] = VERSION;
    out[9] = (uint8_t)kind;
}

bool nacre_sc_is_request(const uint8_t *data, size_t len)
{
    uint8_t begin[16];
    nacre_sc_begin(begin, NACRE_SC_REQUEST);
    return len >= NACRE_SC_REQUEST_MIN && memcmp(data, begin, sizeof begin) == 0;
}

uint64_t nacre_sc_time(const uint8_t header[NACRE_SC_HEADER])
{
    struct nacre_reader r = nacre_reader(header + TIME_AT, 8);
    return nacre_read_le(&r, 8);
}

const uint8_t *nacre_sc_sender(const uint8_t header[NACRE_SC_HEADER])
{
    return header + SENDER_AT;
}

void nacre_sc_target(uint8_t out[32], const char *app, const char *method, const char *path, size_t path_len)
{
    crypto_generichash_state h;
    (void)crypto_generichash_init(&h, NULL, 0, 32);
    (void)crypto_generichash_update(&h, (const uint8_t *)app, strlen(app) + 1);
    (void)crypto_generichash_update(&h, (const uint8_t *)method, strlen(method) + 1);
    (void)crypto_generichash_update(&h, (const uint8_t *)path, path_len);
    (void)crypto_generichash_final(&h, out, 32);
}

void nacre_sc_request_key(uint8_t key[32], const uint8_t product[32], const uint8_t header[NACRE_SC_HEADER],
                          const uint8_t data_key[32], const uint8_t target[32])
{
    crypto_generichash_state h;
    (void)crypto_generichash_init(&h, product, 32, 32);
    (void)crypto_generichash_update(&h, request_label, LABEL);
    (void)crypto_generichash_update(&h, header, NACRE_SC_HEADER);
    (void)crypto_generichash_update(&h, data_key, 32);
    (void)crypto_generichash_update(&h, target, 32);
    (void)crypto_generichash_final(&h, key, 32);
    sodium_memzero(&h, sizeof h);
}

void nacre_sc_answer_key(uint8_t key[32], const uint8_t reply_key[32], const uint8_t header[NACRE_SC_HEADER])
{
    crypto_generichash_state h;
    (void)crypto_generichash_init(&h, reply_key, 32, 32);
    (void)crypto_generichash_update(&h, answer_label, LABEL);
    (void)crypto_generichash_update(&h, header, NACRE_SC_HEADER);
    (void)crypto_generichash_final(&h, key, 32);
    sodium_memzero(&h, sizeof h);
}

static unsigned log2_of(uint64_t v)
{
    return 63u - (unsigned)__builtin_clzll(v);
}

/* Padme (Nikitin and others, "Reducing Metadata Leakage from Encrypted Files and Communication with PURBs"). */
size_t nacre_sc_padded(size_t len)
{
    if (len <= NACRE_SC_CONTENT_MIN)
        return NACRE_SC_CONTENT_MIN;
    const unsigned exponent = log2_of(len), kept = log2_of(exponent) + 1;
    const size_t mask = ((size_t)1 << (exponent - kept)) - 1;
    return (len + mask) & ~mask;
}

size_t nacre_sc_request_size(size_t body_len)
{
    return NACRE_SC_HEADER + NACRE_SC_MAC + nacre_sc_padded(NACRE_SC_FIXED + body_len);
}

size_t nacre_sc_answer_size(size_t body_len)
{
    return NACRE_SC_ANSWER_HEADER + NACRE_SC_MAC + nacre_sc_padded(NACRE_SC_ANSWER_FIXED + body_len);
}

int nacre_sc_open(struct nacre_sc_content *out, uint8_t *data, size_t len, const uint8_t key[32])
{
    if (!nacre_sc_is_request(data, len))
        return -EBADMSG;
    uint8_t *mac = data + NACRE_SC_HEADER, *content = mac + NACRE_SC_MAC;
    const size_t content_len = len - NACRE_SC_HEADER - NACRE_SC_MAC;
    if (crypto_secretbox_open_detached(content, content, mac, content_len, data + NONCE_AT, key) != 0)
        return -EBADMSG;
    struct nacre_reader r = nacre_reader(content, content_len);
    const uint8_t *reply_key = nacre_read_bytes(&r, 32);
    const size_t body_len = (size_t)nacre_read_le(&r, 4);
    if (body_len > nacre_reader_left(&r))
        return -EPROTO;
    uint8_t *body = content + NACRE_SC_FIXED;
    /* one way to say a thing: what is not body is nothing */
    if (body_len < nacre_reader_left(&r) &&
        !sodium_is_zero(body + body_len, nacre_reader_left(&r) - body_len))
        return -EPROTO;
    *out = (struct nacre_sc_content){reply_key, body, body_len};
    return 0;
}

void nacre_sc_seal_answer(uint8_t *out, const uint8_t key[32], uint32_t status, const void *body, size_t len)
{
    const size_t size = nacre_sc_answer_size(len);
    struct nacre_writer w = nacre_writer(out, size);
    nacre_sc_begin(nacre_write_room(&w, 16), NACRE_SC_ANSWER);
    uint8_t *nonce = nacre_write_room(&w, crypto_secretbox_NONCEBYTES);
    uint8_t *mac = nacre_write_room(&w, NACRE_SC_MAC), *content = out + w.len;
    randombytes_buf(nonce, crypto_secretbox_NONCEBYTES);
    nacre_write_le(&w, status, 2);
    nacre_write_le(&w, 0, 2);
    nacre_write_le(&w, len, 4);
    nacre_write_bytes(&w, body, len);
    memset(out + w.len, 0, size - w.len);
    (void)crypto_secretbox_detached(content, mac, content, size - (size_t)(content - out), nonce, key);
}
