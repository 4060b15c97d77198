/* The table of jobs by itself: order, limits, what is kept and for how long, who finds what. */
#include "http/jobs.h"
#include "suite.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define S 1000000000ull

static struct nacre_config config;
static struct nacre_jobs jobs;

static void setup(void)
{
    nacre_config_defaults(&config);
    config.jobs_concurrent = 2;
    config.jobs_queue = 3;
    config.jobs_keep_s = 10;
    config.jobs_keep_count = 4;
    config.jobs_keep_bytes = 20000;
    ck_assert_int_eq(nacre_jobs_init(&jobs, &config), 0);
}

static void teardown(void)
{
    nacre_jobs_free(&jobs);
}

static int add_sized(uint8_t id[NACRE_JOB_ID], uint64_t now, size_t len)
{
    static char body[30000];
    memset(body, 'b', sizeof body);
    const struct nacre_job_order order = {
        .route = 1, .params = "\1\0p", .params_len = 3, .body = body, .body_len = len};
    return nacre_jobs_add(&jobs, &order, now, id);
}

static int add_job(uint8_t id[NACRE_JOB_ID], uint64_t now)
{
    return add_sized(id, now, 10);
}

/* Takes the next job, checks that it is this one, and sends it. */
static struct nacre_job *run_next(const uint8_t id[NACRE_JOB_ID], uint64_t now, uint64_t request)
{
    struct nacre_job *job = nacre_jobs_next(&jobs, now);
    ck_assert_ptr_nonnull(job);
    ck_assert_mem_eq(job->id, id, NACRE_JOB_ID);
    ck_assert(job->request && job->request_len >= 3 && job->params_len == 3 && job->route == 1);
    nacre_jobs_sent(&jobs, job, request);
    ck_assert_ptr_null(job->request);
    return job;
}

static enum nacre_job_state end_job(struct nacre_job *job, uint64_t now, uint32_t status, const char *answer)
{
    return nacre_jobs_end(&jobs, job, now, status, answer, strlen(answer));
}

/* What GET says of a job; empty when there is none. */
static const char *show(const uint8_t id[NACRE_JOB_ID], uint64_t now)
{
    static char text[40000];
    struct nacre_json_out out = {0};
    struct nacre_job_view view = nacre_jobs_get(&jobs, id, now, &out);
    text[0] = '\0';
    if (view.document)
        (void)snprintf(text, sizeof text, "%.*s", (int)view.document->len, view.document->data);
    else if (view.found)
        (void)snprintf(text, sizeof text, "%.*s", (int)out.len, out.base);
    nacre_text_drop(view.document);
    free(out.base);
    return text;
}

static void cancel_job(const uint8_t id[NACRE_JOB_ID], uint64_t now, bool found, uint64_t cancel_id)
{
    struct nacre_job_view view = nacre_jobs_cancel(&jobs, id, now);
    ck_assert_int_eq(view.found, found);
    ck_assert_uint_eq(view.cancel_id, cancel_id);
    nacre_text_drop(view.document);
}

#define HAS(TEXT, PART) ck_assert_msg(strstr((TEXT), (PART)) != NULL, "no %s in %s", (PART), (TEXT))

START_TEST(one_from_start_to_end)
{
    uint8_t id[NACRE_JOB_ID];
    ck_assert_int_eq(add_job(id, 1 * S), 0);
    HAS(show(id, 2 * S),
        "\"state\":\"queued\",\"progress\":0,\"message\":\"\",\"queued_ms\":1000,\"running_ms\":0,"
        "\"ahead\":0}");
    struct nacre_job *job = run_next(id, 3 * S, 0xabc);
    nacre_jobs_progress(&jobs, job, 250, (const uint8_t *)"epoch 1 \"of\" 4", 14);
    HAS(show(id, 5 * S),
        "\"state\":\"running\",\"progress\":250,\"message\":\"epoch 1 \\\"of\\\" 4\",\"request_id\":"
        "\"0000000000000abc\",\"queued_ms\":2000,\"running_ms\":2000,\"deadline_ms\":3600000}");
    ck_assert_int_eq(end_job(job, 7 * S, 200, "{\"response\":1}"), NACRE_JOB_DONE);
    const char *text = show(id, 8 * S);
    HAS(text, "\"state\":\"done\",\"progress\":1000,\"message\":\"epoch");
    HAS(text, "\"running_ms\":4000,\"kept_s\":10,\"status\":200,\"answer\":{\"response\":1}}");
    struct nacre_json_out out = {0};
    struct nacre_job_view view = nacre_jobs_get(&jobs, id, 8 * S, &out);
    ck_assert(view.found && view.status == 200 && view.answer_len == 14 && out.len == 0);
    ck_assert_mem_eq(view.document->data + view.answer_at, "{\"response\":1}", 14);
    nacre_text_drop(view.document);
    ck_assert_ptr_null(nacre_jobs_next(&jobs, 9 * S));
}
END_TEST

START_TEST(first_come_first_served_two_at_once)
{
    uint8_t id[5][NACRE_JOB_ID], more[NACRE_JOB_ID];
    for (unsigned i = 0; i < 5; i++)
        ck_assert_int_eq(add_job(id[i], S), 0);
    ck_assert_int_eq(add_job(more, S), -EAGAIN); /* 2 + 3 */
    ck_assert(nacre_jobs_full(&jobs));
    ck_assert_uint_eq(nacre_jobs_waiting(&jobs), 5);
    struct nacre_job *a = run_next(id[0], S, 1), *b = run_next(id[1], S, 2);
    ck_assert_ptr_null(nacre_jobs_next(&jobs, S));
    HAS(show(id[3], S), "\"ahead\":3}");
    ck_assert_int_eq(add_job(more, S), -EAGAIN); /* running ones count */
    ck_assert_int_eq(end_job(b, S, 422, "{\"error\":\"no\"}"), NACRE_JOB_FAILED);
    HAS(show(id[1], S), "\"state\":\"failed\",\"progress\":0,\"message\":\"\",");
    HAS(show(id[1], S), "\"status\":422,\"answer\":{\"error\":\"no\"}}");
    struct nacre_job *c = nacre_jobs_next(&jobs, S);
    ck_assert_mem_eq(c->id, id[2], NACRE_JOB_ID);
    nacre_jobs_back(&jobs, c); /* could not be sent: it stays the first in line */
    c = run_next(id[2], S, 3);
    ck_assert_int_eq(add_job(more, S), 0);
    (void)end_job(a, S, 200, "{}");
    (void)end_job(c, S, 200, "{}");
    uint64_t now[NACRE_JOB_STATES], ended[NACRE_JOB_STATES], refused;
    nacre_jobs_count(&jobs, now, ended, &refused);
    ck_assert(now[NACRE_JOB_QUEUED] == 3 && now[NACRE_JOB_RUNNING] == 0 && now[NACRE_JOB_DONE] == 2);
    ck_assert(ended[NACRE_JOB_DONE] == 2 && ended[NACRE_JOB_FAILED] == 1 && refused == 3);
}
END_TEST

START_TEST(cancelled_in_every_state)
{
    uint8_t id[3][NACRE_JOB_ID];
    for (unsigned i = 0; i < 3; i++)
        ck_assert_int_eq(add_job(id[i], S), 0);
    struct nacre_job *a = run_next(id[0], S, 7), *b = run_next(id[1], S, 8);
    cancel_job(id[2], S, true, 0); /* waits */
    HAS(show(id[2], S), "\"state\":\"cancelled\"");
    HAS(show(id[2], S), "\"status\":410,\"answer\":{\"error\":\"the job was cancelled\"}}");
    cancel_job(id[0], S, true, 7); /* runs: the app is to be told, and keeps its place until it lets go */
    HAS(show(id[0], S), "\"state\":\"cancelled\"");
    uint64_t told[4];
    ck_assert_uint_eq(nacre_jobs_sweep(&jobs, S, told, 4), 1);
    ck_assert_uint_eq(told[0], 7);
    ck_assert_ptr_null(nacre_jobs_next(&jobs, S));
    ck_assert_int_eq(end_job(a, S, 200, "{\"response\":1}"), NACRE_JOB_CANCELLED); /* too late to count */
    HAS(show(id[0], S), "\"state\":\"cancelled\"");
    ck_assert_uint_eq(nacre_jobs_sweep(&jobs, S, told, 4), 0);
    cancel_job(id[0], S, true, 0); /* again: forgotten */
    cancel_job(id[0], S, false, 0);
    ck_assert_str_eq(show(id[0], S), "");
    /* forgotten while the app is still at it */
    cancel_job(id[1], S, true, 8);
    cancel_job(id[1], S, true, 0);
    ck_assert_str_eq(show(id[1], S), "");
    ck_assert_uint_eq(nacre_jobs_waiting(&jobs), 1);
    (void)end_job(b, S, 200, "{}");
    ck_assert_uint_eq(nacre_jobs_waiting(&jobs), 0);
    cancel_job(id[2], S, true, 0);
    ck_assert_uint_eq(jobs.bytes, 0);
    ck_assert_uint_eq(atomic_load(&jobs.n_used), 0);
}
END_TEST

START_TEST(cancelled_while_it_is_being_sent)
{
    uint8_t id[NACRE_JOB_ID];
    ck_assert_int_eq(add_job(id, S), 0);
    struct nacre_job *job = nacre_jobs_next(&jobs, S);
    cancel_job(id, S, true, 0);
    ck_assert_ptr_nonnull(job->request); /* the lane still reads it */
    nacre_jobs_back(&jobs, job);
    HAS(show(id, S), "\"state\":\"cancelled\"");
    ck_assert_ptr_null(nacre_jobs_next(&jobs, S));
    cancel_job(id, S, true, 0);
    ck_assert_uint_eq(jobs.bytes, 0);
}
END_TEST

START_TEST(kept_for_so_long_and_so_many)
{
    uint8_t id[6][NACRE_JOB_ID];
    uint64_t told[1];
    for (uint64_t i = 0; i < 6; i++) {
        ck_assert_int_eq(add_job(id[i], (i + 1) * S), 0);
        (void)end_job(run_next(id[i], (i + 1) * S, i + 1), (i + 1) * S, 200, "{}");
    }
    ck_assert_str_eq(show(id[0], 6 * S), ""); /* four are kept: the oldest two went */
    ck_assert_str_eq(show(id[1], 6 * S), "");
    HAS(show(id[2], 6 * S), "done");
    (void)nacre_jobs_sweep(&jobs, 13 * S - 1, told, 1);
    HAS(show(id[2], 13 * S - 1), "done"); /* ended at 3 s */
    (void)nacre_jobs_sweep(&jobs, 13 * S, told, 1);
    ck_assert_str_eq(show(id[2], 13 * S), "");
    HAS(show(id[3], 13 * S), "done");
    (void)nacre_jobs_sweep(&jobs, 100 * S, told, 1);
    ck_assert_uint_eq(atomic_load(&jobs.n_used), 0);
    ck_assert_uint_eq(jobs.bytes, 0);
}
END_TEST

START_TEST(kept_within_bytes)
{
    static char answer[25000];
    uint8_t id[5][NACRE_JOB_ID];
    ck_assert_int_eq(add_sized(id[0], S, 9998), -EMSGSIZE); /* with its parameters more than half */
    ck_assert_int_eq(add_sized(id[0], S, 7000), 0);
    ck_assert_int_eq(add_sized(id[1], S, 2995), -ENOSPC); /* with what waits */
    (void)end_job(run_next(id[0], S, 1), S, 200, "{}");
    memset(answer, ' ', 9000);
    for (unsigned i = 1; i < 4; i++) { /* two of them fit */
        ck_assert_int_eq(add_job(id[i], i * S), 0);
        (void)end_job(run_next(id[i], i * S, i), i * S, 200, answer);
    }
    ck_assert_str_eq(show(id[1], 4 * S), "");
    HAS(show(id[2], 4 * S), "done");
    HAS(show(id[3], 4 * S), "done");
    memset(answer, ' ', sizeof answer - 1); /* one that never fits fails its own job and no other */
    ck_assert_int_eq(add_job(id[4], 5 * S), 0);
    ck_assert_int_eq(end_job(run_next(id[4], 5 * S, 9), 5 * S, 200, answer), NACRE_JOB_FAILED);
    HAS(show(id[4], 5 * S), "\"status\":500,\"answer\":{\"error\":\"the answer is too large to be kept");
    HAS(show(id[3], 5 * S), "done");
    ck_assert_uint_le(jobs.bytes, config.jobs_keep_bytes);
}
END_TEST

START_TEST(old_answers_make_room_for_requests)
{
    static char answer[9001];
    uint8_t id[3][NACRE_JOB_ID];
    memset(answer, ' ', sizeof answer - 1);
    for (unsigned i = 0; i < 2; i++) {
        ck_assert_int_eq(add_job(id[i], (i + 1) * S), 0);
        (void)end_job(run_next(id[i], (i + 1) * S, i + 1), (i + 1) * S, 200, answer);
    }
    ck_assert_int_eq(add_sized(id[2], 3 * S, 9000), 0);
    ck_assert_str_eq(show(id[0], 3 * S), "");
    HAS(show(id[1], 3 * S), "done");
    ck_assert_uint_le(jobs.bytes, config.jobs_keep_bytes);
}
END_TEST

/* However much waits, a job that ran says how it ended, and takes no other's answer with it that would not help. */
START_TEST(requests_leave_room_for_answers)
{
    static char answer[15001];
    uint8_t id[4][NACRE_JOB_ID];
    for (unsigned i = 0; i < 2; i++)
        ck_assert_int_eq(add_job(id[i], S), 0);
    struct nacre_job *a = run_next(id[0], S, 1), *b = run_next(id[1], S, 2);
    ck_assert_int_eq(add_sized(id[2], S, 9000), 0);
    ck_assert_int_eq(end_job(a, S, 200, "{\"a\":1}"), NACRE_JOB_DONE);
    memset(answer, ' ', sizeof answer - 1);
    ck_assert_int_eq(end_job(b, 2 * S, 200, answer), NACRE_JOB_FAILED);
    HAS(show(id[1], 2 * S), "\"status\":500,\"answer\":{\"error\":\"the answer is too large to be kept");
    HAS(show(id[0], 2 * S), "{\"a\":1}");
    b = run_next(id[2], 2 * S, 3); /* it is the app's now */
    ck_assert_int_eq(end_job(b, 3 * S, 200, answer), NACRE_JOB_DONE);
    HAS(show(id[2], 3 * S), "done");
}
END_TEST

START_TEST(a_document_outlives_its_job)
{
    uint8_t id[NACRE_JOB_ID];
    struct nacre_json_out out = {0};
    ck_assert_int_eq(add_job(id, S), 0);
    (void)end_job(run_next(id, S, 1), S, 200, "{\"a\":1}");
    struct nacre_job_view view = nacre_jobs_get(&jobs, id, S, &out);
    cancel_job(id, S, true, 0);
    ck_assert_str_eq(show(id, S), "");
    ck_assert_mem_eq(view.document->data + view.answer_at, "{\"a\":1}", 7);
    nacre_text_drop(view.document);
}
END_TEST

START_TEST(ids)
{
    uint8_t id[3][NACRE_JOB_ID], back[NACRE_JOB_ID], zero[NACRE_JOB_ID] = {0};
    char text[NACRE_JOB_ID_TEXT];
    for (unsigned i = 0; i < 3; i++)
        ck_assert_int_eq(add_job(id[i], S), 0);
    ck_assert(memcmp(id[0], id[1], NACRE_JOB_ID) != 0 && memcmp(id[1], id[2], NACRE_JOB_ID) != 0);
    ck_assert_str_eq(show(zero, S), ""); /* free records have this one */
    for (unsigned bit = 0; bit < 128; bit++) {
        id[0][bit / 8] ^= (uint8_t)(1 << bit % 8);
        ck_assert_str_eq(show(id[0], S), "");
        cancel_job(id[0], S, false, 0);
        id[0][bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    nacre_job_id_text(text, id[0]);
    ck_assert_uint_eq(strlen(text), 32);
    ck_assert(nacre_job_id_parse(back, text, 32));
    ck_assert_mem_eq(back, id[0], NACRE_JOB_ID);
    ck_assert(!nacre_job_id_parse(back, text, 31) && !nacre_job_id_parse(back, text, 0));
    ck_assert(!nacre_job_id_parse(back, "0123456789ABCDEF0123456789abcdef", 32));
    ck_assert(!nacre_job_id_parse(back, "0123456789abcdef0123456789abcdeg", 32));
    ck_assert(!nacre_job_id_parse(back, "0123456789abcdef0123456789abcdef0", 33));
}
END_TEST

START_TEST(progress_is_what_a_stranger_says)
{
    uint8_t id[NACRE_JOB_ID], text[2 * NACRE_PROGRESS_TEXT];
    ck_assert_int_eq(add_job(id, S), 0);
    struct nacre_job *job = run_next(id, S, 1);
    nacre_jobs_progress(&jobs, job, 4000000000u, (const uint8_t *)"caf\xc3\xa9", 5);
    HAS(show(id, S), "\"progress\":1000,\"message\":\"caf\xc3\xa9\"");
    nacre_jobs_progress(&jobs, job, 1, (const uint8_t *)"bad \xff\x01", 6);
    HAS(show(id, S), "\"progress\":1,\"message\":\"bad ?\\u0001\"");
    memset(text, 'y', sizeof text);
    nacre_jobs_progress(&jobs, job, 2, text, sizeof text);
    ck_assert_uint_eq(job->message_len, NACRE_PROGRESS_TEXT);
    for (size_t i = 1; i < sizeof text; i++) /* its middle is in the middle of a character */
        text[i] = i % 2 ? 0xc3 : 0xa9;
    nacre_jobs_progress(&jobs, job, 2, text, NACRE_PROGRESS_TEXT);
    ck_assert_uint_eq(job->message_len, NACRE_PROGRESS_TEXT - 1);
    ck_assert_mem_eq(job->message, text, NACRE_PROGRESS_TEXT - 1);
    nacre_jobs_progress(&jobs, job, 3, NULL, 0);
    HAS(show(id, S), "\"progress\":3,\"message\":\"\"");
    (void)end_job(job, S, 200, "{}");
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, one_from_start_to_end);
    tcase_add_test(tc, first_come_first_served_two_at_once);
    tcase_add_test(tc, cancelled_in_every_state);
    tcase_add_test(tc, cancelled_while_it_is_being_sent);
    tcase_add_test(tc, kept_for_so_long_and_so_many);
    tcase_add_test(tc, kept_within_bytes);
    tcase_add_test(tc, old_answers_make_room_for_requests);
    tcase_add_test(tc, requests_leave_room_for_answers);
    tcase_add_test(tc, a_document_outlives_its_job);
    tcase_add_test(tc, ids);
    tcase_add_test(tc, progress_is_what_a_stranger_says);
}

int main(void)
{
    return nacre_run_suite("http jobs", add, 60);
}
