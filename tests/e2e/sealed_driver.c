/*
 * Both ends of sealed requests in C, for tests that cross them with those of other languages. Bytes in hex, bodies on standard
 * input and output:
 *
 *   seal DATA_KEY APP METHOD PATH TIME_MS    body -> the envelope, and the key of its answer
 *   open DATA_SECRET APP METHOD PATH         envelope -> its body, and the key of its answer
 *   answer KEY STATUS                        body -> the envelope of an answer
 *   read KEY                                 envelope of an answer -> "STATUS BODY"
 */
#include <common/sealed_call.h>
#include <nacre/sealed.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROOM (1u << 20)

static uint8_t input[ROOM], out[2 * ROOM];

static void print_hex(const void *data, size_t len)
{
    static char hex[4 * ROOM + 1];
    (void)sodium_bin2hex(hex, sizeof hex, data, len);
    (void)puts(hex);
}

static int fail(const char *what)
{
    (void)fprintf(stderr, "%s\n", what);
    return 1;
}

static int seal(char **argv, const uint8_t data_key[32], size_t len)
{
    nacre_sealed_exchange x;
    const nacre_sealed_target to = {.data_key = data_key, .app = argv[3], .method = argv[4], .path = argv[5]};
    if (nacre_sealed_request(&x, out, &to, strtoull(argv[6], NULL, 10), input, len) != 0)
        return fail("not sealed");
    print_hex(out, nacre_sealed_request_size(len));
    print_hex(x.answer_key, 32);
    return 0;
}

static int open_envelope(char **argv, const uint8_t secret[32], size_t len)
{
    uint8_t data_key[32], product[32], target[32], key[32], answer_key[32];
    struct nacre_sc_content content;
    if (!nacre_sc_is_request(input, len))
        return fail("no request");
    (void)crypto_scalarmult_base(data_key, secret);
    if (crypto_scalarmult(product, secret, nacre_sc_sender(input)) != 0)
        return fail("no sender");
    nacre_sc_target(target, argv[3], argv[4], argv[5], strlen(argv[5]));
    nacre_sc_request_key(key, product, input, data_key, target);
    if (nacre_sc_open(&content, input, len, key) != 0)
        return fail("does not open");
    nacre_sc_answer_key(answer_key, content.reply_key, input);
    print_hex(content.body, content.body_len);
    print_hex(answer_key, 32);
    return 0;
}

static int read_answer(const uint8_t key[32], size_t len)
{
    nacre_sealed_exchange x;
    unsigned status;
    const void *body;
    size_t body_len;
    memcpy(x.answer_key, key, 32);
    if (nacre_sealed_answer(&x, input, len, &status, &body, &body_len) != 0)
        return fail("does not open");
    (void)printf("%u ", status);
    print_hex(body, body_len);
    return 0;
}

int main(int argc, char **argv)
{
    uint8_t key[32];
    if (sodium_init() < 0 || argc < 3 ||
        sodium_hex2bin(key, 32, argv[2], strlen(argv[2]), NULL, NULL, NULL) != 0)
        return fail("usage: see the source");
    const size_t len = fread(input, 1, sizeof input, stdin);
    if (strcmp(argv[1], "seal") == 0 && argc == 7)
        return seal(argv, key, len);
    if (strcmp(argv[1], "open") == 0 && argc == 6)
        return open_envelope(argv, key, len);
    if (strcmp(argv[1], "read") == 0 && argc == 3)
        return read_answer(key, len);
    if (strcmp(argv[1], "answer") != 0 || argc != 4)
        return fail("usage: see the source");
    nacre_sc_seal_answer(out, key, (uint32_t)strtoul(argv[3], NULL, 10), input, len);
    print_hex(out, nacre_sc_answer_size(len));
    return 0;
}
