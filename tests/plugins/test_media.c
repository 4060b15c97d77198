#include "plugin_host.h"
#include "suite.h"

#include <stdio.h>
#include <string.h>

#define HASH "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static struct host h;

static void setup(void)
{
    host_init(&h);
}

static void teardown(void)
{
    host_free(&h);
}

START_TEST(signs_hash_and_metadata)
{
    host_call(&h, "/process_data",
              "{\"payload\":{\"media_hash\":\"" HASH
              "\",\"metadata\":\"caf\\u00e9\"},\"intent\":\"ProcessData\"}");
    ck_assert_msg(h.status == 0, "%s", h.text);
    ck_assert_str_eq(h.bcs, "20" HASH "05636166c3a9");
    ck_assert_uint_eq(h.timestamp_ms, 0); /* the core stamps it */
}
END_TEST

START_TEST(digits_of_either_case_and_empty_metadata)
{
    host_call(&h, "/process_data",
              "{\"payload\":{\"metadata\":\"\",\"media_hash\":"
              "\"00112233445566778899AABBCCDDEEFF00112233445566778899aAbBcCdDeEfF\"}}");
    ck_assert_msg(h.status == 0, "%s", h.text);
    ck_assert_str_eq(h.bcs, "20" HASH "00");
}
END_TEST

START_TEST(bad_hashes)
{
    static const struct {
        const char *hash, *text;
    } cases[] = {
        {"", "expected 64 hex digits, got 0 characters"},
        {"00", "got 2 characters"},
        {HASH "0", "got 65 characters"},
        {"0x" HASH, "got 66 characters"},
        {"g0112233445566778899aabbccddeeff00112233445566778899aabbccddeeff", "another character in pair 0"},
        {"00112233445566778899aabbccddeeff00112233445566778899aabbccddeef ", "another character in pair 31"},
        {"00112233445566778899aabbccddeeff00112233445566778899aabbccdde/:@", "another character in pair 30"},
        {"00112233445566778899aabbccddeeff00112233445566778899aabbccdd`G@a", "another character in pair 30"},
        {"00112233445566778899aabbccddeeff00112233445566778899aabbccdd\\u0000000",
         "another character in pair 30"},
        {"00112233445566778899aabbccddeeff00112233445566778899aabbccdd\\u00e900",
         "another character in pair 30"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char body[512], expected[128];
        (void)snprintf(body, sizeof body, "{\"payload\":{\"media_hash\":\"%s\",\"metadata\":\"m\"}}",
                       cases[i].hash);
        host_call(&h, "/process_data", body);
        ck_refused(&h, 400, cases[i].text);
        (void)snprintf(expected, sizeof expected, "payload.media_hash: ");
        ck_assert_int_eq(strncmp(h.text, expected, strlen(expected)), 0);
        (void)snprintf(body, sizeof body,
                       "{\"report\":{\"jobId\":\"j\",\"verdict\":\"v\",\"mediaHash\":\"%s\"}}",
                       cases[i].hash);
        host_call(&h, "/sign_report", body);
        ck_refused(&h, 400, cases[i].text);
        ck_assert_int_eq(strncmp(h.text, "report.mediaHash: ", 18), 0);
    }
}
END_TEST

START_TEST(missing_and_mistyped)
{
    static const struct {
        const char *path, *body, *text;
    } cases[] = {
        {"/process_data", "{\"payload\":{\"media_hash\":\"" HASH "\"}}", "payload.metadata"},
        {"/process_data", "{\"payload\":{\"metadata\":\"m\"}}", "payload.media_hash"},
        {"/process_data", "{\"payload\":{\"media_hash\":[1],\"metadata\":\"m\"}}",
         "expected string, got array"},
        {"/process_data", "{\"media_hash\":\"" HASH "\",\"metadata\":\"m\"}", "payload"},
        {"/sign_report", "{}", "report"},
        {"/sign_report", "{\"report\":\"text\"}", "expected"},
        {"/sign_report", "{\"report\":null}", "expected"},
        {"/sign_report", "{\"report\":[]}", "expected"},
        {"/sign_report", "{\"report\":{}}", "jobId"},
        {"/sign_report", "{\"report\":{\"jobId\":7,\"mediaHash\":\"" HASH "\",\"verdict\":\"v\"}}", "jobId"},
        {"/sign_report", "{\"report\":{\"jobId\":\"j\",\"verdict\":\"v\"}}", "mediaHash"},
        {"/sign_report", "{\"report\":{\"jobId\":\"j\",\"mediaHash\":\"" HASH "\"}}", "verdict"},
        {"/sign_report", "{\"report\":{\"jobId\":\"j\",\"mediaHash\":\"" HASH "\",\"verdict\":null}}",
         "verdict"},
        {"/sign_report",
         "{\"report\":{\"jobId\":\"j\",\"jobId\":\"k\",\"mediaHash\":\"" HASH "\",\"verdict\":\"v\"}}",
         "report"},
        {"/sign_report",
         "{\"report\":{\"x\":{\"a\":1,\"a\":2},\"jobId\":\"j\",\"mediaHash\":\"" HASH
         "\",\"verdict\":\"v\"}}",
         "report"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        host_call(&h, cases[i].path, cases[i].body);
        ck_refused(&h, 400, cases[i].text);
    }
}
END_TEST

/* SHA-256 of {"jobId":"job-7","mediaHash":"...","n":1e+21,"notes":["<e acute>",null,true],"score":0.5,
 * "verdict":"authentic"}, computed with another implementation. */
#define REPORT_HASH "c6ad5886369aa55de22caa99d180f7a152f99305cc54bc928a8367220a405f29"

START_TEST(reports)
{
    static const char *const bodies[] = {
        "{\"report\":{\"verdict\":\"authentic\",\"jobId\":\"job-7\",\"mediaHash\":\"" HASH
        "\",\"score\":0.5,\"notes\":[\"\\u00e9\",null,true],\"n\":1e21}}",
        " { \"report\" : { \"n\": 1000000000000000000000, \"notes\": [ \"\xc3\xa9\", null, true ],\n "
        "\"score\": 5e-1,"
        "\"mediaHash\":\"" HASH "\",\"jobId\":\"job\\u002d7\", \"verdict\":\"authentic\" } }",
    };
    for (size_t i = 0; i < 2; i++) {
        host_call(&h, "/sign_report", bodies[i]);
        ck_assert_msg(h.status == 0, "%s", h.text);
        ck_assert_str_eq(h.bcs, "20" REPORT_HASH "056a6f622d3720" HASH "0961757468656e746963");
    }
    host_call(&h, "/sign_report",
              "{\"report\":{\"verdict\":\"fake\",\"jobId\":\"job-7\",\"mediaHash\":\"" HASH "\"}}");
    ck_assert_int_eq(h.status, 0);
    ck_assert_ptr_null(strstr(h.bcs, REPORT_HASH));
}
END_TEST

START_TEST(declares)
{
    const struct nacre_plugin *p = plugin_load();
    ck_assert(nacre_str_is(p->name, "media"));
    ck_assert_uint_eq(p->n_intents, 2);
    ck_assert_uint_eq(p->intents[0].scope, 0);
    ck_assert_uint_eq(p->intents[1].scope, 1);
    ck_assert_uint_eq(p->n_routes, 2);
    ck_assert_uint_eq(p->routes[0].intent, 0);
    ck_assert_uint_eq(p->routes[1].intent, 1);
    ck_assert_uint_eq(p->routes[0].time_rule, NACRE_TIME_CORE);
    ck_assert_uint_eq(p->routes[1].time_rule, NACRE_TIME_CORE);
    ck_assert_uint_eq(p->n_endpoints, 0);
    ck_assert_uint_eq(p->n_secrets, 0);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, signs_hash_and_metadata);
    tcase_add_test(tc, digits_of_either_case_and_empty_metadata);
    tcase_add_test(tc, bad_hashes);
    tcase_add_test(tc, missing_and_mistyped);
    tcase_add_test(tc, reports);
    tcase_add_test(tc, declares);
}

int main(void)
{
    return nacre_run_suite("media", add, 10);
}
