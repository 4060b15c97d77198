/* test_app_sealed.c - the real nacre-app against a nacre-http in other hands: sealed requests stay their route's. */
#include "app_suite.h"

#include <sodium.h>
#include <stdlib.h>

#define BODY "{\"payload\":{\"number\":41}}"

static const uint8_t box_key[32] = {7}, reply_key[32] = {8};
static struct nacre_manifest m;

static void begin(void)
{
    driver_manifest(&s, &m);
    driver_start(&d, &s, 1, NULL);
}

static void finish(void)
{
    stop();
    nacre_manifest_free(&m);
}

/* An envelope that opens with box_key. */
static size_t seal(uint8_t *out, const char *body)
{
    const size_t len = strlen(body), size = nacre_sc_request_size(len);
    uint8_t *content = out + NACRE_SC_HEADER + NACRE_SC_MAC;
    struct nacre_writer w = nacre_writer(content, size - NACRE_SC_HEADER - NACRE_SC_MAC);
    memset(out, 0, size);
    nacre_sc_begin(out, NACRE_SC_REQUEST);
    randombytes_buf(out + 16, NACRE_SC_HEADER - 16);
    nacre_write_bytes(&w, reply_key, sizeof reply_key);
    nacre_write_le(&w, len, 4);
    nacre_write_bytes(&w, body, len);
    (void)crypto_secretbox_detached(content, content - NACRE_SC_MAC, content,
                                    size - NACRE_SC_HEADER - NACRE_SC_MAC, out + 56, box_key);
    return size;
}

/* To `route`, with a pass that says it was asked for as `claimed`, and path parameters. */
static void send_sealed(uint32_t route, uint32_t claimed, const void *params, size_t params_len,
                        const void *body, size_t len, uint32_t flags)
{
    uint8_t head[256];
    struct nacre_sealed_pass pass = {0};
    struct nacre_request_frame f = {.head.type = NACRE_FRAME_REQUEST,
                                    .params_len = (uint32_t)params_len,
                                    .flags = NACRE_REQUEST_SEALED | flags};
    f.ticket.id = 5;
    f.ticket.route = route;
    f.ticket.deadline_ns = nacre_monotonic_ns() + 60000000000u;
    nacre_sc_target(pass.target, m.app, m.routes[claimed].method, m.routes[claimed].path,
                    strlen(m.routes[claimed].path));
    memcpy(head, &pass, sizeof pass);
    if (params_len)
        memcpy(head + sizeof pass, params, params_len);
    ck_assert_int_eq(nacre_frame_send(d.request[0], &f, head, sizeof pass + params_len, body, len, NULL, 0),
                     0);
}

static void give_key(void)
{
    struct nacre_box_key_frame f = {.head.type = NACRE_FRAME_BOX_KEY};
    ck_assert_uint_eq(driver_receive(&d, d.control), NACRE_FRAME_OPEN);
    f.id = ((const struct nacre_open_frame *)(const void *)d.in.head)->id;
    memcpy(f.key, box_key, sizeof f.key);
    ck_assert_int_eq(nacre_frame_send(d.control, &f, NULL, 0, NULL, 0, NULL, 0), 0);
    ck_assert_uint_eq(driver_receive(&d, d.request[0]), NACRE_FRAME_REPLY_KEY);
}

static void refused(uint32_t status, const char *text)
{
    ck_assert_uint_eq(driver_receive(&d, d.request[0]), NACRE_FRAME_FAILURE);
    ck_assert_uint_eq(((const struct nacre_failure_frame *)(const void *)d.in.head)->status, status);
    ck_assert_msg(driver_text_is(&d, text), "%.*s", (int)d.in.payload_len, (const char *)d.in.payload);
    ck_assert(driver_silent(d.control, 50)); /* nobody was asked for a key */
}

START_TEST(own_route)
{
    uint8_t envelope[1024];
    begin();
    send_sealed(SAMPLE_ECHO, SAMPLE_ECHO, NULL, 0, envelope, seal(envelope, BODY), 0);
    give_key();
    ck_assert_uint_eq(driver_receive(&d, d.result[0]), NACRE_FRAME_RESULT);
    ck_assert_uint_eq(answer().number, 41);
    finish();
}
END_TEST

/* What was sealed for one route is not decoded, and answered where nacre-http reads it, as another's. */
START_TEST(another_route)
{
    static const char wrong[] = "the sealed request's pass is for another route";
    uint8_t envelope[1024];
    begin();
    size_t len = seal(envelope, BODY);
    for (uint32_t route = 0; route < m.n_routes; route++) {
        if (route == SAMPLE_ECHO)
            continue;
        send_sealed(route, SAMPLE_ECHO, NULL, 0, envelope, len, 0);
        refused(500, wrong);
        send_sealed(route, SAMPLE_ECHO, NULL, 0, envelope, len, NACRE_REQUEST_PREPARE | NACRE_REQUEST_JOB);
        refused(500, wrong);
    }
    finish();
}
END_TEST

/* A job's box neither, while it waits in nacre-http. */
START_TEST(another_route_for_a_job)
{
    uint8_t envelope[1024], box[1024];
    const uint32_t flags = NACRE_REQUEST_PREPARED | NACRE_REQUEST_JOB;
    begin();
    send_sealed(SAMPLE_ECHO, SAMPLE_ECHO, NULL, 0, envelope, seal(envelope, BODY),
                NACRE_REQUEST_PREPARE | NACRE_REQUEST_JOB);
    give_key();
    ck_assert_uint_eq(driver_receive(&d, d.request[0]), NACRE_FRAME_PREPARED);
    const size_t len = d.in.payload_len;
    ck_assert_uint_le(len, sizeof box);
    memcpy(box, d.in.payload, len);
    send_sealed(SAMPLE_NOW, SAMPLE_NOW, NULL, 0, box, len, flags);
    refused(503, "the app was started anew while the sealed job waited: send it again");
    send_sealed(SAMPLE_ECHO, SAMPLE_ECHO, NULL, 0, box, len, flags);
    ck_assert_uint_eq(driver_receive(&d, d.request[0]), NACRE_FRAME_REPLY_KEY);
    ck_assert_uint_eq(driver_receive(&d, d.result[0]), NACRE_FRAME_RESULT);
    ck_assert_uint_eq(answer().number, 41);
    finish();
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, own_route);
    tcase_add_test(tc, another_route);
    tcase_add_test(tc, another_route_for_a_job);
}

int main(void)
{
    if (sodium_init() < 0)
        abort();
    return app_suite("app_sealed", add);
}
