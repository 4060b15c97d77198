/* Attestation documents: the cached one, fresh ones, and those that come with a signed answer. */
#include "common/digest.h"
#include "fake.h"
#include "sample.h"
#include "suite.h"

#include <stdio.h>
#include <unistd.h>

static struct fake f;
static struct client c;

static void setup(void)
{
    fake_start(&f, NULL);
    client_open(&c, f.port);
}

static void teardown(void)
{
    client_close(&c);
    fake_stop(&f);
}

static struct nacre_attest_frame expect_attest(const char *nonce, size_t len)
{
    struct nacre_attest_frame a =
        *(const struct nacre_attest_frame *)fake_expect(&f, f.control, NACRE_FRAME_ATTEST);
    ck_assert_uint_eq(a.nonce_len, len);
    ck_assert_mem_eq(a.nonce, nonce, len);
    ck_assert_uint_ne(a.id, 0);
    return a;
}

/* The signed JSON with a third key. */
static void expect_attested(const char *hex)
{
    char want[2000];
    weather_json(want, 1000, "x", 1);
    size_t len = strlen(want);
    (void)snprintf(want + len - 1, sizeof want - len, ",\"attestation\":\"%s\"}", hex);
    client_expect(&c, 200, want);
}

START_TEST(the_cached_document)
{
    client_text(&c, "GET /get_attestation HTTP/1.1\r\nHost: x\r\n\r\n");
    client_expect(&c, 503, NULL);
    fake_document(&f, 0, 503, "the NSM failed", 14); /* no document: changes nothing */
    fake_document(&f, 0, 200, "\x84\x44\xff", 3);
    for (int i = 0;; i++) {
        client_text(&c, "GET /get_attestation?other=1 HTTP/1.1\r\nHost: x\r\n\r\n");
        struct answer a = client_answer(&c, false);
        if (a.status == 200) {
            ck_assert_str_eq(a.body, "{\"attestation\":\"8444ff\"}");
            answer_free(&a);
            break;
        }
        ck_assert_int_lt(i, 1000);
        answer_free(&a);
        (void)usleep(5000);
    }
    static uint8_t largest[NACRE_DOCUMENT_MAX];
    memset(largest, 0xab, sizeof largest);
    fake_document(&f, 0, 200, largest, sizeof largest);
    for (int i = 0;; i++) {
        client_text(&c, "GET /get_attestation HTTP/1.1\r\nHost: x\r\n\r\n");
        struct answer a = client_answer(&c, false);
        ck_assert_uint_eq(a.status, 200);
        size_t len = a.len;
        answer_free(&a);
        if (len == 2 * sizeof largest + 18)
            break;
        ck_assert_int_lt(i, 1000);
        (void)usleep(5000);
    }
}
END_TEST

START_TEST(a_fresh_document)
{
    client_text(&c, "GET /get_attestation?nonce=00fFAb HTTP/1.1\r\nHost: x\r\n\r\n");
    struct nacre_attest_frame a = expect_attest("\x00\xff\xab", 3);
    fake_document(&f, a.id ^ 1u << 30, 200, "\x01", 1); /* for somebody else */
    fake_document(&f, a.id, 200, "\x02\x03", 2);
    struct answer got = client_answer(&c, false);
    char id[32];
    (void)snprintf(id, sizeof id, "%016llx", (unsigned long long)a.id);
    ck_assert_str_eq(got.body, "{\"attestation\":\"0203\"}");
    ck_assert_str_eq(answer_header(&got, "x-request-id"), id);
    answer_free(&got);
    fake_document(&f, a.id, 200, "\x04", 1); /* twice */

    char request[1200], hex[1025];
    uint8_t nonce[NACRE_NONCE_MAX];
    memset(nonce, 0x5a, sizeof nonce);
    nacre_hex(hex, nonce, sizeof nonce);
    (void)snprintf(request, sizeof request, "GET /get_attestation?nonce=%s HTTP/1.1\r\nHost: x\r\n\r\n", hex);
    client_text(&c, request);
    a = expect_attest((const char *)nonce, sizeof nonce);
    fake_document(&f, a.id, 200, "\x05", 1);
    client_expect(&c, 200, "{\"attestation\":\"05\"}");
}
END_TEST

START_TEST(no_document)
{
    static const struct {
        uint32_t status, expected;
        const char *text, *body;
    } errors[] = {
        {429, 429, "the attestation queue is full", "{\"error\":\"the attestation queue is full\"}"},
        {503, 503, "the NSM failed", "{\"error\":\"the NSM failed\"}"},
        {500, 503, "", "{\"error\":\"no reason was given\"}"}};
    for (size_t i = 0; i < 3; i++) {
        client_text(&c, "GET /get_attestation?nonce=aa HTTP/1.1\r\nHost: x\r\n\r\n");
        struct nacre_attest_frame a = expect_attest("\xaa", 1);
        fake_document(&f, a.id, errors[i].status, errors[i].text, strlen(errors[i].text));
        struct answer got = client_answer(&c, false);
        ck_assert_uint_eq(got.status, errors[i].expected);
        ck_assert_str_eq(got.body, errors[i].body);
        ck_assert_str_eq(answer_header(&got, "retry-after"), "1");
        answer_free(&got);
    }
    static const char *const bad[] = {"", "a", "0g", "0x00", "aa&nonce=bb", "%61%61"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char request[200];
        (void)snprintf(request, sizeof request, "GET /get_attestation?nonce=%s HTTP/1.1\r\nHost: x\r\n\r\n",
                       bad[i]);
        client_text(&c, request);
        client_expect(&c, 400, NULL);
    }
}
END_TEST

static struct nacre_request_frame post_attested(void)
{
    client_text(&c, "POST /process_data?attest=00ff HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}");
    return fake_request(&f, NULL);
}

START_TEST(with_an_answer_whichever_comes_first)
{
    struct nacre_request_frame r = post_attested();
    struct nacre_attest_frame a = expect_attest("\x00\xff", 2);
    ck_assert_uint_eq(a.id, r.ticket.id);
    fake_sign_weather(&f, &r, 1);
    (void)usleep(50000);
    fake_document(&f, a.id, 200, "\x11\x22", 2);
    expect_attested("1122");
    r = post_attested();
    a = expect_attest("\x00\xff", 2);
    fake_document(&f, a.id, 200, "\x33", 1);
    (void)usleep(50000);
    fake_document(&f, a.id, 200, "\x44", 1); /* a second one is one too many */
    (void)usleep(50000);
    fake_sign_weather(&f, &r, 1);
    expect_attested("33");
    client_text(&c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    client_expect(&c, 200, "Pong!");
}
END_TEST

START_TEST(half_an_answer_is_none)
{
    struct nacre_request_frame r = post_attested();
    struct nacre_attest_frame a = expect_attest("\x00\xff", 2);
    fake_sign_weather(&f, &r, 1);
    (void)usleep(20000);
    fake_document(&f, a.id, 429, "full", 4);
    client_expect(&c, 429, "{\"error\":\"full\"}");

    r = post_attested();
    a = expect_attest("\x00\xff", 2);
    fake_document(&f, a.id, 503, "broken", 6);
    client_expect(&c, 503, "{\"error\":\"broken\"}");
    fake_sign_weather(&f, &r, 1); /* too late */

    r = post_attested();
    a = expect_attest("\x00\xff", 2);
    fake_failure(&f, 0, r.ticket.id, 400, "bad", 3);
    client_expect(&c, 400, "{\"error\":\"bad\"}");
    fake_document(&f, a.id, 200, "\x01", 1); /* too late */

    r = post_attested();
    a = expect_attest("\x00\xff", 2);
    fake_document(&f, a.id, 200, "\x01", 1);
    (void)usleep(20000);
    fake_new_app(&f, 0);
    client_expect(&c, 503, "{\"error\":\"the app is restarting\"}");
    (void)usleep(200000); /* the old socket's end is seen by one thread, the new socket comes by another */

    r = post_attested();
    a = expect_attest("\x00\xff", 2);
    fake_sign_weather(&f, &r, 1);
    (void)usleep(50000);
    fake_new_app(&f, 0); /* has done its part: its death does not matter */
    (void)usleep(50000);
    fake_document(&f, a.id, 200, "\x55", 1);
    expect_attested("55");
}
END_TEST

START_TEST(documents_find_their_lane)
{
    enum { N = 16 };
    static struct client many[N];
    client_close(&c);
    fake_stop(&f);
    fake_start_with(&f, NULL, 2, 0);
    client_open(&c, f.port);
    for (unsigned i = 0; i < N; i++) {
        char request[100], body[64], nonce = (char)(i + 1);
        client_open(&many[i], f.port);
        (void)snprintf(request, sizeof request, "GET /get_attestation?nonce=%02x HTTP/1.1\r\nHost: x\r\n\r\n",
                       i + 1);
        client_text(&many[i], request);
        struct nacre_attest_frame a = expect_attest(&nonce, 1);
        fake_document(&f, a.id, 200, &nonce, 1);
        (void)snprintf(body, sizeof body, "{\"attestation\":\"%02x\"}", i + 1);
        client_expect(&many[i], 200, body);
    }
    for (unsigned i = 0; i < N; i++)
        client_close(&many[i]);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, the_cached_document);
    tcase_add_test(tc, a_fresh_document);
    tcase_add_test(tc, no_document);
    tcase_add_test(tc, with_an_answer_whichever_comes_first);
    tcase_add_test(tc, half_an_answer_is_none);
    tcase_add_test(tc, documents_find_their_lane);
}

int main(void)
{
    return nacre_run_suite("http attest", add, 60);
}
