/*
 * Envelopes of sealed requests: what an implementation without libsodium made (tests/independent/sealed_request.py) is
 * opened here, byte by byte altered it is not; and client and enclave fit each other.
 */
#include "common/sealed_call.h"
#include "common/sealed_mode.h"
#include "suite.h"

#include <errno.h>
#include <nacre/sealed.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROOM 16384u

struct vector {
    char name[32], app[32], method[8], path[512];
    uint8_t data_secret[32], data_key[32], answer_key[32];
    uint8_t envelope[ROOM], body[ROOM], answer[ROOM], answer_body[ROOM];
    size_t envelope_len, body_len, answer_len, answer_body_len;
    unsigned long long time_ms;
    unsigned status;
};

static struct vector v;

static size_t take_hex(uint8_t *out, const char *hex)
{
    size_t n = 0;
    if (strcmp(hex, "-") == 0)
        return 0;
    ck_assert_int_eq(sodium_hex2bin(out, ROOM, hex, strlen(hex), NULL, &n, NULL), 0);
    return n;
}

static void take(const char *name, const char *value)
{
    uint8_t big[ROOM];
    if (strcmp(name, "name") == 0)
        (void)snprintf(v.name, sizeof v.name, "%s", value);
    else if (strcmp(name, "app") == 0)
        (void)snprintf(v.app, sizeof v.app, "%s", value);
    else if (strcmp(name, "method") == 0)
        (void)snprintf(v.method, sizeof v.method, "%s", value);
    else if (strcmp(name, "path") == 0)
        (void)snprintf(v.path, sizeof v.path, "%s", value);
    else if (strcmp(name, "time_ms") == 0)
        v.time_ms = strtoull(value, NULL, 10);
    else if (strcmp(name, "status") == 0)
        v.status = (unsigned)strtoul(value, NULL, 10);
    else if (strcmp(name, "envelope") == 0)
        v.envelope_len = take_hex(v.envelope, value);
    else if (strcmp(name, "body") == 0)
        v.body_len = take_hex(v.body, value);
    else if (strcmp(name, "answer") == 0)
        v.answer_len = take_hex(v.answer, value);
    else if (strcmp(name, "answer_body") == 0)
        v.answer_body_len = take_hex(v.answer_body, value);
    else if (take_hex(big, value) == 32 && strcmp(name, "data_secret") == 0)
        memcpy(v.data_secret, big, 32);
    else if (strcmp(name, "data_key") == 0)
        memcpy(v.data_key, big, 32);
    else if (strcmp(name, "answer_key") == 0)
        memcpy(v.answer_key, big, 32);
}

/* Calls check for every vector of the file. */
static void each(void (*check)(void))
{
    static char line[4 * ROOM];
    unsigned n = 0;
    FILE *from = fopen(SEALED_VECTORS, "r");
    ck_assert_ptr_nonnull(from);
    memset(&v, 0, sizeof v);
    while (fgets(line, sizeof line, from)) {
        char *end = strchr(line, '\n'), *space = strchr(line, ' ');
        ck_assert_ptr_nonnull(end);
        *end = '\0';
        if (space) {
            *space = '\0';
            take(line, space + 1);
            continue;
        }
        check();
        n++;
        memset(&v, 0, sizeof v);
    }
    (void)fclose(from);
    ck_assert_uint_eq(n, 6);
}

static void key_of(uint8_t key[32], const uint8_t *header, const uint8_t secret[32],
                   const uint8_t data_key[32], const char *method, const char *path)
{
    uint8_t product[32], target[32];
    ck_assert_int_eq(crypto_scalarmult(product, secret, nacre_sc_sender(header)), 0);
    nacre_sc_target(target, v.app, method, path, strlen(path));
    nacre_sc_request_key(key, product, header, data_key, target);
}

static void opens(void)
{
    struct nacre_sc_content content;
    uint8_t key[32], answer_key[32];
    ck_assert(nacre_sc_is_request(v.envelope, v.envelope_len));
    ck_assert_uint_eq(nacre_sc_time(v.envelope), v.time_ms);
    ck_assert_uint_eq(v.envelope_len, nacre_sc_request_size(v.body_len));
    ck_assert_uint_eq(v.answer_len, nacre_sc_answer_size(v.answer_body_len));
    key_of(key, v.envelope, v.data_secret, v.data_key, v.method, v.path);
    ck_assert_int_eq(nacre_sc_open(&content, v.envelope, v.envelope_len, key), 0);
    ck_assert_uint_eq(content.body_len, v.body_len);
    ck_assert_mem_eq(content.body, v.body, v.body_len);
    nacre_sc_answer_key(answer_key, content.reply_key, v.envelope);
    ck_assert_mem_eq(answer_key, v.answer_key, 32);
}

static void answers(void)
{
    nacre_sealed_exchange x;
    unsigned status = 0;
    const void *body;
    size_t len;
    memcpy(x.answer_key, v.answer_key, 32);
    ck_assert_int_eq(nacre_sealed_answer(&x, v.answer, v.answer_len, &status, &body, &len), 0);
    ck_assert_uint_eq(status, v.status);
    ck_assert_uint_eq(len, v.answer_body_len);
    ck_assert_mem_eq(body, v.answer_body, len);
}

START_TEST(vectors_open)
{
    each(opens);
    each(answers);
}
END_TEST

/* In every byte, and at every length: not what was sealed. */
static void altered(void)
{
    static uint8_t copy[ROOM];
    struct nacre_sc_content content;
    nacre_sealed_exchange x;
    uint8_t key[32];
    unsigned status;
    const void *body;
    size_t len;
    memcpy(x.answer_key, v.answer_key, 32);
    for (size_t i = 0; i < v.envelope_len && i < 700; i++) {
        memcpy(copy, v.envelope, v.envelope_len);
        copy[i] ^= (uint8_t)(1u << i % 8);
        key_of(key, copy, v.data_secret, v.data_key, v.method, v.path);
        ck_assert_int_eq(nacre_sc_open(&content, copy, v.envelope_len, key), -EBADMSG);
        memcpy(copy, v.envelope, v.envelope_len);
        key_of(key, copy, v.data_secret, v.data_key, v.method, v.path);
        ck_assert_int_eq(nacre_sc_open(&content, copy, i, key), -EBADMSG);
    }
    for (size_t i = 0; i < v.answer_len && i < 700; i++) {
        memcpy(copy, v.answer, v.answer_len);
        copy[i] ^= (uint8_t)(1u << i % 8);
        ck_assert_int_eq(nacre_sealed_answer(&x, copy, v.answer_len, &status, &body, &len), -1);
        memcpy(copy, v.answer, v.answer_len);
        ck_assert_int_eq(nacre_sealed_answer(&x, copy, i, &status, &body, &len), -1);
    }
}

START_TEST(nothing_altered_opens)
{
    each(altered);
}
END_TEST

static void elsewhere(void)
{
    struct nacre_sc_content content;
    uint8_t key[32], other[32];
    key_of(key, v.envelope, v.data_secret, v.data_key, "DELETE", v.path);
    ck_assert_int_eq(nacre_sc_open(&content, v.envelope, v.envelope_len, key), -EBADMSG);
    key_of(key, v.envelope, v.data_secret, v.data_key, v.method, "/elsewhere");
    ck_assert_int_eq(nacre_sc_open(&content, v.envelope, v.envelope_len, key), -EBADMSG);
    randombytes_buf(other, sizeof other);
    key_of(key, v.envelope, other, v.data_key, v.method, v.path);
    ck_assert_int_eq(nacre_sc_open(&content, v.envelope, v.envelope_len, key), -EBADMSG);
    /* nor with what data envelopes are opened with, and the other way round */
    ck_assert_int_eq(crypto_box_beforenm(key, nacre_sc_sender(v.envelope), v.data_secret), 0);
    ck_assert_int_eq(nacre_sc_open(&content, v.envelope, v.envelope_len, key), -EBADMSG);
}

START_TEST(nothing_opens_elsewhere)
{
    each(elsewhere);
}
END_TEST

/* Our client against our enclave, for sizes around the steps of the padding. */
START_TEST(round_trips)
{
    static uint8_t envelope[ROOM], body[ROOM], answer[ROOM];
    uint8_t secret[32], data_key[32], key[32], answer_key[32];
    const size_t sizes[] = {0, 1, 219, 220, 221, 248, 249, 1000, 1024, 8000};
    (void)crypto_box_keypair(data_key, secret);
    (void)snprintf(v.app, sizeof v.app, "media");
    const nacre_sealed_target to = {.data_key = data_key, .app = "media", .method = "POST", .path = "/x"};
    randombytes_buf(body, sizeof body);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        nacre_sealed_exchange x;
        struct nacre_sc_content content;
        unsigned status;
        const void *got;
        size_t len;
        ck_assert_int_eq(nacre_sealed_request(&x, envelope, &to, 77, body, sizes[i]), 0);
        key_of(key, envelope, secret, data_key, "POST", "/x");
        ck_assert_int_eq(nacre_sc_open(&content, envelope, nacre_sealed_request_size(sizes[i]), key), 0);
        ck_assert_uint_eq(content.body_len, sizes[i]);
        ck_assert_mem_eq(content.body, body, sizes[i]);
        nacre_sc_answer_key(answer_key, content.reply_key, envelope);
        nacre_sc_seal_answer(answer, answer_key, 503, body, sizes[i]);
        ck_assert_int_eq(nacre_sealed_answer(&x, answer, nacre_sc_answer_size(sizes[i]), &status, &got, &len),
                         0);
        ck_assert_uint_eq(status, 503);
        ck_assert_uint_eq(len, sizes[i]);
        ck_assert_mem_eq(got, body, len);
        nacre_sealed_forget(&x);
        ck_assert(sodium_is_zero(x.answer_key, 32));
    }
    memset(data_key, 0, sizeof data_key);
    nacre_sealed_exchange x;
    ck_assert_int_eq(nacre_sealed_request(&x, envelope, &to, 77, body, 1), -1);
}
END_TEST

START_TEST(padding)
{
    size_t last = 0;
    for (size_t n = 0; n < 200000; n++) {
        const size_t p = nacre_sc_padded(n);
        ck_assert(p >= n && p >= 256 && p >= last);
        ck_assert(n < 256 || p - n <= n / 8);
        last = p;
    }
    ck_assert_uint_eq(nacre_sc_padded(256), 256);
    ck_assert_uint_eq(nacre_sc_padded(257), 272);
    ck_assert_uint_eq(nacre_sc_padded(15u * 1024 * 1024 + 36), 15u * 1024 * 1024 + 256 * 1024);
}
END_TEST

START_TEST(modes)
{
    char why[256] = "";
    struct nacre_route_decl routes[3] = {
        {.path = "/a", .method = "GET"}, {.path = "/a", .method = "POST"}, {.path = "/b", .method = "POST"}};
    struct nacre_manifest m = {.routes = routes, .n_routes = 3};
    nacre_config_defaults(&m.config);
    ck_assert_int_eq(nacre_sealed_modes(&m, why, sizeof why), 0);
    ck_assert_uint_eq(routes[2].sealed, NACRE_SEALED_ALLOWED);
    (void)snprintf(m.config.sealed_mode, sizeof m.config.sealed_mode, "required");
    (void)snprintf(m.config.sealed_routes, sizeof m.config.sealed_routes, "  /a=off  /b=allowed ");
    ck_assert_int_eq(nacre_sealed_modes(&m, why, sizeof why), 0);
    ck_assert_uint_eq(routes[0].sealed, NACRE_SEALED_OFF);
    ck_assert_uint_eq(routes[1].sealed, NACRE_SEALED_OFF);
    ck_assert_uint_eq(routes[2].sealed, NACRE_SEALED_ALLOWED);
    static const char *const wrong[] = {"/c=off", "/a", "/a=", "/a=Off", "=off", "/a=off,/b=off", "/a =off"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        (void)snprintf(m.config.sealed_routes, sizeof m.config.sealed_routes, "%s", wrong[i]);
        ck_assert_int_eq(nacre_sealed_modes(&m, why, sizeof why), -EINVAL);
        ck_assert_ptr_nonnull(strstr(why, "sealed.routes"));
    }
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, vectors_open);
    tcase_add_test(tc, nothing_altered_opens);
    tcase_add_test(tc, nothing_opens_elsewhere);
    tcase_add_test(tc, round_trips);
    tcase_add_test(tc, padding);
    tcase_add_test(tc, modes);
}

int main(void)
{
    if (sodium_init() < 0)
        return 1;
    return nacre_run_suite("sealed_call", add, 60);
}
