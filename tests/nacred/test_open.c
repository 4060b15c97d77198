/*
 * Keys of sealed requests: for what nacre-http received, while it is fresh, and once; whatever the clock does, and with a
 * table that is full.
 */
#include "nacred/open.h"
#include "suite.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define WINDOW_MS 60000u
#define SKEW_MS   10000u
#define NOW       1764370000000u

static struct nacre_opening o;
static struct nacre_config config;
static const struct nacre_keys *keys;
static const uint8_t ticket_key[16] = {3, 1, 4};
static struct nacre_clock_reading now;

static void begin(void)
{
    nacre_config_defaults(&config);
    config.sealed_seen = 16;
    ck_assert_int_eq(nacre_opening_init(&o, &config), 0);
    keys = nacre_keys_new();
    ck_assert_ptr_nonnull(keys);
    now = (struct nacre_clock_reading){.valid = true, .now_ms = NOW};
}

static void end(void)
{
    nacre_opening_free(&o);
    nacre_keys_free(keys);
}

/* What nacre-http passes on of an envelope by a fresh sender. */
static struct nacre_open_frame frame_at(uint64_t made_ms)
{
    uint8_t secret[32];
    struct nacre_open_frame f = {
        .ticket = {.id = 7, .deadline_ns = nacre_monotonic_ns() + 60000000000u, .route = 1}};
    nacre_sc_begin(f.header, NACRE_SC_REQUEST);
    memcpy(f.header + 16, &made_ms, 8);
    (void)crypto_box_keypair(f.header + 24, secret);
    randombytes_buf(f.header + 56, 24);
    randombytes_buf(f.pass.target, 32);
    nacre_ticket_seal(&f.ticket, ticket_key);
    nacre_pass_seal(&f.pass, &f.ticket, f.header, ticket_key);
    return f;
}

static int ask(const struct nacre_open_frame *f)
{
    uint8_t key[32];
    return nacre_open_key(&o, key, f, keys, ticket_key, &now);
}

START_TEST(the_key_is_the_one_of_the_format)
{
    uint8_t secret[32], product[32], expected[32], key[32], other[32];
    struct nacre_open_frame f = frame_at(NOW);
    (void)crypto_box_keypair(f.header + 24, secret);
    nacre_pass_seal(&f.pass, &f.ticket, f.header, ticket_key);
    ck_assert_int_eq(nacre_open_key(&o, key, &f, keys, ticket_key, &now), 0);
    ck_assert_int_eq(crypto_scalarmult(product, secret, keys->data_public), 0);
    nacre_sc_request_key(expected, product, f.header, keys->data_public, f.pass.target);
    ck_assert_mem_eq(key, expected, 32);
    /* what BOX gives out for the same sender is another key, and no way to this one */
    ck_assert_int_eq(nacre_keys_box(keys, other, f.header + 24), 0);
    ck_assert_mem_ne(key, other, 32);
    ck_assert_mem_ne(product, other, 32);
}
END_TEST

START_TEST(once)
{
    struct nacre_open_frame f = frame_at(NOW);
    ck_assert_int_eq(ask(&f), 0);
    ck_assert_int_eq(ask(&f), -EEXIST);
    /* in another request, at another time, with another nonce: it is the sender that counts */
    memset(f.header + 56, 1, 24);
    f.ticket.id++;
    nacre_ticket_seal(&f.ticket, ticket_key);
    nacre_pass_seal(&f.pass, &f.ticket, f.header, ticket_key);
    ck_assert_int_eq(ask(&f), -EEXIST);
}
END_TEST

START_TEST(only_what_was_received)
{
    struct nacre_open_frame good = frame_at(NOW), f = good;
    uint8_t *const bytes[] = {(uint8_t *)&f.ticket.id,
                              (uint8_t *)&f.ticket.deadline_ns,
                              (uint8_t *)&f.ticket.route,
                              f.ticket.mac,
                              f.pass.mac,
                              f.pass.target,
                              f.header,
                              f.header + 16,
                              f.header + 24,
                              f.header + 79};
    for (size_t i = 0; i < sizeof bytes / sizeof bytes[0]; i++) {
        *bytes[i] ^= 1;
        ck_assert_int_eq(ask(&f), -EPERM);
        f = good;
    }
    /* a ticket of an earlier nacre-http, a request past its deadline */
    uint8_t key[32];
    ck_assert_int_eq(nacre_open_key(&o, key, &good, keys, (const uint8_t[16]){1}, &now), -EPERM);
    f.ticket.deadline_ns = nacre_monotonic_ns() - 1;
    nacre_ticket_seal(&f.ticket, ticket_key);
    nacre_pass_seal(&f.pass, &f.ticket, f.header, ticket_key);
    ck_assert_int_eq(ask(&f), -EPERM);
    ck_assert_int_eq(nacre_open_key(&o, key, &good, NULL, ticket_key, &now), -EPERM);
    /* none of that used the sender up */
    ck_assert_int_eq(ask(&good), 0);
}
END_TEST

START_TEST(while_it_is_fresh)
{
    const struct {
        uint64_t made;
        int expected;
    } cases[] = {
        {NOW, 0},           {NOW - WINDOW_MS, 0},         {NOW - WINDOW_MS - 1, -ESTALE}, {0, -ESTALE},
        {NOW + SKEW_MS, 0}, {NOW + SKEW_MS + 1, -ERANGE}, {UINT64_MAX, -ERANGE}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct nacre_open_frame f = frame_at(cases[i].made);
        ck_assert_int_eq(ask(&f), cases[i].expected);
    }
    const struct nacre_open_frame f = frame_at(NOW);
    now.valid = false;
    ck_assert_int_eq(ask(&f), -EAGAIN);
}
END_TEST

START_TEST(full_is_refused_and_nothing_forgotten_early)
{
    struct nacre_open_frame taken[16];
    for (size_t i = 0; i < 16; i++) {
        taken[i] = frame_at(NOW);
        ck_assert_int_eq(ask(&taken[i]), 0);
    }
    struct nacre_open_frame f = frame_at(NOW);
    ck_assert_int_eq(ask(&f), -ENOSPC);
    ck_assert_int_eq(ask(&taken[3]), -EEXIST);
    for (uint64_t ms = NOW; ms <= NOW + 4 * (uint64_t)WINDOW_MS; ms += 997) {
        now.now_ms = ms;
        for (size_t i = 0; i < 16; i++) {
            int err = ask(&taken[i]);
            ck_assert(err == (ms > NOW + WINDOW_MS ? -ESTALE : -EEXIST));
        }
    }
    f = frame_at(now.now_ms);
    ck_assert_int_eq(ask(&f), 0);
}
END_TEST

/* For each of very many: taken once, however long one waits, with arrivals early and late in what is allowed. */
START_TEST(never_twice)
{
    static struct nacre_open_frame taken[4000];
    config.sealed_seen = 4000;
    nacre_opening_free(&o);
    ck_assert_int_eq(nacre_opening_init(&o, &config), 0);
    for (unsigned i = 0; i < 4000; i++) {
        now.now_ms += 150;
        taken[i] = frame_at(now.now_ms + randombytes_uniform(WINDOW_MS + SKEW_MS) - WINDOW_MS);
        ck_assert_int_eq(ask(&taken[i]), 0);
        const struct nacre_open_frame *again = &taken[randombytes_uniform(i + 1)];
        int err = ask(again);
        ck_assert(err == -EEXIST || err == -ESTALE);
        ck_assert(err == -ESTALE || nacre_sc_time(again->header) + WINDOW_MS >= now.now_ms);
    }
}
END_TEST

START_TEST(a_clock_that_goes_back_revives_nothing)
{
    const struct nacre_open_frame f = frame_at(NOW);
    ck_assert_int_eq(ask(&f), 0);
    now.now_ms = NOW + 10 * (uint64_t)WINDOW_MS;
    const struct nacre_open_frame later = frame_at(now.now_ms);
    ck_assert_int_eq(ask(&later), 0);
    now.now_ms = NOW;
    ck_assert_int_eq(ask(&f), -ESTALE);
    ck_assert_int_eq(ask(&later), -EEXIST);
}
END_TEST

START_TEST(a_sender_of_small_order_gets_no_key)
{
    struct nacre_open_frame f = frame_at(NOW);
    memset(f.header + 24, 0, 32);
    nacre_pass_seal(&f.pass, &f.ticket, f.header, ticket_key);
    ck_assert_int_eq(ask(&f), -EINVAL);
    ck_assert_int_eq(ask(&f), -EEXIST);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_test(tc, the_key_is_the_one_of_the_format);
    tcase_add_test(tc, once);
    tcase_add_test(tc, only_what_was_received);
    tcase_add_test(tc, while_it_is_fresh);
    tcase_add_test(tc, full_is_refused_and_nothing_forgotten_early);
    tcase_add_test(tc, never_twice);
    tcase_add_test(tc, a_clock_that_goes_back_revives_nothing);
    tcase_add_test(tc, a_sender_of_small_order_gets_no_key);
}

int main(void)
{
    if (sodium_init() < 0)
        return 1;
    return nacre_run_suite("nacred/open", add, 60);
}
