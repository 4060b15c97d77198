#include "common/bytes.h"
#include "nacred/sign.h"
#include "support.h"

#include <errno.h>
#include <poll.h>
#include <sodium.h>
#include <sys/socket.h>
#include <unistd.h>

#define NOW_MS UINT64_C(1744038900500)
#define S      UINT64_C(1000000000)

static struct nacre_manifest manifest;
static struct nacre_timekeeper keeper;
static struct nacre_signing signing;
static struct nacre_signer signer;
static struct nacre_inbox answers;
static uint8_t ticket_key[16] = {3, 1, 4, 1, 5};
static int app_end = -1, http_end = -1;
static uint64_t next_id;

/* {location "San Francisco", temperature 13} */
static const char weather_bcs[] = "\x0dSan Francisco\x0d\0\0\0\0\0\0";
#define WEATHER weather_bcs, (sizeof weather_bcs)

/* A new result socket, as when nacre-app has been started. */
static void wire_app(void)
{
    int pair[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    nacre_lane_post_result(&signer.lane, pair[0]);
    if (app_end >= 0)
        (void)close(app_end);
    app_end = pair[1];
}

/* A new answer socket and ticket key, as when nacre-http has been started. */
static void wire_http(uint8_t key)
{
    int pair[2];
    const struct timeval limit = {.tv_usec = 200000};
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    ck_assert_int_eq(setsockopt(pair[0], SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit), 0);
    ticket_key[15] = key;
    nacre_lane_post_answer(&signer.lane, pair[0], ticket_key);
    if (http_end >= 0)
        (void)close(http_end);
    http_end = pair[1];
}

static void begin_with(const struct nacre_plugin *plugin)
{
    struct nacre_config config;
    nacre_config_defaults(&config);
    config.app_response_bytes = 2 * 1024 * 1024;
    load_manifest(&manifest, plugin, &config, NULL, 0);
    start_clock(&keeper, NOW_MS);
    signing.manifest = &manifest;
    signing.keys = nacre_keys_new();
    signing.time = &keeper;
    signer.signing = &signing;
    nacre_lane_init(&signer.lane);
    ck_assert_int_eq(nacre_signer_start(&signer), 0);
    ck_assert_int_eq(nacre_inbox_init(&answers), 0);
    wire_app();
    wire_http(0);
}

static void begin(void)
{
    begin_with(&weather_plugin);
}

static void end(void)
{
    nacre_signer_stop(&signer);
    nacre_lane_free(&signer.lane);
    nacre_inbox_free(&answers);
    nacre_keys_free(signing.keys);
    nacre_manifest_free(&manifest);
    (void)close(app_end);
    (void)close(http_end);
    app_end = http_end = -1;
}

static struct nacre_result_frame result(uint32_t route, uint64_t timestamp_ms)
{
    struct nacre_result_frame f = {.head.type = NACRE_FRAME_RESULT, .timestamp_ms = timestamp_ms};
    f.ticket.id = ++next_id;
    f.ticket.route = route;
    f.ticket.deadline_ns = nacre_monotonic_ns() + 60 * S;
    nacre_ticket_seal(&f.ticket, ticket_key);
    return f;
}

static void submit(struct nacre_result_frame *f, const void *bcs, size_t len)
{
    ck_assert_int_eq(nacre_frame_send(app_end, f, bcs, len, NULL, 0, NULL, 0), 0);
}

/* The next answer within wait_ms, or NULL. */
static const struct nacre_answer_frame *hear(int wait_ms)
{
    struct pollfd fd = {.fd = http_end, .events = POLLIN};
    if ((!nacre_inbox_more(&answers) && poll(&fd, 1, wait_ms) != 1) ||
        nacre_frame_receive_packed(http_end, &answers, NACRE_PAYLOAD_MAX, true) != 1)
        return NULL;
    ck_assert_uint_eq(answers.head->type, NACRE_FRAME_ANSWER);
    return (const void *)answers.head;
}

static void expect_status(struct nacre_result_frame *f, const void *bcs, size_t len, uint32_t status)
{
    submit(f, bcs, len);
    const struct nacre_answer_frame *a = hear(5000);
    ck_assert_ptr_nonnull(a);
    ck_assert_uint_eq(a->id, f->ticket.id);
    ck_assert_uint_eq(a->route, f->ticket.route);
    ck_assert_uint_eq(a->status, status);
    if (status != 200) {
        ck_assert_uint_gt(answers.payload_len, 0);
        ck_assert_int_eq(sodium_is_zero(a->signature, 64), 1);
    }
}

/* Nothing comes for it; what is submitted after it is answered, so the wait is not for a slow signer. */
static void expect_silence(struct nacre_result_frame *f, const void *bcs, size_t len)
{
    submit(f, bcs, len);
    struct nacre_result_frame good = result(ROUTE_APP, NOW_MS);
    expect_status(&good, WEATHER, 200);
}

/* Does the signature in the last answer cover prefix || payload? */
static bool verifies(const struct nacre_answer_frame *a, uint8_t intent)
{
    uint8_t *message = malloc(9 + answers.payload_len);
    struct nacre_writer w = nacre_writer(message, 9 + answers.payload_len);
    nacre_write_u8(&w, intent);
    nacre_write_le(&w, a->timestamp_ms, 8);
    nacre_write_bytes(&w, answers.payload, answers.payload_len);
    int err = crypto_sign_verify_detached(a->signature, message, w.len, signing.keys->sign_public);
    free(message);
    return err == 0;
}

static void check_vector(const char *hex, uint64_t timestamp_ms)
{
    uint8_t vector[256];
    size_t len = strlen(hex) / 2;
    ck_assert_int_eq(nacre_unhex(vector, len, hex, strlen(hex)), 0);
    struct nacre_result_frame f = result(ROUTE_APP, timestamp_ms);
    submit(&f, vector + 9, len - 9);
    const struct nacre_answer_frame *a = hear(5000);
    ck_assert_ptr_nonnull(a);
    ck_assert_uint_eq(a->status, 200);
    ck_assert_uint_eq(a->timestamp_ms, timestamp_ms);
    ck_assert_uint_eq(answers.payload_len, len - 9);
    ck_assert_mem_eq(answers.payload, vector + 9, len - 9);
    ck_assert_int_eq(crypto_sign_verify_detached(a->signature, vector, len, signing.keys->sign_public), 0);
    for (size_t i = 0; i < len; i++) { /* every byte of it is covered */
        vector[i] ^= 1;
        ck_assert_int_ne(crypto_sign_verify_detached(a->signature, vector, len, signing.keys->sign_public),
                         0);
        vector[i] ^= 1;
    }
}

START_TEST(the_weather_vector_byte_for_byte)
{
    check_vector("0020b1d110960100000d53616e204672616e636973636f0d00000000000000", 1744038900000);
}
END_TEST

START_TEST(the_twitter_vector_byte_for_byte)
{
    end();
    begin_with(&twitter_plugin);
    start_clock(&keeper, 1743989326143);
    check_vector(
        "003f41dd0d960100000c6d797374656e696e7465726e20101ce8865558e08408b83f60ee9e78843d03d547c850cbe12cb5"
        "99e17833dd3e",
        1743989326143);
}
END_TEST

START_TEST(core_routes_are_stamped_now)
{
    struct nacre_result_frame f =
        result(ROUTE_CORE, 12345); /* what the app says of the time does not count */
    submit(&f, "\x03xyz", 4);
    const struct nacre_answer_frame *a = hear(5000);
    ck_assert_ptr_nonnull(a);
    ck_assert_uint_eq(a->status, 200);
    ck_assert_uint_ge(a->timestamp_ms, NOW_MS);
    ck_assert_uint_le(a->timestamp_ms, NOW_MS + 20000);
    ck_assert(verifies(a, 1));
    ck_assert(!verifies(a, 0));
    ck_assert_uint_eq(atomic_load(&signing.signed_answers), 1);
    ck_assert_uint_eq(atomic_load(&signing.refused_answers), 0);
}
END_TEST

START_TEST(bytes_that_do_not_fit_the_type)
{
    struct nacre_result_frame f = result(ROUTE_APP, NOW_MS);
    const size_t len = sizeof weather_bcs;
    uint8_t longer[64];
    for (size_t cut = 0; cut < len; cut++)
        expect_status(&f, weather_bcs, cut, 500);
    memcpy(longer, weather_bcs, len);
    longer[len] = 0;
    expect_status(&f, longer, len + 1, 500); /* a byte behind it */
    expect_status(&f, "\x8d\x00San Francisco\x0d\0\0\0\0\0\0", len + 1,
                  500);                                     /* a length not in its shortest form */
    expect_status(&f, "\x01\xff\x0d\0\0\0\0\0\0", 10, 500); /* no UTF-8 */
    expect_status(&f, "\x03xyz", 4, 500);                   /* another route's type */
    struct nacre_result_frame other = result(ROUTE_CORE, NOW_MS);
    expect_status(&other, WEATHER, 500);
    expect_status(&f, WEATHER, 200);
    ck_assert_uint_eq(atomic_load(&signing.signed_answers), 1);
    ck_assert_uint_eq(atomic_load(&signing.refused_answers), len + 5);
}
END_TEST

/* Each is judged by itself, and what is signed is signed over its own bytes. */
START_TEST(results_in_one_message)
{
    struct nacre_outbox box;
    ck_assert_int_eq(nacre_outbox_init(&box), 0);
    for (unsigned round = 0; round < 20; round++) {
        struct nacre_result_frame f[NACRE_PACK_FRAMES];
        for (unsigned i = 0; i < NACRE_PACK_FRAMES; i++) {
            f[i] = result(ROUTE_CORE, 0);
            if (i % 4 == 1)
                f[i].ticket.mac[0] ^= 1; /* nothing comes of it */
            char text[] = "\x03xyz";
            text[3] = (char)('a' + i);
            ck_assert(nacre_outbox_add(&box, &f[i], text, i % 4 == 2 ? 3 : 4, NULL, 0)); /* 2: bad type */
        }
        ck_assert_int_eq(nacre_outbox_send(&box, app_end), 0);
        for (unsigned i = 0; i < NACRE_PACK_FRAMES; i++) {
            if (i % 4 == 1)
                continue;
            const struct nacre_answer_frame *a = hear(5000);
            ck_assert_ptr_nonnull(a);
            ck_assert_uint_eq(a->id, f[i].ticket.id);
            ck_assert_uint_eq(a->status, i % 4 == 2 ? 500 : 200);
            if (a->status != 200)
                continue;
            ck_assert_uint_eq(answers.payload_len, 4);
            ck_assert_int_eq(answers.payload[3], 'a' + (int)i);
            ck_assert(verifies(a, manifest.intents[manifest.routes[ROUTE_CORE].intent].scope));
        }
        ck_assert_ptr_null(hear(0));
    }
    nacre_outbox_free(&box);
}
END_TEST

START_TEST(no_ticket_no_signature)
{
    struct nacre_result_frame good = result(ROUTE_APP, NOW_MS), f;
    for (size_t bit = 0; bit < 128; bit += 7) {
        f = good;
        f.ticket.mac[bit / 8] ^= (uint8_t)(1u << bit % 8);
        expect_silence(&f, WEATHER);
    }
    f = good;
    f.ticket.id++;
    expect_silence(&f, WEATHER);
    f = good;
    f.ticket.deadline_ns += S;
    expect_silence(&f, WEATHER);
    f = good;
    f.ticket.route = ROUTE_CORE; /* a ticket for one route is none for another */
    expect_silence(&f, "\x03xyz", 4);
    f = good;
    f.ticket.reserved = 1;
    expect_silence(&f, WEATHER);
    ck_assert_uint_eq(atomic_load(&signing.refused_answers), 19 + 4);
}
END_TEST

START_TEST(nothing_is_signed_after_the_deadline)
{
    struct nacre_result_frame f = result(ROUTE_APP, NOW_MS);
    f.ticket.deadline_ns = nacre_monotonic_ns() + S / 5;
    nacre_ticket_seal(&f.ticket, ticket_key);
    expect_status(&f, WEATHER, 200);
    (void)poll(NULL, 0, 250);
    expect_silence(&f, WEATHER); /* the same again, too late */
}
END_TEST

START_TEST(routes_that_do_not_exist)
{
    static const uint32_t beyond[] = {2, 3, 64, INT32_MAX, UINT32_MAX};
    for (size_t i = 0; i < sizeof beyond / sizeof beyond[0]; i++) {
        struct nacre_result_frame f = result(beyond[i], NOW_MS);
        expect_status(&f, WEATHER, 500);
    }
}
END_TEST

START_TEST(the_apps_time_has_bounds)
{
    struct nacre_result_frame f = result(ROUTE_APP, NOW_MS - 3599000);
    expect_status(&f, WEATHER, 200);
    f = result(ROUTE_APP, NOW_MS - 3600000 - 1); /* the clock has moved on since */
    expect_status(&f, WEATHER, 500);
    f = result(ROUTE_APP, 0);
    expect_status(&f, WEATHER, 500);
    f = result(ROUTE_APP, NOW_MS + 60000);
    expect_status(&f, WEATHER, 500);
    f = result(ROUTE_APP, UINT64_MAX);
    expect_status(&f, WEATHER, 500);
}
END_TEST

START_TEST(the_bounds_are_exact)
{
    /* a clock that stands still for as long as the test looks at it: its start is in the future */
    struct nacre_inbox in;
    struct nacre_answer_frame a;
    uint64_t now = nacre_monotonic_ns(), at_ms = NOW_MS;
    ck_assert_int_eq(nacre_inbox_init(&in), 0);
    int pair[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
    for (int tries = 0; tries < 50; tries++) {
        const int64_t offsets[] = {0, 1, -3600000, -3600001};
        const uint32_t expected[] = {200, 500, 200, 500};
        uint64_t before = nacre_timekeeper_now(&keeper).now_ms, after;
        uint32_t status[4];
        for (size_t i = 0; i < 4; i++) {
            struct nacre_result_frame f = result(ROUTE_APP, (uint64_t)((int64_t)before + offsets[i]));
            ck_assert_int_eq(nacre_frame_send(pair[0], &f, WEATHER, NULL, 0, NULL, 0), 0);
            ck_assert_int_eq(nacre_frame_receive(pair[1], &in, 1000, false), 1);
            status[i] = nacre_sign_result(&signing, ticket_key, &in, &a)->status;
        }
        after = nacre_timekeeper_now(&keeper).now_ms;
        if (before != after)
            continue; /* a millisecond ended in between: look again */
        for (size_t i = 0; i < 4; i++)
            ck_assert_uint_eq(status[i], expected[i]);
        at_ms = 0;
        break;
    }
    ck_assert_msg(at_ms == 0 || nacre_monotonic_ns() - now > S, "no millisecond was long enough");
    nacre_inbox_free(&in);
    (void)close(pair[0]);
    (void)close(pair[1]);
}
END_TEST

START_TEST(an_unsure_clock_signs_nothing)
{
    struct nacre_result_frame app = result(ROUTE_APP, NOW_MS), core = result(ROUTE_CORE, 0);
    uint64_t now = nacre_monotonic_ns();
    const struct nacre_clock_sample wrong = {now, now, NOW_MS + 3600000};
    ck_assert_int_eq(nacre_timekeeper_add(&keeper, &wrong), NACRE_CLOCK_UNSURE);
    expect_status(&app, WEATHER, 503);
    expect_status(&core, "\x03xyz", 4, 503);
    now = nacre_monotonic_ns();
    const struct nacre_clock_sample right = {now, now, nacre_timekeeper_now(&keeper).now_ms};
    ck_assert_int_eq(nacre_timekeeper_add(&keeper, &right), NACRE_CLOCK_AGREED);
    expect_status(&app, WEATHER, 200);
    nacre_timekeeper_init(&keeper, 1000, false); /* never had a sample */
    expect_status(&core, "\x03xyz", 4, 503);
    start_clock(&keeper, NOW_MS);
    keeper.max_error_ns = 1000; /* exacter than the clock can be */
    expect_status(&core, "\x03xyz", 4, 503);
}
END_TEST

START_TEST(large_payloads_travel_by_memfd)
{
    const size_t text = 1500000, len = 3 + text + 8;
    uint8_t *bcs = malloc(len);
    memset(bcs, 'x', len);
    bcs[0] = 0xe0; /* 1,500,000 as ULEB128 */
    bcs[1] = 0xc6;
    bcs[2] = 0x5b;
    struct nacre_result_frame f = result(ROUTE_APP, NOW_MS);
    submit(&f, bcs, len);
    const struct nacre_answer_frame *a = hear(5000);
    ck_assert_ptr_nonnull(a);
    ck_assert_uint_eq(a->status, 200);
    ck_assert_uint_eq(answers.payload_len, len);
    ck_assert_mem_eq(answers.payload, bcs, len);
    ck_assert(verifies(a, 0));
    free(bcs);
    /* past app.response_bytes it is dropped whole, like a message out of form */
    bcs = calloc(1, 2 * 1024 * 1024 + 1);
    expect_silence(&f, bcs, 2 * 1024 * 1024 + 1);
    free(bcs);
}
END_TEST

START_TEST(messages_that_are_no_results)
{
    struct nacre_failure_frame failure = {.head.type = NACRE_FRAME_FAILURE, .id = 1, .status = 500};
    struct nacre_answer_frame answer = {.head.type = NACRE_FRAME_ANSWER, .id = 1, .status = 200};
    size_t fds = open_fds();
    ck_assert_int_eq(nacre_frame_send(app_end, &failure, "x", 1, NULL, 0, NULL, 0), 0);
    ck_assert_int_eq(nacre_frame_send(app_end, &answer, "x", 1, NULL, 0, NULL, 0), 0);
    ck_assert_int_eq(send(app_end, "junk", 4, 0), 4);
    struct nacre_result_frame with_fd = result(ROUTE_APP, NOW_MS);
    ck_assert_int_eq(nacre_frame_send(app_end, &with_fd, WEATHER, NULL, 0, (int[]){0, 1, 2}, 3), 0);
    ck_assert_ptr_nonnull(hear(5000));
    struct nacre_result_frame good = result(ROUTE_APP, NOW_MS);
    expect_status(&good, WEATHER, 200);
    ck_assert_uint_eq(open_fds(), fds); /* descriptors nobody asked for are closed */
    ck_assert_uint_eq(atomic_load(&signing.refused_answers), 3);
}
END_TEST

START_TEST(a_new_app_on_a_lane)
{
    for (int i = 0; i < 50; i++) {
        struct nacre_result_frame f = result(ROUTE_APP, NOW_MS);
        expect_status(&f, WEATHER, 200);
        wire_app(); /* the old end is closed: the signer sees its end, or is woken from it */
    }
    (void)close(app_end);
    app_end = -1;
    (void)poll(NULL, 0, 50); /* a while without an app */
    wire_app();
    struct nacre_result_frame f = result(ROUTE_APP, NOW_MS);
    expect_status(&f, WEATHER, 200);
}
END_TEST

START_TEST(a_new_http_has_a_key_of_its_own)
{
    struct nacre_result_frame old = result(ROUTE_APP, NOW_MS);
    wire_http(1);
    expect_silence(&old, WEATHER); /* a request of the dead one: nobody waits for it */
    for (uint8_t i = 2; i < 50; i++) {
        wire_http(i);
        struct nacre_result_frame f = result(ROUTE_APP, NOW_MS);
        expect_status(&f, WEATHER, 200);
    }
}
END_TEST

START_TEST(an_http_that_reads_nothing_holds_up_its_lane_only_for_a_while)
{
    /* more than the socket holds; the signer waits at most SO_SNDTIMEO for each and drops it */
    static uint8_t bcs[20000];
    struct nacre_writer w = nacre_writer(bcs, sizeof bcs);
    nacre_write_bytes(&w, "\x80\x94\x01", 3); /* 18,944 */
    memset(nacre_write_room(&w, 18944), 'a', 18944);
    nacre_write_le(&w, 1, 8);
    for (int i = 0; i < 20; i++) {
        struct nacre_result_frame f = result(ROUTE_APP, NOW_MS);
        submit(&f, bcs, w.len);
    }
    wire_http(9); /* a new one is served at once, whatever the old one has not read */
    struct nacre_result_frame f = result(ROUTE_APP, NOW_MS);
    submit(&f, WEATHER);
    const struct nacre_answer_frame *a = hear(10000);
    ck_assert_ptr_nonnull(a);
    ck_assert_uint_eq(a->id, f.ticket.id);
}
END_TEST

START_TEST(stops_whatever_it_waits_for)
{
    /* end() stops it: without an app, and with an answer that nobody reads */
    (void)close(app_end);
    app_end = -1;
    (void)poll(NULL, 0, 20);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_test(tc, the_weather_vector_byte_for_byte);
    tcase_add_test(tc, the_twitter_vector_byte_for_byte);
    tcase_add_test(tc, core_routes_are_stamped_now);
    tcase_add_test(tc, bytes_that_do_not_fit_the_type);
    tcase_add_test(tc, results_in_one_message);
    tcase_add_test(tc, no_ticket_no_signature);
    tcase_add_test(tc, nothing_is_signed_after_the_deadline);
    tcase_add_test(tc, routes_that_do_not_exist);
    tcase_add_test(tc, the_apps_time_has_bounds);
    tcase_add_test(tc, the_bounds_are_exact);
    tcase_add_test(tc, an_unsure_clock_signs_nothing);
    tcase_add_test(tc, large_payloads_travel_by_memfd);
    tcase_add_test(tc, messages_that_are_no_results);
    tcase_add_test(tc, a_new_app_on_a_lane);
    tcase_add_test(tc, a_new_http_has_a_key_of_its_own);
    tcase_add_test(tc, an_http_that_reads_nothing_holds_up_its_lane_only_for_a_while);
    tcase_add_test(tc, stops_whatever_it_waits_for);
}

int main(void)
{
    if (sodium_init() < 0)
        return 1;
    return nacre_run_suite("nacred/sign", add, 60);
}
