/* Sealed requests in nacre-http, with an app that says what it likes of them: what has been opened is answered sealed. */
#include "common/bytes.h"
#include "common/sealed_call.h"
#include "fake.h"
#include "sample.h"
#include "suite.h"

#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CROWD 16u /* requests that are more than the app's socket holds */

static struct fake f;
static struct client c;
static uint8_t key[32];

static void setup(void)
{
    fake_start(&f, NULL);
    client_open(&c, f.port);
    randombytes_buf(key, sizeof key);
}

static void teardown(void)
{
    client_close(&c);
    fake_stop(&f);
}

/* Only the app could tell that this does not open. */
static struct nacre_request_frame ask(const char *path, const char *headers)
{
    uint8_t envelope[NACRE_SC_REQUEST_MIN];
    char head[256];
    randombytes_buf(envelope, sizeof envelope);
    nacre_sc_begin(envelope, NACRE_SC_REQUEST);
    (void)snprintf(head, sizeof head,
                   "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/vnd.nacre.sealed\r\n"
                   "%sContent-Length: %zu\r\n\r\n",
                   path, headers, sizeof envelope);
    client_text(&c, head);
    client_send(&c, envelope, sizeof envelope);
    struct nacre_request_frame r = fake_request(&f, NULL);
    ck_assert_uint_eq(r.flags & NACRE_REQUEST_SEALED, NACRE_REQUEST_SEALED);
    return r;
}

static void give_key(const struct nacre_request_frame *r, const uint8_t with[32])
{
    struct nacre_reply_key_frame k = {.head.type = NACRE_FRAME_REPLY_KEY, .id = r->ticket.id};
    memcpy(k.key, with, sizeof k.key);
    ck_assert_int_eq(nacre_frame_send(f.app[0], &k, NULL, 0, NULL, 0, NULL, 0), 0);
}

static void sign(const struct nacre_request_frame *r)
{
    uint8_t bcs[64];
    fake_answer(&f, 0, r->ticket.id, r->ticket.route, 200, bcs,
                weather_bcs(bcs, sizeof bcs, "secret place", 5));
}

/* A sealed answer with this status, inside and outside; body NULL: any. */
static void expect_sealed(unsigned status, const char *body)
{
    struct answer a = client_answer(&c, false);
    uint8_t *nonce = (uint8_t *)a.body + 16, *mac = nonce + crypto_secretbox_NONCEBYTES;
    ck_assert_msg(a.status == status, "%s%s", a.head, a.body);
    ck_assert_str_eq(answer_header(&a, "Content-Type"), "application/vnd.nacre.sealed");
    ck_assert_uint_ge(a.len, NACRE_SC_ANSWER_HEADER + NACRE_SC_MAC + NACRE_SC_ANSWER_FIXED);
    uint8_t *content = mac + NACRE_SC_MAC;
    size_t len = a.len - NACRE_SC_ANSWER_HEADER - NACRE_SC_MAC;
    ck_assert_int_eq(crypto_secretbox_open_detached(content, content, mac, len, nonce, key), 0);
    struct nacre_reader r = nacre_reader(content, len);
    ck_assert_uint_eq(nacre_read_le(&r, 2), status);
    ck_assert_uint_eq(nacre_read_le(&r, 2), 0);
    size_t body_len = (size_t)nacre_read_le(&r, 4);
    ck_assert_uint_le(body_len, nacre_reader_left(&r));
    if (body) {
        ck_assert_uint_eq(body_len, strlen(body));
        ck_assert_mem_eq(nacre_read_bytes(&r, body_len), body, body_len);
    }
    answer_free(&a);
}

static void expect_weather(void)
{
    char json[600];
    weather_json(json, sizeof json, "secret place", 5);
    expect_sealed(200, json);
}

/* The app's key and nacred's answer come over two sockets, in any order of arrival. */
START_TEST(the_answer_is_sealed)
{
    for (unsigned i = 0; i < 50; i++) {
        struct nacre_request_frame r = ask("/process_data", "");
        give_key(&r, key);
        sign(&r);
        expect_weather();
    }
}
END_TEST

START_TEST(no_key_no_answer)
{
    struct nacre_request_frame r = ask("/process_data", "");
    sign(&r);
    client_expect(&c, 503, "{\"error\":\"the answer's key is missing\"}");
    give_key(&r, key); /* too late */
    r = ask("/process_data", "");
    fake_failure(&f, 0, r.ticket.id, 400, "it does not open", 16);
    client_expect(&c, 400, "{\"error\":\"it does not open\"}");
}
END_TEST

/* The first key is the one that was asked for; nobody else's answer can be sealed away from him. */
START_TEST(one_key_for_one_request)
{
    const uint8_t other[32] = {1};
    struct nacre_request_frame r = ask("/process_data", "");
    give_key(&r, key);
    give_key(&r, other);
    sign(&r);
    expect_weather();
    client_post(&c, "/process_data", "{}");
    r = fake_request(&f, NULL);
    ck_assert_uint_eq(r.flags, 0);
    give_key(&r, key);
    sign(&r);
    char json[600];
    weather_json(json, sizeof json, "secret place", 5);
    client_expect(&c, 200, json);
}
END_TEST

START_TEST(errors_are_sealed_too)
{
    struct nacre_request_frame r = ask("/process_data", "");
    give_key(&r, key);
    fake_failure(&f, 0, r.ticket.id, 422, "no", 2);
    expect_sealed(422, "{\"error\":\"no\"}");
    r = ask("/small", "");
    give_key(&r, key);
    expect_sealed(504, NULL); /* its deadline */
    r = ask("/process_data", "");
    give_key(&r, key);
    fake_answer(&f, 0, r.ticket.id, r.ticket.route + 1, 200, "", 0);
    expect_sealed(500, "{\"error\":\"the answer was for another route\"}");
    r = ask("/process_data", "");
    give_key(&r, key);
    fake_new_app(&f, 0);
    expect_sealed(503, "{\"error\":\"the app is restarting\"}");
}
END_TEST

/* With ?attest= one of the two parts waits for the other. */
START_TEST(with_a_document)
{
    for (unsigned i = 0; i < 2; i++) {
        struct nacre_request_frame r = ask("/process_data?attest=aa", "");
        const struct nacre_attest_frame *a = fake_expect(&f, f.control, NACRE_FRAME_ATTEST);
        uint64_t id = a->id;
        char json[600];
        weather_json(json, sizeof json, "secret place", 5);
        (void)snprintf(json + strlen(json) - 1, 100, ",\"attestation\":\"0102\"}");
        give_key(&r, key);
        if (i)
            sign(&r);
        fake_document(&f, id, 200, "\x01\x02", 2);
        if (!i)
            sign(&r);
        expect_sealed(200, json);
    }
}
END_TEST

/* It becomes a job only when it was sealed, opened, and meant to be one. */
START_TEST(prepared_out_of_turn)
{
    struct nacre_prepared_frame p = {.head.type = NACRE_FRAME_PREPARED};
    struct nacre_request_frame r = ask("/process_data", "");
    p.id = r.ticket.id;
    ck_assert_int_eq(nacre_frame_send(f.app[0], &p, "box", 3, NULL, 0, NULL, 0), 0);
    give_key(&r, key);
    ck_assert_int_eq(nacre_frame_send(f.app[0], &p, "box", 3, NULL, 0, NULL, 0), 0);
    sign(&r);
    expect_weather();
    r = ask("/process_data", "Prefer: respond-async\r\n");
    ck_assert_uint_eq(r.flags, NACRE_REQUEST_SEALED | NACRE_REQUEST_PREPARE);
    p.id = r.ticket.id;
    ck_assert_int_eq(nacre_frame_send(f.app[0], &p, "box", 3, NULL, 0, NULL, 0), 0); /* no key yet */
    give_key(&r, key);
    ck_assert_int_eq(nacre_frame_send(f.app[0], &p, "box", 3, NULL, 0, NULL, 0), 0);
    ck_assert_int_eq(nacre_frame_send(f.app[0], &p, "box", 3, NULL, 0, NULL, 0), 0); /* once is enough */
    client_expect(&c, 202, NULL);
    r = fake_request(&f, NULL);
    ck_assert_uint_eq(r.flags, NACRE_REQUEST_JOB | NACRE_REQUEST_SEALED | NACRE_REQUEST_PREPARED);
    ck_assert_uint_eq(f.inbox.payload_len, sizeof(struct nacre_sealed_pass) + 3);
    fake_silence(&f, 0, 200);
}
END_TEST

/* An app with more requests than its socket holds gives a key and a result, and dies: neither is lost. */
START_TEST(the_app_dies_behind_its_last_word)
{
    static char body[30001];
    struct client crowd[CROWD];
    memset(body, ' ', sizeof body - 1);
    struct nacre_request_frame r = ask("/process_data", "");
    for (unsigned i = 0; i < CROWD; i++) {
        client_open(&crowd[i], f.port);
        client_post(&crowd[i], "/process_data", body);
    }
    (void)usleep(200000);
    ck_assert_int_eq(kill(f.pid, SIGSTOP), 0); /* it finds all of it at once */
    give_key(&r, key);
    sign(&r);
    (void)close(f.app[0]);
    f.app[0] = -1;
    ck_assert_int_eq(kill(f.pid, SIGCONT), 0);
    expect_weather();
    for (unsigned i = 0; i < CROWD; i++) {
        client_expect(&crowd[i], 503, "{\"error\":\"the app is restarting\"}");
        client_close(&crowd[i]);
    }
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, the_answer_is_sealed);
    tcase_add_test(tc, no_key_no_answer);
    tcase_add_test(tc, one_key_for_one_request);
    tcase_add_test(tc, errors_are_sealed_too);
    tcase_add_test(tc, with_a_document);
    tcase_add_test(tc, prepared_out_of_turn);
    tcase_add_test(tc, the_app_dies_behind_its_last_word);
}

int main(void)
{
    return nacre_run_suite("http sealed", add, 60);
}
