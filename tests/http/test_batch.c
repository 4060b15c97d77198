/* Shared attestation documents: what is asked of nacred, who gets which answer, and who gets none. */
#include "common/digest.h"
#include "fake.h"
#include "http/tree.h"
#include "sample.h"
#include "suite.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { N = 7 };

static struct fake f;
static struct client c[N + 1];

static void setup(void)
{
    fake_start(&f, NULL);
    for (unsigned i = 0; i <= N; i++)
        client_open(&c[i], f.port);
}

static void teardown(void)
{
    for (unsigned i = 0; i <= N; i++)
        client_close(&c[i]);
    fake_stop(&f);
}

static void ask(unsigned client, unsigned nonce)
{
    char request[128];
    (void)snprintf(request, sizeof request,
                   "GET /get_attestation?nonce=%04x&batch=1 HTTP/1.1\r\nHost: x\r\n\r\n", nonce);
    client_text(&c[client], request);
}

static struct nacre_attest_frame expect_root(void)
{
    struct nacre_attest_frame a =
        *(const struct nacre_attest_frame *)fake_expect(&f, f.control, NACRE_FRAME_ATTEST);
    ck_assert_uint_eq(a.nonce_len, NACRE_TREE_HASH);
    ck_assert_uint_eq(a.batch, 1);
    ck_assert_uint_ne(a.id, 0);
    return a;
}

/* A plain one, between two batches, says that nothing else came in between. */
static void expect_no_other(void)
{
    struct answer answer = exchange(&f, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    ck_assert_uint_eq(answer.status, 200);
    answer_free(&answer);
    (void)usleep(50000);
    ck_assert_int_eq(nacre_frame_receive(f.control, &f.inbox, NACRE_PAYLOAD_MAX, true), -EAGAIN);
}

/* The tree over 16-bit nonces, in this order. */
static struct nacre_tree tree_of(const unsigned *nonces, uint32_t n)
{
    uint8_t leaves[N][NACRE_TREE_HASH];
    struct nacre_tree tree;
    for (uint32_t i = 0; i < n; i++)
        nacre_tree_leaf(leaves[i], (const uint8_t[]){(uint8_t)(nonces[i] >> 8), (uint8_t)nonces[i]}, 2);
    ck_assert(nacre_tree_build(&tree, (const uint8_t(*)[NACRE_TREE_HASH])leaves, n));
    return tree;
}

static void expect_part(unsigned client, const char *hex, const struct nacre_tree *tree, uint32_t index)
{
    char want[40000], hash[2 * NACRE_TREE_HASH + 1];
    const uint8_t *path[NACRE_TREE_DEPTH_MAX];
    uint32_t depth = nacre_tree_path(path, tree, index);
    int at =
        snprintf(want, sizeof want, "{\"attestation\":\"%s\",\"batch\":{\"size\":%u,\"index\":%u,\"path\":[",
                 hex, tree->n, index);
    for (uint32_t i = 0; i < depth; i++) {
        nacre_hex(hash, path[i], NACRE_TREE_HASH);
        at += snprintf(want + at, sizeof want - (size_t)at, "%s\"%s\"", i ? "," : "", hash);
    }
    (void)snprintf(want + at, sizeof want - (size_t)at, "]}}");
    client_expect(&c[client], 200, want);
}

static void expect_root_is(const struct nacre_attest_frame *a, const struct nacre_tree *tree)
{
    uint8_t root[NACRE_TREE_HASH];
    nacre_tree_root(root, tree);
    ck_assert_mem_eq(a->nonce, root, sizeof root);
}

/* One batch of N behind one of one: client N asks first, the others while it waits. */
static struct nacre_attest_frame gather(struct nacre_tree *tree)
{
    unsigned nonces[N];
    ask(N, 0xffff);
    struct nacre_attest_frame first = expect_root();
    for (unsigned i = 0; i < N; i++) {
        nonces[i] = i % 3; /* the same nonce twice is two leaves */
        ask(i, nonces[i]);
        (void)usleep(20000);
    }
    expect_no_other();
    struct nacre_tree alone = tree_of((const unsigned[]){0xffff}, 1);
    expect_root_is(&first, &alone);
    fake_document(&f, first.id, 200, "\x01\x02", 2);
    expect_part(N, "0102", &alone, 0);
    nacre_tree_free(&alone);
    *tree = tree_of(nonces, N);
    struct nacre_attest_frame second = expect_root();
    expect_root_is(&second, tree);
    return second;
}

START_TEST(one_document_for_all_who_came_meanwhile)
{
    struct nacre_tree tree;
    static uint8_t document[NACRE_DOCUMENT_MAX];
    static char hex[2 * NACRE_DOCUMENT_MAX + 1];
    memset(document, 0x5a, sizeof document);
    nacre_hex(hex, document, sizeof document);
    struct nacre_attest_frame a = gather(&tree);
    fake_document(&f, a.id ^ 1u << 30, 200, "\x09", 1); /* of no batch */
    fake_document(&f, a.id, 200, document, sizeof document);
    for (unsigned i = 0; i < N; i++)
        expect_part(i, hex, &tree, i);
    fake_document(&f, a.id, 200, "\x04", 1); /* twice */
    nacre_tree_free(&tree);
    expect_no_other();
}
END_TEST

/* Whoever has a document of its own is not in line with those who share. */
START_TEST(plain_ones_have_calls_of_their_own)
{
    struct nacre_tree tree;
    struct nacre_attest_frame a = gather(&tree);
    client_text(&c[N], "GET /get_attestation?nonce=0001&batch=0 HTTP/1.1\r\nHost: x\r\n\r\n");
    struct nacre_attest_frame plain =
        *(const struct nacre_attest_frame *)fake_expect(&f, f.control, NACRE_FRAME_ATTEST);
    ck_assert_uint_eq(plain.batch, 0);
    ck_assert_uint_eq(plain.nonce_len, 2);
    ck_assert_mem_eq(plain.nonce, "\x00\x01", 2);
    fake_document(&f, plain.id, 200, "\x07", 1);
    client_expect(&c[N], 200, "{\"attestation\":\"07\"}");
    fake_document(&f, a.id, 200, "\x08", 1);
    for (unsigned i = 0; i < N; i++)
        expect_part(i, "08", &tree, i);
    nacre_tree_free(&tree);
}
END_TEST

START_TEST(an_error_is_for_all_and_for_no_other)
{
    static const struct {
        uint32_t status, expected;
        const char *text, *body;
    } errors[] = {{429, 429, "full", "{\"error\":\"full\"}"},
                  {503, 503, "the NSM failed", "{\"error\":\"the NSM failed\"}"},
                  {500, 503, "", "{\"error\":\"no reason was given\"}"}};
    for (size_t e = 0; e < 3; e++) {
        struct nacre_tree tree;
        struct nacre_attest_frame a = gather(&tree);
        fake_document(&f, a.id, errors[e].status, errors[e].text, strlen(errors[e].text));
        for (unsigned i = 0; i < N; i++) {
            struct answer got = client_answer(&c[i], false);
            ck_assert_uint_eq(got.status, errors[e].expected);
            ck_assert_str_eq(got.body, errors[e].body);
            ck_assert_str_eq(answer_header(&got, "retry-after"), "1");
            answer_free(&got);
        }
        nacre_tree_free(&tree);
    }
}
END_TEST

START_TEST(those_who_went_away_leave_a_leaf)
{
    struct nacre_tree tree;
    struct nacre_attest_frame a = gather(&tree);
    client_close(&c[2]);
    client_close(&c[5]);
    (void)usleep(100000);
    ask(N, 0x1234); /* of the next one */
    fake_document(&f, a.id, 200, "\x03", 1);
    for (unsigned i = 0; i < N; i++)
        if (i != 2 && i != 5)
            expect_part(i, "03", &tree, i);
    nacre_tree_free(&tree);
    tree = tree_of((const unsigned[]){0x1234}, 1);
    a = expect_root();
    fake_document(&f, a.id, 200, "\x04", 1);
    expect_part(N, "04", &tree, 0);
    nacre_tree_free(&tree);
    client_open(&c[2], f.port);
    client_open(&c[5], f.port);
}
END_TEST

START_TEST(questions_out_of_form)
{
    static const char *const bad[] = {
        "nonce=aa&batch=2",         "nonce=aa&batch=", "nonce=aa&batch=1&batch=1",
        "nonce=aa&batch=1&batch=0", "batch=1",         "nonce=&batch=1",
        "nonce=a&batch=1",          "nonce=aa&batch",  "nonce=aa&batch=true"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char request[200];
        (void)snprintf(request, sizeof request, "GET /get_attestation?%s HTTP/1.1\r\nHost: x\r\n\r\n",
                       bad[i]);
        client_text(&c[0], request);
        client_expect(&c[0], 400, NULL);
    }
    expect_no_other();
}
END_TEST

static void restart(const struct nacre_config *config, uint32_t lanes, unsigned options)
{
    teardown();
    fake_start_with(&f, config, lanes, options);
    for (unsigned i = 0; i <= N; i++)
        client_open(&c[i], f.port);
}

/* Those who come from two threads are in one batch. */
START_TEST(lanes_share_one_batch)
{
    unsigned parts = 0;
    restart(NULL, 2, 0);
    ask(N, 1);
    struct nacre_attest_frame a = expect_root();
    for (unsigned i = 0; i < N; i++)
        ask(i, 2);
    expect_no_other();
    fake_document(&f, a.id, 200, "\x01", 1);
    a = expect_root();
    fake_document(&f, a.id, 200, "\x02", 1);
    struct nacre_tree tree = tree_of((const unsigned[N]){2, 2, 2, 2, 2, 2, 2}, N);
    expect_root_is(&a, &tree); /* all seven, whatever their order */
    for (unsigned i = 0; i < N; i++) {
        struct answer got = client_answer(&c[i], false);
        static const char begin[] = "{\"attestation\":\"02\",\"batch\":{\"size\":7,\"index\":";
        ck_assert_uint_eq(got.status, 200);
        ck_assert_int_eq(strncmp(got.body, begin, sizeof begin - 1), 0);
        parts |= 1u << strtoul(got.body + sizeof begin - 1, NULL, 10);
        answer_free(&got);
    }
    ck_assert_uint_eq(parts, 0x7f);
    nacre_tree_free(&tree);
    struct answer own = client_answer(&c[N], false);
    answer_free(&own);
}
END_TEST

static struct nacre_config small(void)
{
    struct nacre_config config;
    nacre_config_defaults(&config);
    (void)snprintf(config.log_level, sizeof config.log_level, "debug");
    return config;
}

START_TEST(the_batch_is_bounded_and_takes_no_place_of_others)
{
    struct nacre_config config = small();
    config.nsm_batch = 3;
    config.http_in_flight = 1;
    restart(&config, 1, 0);
    ask(0, 0);
    struct nacre_attest_frame a = expect_root();
    ask(1, 1);
    ask(2, 2);
    (void)usleep(100000);
    ask(3, 3);
    client_expect(&c[3], 429, "{\"error\":\"too many attestations are waiting\"}");
    client_post(&c[4], "/process_data", "{}"); /* the one place of in_flight */
    struct nacre_request_frame r = fake_request(&f, NULL);
    fake_sign_weather(&f, &r, 1);
    client_expect(&c[4], 200, NULL);
    fake_document(&f, a.id, 200, "\x01", 1);
    client_expect(&c[0], 200, NULL);
    a = expect_root();
    ask(3, 3); /* there is room again */
    (void)usleep(50000);
    fake_document(&f, a.id, 200, "\x02", 1);
    struct nacre_tree tree = tree_of((const unsigned[]){1, 2}, 2);
    expect_part(1, "02", &tree, 0);
    expect_part(2, "02", &tree, 1);
    nacre_tree_free(&tree);
    a = expect_root();
    fake_document(&f, a.id, 200, "\x03", 1);
    client_expect(&c[3], 200, NULL);
}
END_TEST

START_TEST(without_batches_each_has_its_own)
{
    struct nacre_config config = small();
    config.nsm_batch = 0;
    restart(&config, 1, 0);
    ask(0, 0x0102);
    struct nacre_attest_frame a =
        *(const struct nacre_attest_frame *)fake_expect(&f, f.control, NACRE_FRAME_ATTEST);
    ck_assert_uint_eq(a.nonce_len, 2);
    ck_assert_uint_eq(a.batch, 0);
    fake_document(&f, a.id, 200, "\x01", 1);
    client_expect(&c[0], 200, "{\"attestation\":\"01\"}");
}
END_TEST

/* A document that never comes costs those who wait for it their time, and nobody after them. */
START_TEST(a_lost_answer_stops_nobody_else)
{
    struct nacre_config config = small();
    config.http_deadline_ms = 300;
    restart(&config, 1, 0);
    ask(0, 0);
    struct nacre_attest_frame lost = expect_root();
    ask(1, 1);
    client_expect(&c[0], 504, NULL);
    client_expect(&c[1], 504, NULL);
    ask(2, 2);
    struct nacre_attest_frame a = expect_root();
    fake_document(&f, lost.id, 200, "\x01", 1); /* too late for anybody */
    fake_document(&f, a.id, 200, "\x02", 1);
    struct nacre_tree tree = tree_of((const unsigned[]){1, 2}, 2);
    expect_part(2, "02", &tree, 1);
    nacre_tree_free(&tree);
}
END_TEST

/* On vsock nothing is written in more than 16 KiB at once. */
START_TEST(in_blocks_on_vsock)
{
    static uint8_t document[NACRE_DOCUMENT_MAX];
    static char hex[2 * NACRE_DOCUMENT_MAX + 1];
    struct client packets;
    struct nacre_tree tree = tree_of((const unsigned[]){0xabcd}, 1);
    teardown();
    fake_start_with(&f, NULL, 1, FAKE_VSOCK | FAKE_PACKETS);
    for (unsigned i = 0; i <= N; i++)
        c[i].fd = -1;
    for (size_t len = 4000; len <= sizeof document; len += sizeof document - 4000) {
        memset(document, 0x77, sizeof document);
        nacre_hex(hex, document, len);
        client_open_packets(&packets, &f);
        client_text(&packets, "GET /get_attestation?nonce=abcd&batch=1 HTTP/1.1\r\nHost: x\r\n\r\n");
        struct nacre_attest_frame a = expect_root();
        fake_document(&f, a.id, 200, document, len);
        c[0] = packets;
        expect_part(0, hex, &tree, 0);
        ck_assert_uint_le(c[0].largest, 16384);
        client_close(&c[0]);
        c[0].fd = -1;
    }
    nacre_tree_free(&tree);
    fake_stop(&f);
    setup();
}
END_TEST

/* Stopping with somebody in a batch: an answer for each, and an end. */
START_TEST(the_end_comes_with_a_batch_under_way)
{
    struct nacre_tree tree;
    struct nacre_plain_frame stop = {.head.type = NACRE_FRAME_STOP};
    struct nacre_attest_frame a = gather(&tree);
    ck_assert_int_eq(nacre_frame_send(f.control, &stop, NULL, 0, NULL, 0, NULL, 0), 0);
    (void)usleep(50000);
    fake_document(&f, a.id, 200, "\x01", 1);
    for (unsigned i = 0; i < N; i++)
        expect_part(i, "01", &tree, i);
    nacre_tree_free(&tree);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, one_document_for_all_who_came_meanwhile);
    tcase_add_test(tc, plain_ones_have_calls_of_their_own);
    tcase_add_test(tc, an_error_is_for_all_and_for_no_other);
    tcase_add_test(tc, those_who_went_away_leave_a_leaf);
    tcase_add_test(tc, questions_out_of_form);
    tcase_add_test(tc, lanes_share_one_batch);
    tcase_add_test(tc, the_batch_is_bounded_and_takes_no_place_of_others);
    tcase_add_test(tc, without_batches_each_has_its_own);
    tcase_add_test(tc, a_lost_answer_stops_nobody_else);
    tcase_add_test(tc, in_blocks_on_vsock);
    tcase_add_test(tc, the_end_comes_with_a_batch_under_way);
}

int main(void)
{
    return nacre_run_suite("http batch", add, 60);
}
