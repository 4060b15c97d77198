/* test_app_services.c - the real nacre-app: what the host offers to handlers. */
#include "app_suite.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

START_TEST(secrets_config_hash)
{
    char long_name[2000];
    driver_start(&d, &s, 1, "{\"API_KEY\":\"ses\\u0061me\",\"OTHER\":\"do not log me\",\"EXTRA\":\"\"}");
    const char *log = driver_log(&d);
    ck_assert_msg(strstr(log, "OTHER") && !strstr(log, "do not log me") && !strstr(log, "sesame"), "%s", log);
    ck_assert_uint_eq(driver_call(&d, SAMPLE_SECRET, "{\"payload\":{\"text\":\"API_KEY\"}}"), 0);
    ck_assert(nacre_str_is(answer().text, "sesame"));
    ck_assert_uint_eq(driver_call(&d, SAMPLE_SECRET, "{\"payload\":{\"text\":\"EXTRA\"}}"), 0);
    ck_assert(nacre_str_is(answer().text, ""));
    fails(SAMPLE_SECRET, "{\"payload\":{\"text\":\"OTHER\"}}", 503, "secret OTHER was not delivered");
    ck_assert_uint_eq(driver_call(&d, SAMPLE_CONFIG, "{\"payload\":{\"text\":\"model.name\"}}"), 0);
    ck_assert(nacre_str_is(answer().text, "small"));
    fails(SAMPLE_CONFIG, "{\"payload\":{\"text\":\"model\"}}", 500, "configuration has no plugin.model");
    (void)snprintf(long_name, sizeof long_name, "{\"payload\":{\"text\":\"%0500d\"}}", 7);
    ck_assert_uint_eq(driver_call(&d, SAMPLE_CONFIG, long_name), 500);
    static const uint8_t sha[] = {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea};   /* FIPS 180-2, "abc" */
    static const uint8_t blake[] = {0xbd, 0xdd, 0x81, 0x3c, 0x63, 0x42, 0x39, 0x72}; /* b2sum -l 256 */
    ck_assert_uint_eq(driver_call(&d, SAMPLE_HASH, "{\"payload\":{\"number\":1,\"text\":\"abc\"}}"), 0);
    ck_assert_mem_eq(answer().data.ptr, sha, sizeof sha);
    ck_assert_uint_eq(driver_call(&d, SAMPLE_HASH, "{\"payload\":{\"number\":2,\"text\":\"abc\"}}"), 0);
    ck_assert_mem_eq(answer().data.ptr, blake, sizeof blake);
    fails(SAMPLE_HASH, "{\"payload\":{\"number\":3,\"text\":\"abc\"}}", 500, "unknown hash algorithm");
    stop();
}
END_TEST

START_TEST(trusted_time)
{
    const int64_t offset = 1700000000000000000;
    driver_start(&d, &s, 1, NULL);
    driver_send_time(&d, true, offset);
    /* control and request are two sockets: ask until it has arrived */
    uint64_t ms = 0;
    for (int i = 0; i < 100 && ms < 1700000000000u; i++) {
        ck_assert_uint_eq(driver_call(&d, SAMPLE_NOW, "{\"payload\":{}}"), 0);
        ms = answer().number;
        (void)usleep(5000);
    }
    uint64_t expected = (nacre_monotonic_ns() + (uint64_t)offset) / 1000000;
    ck_assert(ms <= expected && ms + 5000 > expected);
    driver_send_time(&d, false, offset);
    uint32_t status = 0;
    for (int i = 0; i < 100 && !status; i++) {
        status = driver_call(&d, SAMPLE_NOW, "{\"payload\":{}}");
        (void)usleep(5000);
    }
    ck_assert(status == 503 && driver_text_is(&d, "trusted time is not available"));
    stop();
}
END_TEST

START_TEST(decoding_for_the_plugin)
{
    driver_start(&d, &s, 1, NULL);
    ck_assert_uint_eq(
        driver_call(
            &d, SAMPLE_DECODE,
            "{\"payload\":{\"text\":\"{\\\"name\\\":\\\"London\\\",\\\"temp\\\":11.2,\\\"more\\\":[]}\"}}"),
        0);
    struct sample_answer a = answer();
    ck_assert(nacre_str_is(a.text, "London") && a.number == 112);
    fails(SAMPLE_DECODE, "{\"payload\":{\"text\":\"{\\\"name\\\":5,\\\"temp\\\":1}\"}}", 502,
          "name: expected string, got number");
    fails(SAMPLE_DECODE, "{\"payload\":{\"text\":\"{\\\"temp\\\":1}\"}}", 502, "name: missing");
    fails(SAMPLE_DECODE, "{\"payload\":{\"text\":\"<html>\"}}", 502, "JSON: unexpected character (byte 0)");
    fails(SAMPLE_DECODE, "{\"payload\":{}}", 502, "JSON: text ends too early (byte 0)");
    stop();
}
END_TEST

/* A JSON array of bytes. */
static void put_data(char *out, size_t cap, const uint8_t *data, size_t len)
{
    size_t n = (size_t)snprintf(out, cap, "{\"payload\":{\"data\":[");
    for (size_t i = 0; i < len; i++)
        n += (size_t)snprintf(out + n, cap - n, "%s%u", i ? "," : "", data[i]);
    (void)snprintf(out + n, cap - n, "]}}");
}

/* Answers one BOX question as nacred does. */
static void answer_box(const uint8_t secret[32], int32_t error)
{
    ck_assert_uint_eq(driver_receive(&d, d.control), NACRE_FRAME_BOX);
    const struct nacre_box_frame *q = (const void *)d.in.head;
    struct nacre_box_key_frame f = {.head.type = NACRE_FRAME_BOX_KEY, .id = q->id, .error = error};
    if (!error)
        ck_assert_int_eq(crypto_box_beforenm(f.key, q->sender, secret), 0);
    ck_assert_int_eq(nacre_frame_send(d.control, &f, NULL, 0, NULL, 0, NULL, 0), 0);
}

START_TEST(boxes)
{
    uint8_t data_pk[32], data_sk[32], sender_pk[32], sender_sk[32], message[56 + 5 + 16];
    char body[1024];
    ck_assert_int_ge(sodium_init(), 0);
    (void)crypto_box_keypair(data_pk, data_sk);
    (void)crypto_box_keypair(sender_pk, sender_sk);
    randombytes_buf(message, 24);
    memcpy(message + 24, sender_pk, 32);
    ck_assert_int_eq(crypto_box_easy(message + 56, (const uint8_t *)"plain", 5, message, data_pk, sender_sk),
                     0);
    driver_start(&d, &s, 1, NULL);
    put_data(body, sizeof body, message, sizeof message);
    driver_request(&d, 0, 1, SAMPLE_BOX, NULL, 0, body, 20000);
    answer_box(data_sk, 0);
    ck_assert_uint_eq(driver_receive(&d, d.result[0]), NACRE_FRAME_RESULT);
    struct sample_answer a = answer();
    ck_assert(a.data.len == 5 && memcmp(a.data.ptr, "plain", 5) == 0);
    message[70] ^= 1;
    put_data(body, sizeof body, message, sizeof message);
    driver_request(&d, 0, 2, SAMPLE_BOX, NULL, 0, body, 20000);
    answer_box(data_sk, 0);
    ck_assert_uint_eq(driver_receive(&d, d.request[0]), NACRE_FRAME_FAILURE);
    ck_assert(driver_text_is(&d, "the box does not open"));
    driver_request(&d, 0, 3, SAMPLE_BOX, NULL, 0, body, 20000);
    answer_box(data_sk, EINVAL);
    ck_assert_uint_eq(driver_receive(&d, d.request[0]), NACRE_FRAME_FAILURE);
    ck_assert(driver_text_is(&d, "the sender's public key is not usable"));
    put_data(body, sizeof body, message, 56 + 15);
    fails(SAMPLE_BOX, body, 400, "the box is shorter than its authenticator");
    /* no answer: given up with the request's deadline */
    put_data(body, sizeof body, message, sizeof message);
    driver_request(&d, 0, 4, SAMPLE_BOX, NULL, 0, body, 300);
    ck_assert_uint_eq(driver_receive(&d, d.control), NACRE_FRAME_BOX);
    ck_assert_uint_eq(driver_receive(&d, d.request[0]), NACRE_FRAME_FAILURE);
    ck_assert(driver_text_is(&d, "the data key is not available"));
    stop();
}
END_TEST

START_TEST(logs)
{
    char body[6000];
    driver_start(&d, &s, 1, NULL);
    driver_request(&d, 0, 0xabc, SAMPLE_LOG, NULL, 0,
                   "{\"payload\":{\"number\":2,\"text\":\"one\\ntime=fake \\u001b[31m\"}}", 5000);
    ck_assert_uint_eq(driver_receive(&d, d.result[0]), NACRE_FRAME_RESULT);
    (void)snprintf(body, sizeof body, "{\"payload\":{\"number\":99,\"text\":\"%01500d\"}}", 0);
    ck_assert_uint_eq(driver_call(&d, SAMPLE_LOG, body), 0);
    ck_assert_uint_eq(driver_call(&d, SAMPLE_LOG, "{\"payload\":{\"number\":0,\"text\":\"debugging\"}}"), 0);
    const char *log = driver_log(&d);
    ck_assert_msg(
        strstr(log, "level=warn prog=nacre-app event=plugin req=0000000000000abc text=\"one\\u000atime=fake "
                    "\\u001b[31m\""),
        "%s", log);
    ck_assert_msg(!strstr(log, "\ntime=fake") && !strchr(log, 033), "%s", log);
    ck_assert_msg(strstr(log, "level=error") && !strstr(log, "debugging"), "%s", log);
    const char *zeros = strstr(log, "text=00000");
    ck_assert_ptr_nonnull(zeros);
    ck_assert_uint_eq(strspn(zeros + 5, "0"), 1024);
    /* 100 reports of progress in one call: one line */
    size_t lines = 0;
    for (const char *p = log; (p = strstr(p, "event=progress")); p++)
        lines++;
    ck_assert_uint_eq(lines, 3);
    stop();
}
END_TEST

static void file_digest(const char *path, uint8_t out[NACRE_SHA384_LEN])
{
    FILE *file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "%s", path);
    uint8_t *content = malloc(1u << 24);
    size_t n = fread(content, 1, 1u << 24, file);
    (void)fclose(file);
    nacre_sha384(out, content, n);
    free(content);
}

START_TEST(no_upstreams)
{
    driver_start(&d, &s, 1, NULL);
    fails(SAMPLE_FETCH, "{\"payload\":{\"text\":\"https://api.example.org/\"}}", 500,
          "fetch: nothing is on the allow list");
    ck_assert_uint_eq(driver_call(&d, SAMPLE_FETCH, "{\"payload\":{\"number\":8,\"text\":\"https://x/\"}}"),
                      500);
    ck_assert(memcmp(d.in.payload, "fetch: struct sizes are 8 and ", 30) == 0);
    stop();
}
END_TEST

START_TEST(says_what_is_running)
{
    static const uint8_t none[NACRE_SHA384_LEN];
    uint8_t program[NACRE_SHA384_LEN];
    char path[512];
    driver_start(&d, &s, 1, NULL);
    ck_assert_uint_eq(driver_call(&d, SAMPLE_ABOUT, "{\"payload\":{}}"), 0);
    struct sample_answer a = answer();
    ck_assert(nacre_str_is(a.text, "sample"));
    ck_assert_uint_eq(a.data.len, 3 * sizeof none);
    ck_assert_mem_ne(a.data.ptr, none, sizeof none);
    ck_assert_mem_ne(a.data.ptr + sizeof none, none, sizeof none);
    (void)snprintf(path, sizeof path, "%s/bin/nacre-app", getenv("NACRE_OUT"));
    file_digest(path, program);
    ck_assert_mem_eq(a.data.ptr + 2 * sizeof none, program, sizeof program);
    stop();
}
END_TEST

START_TEST(random_is_random)
{
    uint8_t first[64];
    driver_start(&d, &s, 1, NULL);
    ck_assert_uint_eq(driver_call(&d, SAMPLE_RANDOM, "{\"payload\":{}}"), 0);
    memcpy(first, answer().data.ptr, sizeof first);
    ck_assert_uint_eq(driver_call(&d, SAMPLE_RANDOM, "{\"payload\":{}}"), 0);
    ck_assert_mem_ne(first, answer().data.ptr, sizeof first);
    stop();
}
END_TEST

START_TEST(handlers_are_confined)
{
    driver_start(&d, &s, 1, NULL);
    ck_assert_uint_eq(driver_call(&d, SAMPLE_CONFINED, "{\"payload\":{}}"), 0);
    struct sample_answer a = answer();
    ck_assert_msg(nacre_str_is(a.text, "confined"), "%.*s", (int)a.text.len, a.text.ptr);
    stop();
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, secrets_config_hash);
    tcase_add_test(tc, trusted_time);
    tcase_add_test(tc, decoding_for_the_plugin);
    tcase_add_test(tc, boxes);
    tcase_add_test(tc, logs);
    tcase_add_test(tc, no_upstreams);
    tcase_add_test(tc, says_what_is_running);
    tcase_add_test(tc, random_is_random);
    tcase_add_test(tc, handlers_are_confined);
}

int main(void)
{
    return app_suite("app-services", add);
}
