/* test_app_packed.c - the real nacre-app: several requests in one message, and results that share one. */
#include "app_suite.h"

#include "common/pack.h"

#include <stdio.h>
#include <unistd.h>

static struct nacre_outbox box;
static struct nacre_inbox results;

static void begin(void)
{
    ck_assert_int_eq(nacre_outbox_init(&box), 0);
    ck_assert_int_eq(nacre_inbox_init(&results), 0);
    driver_start(&d, &s, 1, NULL);
}

static void finish(void)
{
    stop();
    nacre_outbox_free(&box);
    nacre_inbox_free(&results);
}

static void ask(uint64_t id, uint32_t route, const char *body)
{
    struct nacre_request_frame f = {.head.type = NACRE_FRAME_REQUEST};
    f.ticket.id = id;
    f.ticket.route = route;
    f.ticket.deadline_ns = nacre_monotonic_ns() + 60000000000u;
    ck_assert(nacre_outbox_add(&box, &f, body, strlen(body), NULL, 0));
}

static void send_all(void)
{
    ck_assert_int_eq(nacre_outbox_send(&box, d.request[0]), 0);
}

/* The id of the next result, within `ms`. *alone: it came in a message of its own, or began one. */
static uint64_t next(int ms)
{
    ck_assert_msg(nacre_inbox_more(&results) || !driver_silent(d.result[0], ms), "no result\n%s",
                  driver_log(&d));
    ck_assert_int_eq(nacre_frame_receive_packed(d.result[0], &results, NACRE_PAYLOAD_MAX, true), 1);
    nacre_inbox_move(&d.in, &results);
    ck_assert_uint_eq(d.in.head->type, NACRE_FRAME_RESULT);
    return ((const struct nacre_result_frame *)(const void *)d.in.head)->ticket.id;
}

START_TEST(all_are_answered)
{
    begin();
    for (unsigned round = 0; round < 100; round++) {
        char body[64];
        for (uint64_t i = 0; i < NACRE_PACK_FRAMES; i++) {
            (void)snprintf(body, sizeof body, "{\"payload\":{\"number\":%u}}", round * 100 + (unsigned)i);
            ask(1 + i, SAMPLE_ECHO, body);
        }
        send_all();
        uint32_t seen = 0;
        for (unsigned i = 0; i < NACRE_PACK_FRAMES; i++) {
            uint64_t id = next(DRIVER_WAIT_MS);
            ck_assert(id >= 1 && id <= NACRE_PACK_FRAMES && !(seen & 1u << id));
            ck_assert_uint_eq(answer().number, round * 100 + id - 1);
            seen |= 1u << id;
        }
    }
    ck_assert(driver_silent(d.result[0], 20));
    finish();
}
END_TEST

/* A failure among them goes to nacre-http, the others do not mind; what is broken costs only what is behind it. */
START_TEST(a_bad_one_among_them)
{
    begin();
    ask(1, SAMPLE_ECHO, "{\"payload\":{\"number\":1}}");
    ask(2, SAMPLE_ECHO, "{\"payload\":");
    ask(3, SAMPLE_ECHO, "{\"payload\":{\"number\":3}}");
    send_all();
    ck_assert_uint_eq(next(DRIVER_WAIT_MS), 1);
    ck_assert_uint_eq(next(DRIVER_WAIT_MS), 3);
    ck_assert_uint_eq(driver_receive(&d, d.request[0]), NACRE_FRAME_FAILURE);
    ask(4, SAMPLE_ECHO, "{\"payload\":{\"number\":4}}");
    size_t second = nacre_pack_align(box.len);
    ask(5, SAMPLE_ECHO, "{\"payload\":{\"number\":5}}");
    ask(6, SAMPLE_ECHO, "{\"payload\":{\"number\":6}}");
    box.buf[second] = 0xff; /* no type */
    send_all();
    ck_assert_uint_eq(next(DRIVER_WAIT_MS), 4);
    ask(7, SAMPLE_ECHO, "{\"payload\":{\"number\":7}}");
    send_all();
    ck_assert_uint_eq(next(DRIVER_WAIT_MS), 7);
    ck_assert(driver_silent(d.result[0], 20));
    finish();
}
END_TEST

/* Neither those behind a long call nor the results before it wait for it: 20 times, though it could be known by then. */
START_TEST(a_long_call_holds_up_nobody)
{
    begin();
    for (unsigned round = 0; round < 20; round++) {
        ask(1, SAMPLE_ECHO, "{\"payload\":{\"number\":1}}");
        ask(2, SAMPLE_SLEEP, "{\"payload\":{\"number\":700}}");
        ask(3, SAMPLE_ECHO, "{\"payload\":{\"number\":3}}");
        ask(4, SAMPLE_ECHO, "{\"payload\":{\"number\":4}}");
        send_all();
        uint64_t before = nacre_monotonic_ns();
        uint32_t seen = 0;
        for (unsigned i = 0; i < 3; i++)
            seen |= 1u << next(DRIVER_WAIT_MS);
        ck_assert_uint_eq(seen, 1u << 1 | 1u << 3 | 1u << 4);
        ck_assert_uint_lt(nacre_monotonic_ns() - before, 600000000u);
        ck_assert_uint_eq(next(DRIVER_WAIT_MS), 2);
    }
    finish();
}
END_TEST

/* Of a nacre-http that is gone, nothing is served with the next one's sockets. */
START_TEST(what_a_dead_peer_asked_is_forgotten)
{
    s.config.app_workers = 1;
    s.config.jobs_concurrent = 0;
    begin();
    for (unsigned round = 0; round < 10; round++) {
        ask(1, SAMPLE_SLEEP, "{\"payload\":{\"number\":30}}");
        ask(2, SAMPLE_ECHO, "{\"payload\":{\"number\":2}}");
        ask(3, SAMPLE_ECHO, "{\"payload\":{\"number\":3}}");
        send_all();
        (void)usleep(5000);
        driver_send_lane(&d, 0, false); /* while it sleeps, and with it the only worker */
        ck_assert_uint_eq(next(DRIVER_WAIT_MS), 1);
        ask(7, SAMPLE_ECHO, "{\"payload\":{\"number\":7}}");
        send_all();
        ck_assert_uint_eq(next(DRIVER_WAIT_MS), 7);
        ck_assert(!nacre_inbox_more(&results) && driver_silent(d.result[0], 10));
    }
    finish();
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, all_are_answered);
    tcase_add_test(tc, a_bad_one_among_them);
    tcase_add_test(tc, a_long_call_holds_up_nobody);
    tcase_add_test(tc, what_a_dead_peer_asked_is_forgotten);
}

int main(void)
{
    return app_suite("app_packed", add);
}
