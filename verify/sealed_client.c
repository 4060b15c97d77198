/* sealed_client.c - nacre/sealed.h: the client's side of sealed requests. */
#include "common/bytes.h"
#include "common/sealed_call.h"

#include <nacre/sealed.h>
#include <sodium.h>

size_t nacre_sealed_request_size(size_t body_size)
{
    return nacre_sc_request_size(body_size);
}

/* The header for a fresh key pair, and the key of the box. False for a data key that is none. */
static bool begin(uint8_t header[NACRE_SC_HEADER], uint8_t key[32], const nacre_sealed_target *to,
                  uint64_t time_ms)
{
    uint8_t secret[32], product[32], target[32];
    struct nacre_writer w = nacre_writer(header, NACRE_SC_HEADER);
    nacre_sc_begin(nacre_write_room(&w, 16), NACRE_SC_REQUEST);
    nacre_write_le(&w, time_ms, 8);
    (void)crypto_box_keypair(nacre_write_room(&w, 32), secret);
    randombytes_buf(nacre_write_room(&w, crypto_secretbox_NONCEBYTES), crypto_secretbox_NONCEBYTES);
    nacre_sc_target(target, to->app, to->method, to->path, strlen(to->path));
    bool ok = crypto_scalarmult(product, secret, to->data_key) == 0;
    if (ok)
        nacre_sc_request_key(key, product, header, to->data_key, target);
    sodium_memzero(secret, sizeof secret);
    sodium_memzero(product, sizeof product);
    return ok;
}

int nacre_sealed_request(nacre_sealed_exchange *exchange, uint8_t *out, const nacre_sealed_target *target,
                         uint64_t time_ms, const void *body, size_t body_size)
{
    uint8_t key[32], reply_key[32];
    if (body_size > UINT32_MAX || sodium_init() < 0 || !begin(out, key, target, time_ms))
        return -1;
    const size_t content_len = nacre_sc_padded(NACRE_SC_FIXED + body_size);
    uint8_t *mac = out + NACRE_SC_HEADER, *content = mac + NACRE_SC_MAC;
    struct nacre_writer w = nacre_writer(content, content_len);
    randombytes_buf(reply_key, sizeof reply_key);
    nacre_write_bytes(&w, reply_key, sizeof reply_key);
    nacre_write_le(&w, body_size, 4);
    nacre_write_bytes(&w, body, body_size);
    memset(content + w.len, 0, content_len - w.len);
    (void)crypto_secretbox_detached(content, mac, content, content_len,
                                    out + NACRE_SC_HEADER - crypto_secretbox_NONCEBYTES, key);
    nacre_sc_answer_key(exchange->answer_key, reply_key, out);
    sodium_memzero(key, sizeof key);
    sodium_memzero(reply_key, sizeof reply_key);
    return 0;
}

int nacre_sealed_answer(const nacre_sealed_exchange *exchange, void *envelope, size_t size, unsigned *status,
                        const void **body, size_t *body_size)
{
    uint8_t begins[16], *at = envelope;
    nacre_sc_begin(begins, NACRE_SC_ANSWER);
    if (size < NACRE_SC_ANSWER_HEADER + NACRE_SC_MAC + NACRE_SC_ANSWER_FIXED ||
        memcmp(at, begins, sizeof begins) != 0)
        return -1;
    uint8_t *mac = at + NACRE_SC_ANSWER_HEADER, *content = mac + NACRE_SC_MAC;
    const size_t len = size - NACRE_SC_ANSWER_HEADER - NACRE_SC_MAC;
    if (crypto_secretbox_open_detached(content, content, mac, len, at + sizeof begins,
                                       exchange->answer_key) != 0)
        return -1;
    struct nacre_reader r = nacre_reader(content, len);
    const unsigned said = (unsigned)nacre_read_le(&r, 2);
    const uint64_t zeros = nacre_read_le(&r, 2), body_len = nacre_read_le(&r, 4);
    const size_t left = nacre_reader_left(&r);
    if (zeros != 0 || body_len > left || !sodium_is_zero(r.at + body_len, left - (size_t)body_len))
        return -1;
    *status = said;
    *body = r.at;
    *body_size = (size_t)body_len;
    return 0;
}

void nacre_sealed_forget(nacre_sealed_exchange *exchange)
{
    sodium_memzero(exchange, sizeof *exchange);
}
