#include "plugin_host.h"
#include "suite.h"

#include <stdio.h>
#include <string.h>

#define EPOCH UINT64_C(1744038900)

static struct host h;

static void setup(void)
{
    host_init(&h);
}

static void teardown(void)
{
    host_free(&h);
}

static void ask(const char *location)
{
    char body[512];
    (void)snprintf(body, sizeof body, "{\"intent\":\"ProcessData\",\"payload\":{\"location\":\"%s\"}}",
                   location);
    host_call(&h, "/process_data", body);
}

static void ask_with(const char *temp, uint64_t epoch)
{
    char reply[512];
    (void)snprintf(
        reply, sizeof reply,
        "{\"location\":{\"name\":\"San Francisco\",\"lat\":37.775},\"current\":{\"last_updated_epoch\":"
        "%llu,\"temp_c\":%s,\"condition\":{\"text\":\"Sunny\"}}}",
        (unsigned long long)epoch, temp);
    h.reply_body = reply;
    ask("san francisco");
    h.reply_body = "";
}

/* The vector of the wire format, without intent and time. */
START_TEST(answers_with_place_and_temperature)
{
    ask_with("13.9", EPOCH);
    ck_assert_msg(h.status == 0, "%s", h.text);
    ck_assert_str_eq(h.bcs, "0d53616e204672616e636973636f0d00000000000000");
    ck_assert_uint_eq(h.timestamp_ms, EPOCH * 1000);
    ck_assert_str_eq(h.url, "https://api.weatherapi.com/v1/current.json?key=k&q=san%20francisco");
    ck_assert_uint_eq(h.fetches, 1);
}
END_TEST

START_TEST(encodes_what_goes_into_the_url)
{
    h.secret = "abc0123456789";
    ask("S\\u00e3o&q=x#/?%\\r\\n\\u0000");
    ck_assert_str_eq(h.url, "https://api.weatherapi.com/v1/current.json?key=abc0123456789&q="
                            "S%C3%A3o%26q%3Dx%23%2F%3F%25%0D%0A%00");
}
END_TEST

START_TEST(temperatures)
{
    static const struct {
        const char *temp;
        uint64_t expected;
    } cases[] = {{"0", 0}, {"-0.0", 0},  {"-0.1", 0},   {"-40.5", 0}, {"-1e300", 0}, {"0.99", 0},
                 {"1", 1}, {"11.2", 11}, {"99.99", 99}, {"100", 100}, {"1e2", 100}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char expected[64];
        ask_with(cases[i].temp, EPOCH);
        ck_assert_msg(h.status == 0, "%s: %s", cases[i].temp, h.text);
        (void)snprintf(expected, sizeof expected, "0d53616e204672616e636973636f%02x00000000000000",
                       (unsigned)cases[i].expected);
        ck_assert_str_eq(h.bcs, expected);
    }
    ask_with("100.1", EPOCH);
    ck_refused(&h, 502, "out of range");
    ask_with("1e300", EPOCH);
    ck_refused(&h, 502, "out of range");
}
END_TEST

START_TEST(age_of_the_reading)
{
    h.now_ms = EPOCH * 1000 + 3600000;
    ask_with("1", EPOCH);
    ck_assert_int_eq(h.status, 0);
    h.now_ms++;
    ask_with("1", EPOCH);
    ck_refused(&h, 502, "not from the last hour");
    h.now_ms = EPOCH * 1000;
    ask_with("1", EPOCH);
    ck_assert_int_eq(h.status, 0);
    h.now_ms--;
    ask_with("1", EPOCH);
    ck_refused(&h, 502, "not from the last hour");
    ask_with("1", UINT64_MAX);
    ck_refused(&h, 502, "not from the last hour");
    ask_with("1", 0);
    ck_refused(&h, 502, "not from the last hour");
    ck_assert_uint_eq(h.timestamp_ms, 0);
}
END_TEST

/* A reply that lacks something is no answer: never "Unknown", never 0 degrees. */
START_TEST(broken_replies)
{
    static const struct {
        const char *body, *text;
    } cases[] = {
        {"", "body"},
        {"<html></html>", "body"},
        {"{}", "location"},
        {"[]", "expected"},
        {"null", "expected"},
        {"{\"location\":{\"name\":\"x\"}}", "current"},
        {"{\"location\":{},\"current\":{\"temp_c\":1,\"last_updated_epoch\":1744038900}}", "location.name"},
        {"{\"location\":{\"name\":null},\"current\":{\"temp_c\":1,\"last_updated_epoch\":1744038900}}",
         "location.name"},
        {"{\"location\":{\"name\":\"x\"},\"current\":{\"last_updated_epoch\":1744038900}}", "current.temp_c"},
        {"{\"location\":{\"name\":\"x\"},\"current\":{\"temp_c\":null,\"last_updated_epoch\":1744038900}}",
         "current.temp_c"},
        {"{\"location\":{\"name\":\"x\"},\"current\":{\"temp_c\":\"1\",\"last_updated_epoch\":1744038900}}",
         "current.temp_c"},
        {"{\"location\":{\"name\":\"x\"},\"current\":{\"temp_c\":1}}", "current.last_updated_epoch"},
        {"{\"location\":{\"name\":\"x\"},\"current\":{\"temp_c\":1,\"last_updated_epoch\":-1}}",
         "current.last_updated_epoch"},
        {"{\"location\":{\"name\":\"x\"},\"current\":{\"temp_c\":1,\"last_updated_epoch\":1744038900.5}}",
         "current.last_updated_epoch"},
        {"{\"location\":{\"name\":\"x\"},\"current\":{\"temp_c\":1,\"last_updated_epoch\":1744038900}",
         "body"},
        {"{\"location\":{\"name\":\"x\",\"name\":\"y\"},\"current\":{\"temp_c\":1,\"last_updated_epoch\":"
         "1744038900}}",
         "location.name"},
        {"{\"location\":{\"name\":\"\\ud800\"},\"current\":{\"temp_c\":1,\"last_updated_epoch\":1744038900}}",
         ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        h.reply_body = cases[i].body;
        ask("x");
        ck_refused(&h, 502, cases[i].text);
    }
}
END_TEST

START_TEST(refusals_of_the_service)
{
    static const struct {
        uint32_t upstream;
        const char *body;
        int32_t status;
        const char *text;
    } cases[] = {
        {400, "{\"error\":{\"code\":1006,\"message\":\"No matching location found.\"}}", 400,
         "No matching location found."},
        {400, "{\"error\":{\"code\":1003,\"message\":\"Parameter q is missing.\"}}", 502,
         "answered with status 400"},
        {400, "{\"error\":{\"code\":9999}}", 502, "answered with status 400"},
        {400, "{\"error\":{}}", 502, "answered with status 400"},
        {400, "{\"error\":{\"code\":\"1006\"}}", 502, "answered with status 400"},
        {400, "Bad Request", 502, "answered with status 400"},
        {401, "{\"error\":{\"code\":2006,\"message\":\"API key provided is invalid\"}}", 502,
         "refuses the API key (status 401)"},
        {403, "{\"error\":{\"code\":2008}}", 502, "refuses the API key (status 403)"},
        {404, "{\"error\":{\"code\":1006}}", 502, "answered with status 404"},
        {429, "", 502, "answered with status 429"},
        {500, "", 502, "answered with status 500"},
        {302, "", 502, "answered with status 302"},
        {204, "", 502, "answered with status 204"},
        {0, "", 502, "answered with status 0"},
    };
    h.secret = "VERYSECRET";
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        h.reply_status = cases[i].upstream;
        h.reply_body = cases[i].body;
        ask("x");
        ck_refused(&h, cases[i].status, cases[i].text);
        ck_assert_ptr_null(strstr(h.text, "VERYSECRET"));
    }
}
END_TEST

START_TEST(errors_of_the_runtime_pass)
{
    h.fetch_status = 504;
    ask("x");
    ck_refused(&h, 504, "upstream: broken");
    h.fetch_status = 0;
    h.now_status = 503;
    ask_with("1", EPOCH);
    ck_assert_int_eq(h.status, 503);
    ck_assert_str_eq(h.bcs, "");
    h.now_status = 0;
    h.secret = NULL;
    ask("x");
    ck_refused(&h, 503, "API_KEY");
    ck_assert_uint_eq(h.fetches, 0);
}
END_TEST

START_TEST(bad_requests_do_not_reach_the_service)
{
    static const struct {
        const char *body, *text;
    } cases[] = {{"{\"payload\":{\"location\":\"\"}}", "payload.location"},
                 {"{\"payload\":{}}", "payload.location"},
                 {"{\"payload\":{\"location\":5}}", "payload.location: expected string, got number"},
                 {"{\"location\":\"x\"}", "payload"},
                 {"", "body"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        host_call(&h, "/process_data", cases[i].body);
        ck_refused(&h, 400, cases[i].text);
        ck_assert_uint_eq(h.fetches, 0);
    }
}
END_TEST

START_TEST(declares)
{
    const struct nacre_plugin *p = plugin_load();
    ck_assert(nacre_str_is(p->name, "weather"));
    ck_assert_uint_eq(p->n_intents, 1);
    ck_assert_uint_eq(p->intents[0].scope, 0);
    ck_assert_uint_eq(p->n_routes, 1);
    ck_assert_uint_eq(p->routes[0].time_rule, NACRE_TIME_APP);
    ck_assert_uint_eq(p->routes[0].max_age_ms, 3600000);
    ck_assert_uint_eq(p->n_endpoints, 1);
    ck_assert(nacre_str_is(p->endpoints[0].host, "api.weatherapi.com"));
    ck_assert_uint_eq(p->endpoints[0].port, 443);
    ck_assert_uint_eq(p->n_secrets, 1);
    ck_assert(nacre_str_is(p->secrets[0].name, "API_KEY"));
    ck_assert_uint_eq(p->secrets[0].required, 1);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, answers_with_place_and_temperature);
    tcase_add_test(tc, encodes_what_goes_into_the_url);
    tcase_add_test(tc, temperatures);
    tcase_add_test(tc, age_of_the_reading);
    tcase_add_test(tc, broken_replies);
    tcase_add_test(tc, refusals_of_the_service);
    tcase_add_test(tc, errors_of_the_runtime_pass);
    tcase_add_test(tc, bad_requests_do_not_reach_the_service);
    tcase_add_test(tc, declares);
}

int main(void)
{
    return nacre_run_suite("weather", add, 10);
}
