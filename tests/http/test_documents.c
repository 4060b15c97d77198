/* The texts that are written for machines: OpenAPI, health, metrics. Python reads them where it can. */
#include "http/builtin.h"
#include "http/lane.h"
#include "http/openapi.h"
#include "sample.h"
#include "suite.h"

#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define NS 1000000000ull

static struct nacre_manifest manifest;
static struct nacre_shared shared;
static struct nacre_lane lane;

static void setup(void)
{
    char why[256] = "";
    sample_load(&manifest, NULL);
    ck_assert_msg(nacre_shared_init(&shared, &manifest, why, sizeof why) == 0, "%s", why);
    ck_assert_int_eq(nacre_metrics_init(&lane.metrics, nacre_row_count(&shared)), 0);
    shared.lanes = &lane;
    shared.n_lanes = 1;
}

static void teardown(void)
{
    nacre_metrics_free(&lane.metrics);
    nacre_shared_free(&shared);
    nacre_manifest_free(&manifest);
}

/* Runs Debian's Python over the text: `check` sees the parsed JSON as d. */
static void python(const struct nacre_json_out *text, const char *check)
{
    static const char prologue[] = "import json,re,sys\n"
                                   "def pairs(p):\n"
                                   " assert len(p) == len(dict(p)), p\n"
                                   " return dict(p)\n"
                                   "t = sys.stdin.buffer.read().decode('utf-8')\n"
                                   "d = json.loads(t, object_pairs_hook=pairs)\n";
    char script[4096];
    int status = 0, n = snprintf(script, sizeof script, "%s%s", prologue, check);
    ck_assert(n > 0 && (size_t)n < sizeof script);
    int fd = memfd_create("document", MFD_CLOEXEC);
    ck_assert_int_eq(write(fd, text->base, text->len), (ssize_t)text->len);
    ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        if (dup2(fd, STDIN_FILENO) >= 0)
            execl("/usr/bin/python3", "python3", "-c", script, (char *)NULL);
        _exit(127);
    }
    (void)close(fd);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_msg(status == 0, "%.*s", (int)text->len, text->base);
}

START_TEST(openapi)
{
    python(
        &shared.openapi,
        "assert d[\"openapi\"].startswith(\"3.1\") and d[\"info\"] == {\"title\": \"sample\", "
        "\"version\": \"2.3.4\"}\n"
        "for ref in re.findall(\"\\\"[$]ref\\\":\\\"#/([^\\\"]+)\\\"\", t):\n"
        " at = d\n"
        " for part in ref.split(\"/\"): at = at[part]\n"
        "paths = d[\"paths\"]\n"
        "assert set(paths) == {\"/\", \"/health_check\", \"/get_attestation\", \"/openapi.json\", "
        "\"/jobs/{id}\", \"/jobs/{id}/answer\", "
        "\"/process_data\","
        " \"/{network}/register-agent\", \"/item/{id}/{name}\", \"/item/{id}/list\", \"/small\"}, "
        "list(paths)\n"
        "assert [p[\"name\"] for p in paths[\"/get_attestation\"][\"get\"][\"parameters\"]] == [\"nonce\", "
        "\"batch\"]\n"
        "assert set(paths[\"/process_data\"]) == {\"post\", \"put\"}\n"
        "of = lambda p: d[\"components\"][\"parameters\"][\"Prefer\"] if \"$ref\" in p else p\n"
        "op = paths[\"/{network}/register-agent\"][\"post\"]\n"
        "assert [(p[\"name\"], p[\"in\"]) for p in map(of, op[\"parameters\"])] == [(\"network\", \"path\"), "
        "(\"attest\", \"query\"), (\"Prefer\", \"header\")]\n"
        "assert \"requestBody\" in op and \"requestBody\" not in paths[\"/item/{id}/{name}\"][\"get\"]\n"
        "ids = [o[\"operationId\"] for p in paths.values() for o in p.values()]\n"
        "assert len(ids) == len(set(ids)) == 14, ids\n"
        "schemas = d[\"components\"][\"schemas\"]\n"
        "assert all(re.fullmatch(\"[a-zA-Z0-9._-]+\", s) for s in schemas), list(schemas)\n"
        "agent = schemas[\"Agent.request\"]\n"
        "assert \"network\" not in agent[\"properties\"] and \"network\" not in agent[\"required\"]\n"
        "assert \"key\" in agent[\"properties\"] and \"key\" not in agent[\"required\"]\n"
        "assert \"oneOf\" in agent[\"properties\"][\"creator\"]\n"
        "every = schemas[\"Everything\"]\n"
        "assert len(every[\"required\"]) == 19 and every[\"properties\"][\"d\"][\"maximum\"] == 2**64-1\n"
        "assert every[\"properties\"][\"owner\"][\"minItems\"] == 32 and "
        "every[\"properties\"][\"e\"][\"type\"] == \"string\"\n"
        "answer = op[\"responses\"][\"200\"][\"content\"][\"application/json\"][\"schema\"]\n"
        "assert answer[\"properties\"][\"response\"][\"properties\"][\"intent\"][\"const\"] == 7\n"
        "assert schemas[\"Payload.request\"][\"properties\"][\"extra\"] == {}\n");
}
END_TEST

START_TEST(operation_names)
{
    static const char *const paths[] = {"/a-b", "/a_b", "/a/{b}", "/c", "/A--B/", "/long"};
    struct nacre_type_decl types[] = {{.kind = NACRE_KIND_U8, .depth = 1},
                                      {.kind = NACRE_KIND_STRUCT, .depth = 2, .n_fields = 1, .name = "One"}};
    struct nacre_field_decl field = {"x", 0, 0};
    struct nacre_intent_decl intent = {.name = "I", .response = 1};
    struct nacre_route_decl routes[6];
    struct nacre_manifest m = {.app = "names",
                               .version = "1",
                               .types = {types, 2, &field, 1},
                               .intents = &intent,
                               .n_intents = 1,
                               .routes = routes,
                               .n_routes = 6};
    for (uint32_t i = 0; i < 6; i++)
        routes[i] = (struct nacre_route_decl){.method = "GET", .path = paths[i], .request = 1, .response = 1};
    struct nacre_json_out out = {0};
    ck_assert_int_eq(nacre_openapi_write(&out, &m, true), 0);
    python(
        &out,
        "ids = [d['paths'][p]['get']['operationId'] for p in ('/a-b', '/a_b', '/a/{b}', '/A--B/', '/long')]\n"
        "assert ids == ['get_a_b', 'get_a_b__1', 'get_a_b__2', 'get_a_b__4', 'get_long'], ids\n"
        "assert d['servers'][0]['description'].startswith('Plain HTTP')\n");
    free(out.base);
}
END_TEST

START_TEST(two_structs_of_one_name)
{
    struct nacre_field_decl fields[] = {{"x", 0, 0}, {"y", 1, 0}, {"z", 2, 0}};
    struct nacre_type_decl types[] = {
        {.kind = NACRE_KIND_U8, .depth = 1},
        {.kind = NACRE_KIND_STRUCT, .depth = 2, .first_field = 0, .n_fields = 1, .name = "Same"},
        {.kind = NACRE_KIND_STRUCT, .depth = 3, .first_field = 1, .n_fields = 1, .name = "Same"},
        {.kind = NACRE_KIND_STRUCT, .depth = 4, .first_field = 2, .n_fields = 1, .name = "Outer"}};
    struct nacre_intent_decl intent = {.scope = 1, .name = "I", .response = 3};
    struct nacre_route_decl route = {.method = "POST", .path = "/a", .request = 3, .response = 3};
    struct nacre_manifest m = {.app = "twins",
                               .version = "1\"\\",
                               .types = {types, 4, fields, 3},
                               .intents = &intent,
                               .n_intents = 1,
                               .routes = &route,
                               .n_routes = 1};
    struct nacre_json_out out = {0};
    ck_assert_int_eq(nacre_openapi_write(&out, &m, false), 0);
    python(
        &out,
        "assert 'servers' not in d\n"
        "s = d[\"components\"][\"schemas\"]\n"
        "assert {\"Same\", \"Same.2\", \"Outer\", \"Same.request\", \"Same.request.2\"} <= set(s), list(s)\n"
        "assert s[\"Outer\"][\"properties\"][\"z\"][\"$ref\"].endswith(\"/Same.2\")\n"
        "assert s[\"Same.2\"][\"properties\"][\"y\"][\"$ref\"].endswith(\"/Same\")\n");
    free(out.base);
}
END_TEST

START_TEST(health_before_there_is_a_key)
{
    struct nacre_json_out out = {0};
    ck_assert_uint_eq(nacre_health_write(&shared, &out, 100 * NS), 503);
    python(&out,
           "assert d[\"pk\"] is None and d[\"public_key\"] is None and d[\"status\"] == \"starting\"\n"
           "assert d[\"endpoints\"] == [\"api.example.com\", \"other.example.org\"]\n"
           "assert d[\"endpoints_status\"] == {\"api.example.com\": False, \"other.example.org\": False}\n"
           "assert d[\"endpoints_age_s\"] == {\"api.example.com\": None, \"other.example.org\": None}\n"
           "assert d[\"attestation_age_s\"] is None and d[\"clock_ok\"] is False\n");
    free(out.base);
}
END_TEST

static struct nacre_state_frame good_state(void)
{
    struct nacre_state_frame s = {.key_ready = 1,
                                  .clock_ok = 1,
                                  .clock_error_ns = 1234567,
                                  .started_ns = 40 * NS,
                                  .app_state = NACRE_HELPER_UP,
                                  .http_state = NACRE_HELPER_UP,
                                  .app_restarts = 3,
                                  .http_restarts = 4,
                                  .app_backoff_ms = 80,
                                  .http_backoff_ms = 160,
                                  .signed_answers = 11,
                                  .refused_answers = 12,
                                  .nsm_calls = 13,
                                  .nsm_errors = 14,
                                  .secrets_refused = 15,
                                  .secrets_form = NACRE_SECRETS_SEALED};
    memset(s.public_key, 0xab, sizeof s.public_key);
    return s;
}

START_TEST(health)
{
    struct nacre_json_out out = {0};
    struct nacre_state_frame state = good_state();
    nacre_shared_set_state(&shared, &state);
    nacre_shared_set_document(&shared, (const uint8_t *)"\x84\x44", 2, 97 * NS);
    shared.endpoints[0] = (struct nacre_endpoint_health){1, 90 * NS};
    shared.endpoints[1] = (struct nacre_endpoint_health){0, 95 * NS};
    shared.endpoints[2] = (struct nacre_endpoint_health){1, 99 * NS};
    ck_assert_uint_eq(nacre_health_write(&shared, &out, 100 * NS), 200);
    python(&out,
           "assert d[\"pk\"] == d[\"public_key\"] == \"ab\" * 32 and d[\"status\"] == \"ok\"\n"
           "assert d[\"endpoints_status\"] == {\"api.example.com\": False, \"other.example.org\": True}\n"
           "assert d[\"endpoints_age_s\"] == {\"api.example.com\": 10, \"other.example.org\": 1}\n"
           "assert d[\"app\"] == \"sample\" and d[\"version\"] == \"2.3.4\" and d[\"nacre\"]\n"
           "assert d[\"uptime_s\"] == 60 and d[\"clock_ok\"] is True and d[\"clock_error_ms\"] == 1.234\n"
           "assert d[\"secrets\"] == \"sealed\"\n"
           "assert d[\"app_state\"] == \"up\" and d[\"restarts\"] == {\"app\": 3, \"http\": 4}\n"
           "assert d[\"backoff_ms\"] == {\"app\": 80, \"http\": 160} and d[\"attestation_age_s\"] == 3\n");
    static const uint32_t states[] = {NACRE_HELPER_DOWN, NACRE_HELPER_STARTING, NACRE_HELPER_STOPPED, 77};
    for (size_t i = 0; i < 4; i++) {
        state.app_state = states[i];
        nacre_shared_set_state(&shared, &state);
        out.len = 0;
        ck_assert_uint_eq(nacre_health_write(&shared, &out, 100 * NS), 200);
        python(&out, "assert d[\"status\"] == \"degraded\" and d[\"app_state\"] != \"up\"\n");
    }
    state = good_state();
    state.clock_ok = 0;
    nacre_shared_set_state(&shared, &state);
    out.len = 0;
    ck_assert_uint_eq(nacre_health_write(&shared, &out, 100 * NS), 200);
    python(&out, "assert d[\"status\"] == \"degraded\" and d[\"clock_ok\"] is False\n");
    free(out.base);
}
END_TEST

START_TEST(health_frames_of_the_app)
{
    uint64_t now = nacre_monotonic_ns();
    struct nacre_health_frame h = {.endpoint = 2, .ok = 1, .checked_ns = now + 3600 * NS};
    nacre_shared_set_health(&shared, &h); /* checked in the future: now */
    ck_assert_uint_ge(shared.endpoints[2].checked_ns, now);
    ck_assert_uint_lt(shared.endpoints[2].checked_ns, now + 60 * NS);
    h.ok = 0;
    h.checked_ns = 0;
    nacre_shared_set_health(&shared, &h);
    ck_assert_uint_eq(shared.endpoints[2].ok, 0);
    ck_assert_uint_ne(shared.endpoints[2].checked_ns, 0);
}
END_TEST

static bool has_line(const struct nacre_json_out *text, const char *line)
{
    size_t len = strlen(line);
    for (const char *at = text->base, *end = text->base + text->len; at < end;) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        ck_assert_ptr_nonnull(stop); /* every line ends */
        if ((size_t)(stop - at) == len && memcmp(at, line, len) == 0)
            return true;
        at = stop + 1;
    }
    return false;
}

START_TEST(metrics)
{
    static const char *const lines[] = {
        "nacre_http_requests_total{method=\"POST\",route=\"/process_data\",status=\"200\"} 3",
        "nacre_http_requests_total{method=\"POST\",route=\"/process_data\",status=\"418\"} 1",
        "nacre_http_requests_total{method=\"PUT\",route=\"/process_data\",status=\"599\"} 1",
        "nacre_http_requests_total{method=\"GET\",route=\"/health_check\",status=\"503\"} 1",
        "nacre_http_requests_total{method=\"\",route=\"none\",status=\"404\"} 1",
        "nacre_http_request_duration_seconds_bucket{method=\"POST\",route=\"/process_data\",le=\"0.0001\"} 2",
        "nacre_http_request_duration_seconds_bucket{method=\"POST\",route=\"/process_data\",le=\"0.001\"} 3",
        "nacre_http_request_duration_seconds_bucket{method=\"POST\",route=\"/process_data\",le=\"30\"} 3",
        "nacre_http_request_duration_seconds_bucket{method=\"POST\",route=\"/process_data\",le=\"+Inf\"} 4",
        "nacre_http_request_duration_seconds_sum{method=\"POST\",route=\"/process_data\"} 40.001150",
        "nacre_http_request_duration_seconds_count{method=\"POST\",route=\"/process_data\"} 4",
        "nacre_restarts_total{helper=\"app\"} 3",
        "nacre_restarts_total{helper=\"http\"} 4",
        "nacre_clock_error_seconds 0.001234567",
        "nacre_signed_answers_total 11",
        "nacre_refused_answers_total 12",
        "nacre_nsm_calls_total 13",
        "nacre_secrets{form=\"sealed\"} 1",
        "nacre_secrets_refused_total 15",
        "nacre_nsm_errors_total 14",
        "nacre_endpoint_up{host=\"api.example.com\",port=\"8443\"} 1",
        "nacre_http_in_flight 2",
        "nacre_http_connections 5",
        "nacre_attestation_batches_total 7",
        "nacre_attestation_batch_nonces_total 70",
        "nacre_attestation_batches_failed_total 1",
        "nacre_attestation_batch_largest 21",
        "nacre_attestation_batch_waiting 4",
    };
    struct nacre_json_out out = {0};
    struct nacre_state_frame state = good_state();
    nacre_shared_set_state(&shared, &state);
    shared.endpoints[1] = (struct nacre_endpoint_health){1, 95 * NS};
    shared.batches.n_batches = 7;
    shared.batches.n_nonces = 70;
    shared.batches.n_failed = 1;
    shared.batches.largest = 21;
    atomic_store(&shared.batches.waiting, 4);
    atomic_store(&shared.in_flight, 2);
    nacre_count(&lane.metrics.connections, 5);
    nacre_metrics_answer(&lane.metrics, ROUTE_PROCESS, 200, 50);
    nacre_metrics_answer(&lane.metrics, ROUTE_PROCESS, 200, 100);
    nacre_metrics_answer(&lane.metrics, ROUTE_PROCESS, 200, 1000);
    nacre_metrics_answer(&lane.metrics, ROUTE_PROCESS, 418, 40000000);
    nacre_metrics_answer(&lane.metrics, ROUTE_REPLACE, 599, 1);
    nacre_metrics_answer(&lane.metrics, ROUTES + NACRE_BUILTIN_HEALTH, 503, 1);
    nacre_metrics_answer(&lane.metrics, nacre_row_of(&shared, NULL), 404, 1);
    nacre_metrics_write(&shared, &out);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        ck_assert_msg(has_line(&out, lines[i]), "%s\n%.*s", lines[i], (int)out.len, out.base);
    free(out.base);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, openapi);
    tcase_add_test(tc, operation_names);
    tcase_add_test(tc, two_structs_of_one_name);
    tcase_add_test(tc, health_before_there_is_a_key);
    tcase_add_test(tc, health);
    tcase_add_test(tc, health_frames_of_the_app);
    tcase_add_test(tc, metrics);
}

int main(void)
{
    return nacre_run_suite("http documents", add, 60);
}
