#include "host/daemon.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "suite.h"

/* One connection between two socket pairs: ours are `client` and `server`, the daemon has the other ends. */
static struct nacre_hd d;
static struct nacre_hd_conn *conn;
static int client, server, far_end, dial_result, failed_with;
static unsigned dials, closings;
static bool first_bytes;
static uint64_t near_bytes, far_bytes, dial_time;

static uint64_t dial_ms(const struct nacre_hd_conn *c)
{
    (void)c;
    return dial_time;
}

static void dial(struct nacre_hd_conn *c)
{
    dials++;
    c->dial = (struct nacre_hd_dial){.fd = dial_result >= 0 ? dup(far_end) : -1, .stage = NACRE_HD_CONNECTED};
    nacre_hd_conn_dialled(c, dial_result);
}

static void failed(struct nacre_hd_conn *c, int error)
{
    failed_with = error;
    if (error == -EAGAIN)
        nacre_hd_conn_redial(c);
    else
        nacre_hd_conn_close(c, false);
}

static uint64_t drain_until(const struct nacre_hd_conn *c)
{
    return c->daemon->draining ? c->daemon->drain_until_ms : 0;
}

static void closed(struct nacre_hd_conn *c)
{
    (void)c;
    closings++;
    conn = NULL;
}

static struct nacre_hd_conn_ops ops = {
    .dial_ms = dial_ms, .dial = dial, .failed = failed, .drain_until = drain_until, .closed = closed};

static void sweep(struct nacre_hd_timer *timer)
{
    (void)timer;
    nacre_hd_conn_sweep(&d);
    if (d.n_conns)
        nacre_hd_sweep_within(&d, 20);
}

static void stop(struct nacre_hd_timer *timer)
{
    (void)timer;
    d.loop.stop = true;
}

/* Lets the daemon work for so long. */
static void run_ms(uint64_t ms)
{
    struct nacre_hd_timer end = {.fire = stop};
    d.loop.stop = false;
    nacre_hd_timer_set(&d.loop, &end, ms);
    ck_assert_int_eq(nacre_hd_loop_run(&d.loop), 0);
}

/* `far_type` SOCK_SEQPACKET shows each write of the daemon as one message. */
static void begin(int far_type, bool lazy)
{
    int near[2], far[2];
    static struct nacre_hd_config config;
    memset(&d, 0, sizeof d);
    nacre_hd_config_defaults(&config);
    d.config = &config;
    d.sweep.fire = sweep;
    dials = closings = 0;
    failed_with = dial_result = 0;
    near_bytes = far_bytes = 0;
    dial_time = 60000;
    ops.first_bytes = first_bytes = lazy;
    dial_result = 1;
    ck_assert_int_eq(nacre_hd_loop_init(&d.loop), 0);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, near), 0);
    ck_assert_int_eq(socketpair(AF_UNIX, far_type | SOCK_NONBLOCK, 0, far), 0);
    client = near[0];
    server = far[0];
    far_end = far[1];
    conn = nacre_hd_conn_open(&d, near[1], &ops);
    ck_assert_ptr_nonnull(conn);
    conn->near_bytes = &near_bytes;
    conn->far_bytes = &far_bytes;
}

static void end(void)
{
    if (conn)
        nacre_hd_conn_close(conn, false);
    nacre_hd_loop_close(&d.loop);
    (void)close(client);
    (void)close(server);
    (void)close(far_end);
}

static void say(int fd, const char *text)
{
    ck_assert_int_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

static void hears(int fd, const char *text)
{
    char got[256] = {0};
    ck_assert_int_eq(recv(fd, got, sizeof got - 1, 0), (ssize_t)strlen(text));
    ck_assert_str_eq(got, text);
}

START_TEST(bytes_go_both_ways_and_rest_costs_nothing)
{
    begin(SOCK_STREAM, true);
    run_ms(20);
    ck_assert_uint_eq(dials, 0); /* nobody was called before there was something to say */
    say(client, "ask");
    run_ms(20);
    ck_assert_uint_eq(dials, 1);
    hears(server, "ask");
    say(server, "answer");
    run_ms(20);
    hears(client, "answer");
    ck_assert(conn->quiet);
    ck_assert_ptr_null(conn->near.pending);
    ck_assert_ptr_null(conn->far.pending);
    ck_assert_uint_eq(near_bytes, 3);
    ck_assert_uint_eq(far_bytes, 6);
    end();
}
END_TEST

START_TEST(no_write_to_vsock_is_above_32_kib)
{
    static uint8_t sent[400000], got[70000];
    size_t at = 0, total = 0;
    begin(SOCK_SEQPACKET, true);
    conn->far.is_vsock = true;
    for (size_t i = 0; i < sizeof sent; i++)
        sent[i] = (uint8_t)(i * 7 + i / 251);
    for (unsigned round = 0; total < sizeof sent; round++) {
        ck_assert_uint_lt(round, 1000);
        ssize_t n = at < sizeof sent ? send(client, sent + at, sizeof sent - at, MSG_NOSIGNAL) : 0;
        at += n > 0 ? (size_t)n : 0;
        run_ms(2);
        while ((n = recv(server, got, sizeof got, 0)) > 0) {
            ck_assert_int_le(n, (ssize_t)NACRE_HD_VSOCK_WRITE);
            ck_assert_mem_eq(got, sent + total, (size_t)n);
            total += (size_t)n;
        }
    }
    end();
}
END_TEST

START_TEST(who_does_not_read_is_not_read_for)
{
    static uint8_t data[65536];
    size_t taken = 0;
    begin(SOCK_STREAM, true);
    for (unsigned i = 0; i < 200; i++) {
        ssize_t n = send(client, data, sizeof data, MSG_NOSIGNAL);
        taken += n > 0 ? (size_t)n : 0;
        run_ms(1);
    }
    /* Two kernel buffers and one block of ours. */
    ck_assert_uint_lt(taken, 2u << 20);
    ck_assert_ptr_nonnull(conn->far.pending);
    ck_assert_uint_le(conn->far.len - conn->far.at, NACRE_HD_BLOCK);
    size_t got = 0;
    for (unsigned i = 0; i < 1000 && got < taken; i++) {
        ssize_t n = recv(server, data, sizeof data, 0);
        got += n > 0 ? (size_t)n : 0;
        run_ms(1);
    }
    ck_assert_uint_eq(got, taken);
    ck_assert_ptr_null(conn->far.pending);
    ck_assert(!conn->far.wants_out);
    end();
}
END_TEST

START_TEST(ends_are_passed_on_where_they_can_be)
{
    char byte;
    begin(SOCK_STREAM, true);
    say(client, "ask");
    (void)shutdown(client, SHUT_WR);
    run_ms(20);
    hears(server, "ask");
    ck_assert_int_eq(recv(server, &byte, 1, 0), 0);
    say(server, "answer");
    (void)shutdown(server, SHUT_WR);
    run_ms(20);
    hears(client, "answer");
    ck_assert_int_eq(recv(client, &byte, 1, 0), 0);
    ck_assert_uint_eq(closings, 1);
    end();
}
END_TEST

START_TEST(half_an_end_is_kept_from_who_would_take_it_for_the_whole)
{
    char byte;
    begin(SOCK_STREAM, true);
    conn->cut_half = true;
    say(client, "ask");
    (void)shutdown(client, SHUT_WR);
    run_ms(20);
    hears(server, "ask");
    ck_assert_int_eq(recv(server, &byte, 1, 0), -1);
    ck_assert_int_eq(errno, EAGAIN);
    say(server, "an");
    run_ms(100);
    say(server, "swer"); /* a pause is no end */
    run_ms(20);
    hears(client, "answer");
    run_ms(2300);
    ck_assert_uint_eq(closings, 1);
    end();
}
END_TEST

START_TEST(dialling_is_tried_again_until_its_time_is_up)
{
    begin(SOCK_STREAM, true);
    dial_result = -EAGAIN;
    dial_time = 300;
    say(client, "ask");
    run_ms(200);
    ck_assert_uint_gt(dials, 2);
    ck_assert_uint_eq(closings, 0);
    run_ms(400);
    ck_assert_int_eq(failed_with, -ETIMEDOUT);
    ck_assert_uint_eq(closings, 1);
    end();
}
END_TEST

START_TEST(what_was_said_early_arrives_after_a_redial)
{
    begin(SOCK_STREAM, true);
    dial_result = -EAGAIN;
    say(client, "ask ");
    run_ms(60);
    dial_result = 1;
    say(client, "twice");
    run_ms(100);
    hears(server, "ask twice");
    end();
}
END_TEST

START_TEST(silent_connections_are_closed_by_kind)
{
    begin(SOCK_STREAM, true);
    d.config->limits_first_byte_s = 1;
    run_ms(1200);
    ck_assert_uint_eq(d.counters.closed_first_byte, 1);
    end();
    begin(SOCK_STREAM, true);
    d.config->limits_answer_s = 1;
    d.config->limits_idle_s = 5;
    say(client, "ask");
    run_ms(1200);
    ck_assert_uint_eq(d.counters.closed_answer, 1);
    end();
    begin(SOCK_STREAM, true);
    d.config->limits_idle_s = 1;
    say(client, "ask");
    run_ms(10);
    say(server, "answer");
    run_ms(1200);
    ck_assert_uint_eq(d.counters.closed_idle, 1);
    end();
}
END_TEST

START_TEST(a_refusal_is_read_although_more_was_sent)
{
    char byte;
    begin(SOCK_STREAM, false);
    say(client, "much that nobody reads");
    nacre_hd_conn_refuse(conn, "no", 2);
    hears(client, "no");
    ck_assert_int_eq(recv(client, &byte, 1, 0), 0);
    say(client, "and more");
    run_ms(20);
    ck_assert_uint_eq(closings, 0);
    (void)shutdown(client, SHUT_WR);
    run_ms(20);
    ck_assert_uint_eq(closings, 1);
    end();
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, bytes_go_both_ways_and_rest_costs_nothing);
    tcase_add_test(tc, no_write_to_vsock_is_above_32_kib);
    tcase_add_test(tc, who_does_not_read_is_not_read_for);
    tcase_add_test(tc, ends_are_passed_on_where_they_can_be);
    tcase_add_test(tc, half_an_end_is_kept_from_who_would_take_it_for_the_whole);
    tcase_add_test(tc, dialling_is_tried_again_until_its_time_is_up);
    tcase_add_test(tc, what_was_said_early_arrives_after_a_redial);
    tcase_add_test(tc, silent_connections_are_closed_by_kind);
    tcase_add_test(tc, a_refusal_is_read_although_more_was_sent);
}

int main(void)
{
    return nacre_run_suite("host_conn", add, 60);
}
