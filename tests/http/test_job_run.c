/* Jobs through the real nacre-http, with the app and nacred played by the test. */
#include "fake.h"
#include "sample.h"
#include "suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct fake f;
static struct client c;
static struct nacre_config config;

static void begin(uint32_t n_lanes)
{
    fake_start_with(&f, &config, n_lanes, 0);
    client_open(&c, f.port);
}

static void setup(void)
{
    nacre_config_defaults(&config);
    config.jobs_queue = 2;
}

static void teardown(void)
{
    client_close(&c);
    if (f.pid > 0) /* else the test has ended the program itself */
        fake_stop(&f);
}

#define HAS(TEXT, PART) ck_assert_msg(strstr((TEXT), (PART)) != NULL, "no %s in %s", (PART), (TEXT))

static void ask(const char *method, const char *path, const char *more)
{
    char text[1024];
    (void)snprintf(text, sizeof text, "%s %s HTTP/1.1\r\nHost: x\r\n%s\r\n", method, path, more);
    client_text(&c, text);
}

static void post_job(const char *body)
{
    char text[512];
    (void)snprintf(
        text, sizeof text,
        "POST /process_data HTTP/1.1\r\nHost: x\r\nPrefer: respond-async\r\nContent-Length: %zu\r\n\r\n%s",
        strlen(body), body);
    client_text(&c, text);
}

/* Posts a job that must be accepted; its path into out. */
static void submit(char out[64])
{
    post_job("{\"a\":1}");
    struct answer a = client_answer(&c, false);
    ck_assert_msg(a.status == 202, "%s%s", a.head, a.body);
    ck_assert_str_eq(answer_header(&a, "preference-applied"), "respond-async");
    (void)snprintf(out, 64, "%s", answer_header(&a, "location"));
    ck_assert(strncmp(out, "/jobs/", 6) == 0 && strlen(out) == 38);
    ck_assert_int_eq(strncmp(a.body, "{\"id\":\"", 7), 0);
    ck_assert_int_eq(strncmp(a.body + 7, out + 6, 32), 0);
    answer_free(&a);
}

static struct answer show(const char *path)
{
    ask("GET", path, "");
    return client_answer(&c, false);
}

static void expect_state(const char *path, const char *part)
{
    struct answer a = {0};
    for (int i = 0; i < 2000; i++) { /* the news may still be on its way */
        a = show(path);
        ck_assert_msg(a.status == 200, "%s%s", a.head, a.body);
        if (strstr(a.body, part))
            break;
        answer_free(&a);
        a.body = NULL;
        (void)usleep(2000);
    }
    ck_assert_msg(a.body != NULL, "never %s", part);
    answer_free(&a);
}

static void sign(uint32_t lane, const struct nacre_request_frame *r, uint64_t temperature)
{
    uint8_t bcs[64];
    fake_answer(&f, lane, r->ticket.id, r->ticket.route, 200, bcs,
                weather_bcs(bcs, sizeof bcs, "x", temperature));
}

START_TEST(from_202_to_the_signed_answer)
{
    char path[64], answer[80], json[600];
    begin(1);
    submit(path);
    struct nacre_request_frame r = fake_request(&f, NULL);
    ck_assert_uint_eq(r.flags, NACRE_REQUEST_JOB);
    ck_assert_mem_eq(f.inbox.payload, "{\"a\":1}", 7);
    ck_assert_uint_gt(r.ticket.deadline_ns, nacre_monotonic_ns() + 3500ull * 1000000000);
    (void)snprintf(answer, sizeof answer, "%s/answer", path);
    struct answer a = show(answer);
    ck_assert_uint_eq(a.status, 409);
    answer_free(&a);
    fake_progress(&f, 0, r.ticket.id, 333, "epoch 1", 7);
    expect_state(path, "\"state\":\"running\",\"progress\":333,\"message\":\"epoch 1\"");
    /* an ordinary request is served meanwhile */
    client_post(&c, "/process_data", "{}");
    struct nacre_request_frame other = fake_request(&f, NULL);
    ck_assert_uint_eq(other.flags, 0);
    sign(0, &other, 9);
    weather_json(json, sizeof json, "x", 9);
    client_expect(&c, 200, json);
    sign(0, &r, 5);
    weather_json(json, sizeof json, "x", 5);
    expect_state(path, "\"state\":\"done\"");
    expect_state(path, json);
    a = show(answer);
    ck_assert(a.status == 200 && strcmp(a.body, json) == 0 && !answer_header(&a, "location"));
    answer_free(&a);
    ask("HEAD", path, "");
    a = client_answer(&c, true);
    ck_assert(a.status == 200 && strtoul(answer_header(&a, "content-length"), NULL, 10) > strlen(json));
    answer_free(&a);
}
END_TEST

START_TEST(one_at_a_time_and_a_bounded_line)
{
    char path[3][64];
    begin(1);
    for (unsigned i = 0; i < 3; i++)
        submit(path[i]);
    post_job("{}");
    struct answer a = client_answer(&c, false);
    ck_assert_uint_eq(a.status, 429);
    ck_assert_str_eq(a.body, "{\"error\":\"too many jobs run and wait: 4, at most 3\"}");
    ck_assert_str_eq(answer_header(&a, "retry-after"), "1");
    answer_free(&a);
    struct nacre_request_frame r = fake_request(&f, NULL);
    fake_silence(&f, 0, 100);
    expect_state(path[1], "\"state\":\"queued\"");
    expect_state(path[2], "\"ahead\":2}");
    fake_failure(&f, 0, r.ticket.id, 422, "ragged row 7", 12);
    expect_state(path[0], "\"state\":\"failed\"");
    expect_state(path[0], "\"status\":422,\"answer\":{\"error\":\"ragged row 7\"}}");
    r = fake_request(&f, NULL);
    fake_answer(&f, 0, r.ticket.id, r.ticket.route, 503, "the clock", 9); /* nacred refused to sign */
    expect_state(path[1], "\"status\":503,\"answer\":{\"error\":\"the clock\"}}");
    r = fake_request(&f, NULL);
    sign(0, &r, 1);
    expect_state(path[2], "\"state\":\"done\"");
}
END_TEST

START_TEST(cancelling)
{
    char path[2][64];
    begin(1);
    submit(path[0]);
    submit(path[1]);
    struct nacre_request_frame r = fake_request(&f, NULL);
    ask("DELETE", path[1], "");
    client_expect(&c, 200, NULL);
    expect_state(path[1], "\"state\":\"cancelled\"");
    ask("DELETE", path[0], "");
    client_expect(&c, 200, NULL);
    for (unsigned i = 0; i < 2; i++) { /* told, and told again while the app is still at it */
        const struct nacre_cancel_frame *told = fake_expect(&f, f.app[0], NACRE_FRAME_CANCEL);
        ck_assert_uint_eq(told->id, r.ticket.id);
    }
    sign(0, &r, 5); /* it comes too late */
    submit(path[1]);
    for (;;) { /* one more CANCEL may have crossed it */
        const struct nacre_frame_head *head;
        ck_assert_int_eq(nacre_frame_receive(f.app[0], &f.inbox, NACRE_PAYLOAD_MAX, false), 1);
        head = f.inbox.head;
        if (head->type == NACRE_FRAME_REQUEST)
            break;
        ck_assert_uint_eq(head->type, NACRE_FRAME_CANCEL);
    }
    expect_state(path[0], "\"state\":\"cancelled\"");
    ask("DELETE", path[0], ""); /* forgotten */
    client_expect(&c, 200, NULL);
    ask("DELETE", path[0], "");
    client_expect(&c, 404, NULL);
    ask("GET", path[0], "");
    client_expect(&c, 404, NULL);
}
END_TEST

START_TEST(the_app_dies)
{
    char path[2][64], json[600];
    begin(1);
    submit(path[0]);
    submit(path[1]);
    (void)fake_request(&f, NULL);
    fake_new_app(&f, 0);
    expect_state(path[0], "\"status\":503,\"answer\":{\"error\":\"the app ended while the job ran\"}}");
    struct nacre_request_frame r = fake_request(&f, NULL); /* what waited goes to the new one */
    sign(0, &r, 6);
    weather_json(json, sizeof json, "x", 6);
    expect_state(path[1], json);
}
END_TEST

START_TEST(deadline_and_late_answers)
{
    char path[64];
    config.jobs_deadline_ms = 200;
    begin(1);
    submit(path);
    struct nacre_request_frame r = fake_request(&f, NULL);
    expect_state(path, "\"status\":504,\"answer\":{\"error\":\"the job did not end in time, milliseconds: 2");
    sign(0, &r, 5);
    fake_progress(&f, 0, r.ticket.id, 1, "late", 4);
    submit(path); /* its place is free again */
    r = fake_request(&f, NULL);
    sign(0, &r, 5);
    expect_state(path, "\"state\":\"done\"");
}
END_TEST

START_TEST(expires)
{
    char path[64];
    config.jobs_keep_s = 1;
    begin(1);
    submit(path);
    struct nacre_request_frame r = fake_request(&f, NULL);
    sign(0, &r, 5);
    expect_state(path, "\"kept_s\":1,");
    for (int i = 0; i < 500; i++) {
        struct answer a = show(path);
        unsigned status = a.status;
        answer_free(&a);
        if (status == 404)
            return;
        (void)usleep(20000);
    }
    ck_abort_msg("still there");
}
END_TEST

START_TEST(not_as_a_job)
{
    begin(1);
    client_text(
        &c,
        "POST /process_data?attest=00 HTTP/1.1\r\nHost: x\r\nPrefer: respond-async\r\nContent-Length: 2\r\n"
        "\r\n{}");
    client_expect(
        &c, 400,
        "{\"error\":\"a job carries no attestation document: ask /get_attestation when it is done\"}");
    ask("GET", "/jobs/00000000000000000000000000000000", "");
    client_expect(&c, 404, NULL);
    ask("OPTIONS", "/jobs/00000000000000000000000000000000", "");
    struct answer a = client_answer(&c, true);
    ck_assert_uint_eq(a.status, 204);
    ck_assert_str_eq(answer_header(&a, "allow"), "GET, HEAD, DELETE, OPTIONS");
    answer_free(&a);
}
END_TEST

START_TEST(switched_off)
{
    char json[600];
    config.jobs_concurrent = 0;
    begin(1);
    post_job("{}");
    struct nacre_request_frame r = fake_request(&f, NULL);
    ck_assert_uint_eq(r.flags, 0);
    sign(0, &r, 5);
    weather_json(json, sizeof json, "x", 5);
    client_expect(&c, 200, json);
}
END_TEST

START_TEST(parameters_and_pieces)
{
    char path[64];
    begin(1);
    client_text(
        &c,
        "POST /item/42/list HTTP/1.1\r\nHost: x\r\nPrefer: respond-async\r\nContent-Length: 7\r\n\r\n{\"a");
    (void)usleep(20000);
    client_text(&c, "\":1}");
    struct answer a = client_answer(&c, false);
    ck_assert_uint_eq(a.status, 202);
    (void)snprintf(path, sizeof path, "%s", answer_header(&a, "location"));
    answer_free(&a);
    struct nacre_request_frame r = fake_request(&f, NULL);
    ck_assert_uint_eq(r.params_len, 4);
    ck_assert_mem_eq(f.inbox.payload, "\2\00042{\"a\":1}", 11);
}
END_TEST

/* With two lanes, a job is found from both, and two run although one lane took both. */
START_TEST(two_lanes)
{
    char path[4][64], json[600];
    config.jobs_concurrent = 2;
    begin(2);
    for (unsigned i = 0; i < 4; i++) {
        client_close(&c);
        client_open(&c, f.port); /* the kernel chooses the lane */
        submit(path[i]);
    }
    for (unsigned i = 0; i < 4; i += 2) {
        uint32_t lane[2];
        struct nacre_request_frame r[2];
        for (unsigned k = 0; k < 2; k++)
            r[k] = fake_request(&f, &lane[k]);
        for (unsigned k = 0; k < 2; k++)
            sign(lane[k], &r[k], 7);
    }
    weather_json(json, sizeof json, "x", 7);
    for (unsigned i = 0; i < 4; i++) {
        client_close(&c);
        client_open(&c, f.port);
        expect_state(path[i], json);
    }
}
END_TEST

START_TEST(too_large_to_wait)
{
    static char text[40000];
    config.jobs_keep_bytes = 65536;
    begin(1);
    int n = snprintf(
        text, sizeof text,
        "POST /process_data HTTP/1.1\r\nHost: x\r\nPrefer: respond-async\r\nContent-Length: 32769\r\n"
        "\r\n");
    memset(text + n, ' ', 32769);
    client_text(&c, text);
    client_expect(&c, 413, "{\"error\":\"bytes of a job's request: 32769, at most 32768\"}");
}
END_TEST

/* The app is not started before its secrets are there: a job that were sent to it would only lose time. */
START_TEST(waits_for_secrets)
{
    char path[64];
    struct nacre_state_frame state = {.head.type = NACRE_FRAME_STATE, .secrets_form = NACRE_SECRETS_WAITING};
    begin(1);
    fake_state(&f, &state);
    for (bool known = false; !known;) {
        struct answer a = show("/health_check");
        known = strstr(a.body, "\"secrets\":\"waiting\"") != NULL;
        answer_free(&a);
    }
    submit(path);
    fake_silence(&f, 0, 1500); /* more than a sweep */
    expect_state(path, "\"state\":\"queued\"");
    state.secrets_form = NACRE_SECRETS_SEALED;
    fake_state(&f, &state);
    struct nacre_request_frame r = fake_request(&f, NULL);
    sign(0, &r, 5);
    expect_state(path, "\"state\":\"done\"");
}
END_TEST

/* Those that wait would wait for ever, and what is accepted now would, too. */
START_TEST(an_app_stopped_for_good)
{
    static const char text[] =
        "{\"error\":\"the app is stopped for good: it ended too often, see restart.stop_after\"}";
    char path[3][64], answer[80];
    struct nacre_state_frame state = {.head.type = NACRE_FRAME_STATE, .app_state = NACRE_HELPER_STOPPED};
    begin(1);
    for (unsigned i = 0; i < 3; i++)
        submit(path[i]);
    (void)fake_request(&f, NULL);
    (void)close(f.app[0]);
    f.app[0] = -1;
    expect_state(path[0], "the app ended while the job ran");
    expect_state(path[1], "\"state\":\"queued\"");
    fake_state(&f, &state);
    for (unsigned i = 1; i < 3; i++) {
        expect_state(path[i], "\"state\":\"failed\"");
        expect_state(path[i], text);
        (void)snprintf(answer, sizeof answer, "%s/answer", path[i]);
        struct answer a = show(answer);
        ck_assert_msg(a.status == 503 && strcmp(a.body, text) == 0, "%s%s", a.head, a.body);
        answer_free(&a);
    }
    post_job("{}");
    client_expect(&c, 503, text);
    client_post(&c, "/process_data", "{}");
    struct answer a = client_answer(&c, false);
    ck_assert_msg(a.status == 503 && strcmp(a.body, text) == 0, "%s%s", a.head, a.body);
    ck_assert_ptr_null(answer_header(&a, "retry-after"));
    answer_free(&a);
}
END_TEST

/* What is accepted now would never run. */
START_TEST(none_while_stopping)
{
    struct client waiting, early;
    struct nacre_plain_frame stop = {.head.type = NACRE_FRAME_STOP};
    begin(1);
    client_post(&c, "/process_data", "{}");
    struct nacre_request_frame r = fake_request(&f, NULL);
    waiting = c;
    client_open(&c, f.port);
    ask("GET", "/", "");
    client_expect(&c, 200, "Pong!");
    early = c;
    client_open(&c, f.port);
    ask("GET", "/", "");
    client_expect(&c, 200, "Pong!");
    ck_assert_int_eq(nacre_frame_send(f.control, &stop, NULL, 0, NULL, 0, NULL, 0), 0);
    for (bool stopping = false; !stopping;) {
        struct answer a = show("/");
        stopping = answer_header(&a, "connection") != NULL;
        answer_free(&a);
    }
    client_close(&c);
    c = early;
    post_job("{}");
    client_expect(&c, 503, "{\"error\":\"the runtime is stopping\"}");
    sign(0, &r, 4);
    client_expect(&waiting, 200, NULL);
    client_close(&waiting);
    ck_assert_int_eq(fake_wait(&f), 0);
    f.pid = -1;
}
END_TEST

START_TEST(stopping_with_jobs)
{
    char path[2][64];
    begin(1);
    submit(path[0]);
    submit(path[1]);
    (void)fake_request(&f, NULL);
    /* teardown: exit status 0, and no sanitizer complains */
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, from_202_to_the_signed_answer);
    tcase_add_test(tc, one_at_a_time_and_a_bounded_line);
    tcase_add_test(tc, cancelling);
    tcase_add_test(tc, the_app_dies);
    tcase_add_test(tc, deadline_and_late_answers);
    tcase_add_test(tc, expires);
    tcase_add_test(tc, not_as_a_job);
    tcase_add_test(tc, switched_off);
    tcase_add_test(tc, parameters_and_pieces);
    tcase_add_test(tc, two_lanes);
    tcase_add_test(tc, too_large_to_wait);
    tcase_add_test(tc, waits_for_secrets);
    tcase_add_test(tc, an_app_stopped_for_good);
    tcase_add_test(tc, none_while_stopping);
    tcase_add_test(tc, stopping_with_jobs);
}

int main(void)
{
    return nacre_run_suite("http job_run", add, 60);
}
