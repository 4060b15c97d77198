/* test_app.c - the real nacre-app, driven over its sockets as nacred and nacre-http drive it. */
#include "driver.h"
#include "plugins/sample.h"
#include "suite.h"

#include "common/bytes.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct driver d;
static struct driver_setup s;

static void setup(void)
{
    memset(&d, 0, sizeof d);
    driver_setup(&s);
}

static void teardown(void)
{
    driver_free(&d);
}

/* The fields of the sample's answer, out of the BCS in d.in. */
static struct sample_answer answer(void)
{
    static char text[1 << 20];
    static uint8_t data[1 << 20];
    struct nacre_reader r = nacre_reader(d.in.payload, d.in.payload_len);
    struct sample_answer a = {{text, 0}, 0, {data, 0}};
    for (int k = 0; k < 2; k++) {
        uint64_t len = 0;
        for (unsigned shift = 0;; shift += 7) {
            uint8_t b = nacre_read_u8(&r);
            len |= (uint64_t)(b & 0x7f) << shift;
            if (!(b & 0x80))
                break;
        }
        const uint8_t *p = nacre_read_bytes(&r, (size_t)len);
        ck_assert(p != NULL && len < sizeof text - 1);
        memcpy(k ? (void *)data : (void *)text, p, (size_t)len);
        if (k == 0) {
            text[len] = '\0';
            a.text.len = len;
            a.number = nacre_read_le(&r, 8);
        } else {
            a.data.len = len;
        }
    }
    ck_assert(!r.failed && r.at == r.end);
    return a;
}

static void fails(uint32_t route, const char *body, uint32_t status, const char *text)
{
    uint32_t got = driver_call(&d, route, body);
    ck_assert_msg(got == status && driver_text_is(&d, text), "%s: %u %.*s", body, got, (int)d.in.payload_len,
                  (const char *)d.in.payload);
}

static void stop(void)
{
    driver_send_plain(&d, NACRE_FRAME_STOP, NULL);
    int status = driver_end(&d);
    ck_assert_msg(status == 0, "exit status %d; log:\n%s", status, driver_log(&d));
}

/* ---- Start ---- */

START_TEST(check_mode)
{
    driver_spawn(&d, &s, true);
    ck_assert_uint_eq(driver_receive(&d, d.control), NACRE_FRAME_READY);
    ck_assert_int_eq(driver_end(&d), 0);
}
END_TEST

/* The boot must not go on, in both modes, and the reason must carry both values. */
static void refused(const char *first, const char *second)
{
    for (int check = 0; check < 2; check++) {
        driver_spawn(&d, &s, check);
        if (!check)
            driver_send_plain(&d, NACRE_FRAME_SECRETS, "{\"API_KEY\":\"sesame\"}");
        ck_assert_uint_eq(driver_receive(&d, d.control), NACRE_FRAME_FAILED);
        char text[1024];
        (void)snprintf(text, sizeof text, "%.*s", (int)d.in.payload_len, (const char *)d.in.payload);
        ck_assert_msg(strstr(text, first) && strstr(text, second), "%s", text);
        ck_assert_int_eq(driver_end(&d), 1);
        driver_free(&d);
    }
}

START_TEST(wrong_digest)
{
    s.wrong_digest = true;
    refused("plugin digest is ", ", manifest says ");
}
END_TEST

START_TEST(not_sealed)
{
    s.unsealed = true;
    refused("has seals 0", "a sealed memfd has 0xf");
}
END_TEST

START_TEST(wrong_magic)
{
    s.plugin = "sample-magic";
    s.described = "sample";
    refused("plugin magic is 4e41435245504c58", "expected 4e41435245504c47");
}
END_TEST

START_TEST(wrong_major)
{
    s.plugin = "sample-major";
    s.described = "sample";
    refused("ABI major 2", "has 1");
}
END_TEST

START_TEST(wrong_size)
{
    s.plugin = "sample-size";
    s.described = "sample";
    refused("descriptor has ", "ABI 1.0 has ");
}
END_TEST

START_TEST(no_symbol)
{
    s.plugin = "sample-symbol";
    s.described = "sample";
    refused("does not export", "nacre_plugin");
}
END_TEST

START_TEST(undefined_symbol)
{
    s.plugin = "sample-undefined";
    s.described = "sample";
    refused("cannot be loaded", "nobody_defines_this");
}
END_TEST

START_TEST(other_descriptor)
{
    s.plugin = "sample-version";
    s.described = "sample";
    refused("version: the plugin has \"1.0.1\"", "the manifest \"1.0.0\"");
}
END_TEST

START_TEST(start_fails)
{
    s.plugin = "sample-start";
    driver_spawn(&d, &s, false);
    driver_send_plain(&d, NACRE_FRAME_SECRETS, "{\"API_KEY\":\"sesame\"}");
    ck_assert_uint_eq(driver_receive(&d, d.control), NACRE_FRAME_FAILED);
    ck_assert(driver_text_is(&d, "the app's start() returned 503: the model does not load"));
    ck_assert_int_eq(driver_end(&d), 1);
}
END_TEST

START_TEST(not_started_by_nacred)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/bin/nacre-app", getenv("NACRE_OUT"));
    pid_t pid = fork();
    if (pid == 0) {
        (void)close(3);
        (void)execl(path, "nacre-app", (char *)NULL);
        _exit(127);
    }
    d.pid = pid;
    ck_assert_int_eq(driver_end(&d), 2);
}
END_TEST

START_TEST(secrets_decide)
{
    static const char *const cases[][2] = {
        {"", "required secret API_KEY was not delivered"},
        {"{}", "required secret API_KEY was not delivered"},
        {"{\"EXTRA\":\"x\"}", "required secret API_KEY was not delivered"},
        {"{\"API_KEY\":7}", "secret API_KEY: expected string, got number"},
        {"{\"API_KEY\":\"a\",\"API_KEY\":\"b\"}", "secret API_KEY is given twice"},
        {"[]", "the secrets: expected object, got array"},
        {"{\"API_KEY\":\"a\"", "the secrets are not a JSON object: text ends too early (byte 14)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        driver_spawn(&d, &s, false);
        driver_send_plain(&d, NACRE_FRAME_SECRETS, cases[i][0]);
        ck_assert_uint_eq(driver_receive(&d, d.control), NACRE_FRAME_FAILED);
        ck_assert_msg(driver_text_is(&d, cases[i][1]), "%.*s", (int)d.in.payload_len,
                      (const char *)d.in.payload);
        ck_assert_int_eq(driver_end(&d), 1);
        driver_free(&d);
    }
}
END_TEST

START_TEST(too_many_secrets)
{
    char *text = malloc(NACRE_SECRETS_BLOB + 2);
    ck_assert_ptr_nonnull(text);
    memset(text, ' ', NACRE_SECRETS_BLOB + 1);
    text[NACRE_SECRETS_BLOB + 1] = '\0';
    driver_spawn(&d, &s, false);
    driver_send_plain(&d, NACRE_FRAME_SECRETS, text);
    ck_assert_uint_eq(driver_receive(&d, d.control), NACRE_FRAME_FAILED);
    ck_assert(driver_text_is(&d, "the secrets have 65537 bytes, at most 65536"));
    ck_assert_int_eq(driver_end(&d), 1);
    free(text);
}
END_TEST

START_TEST(stopped_before_secrets)
{
    driver_spawn(&d, &s, false);
    stop();
}
END_TEST

START_TEST(stopped_before_lanes)
{
    driver_spawn(&d, &s, false);
    driver_send_plain(&d, NACRE_FRAME_SECRETS, "{\"API_KEY\":\"sesame\"}");
    ck_assert_uint_eq(driver_receive(&d, d.control), NACRE_FRAME_READY);
    stop();
    ck_assert(strstr(driver_log(&d), "sample: stop() was called"));
}
END_TEST

START_TEST(ends_without_nacred)
{
    driver_start(&d, &s, 1, NULL);
    (void)shutdown(d.control, SHUT_RDWR);
    ck_assert_int_eq(driver_end(&d), 1);
}
END_TEST

/* ---- Requests ---- */

START_TEST(request_and_result)
{
    driver_start(&d, &s, 1, NULL);
    ck_assert_uint_eq(driver_call(&d, SAMPLE_ECHO,
                                  "{\"intent\":\"ProcessData\",\"payload\":{\"text\":\"h\\u00e9\",\"number\":"
                                  "6211533809644153000,\"data\":[1,2,255]}}"),
                      0);
    const struct nacre_result_frame *r = (const void *)d.in.head;
    ck_assert_uint_eq(r->timestamp_ms, 0);
    static const uint8_t bcs[] = {3,    'h',  0xc3, 0xa9, 0xa8, 0x19, 0x94, 0xb2,
                                  0xe2, 0xaa, 0x33, 0x56, 3,    1,    2,    255};
    ck_assert_uint_eq(d.in.payload_len, sizeof bcs);
    struct sample_answer a = answer();
    ck_assert(nacre_str_is(a.text, "h\xc3\xa9") && a.number == 6211533809644153000u && a.data.len == 3);
    stop();
    ck_assert(strstr(driver_log(&d), "sample: stop() was called"));
}
END_TEST

START_TEST(path_parameters)
{
    static const char params[] = "\x07\0testnet\x05\0\x31\x32\x33\x34\x35";
    static const char bad_number[] = "\x07\0testnet\x03\0-12";
    static const char bad_text[] = "\x02\0\xff\xfe\x01\0\x31";
    static const char *const broken[] = {"", "\x07\0test", "\x07\0testnet", "\x07\0testnet\x01\0\x31x"};
    static const size_t broken_len[] = {0, 6, 9, 13};
    driver_start(&d, &s, 1, NULL);
    driver_request(&d, 0, 1, SAMPLE_ITEM, params, sizeof params - 1, "", 5000);
    ck_assert_uint_eq(driver_receive(&d, d.result[0]), NACRE_FRAME_RESULT);
    struct sample_answer a = answer();
    ck_assert(nacre_str_is(a.text, "testnet") && a.number == 12345);
    driver_request(&d, 0, 2, SAMPLE_ITEM, bad_number, sizeof bad_number - 1, "", 5000);
    ck_assert_uint_eq(driver_receive(&d, d.request[0]), NACRE_FRAME_FAILURE);
    ck_assert(driver_text_is(&d, "id: expected u32, got a negative number"));
    driver_request(&d, 0, 3, SAMPLE_ITEM, bad_text, sizeof bad_text - 1, "", 5000);
    ck_assert_uint_eq(driver_receive(&d, d.request[0]), NACRE_FRAME_FAILURE);
    ck_assert(driver_text_is(&d, "network: expected string, got invalid UTF-8"));
    for (size_t i = 0; i < 4; i++) { /* nothing a client can send: nacre-http's fault, or worse */
        driver_request(&d, 0, 4, SAMPLE_ITEM, broken[i], broken_len[i], "", 5000);
        ck_assert_uint_eq(driver_receive(&d, d.request[0]), NACRE_FRAME_FAILURE);
        ck_assert_uint_eq(((const struct nacre_failure_frame *)(const void *)d.in.head)->status, 500);
    }
    /* a body beside a route without body fields must still be JSON */
    driver_request(&d, 0, 5, SAMPLE_ITEM, params, sizeof params - 1, "{\"x\":1}", 5000);
    ck_assert_uint_eq(driver_receive(&d, d.result[0]), NACRE_FRAME_RESULT);
    driver_request(&d, 0, 6, SAMPLE_ITEM, params, sizeof params - 1, "x", 5000);
    ck_assert_uint_eq(driver_receive(&d, d.request[0]), NACRE_FRAME_FAILURE);
    stop();
}
END_TEST

START_TEST(bad_bodies)
{
    driver_start(&d, &s, 1, NULL);
    fails(SAMPLE_ECHO, "", 400, "body: text ends too early (byte 0)");
    fails(SAMPLE_ECHO, "{\"payload\":{\"text\":\"x\"", 400, "body: text ends too early (byte 22)");
    fails(SAMPLE_ECHO, "{\"payload\":{\"text\":7}}", 400, "payload.text: expected string, got number");
    fails(SAMPLE_ECHO, "{\"payload\":{\"number\":18446744073709551616}}", 400,
          "payload.number: expected u64, got a number above 18446744073709551615");
    fails(SAMPLE_ECHO, "{\"payload\":{},\"payload\":{}}", 400, "payload: duplicate key");
    fails(SAMPLE_ECHO, "{}", 400, "payload: missing");
    fails(SAMPLE_SMALL, "{\"payload\":{\"text\":\"                                                      \"}}",
          413, "the request is too large");
    ck_assert_uint_eq(driver_call(&d, SAMPLE_SMALL, "{\"payload\":{}}"), 0);
    /* a vector that needs more than the scratch memory: 64 KiB is the least a configuration can say */
    stop();
    driver_free(&d);
    s.config.app_scratch_bytes = 65536;
    driver_start(&d, &s, 1, NULL);
    const size_t cap = 300000;
    char *body = malloc(cap);
    ck_assert_ptr_nonnull(body);
    size_t len = (size_t)snprintf(body, cap, "{\"payload\":{\"data\":[0");
    while (len + 8 < cap)
        len += (size_t)snprintf(body + len, cap - len, ",0");
    (void)snprintf(body + len, cap - len, "]}}");
    fails(SAMPLE_ECHO, body, 413, "payload.data: needs more memory than app.scratch_bytes allows");
    free(body);
    stop();
}
END_TEST

START_TEST(failures)
{
    driver_start(&d, &s, 1, NULL);
    fails(SAMPLE_FAIL, "{\"payload\":{\"number\":429,\"text\":\"slow down\"}}", 429, "slow down");
    fails(SAMPLE_FAIL, "{\"payload\":{\"number\":418}}", 418, "the request was refused");
    fails(SAMPLE_FAIL, "{\"payload\":{\"number\":599,\"text\":\"\"}}", 599, "internal error");
    fails(SAMPLE_FAIL, "{\"payload\":{\"number\":200,\"text\":\"secret\"}}", 500, "internal error");
    fails(SAMPLE_FAIL, "{\"payload\":{\"number\":4294967295,\"text\":\"secret\"}}", 500, "internal error");
    fails(SAMPLE_RECOVERED, "{\"payload\":{}}", 404, "not found");
    fails(SAMPLE_BAD_TEXT, "{\"payload\":{}}", 500, "the app's response does not fit its declared type");
    const char *log = driver_log(&d);
    ck_assert_msg(strstr(log, "text: text is not valid UTF-8"), "%s", log);
    ck_assert_msg(strstr(log, "returned=200") && strstr(log, "returned=-1"), "%s", log);
    ck_assert_msg(!strstr(log, "secret"), "%s", log);
    /* cut at 512 bytes, and never in a character */
    char body[2000] = "{\"payload\":{\"number\":400,\"text\":\"x";
    while (strlen(body) < 1500)
        (void)strncat(body, "\xc3\xa9", sizeof body - strlen(body) - 1);
    (void)strncat(body, "\"}}", sizeof body - strlen(body) - 1);
    ck_assert_uint_eq(driver_call(&d, SAMPLE_FAIL, body), 400);
    ck_assert_uint_eq(d.in.payload_len, 511);
    stop();
}
END_TEST

START_TEST(large_answers)
{
    char body[100];
    s.config.app_response_bytes = 200000;
    driver_start(&d, &s, 1, NULL);
    for (uint32_t size = 0; size < 190000; size += size / 2 + 9000) { /* inline and by memfd */
        (void)snprintf(body, sizeof body, "{\"payload\":{\"number\":%u}}", size);
        ck_assert_uint_eq(driver_call(&d, SAMPLE_LARGE, body), 0);
        struct sample_answer a = answer();
        ck_assert_uint_eq(a.data.len, size);
        for (uint32_t i = 0; i < size; i++)
            ck_assert_uint_eq(a.data.ptr[i], 0x5a);
    }
    fails(SAMPLE_LARGE, "{\"payload\":{\"number\":200000}}", 500,
          "the app's response does not fit its declared type");
    fails(SAMPLE_LARGE, "{\"payload\":{\"number\":99999999999}}", 413, "no memory for 99999999999 bytes");
    ck_assert_uint_eq(driver_call(&d, SAMPLE_LARGE, "{\"payload\":{\"number\":3}}"), 0);
    stop();
}
END_TEST

START_TEST(memory_is_wiped_between_calls)
{
    s.config.app_workers = 1;
    driver_start(&d, &s, 1, NULL);
    for (int i = 0; i < 10; i++) {
        ck_assert_uint_eq(driver_call(&d, SAMPLE_LEFTOVER, "{\"payload\":{\"number\":20000}}"), 0);
        struct sample_answer a = answer();
        ck_assert_uint_eq(a.number, 0);
        ck_assert(nacre_str_is(a.text, i ? "same" : "other")); /* the test has looked where the bytes were */
    }
    stop();
}
END_TEST

START_TEST(deadlines)
{
    driver_start(&d, &s, 1, NULL);
    /* past: nobody waits for it */
    driver_request(&d, 0, 1, SAMPLE_ECHO, NULL, 0, "{\"payload\":{}}", -10);
    ck_assert(driver_silent(d.result[0], 200) && driver_silent(d.request[0], 0));
    /* the route's own deadline is shorter than what the ticket says */
    ck_assert_uint_eq(driver_call(&d, SAMPLE_SLEEP, "{\"payload\":{\"number\":0}}"), 0);
    struct sample_answer a = answer();
    ck_assert(a.number > 0 && a.number <= 400);
    stop();
}
END_TEST

START_TEST(timestamps)
{
    driver_start(&d, &s, 1, NULL);
    ck_assert_uint_eq(driver_call(&d, SAMPLE_STAMP, "{\"payload\":{\"number\":1744038900000}}"), 0);
    ck_assert_uint_eq(((const struct nacre_result_frame *)(const void *)d.in.head)->timestamp_ms,
                      1744038900000u);
    fails(SAMPLE_STAMP, "{\"payload\":{}}", 500, "internal error");
    ck_assert(strstr(driver_log(&d), "handler set no timestamp"));
    fails(SAMPLE_STAMP_REFUSED, "{\"payload\":{\"number\":1744038900000}}", 500,
          "the route's timestamp is not the app's to set");
    stop();
}
END_TEST

START_TEST(many_lanes_and_workers)
{
    s.config.app_workers = 1; /* each lane has one all the same */
    driver_start(&d, &s, 3, NULL);
    for (uint64_t i = 0; i < 300; i++)
        driver_request(&d, (uint32_t)(i % 3), i + 1, SAMPLE_ECHO, NULL, 0, "{\"payload\":{\"number\":5}}",
                       60000);
    for (uint32_t lane = 0; lane < 3; lane++) {
        bool seen[301] = {false};
        for (int i = 0; i < 100; i++) {
            ck_assert_uint_eq(driver_receive(&d, d.result[lane]), NACRE_FRAME_RESULT);
            uint64_t id = ((const struct nacre_result_frame *)(const void *)d.in.head)->ticket.id;
            ck_assert(id >= 1 && id <= 300 && (id - 1) % 3 == lane && !seen[id]);
            seen[id] = true;
        }
    }
    stop();
}
END_TEST

START_TEST(handlers_run_concurrently)
{
    driver_start(&d, &s, 1, NULL);
    uint64_t begin = nacre_monotonic_ns();
    for (uint64_t i = 1; i <= 4; i++)
        driver_request(&d, 0, i, SAMPLE_SLEEP, NULL, 0, "{\"payload\":{\"number\":350}}", 60000);
    for (int i = 0; i < 4; i++)
        ck_assert_uint_eq(driver_receive(&d, d.result[0]), NACRE_FRAME_RESULT);
    ck_assert_uint_lt(nacre_monotonic_ns() - begin, 1000000000u);
    stop();
}
END_TEST

/* ---- Services ---- */

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
    }
    uint64_t expected = (nacre_monotonic_ns() + (uint64_t)offset) / 1000000;
    ck_assert(ms <= expected && ms + 5000 > expected);
    driver_send_time(&d, false, offset);
    uint32_t status = 0;
    for (int i = 0; i < 100 && !status; i++)
        status = driver_call(&d, SAMPLE_NOW, "{\"payload\":{}}");
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

/* ---- Peers that die, and hostile ones ---- */

static int open_descriptors(void)
{
    char path[64];
    int n = 0;
    for (int fd = 0; fd < 1024; fd++) {
        (void)snprintf(path, sizeof path, "/proc/%d/fd/%d", d.pid, fd);
        n += access(path, F_OK) == 0;
    }
    return n;
}

START_TEST(http_restarts)
{
    driver_start(&d, &s, 2, NULL);
    ck_assert_uint_eq(driver_call(&d, SAMPLE_ECHO, "{\"payload\":{}}"), 0);
    const int before = open_descriptors();
    for (int round = 0; round < 20; round++) {
        /* asleep in a handler while its nacre-http goes away: the result still goes to the signer */
        driver_request(&d, 0, 77, SAMPLE_SLEEP, NULL, 0, "{\"payload\":{\"number\":20}}", 60000);
        (void)usleep(5000);
        driver_send_lane(&d, 0, false);
        driver_send_lane(&d, 1, false);
        ck_assert_uint_eq(driver_receive(&d, d.result[0]), NACRE_FRAME_RESULT);
        ck_assert_uint_eq(driver_call(&d, SAMPLE_ECHO, "{\"payload\":{}}"), 0);
        driver_request(&d, 1, 5, SAMPLE_ECHO, NULL, 0, "{\"payload\":{}}", 60000);
        ck_assert_uint_eq(driver_receive(&d, d.result[1]), NACRE_FRAME_RESULT);
    }
    ck_assert_int_eq(open_descriptors(), before);
    stop();
}
END_TEST

/* The old socket stays open at its other end: nothing of the dead peer is served any more. */
START_TEST(stale_lane_is_dead)
{
    driver_start(&d, &s, 1, NULL);
    int old = dup(d.request[0]);
    driver_send_lane(&d, 0, false);
    ck_assert_uint_eq(driver_call(&d, SAMPLE_ECHO, "{\"payload\":{}}"), 0);
    int saved = d.request[0];
    d.request[0] = old;
    struct nacre_request_frame f = {.head.type = NACRE_FRAME_REQUEST, .ticket.route = SAMPLE_ECHO};
    f.ticket.deadline_ns = UINT64_MAX;
    ck_assert_int_eq(nacre_frame_send(old, &f, "{\"payload\":{}}", 14, NULL, 0, NULL, 0), -EPIPE);
    d.request[0] = saved;
    (void)close(old);
    ck_assert(driver_silent(d.result[0], 100));
    stop();
}
END_TEST

START_TEST(hostile_requests)
{
    uint8_t noise[4096];
    driver_start(&d, &s, 1, NULL);
    /* out of form: noise of all lengths, wrong types, wrong lengths, routes that do not exist */
    for (size_t len = 1; len < 200; len++) {
        randombytes_buf(noise, len);
        ck_assert_int_eq(send(d.request[0], noise, len, MSG_NOSIGNAL), (ssize_t)len);
    }
    for (uint32_t type = 0; type < 40; type++) {
        struct nacre_request_frame f = {.head.type = type, .head.payload_len = 0};
        if (type != NACRE_FRAME_REQUEST)
            (void)send(d.request[0], &f, sizeof f, MSG_NOSIGNAL);
    }
    struct nacre_request_frame f = {.head.type = NACRE_FRAME_REQUEST};
    f.ticket.deadline_ns = UINT64_MAX;
    f.head.payload_len = UINT64_MAX;
    (void)send(d.request[0], &f, sizeof f, MSG_NOSIGNAL);
    f.head.payload_len = 0;
    f.head.in_fd = 1;
    (void)send(d.request[0], &f, sizeof f, MSG_NOSIGNAL);
    f.head.in_fd = 0;
    f.params_len = 1;
    (void)send(d.request[0], &f, sizeof f, MSG_NOSIGNAL);
    f.params_len = UINT32_MAX;
    (void)send(d.request[0], &f, sizeof f, MSG_NOSIGNAL);
    f.params_len = 0;
    f.ticket.route = NACRE_ROUTES_MAX;
    (void)send(d.request[0], &f, sizeof f, MSG_NOSIGNAL);
    f.ticket.route = UINT32_MAX;
    (void)send(d.request[0], &f, sizeof f, MSG_NOSIGNAL);
    /* params where the route has none */
    driver_request(&d, 0, 9, SAMPLE_ECHO, "\x01\0x", 3, "{\"payload\":{}}", 5000);
    ck_assert_uint_eq(driver_receive(&d, d.request[0]), NACRE_FRAME_FAILURE);
    ck_assert(driver_text_is(&d, "the path parameters are out of form"));
    ck_assert(driver_silent(d.result[0], 100) && driver_silent(d.request[0], 0));
    ck_assert_uint_eq(driver_call(&d, SAMPLE_ECHO, "{\"payload\":{}}"), 0);
    stop();
}
END_TEST

START_TEST(strange_control_messages)
{
    driver_start(&d, &s, 1, NULL);
    uint8_t noise[300];
    for (size_t len = 1; len < sizeof noise; len += 7) {
        randombytes_buf(noise, len);
        ck_assert_int_eq(send(d.control, noise, len, MSG_NOSIGNAL), (ssize_t)len);
    }
    struct nacre_lane_frame lane = {.head.type = NACRE_FRAME_LANE, .lane = 5, .n_lanes = 2, .what = 3};
    ck_assert_int_eq(nacre_frame_send(d.control, &lane, NULL, 0, NULL, 0, NULL, 0), 0);
    lane.lane = 0;
    lane.n_lanes = 1; /* promises two descriptors and brings none */
    ck_assert_int_eq(nacre_frame_send(d.control, &lane, NULL, 0, NULL, 0, NULL, 0), 0);
    struct nacre_connected_frame late = {.head.type = NACRE_FRAME_CONNECTED, .id = 12345};
    ck_assert_int_eq(nacre_frame_send(d.control, &late, NULL, 0, NULL, 0, &d.log, 1), 0);
    struct nacre_box_key_frame key = {.head.type = NACRE_FRAME_BOX_KEY, .id = 0};
    ck_assert_int_eq(nacre_frame_send(d.control, &key, NULL, 0, NULL, 0, NULL, 0), 0);
    driver_send_plain(&d, NACRE_FRAME_READY, NULL);
    driver_send_plain(&d, NACRE_FRAME_SECRETS, "{\"API_KEY\":\"other\"}");
    ck_assert_uint_eq(driver_call(&d, SAMPLE_SECRET, "{\"payload\":{\"text\":\"API_KEY\"}}"), 0);
    ck_assert(nacre_str_is(answer().text, "sesame"));
    stop();
}
END_TEST

START_TEST(crash_is_an_end)
{
    driver_start(&d, &s, 1, NULL);
    driver_request(&d, 0, 1, SAMPLE_CRASH, NULL, 0, "{\"payload\":{}}", 5000);
    int status = driver_end(&d);
    ck_assert_int_eq(status, 128 + SIGABRT);
    ck_assert_uint_eq(driver_receive(&d, d.request[0]), 0);
}
END_TEST

START_TEST(stop_lets_calls_finish)
{
    driver_start(&d, &s, 1, NULL);
    driver_request(&d, 0, 1, SAMPLE_SLEEP, NULL, 0, "{\"payload\":{\"number\":300}}", 60000);
    (void)usleep(50000);
    driver_send_plain(&d, NACRE_FRAME_STOP, NULL);
    ck_assert_uint_eq(driver_receive(&d, d.result[0]), NACRE_FRAME_RESULT);
    ck_assert_int_eq(driver_end(&d), 0);
    ck_assert(strstr(driver_log(&d), "sample: stop() was called"));
}
END_TEST

/* One late handler is logged, once; when nobody is left, the process ends and says why. */
START_TEST(watchdog)
{
    driver_start(&d, &s, 1, NULL);
    driver_request(&d, 0, 0x51, SAMPLE_SLEEP, NULL, 0, "{\"payload\":{\"number\":3500}}", 60000);
    ck_assert_uint_eq(driver_receive(&d, d.result[0]), NACRE_FRAME_RESULT);
    const char *log = driver_log(&d);
    const char *late = strstr(log, "event=\"handler is past its deadline\" req=0000000000000051");
    ck_assert_msg(late != NULL, "%s", log);
    ck_assert_ptr_null(strstr(strchr(late, 10), "past its deadline"));
    for (uint64_t i = 0; i < 4; i++)
        driver_request(&d, 0, 0x60 + i, SAMPLE_SLEEP, NULL, 0, "{\"payload\":{\"number\":60000}}", 60000);
    ck_assert_int_eq(driver_end(&d), 3);
    ck_assert(strstr(driver_log(&d), "all workers are stuck"));
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, check_mode);
    tcase_add_test(tc, wrong_digest);
    tcase_add_test(tc, not_sealed);
    tcase_add_test(tc, wrong_magic);
    tcase_add_test(tc, wrong_major);
    tcase_add_test(tc, wrong_size);
    tcase_add_test(tc, no_symbol);
    tcase_add_test(tc, undefined_symbol);
    tcase_add_test(tc, other_descriptor);
    tcase_add_test(tc, start_fails);
    tcase_add_test(tc, not_started_by_nacred);
    tcase_add_test(tc, secrets_decide);
    tcase_add_test(tc, too_many_secrets);
    tcase_add_test(tc, stopped_before_secrets);
    tcase_add_test(tc, stopped_before_lanes);
    tcase_add_test(tc, ends_without_nacred);
    tcase_add_test(tc, request_and_result);
    tcase_add_test(tc, path_parameters);
    tcase_add_test(tc, bad_bodies);
    tcase_add_test(tc, failures);
    tcase_add_test(tc, large_answers);
    tcase_add_test(tc, memory_is_wiped_between_calls);
    tcase_add_test(tc, deadlines);
    tcase_add_test(tc, timestamps);
    tcase_add_test(tc, many_lanes_and_workers);
    tcase_add_test(tc, handlers_run_concurrently);
    tcase_add_test(tc, secrets_config_hash);
    tcase_add_test(tc, trusted_time);
    tcase_add_test(tc, decoding_for_the_plugin);
    tcase_add_test(tc, boxes);
    tcase_add_test(tc, logs);
    tcase_add_test(tc, no_upstreams);
    tcase_add_test(tc, random_is_random);
    tcase_add_test(tc, handlers_are_confined);
    tcase_add_test(tc, http_restarts);
    tcase_add_test(tc, stale_lane_is_dead);
    tcase_add_test(tc, hostile_requests);
    tcase_add_test(tc, strange_control_messages);
    tcase_add_test(tc, crash_is_an_end);
    tcase_add_test(tc, stop_lets_calls_finish);
    tcase_add_test(tc, watchdog);
}

int main(void)
{
    return nacre_run_suite("app", add, 60);
}
