#include "http/errors.h"
#include "http/head.h"
#include "sample.h"
#include "suite.h"

static struct nacre_manifest manifest;
static struct nacre_shared shared;
static struct nacre_lane lane;
static struct nacre_conn conn;

static void setup(void)
{
    char why[256] = "";
    sample_load(&manifest, NULL);
    ck_assert_msg(nacre_shared_init(&shared, &manifest, why, sizeof why) == 0, "%s", why);
    lane.shared = &shared;
    conn = (struct nacre_conn){.lane = &lane};
}

static void forget(void)
{
    free(conn.nonce);
    free(conn.params);
    conn = (struct nacre_conn){.lane = &lane};
}

static void teardown(void)
{
    forget();
    nacre_shared_free(&shared);
    nacre_manifest_free(&manifest);
}

static struct nacre_slice slice(const char *text)
{
    return text ? (struct nacre_slice){text, strlen(text)} : (struct nacre_slice){NULL, 0};
}

/* Judges a request whose headers and query are given as name, value, ... with "?name" for the query, up to NULL. */
static uint32_t judge(const char *method, const char *target, const char *const *pairs)
{
    struct nacre_head head = {0};
    forget();
    for (size_t i = 0; pairs && pairs[i]; i += 2)
        nacre_head_take(&head, pairs[i][0] == '?', slice(pairs[i] + (pairs[i][0] == '?')),
                        slice(pairs[i + 1]));
    conn.refusal = nacre_head_judge(&conn, &head, target, method);
    return conn.refusal.status;
}

#define JUDGE(METHOD, TARGET, ...) judge((METHOD), (TARGET), (const char *const[]){__VA_ARGS__, NULL})

START_TEST(good_heads)
{
    ck_assert_uint_eq(
        JUDGE("POST", "/process_data", "Content-Type", "application/json", "Content-Length", "12"), 0);
    ck_assert_uint_eq(conn.content_length, 12);
    ck_assert(!conn.chunked && !conn.nonce && !conn.browser);
    ck_assert_uint_eq(JUDGE("POST", "/process_data", "content-LENGTH", "1048576", "ORIGIN", "https://x"), 0);
    ck_assert(conn.browser);
    ck_assert_uint_eq(JUDGE("POST", "/process_data", "Transfer-Encoding", "Chunked"), 0);
    ck_assert(conn.chunked);
    ck_assert_uint_eq(JUDGE("GET", "/item/1/a%20b", "Accept", "*/*"), 0);
    ck_assert_uint_eq(conn.params_len, 2 + 1 + 2 + 3);
    ck_assert_uint_eq(JUDGE("GET", "http://any.host:3000/item/1/b", "Content-Length", "0"), 0);
    ck_assert_uint_eq(JUDGE("POST", "/process_data", "?attest", "00ff", "?other", "1"), 0);
    ck_assert(conn.nonce && conn.nonce->len == 2);
    ck_assert_uint_eq(JUDGE("GET", "/get_attestation", "?nonce", "AA"), 0);
    ck_assert(conn.nonce && conn.nonce->len == 1);
    ck_assert_uint_eq(JUDGE("GET", "/get_attestation", "?attest", "zz"), 0); /* not this route's */
    ck_assert_uint_eq(JUDGE("POST", "/process_data", "?nonce", "zz"), 0);
    ck_assert_ptr_null(conn.nonce);
    ck_assert_uint_eq(JUDGE("OPTIONS", "/process_data", "Origin", "https://x"), 0);
    ck_assert_uint_eq(JUDGE("OPTIONS", "*", "Origin", "https://x"), 0);
}
END_TEST

START_TEST(fields_out_of_form_are_refused_for_good)
{
    static const struct {
        const char *name, *value;
    } bad[] = {{"Content-Length ", "4"},
               {"Content-Length\t", "4"},
               {"", "x"},
               {"X(y)", "1"},
               {"X\x7f", "1"},
               {"X-\xc3\xa9", "1"},
               {"X:", "1"},
               {"X-Cr", "a\rContent-Length: 4"},
               {"X-Lf", "a\nb"},
               {"Host ", "a"}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ck_assert_uint_eq(JUDGE("GET", "/item/1/b", bad[i].name, bad[i].value), 400);
        ck_assert(conn.refusal.close);
    }
    ck_assert_uint_eq(JUDGE("GET", "/item/1/b", "!#$%&'*+-.^_`|~0aZ", "\t\x80\xff ~"), 0);
}
END_TEST

START_TEST(the_last_of_its_connection)
{
    ck_assert_uint_eq(JUDGE("POST", "/process_data", "Content-Length", "2"), 0);
    ck_assert(!conn.last);
    ck_assert_uint_eq(JUDGE("POST", "/process_data", "Transfer-Encoding", "chunked"), 0);
    ck_assert(conn.last);
    ck_assert_uint_eq(JUDGE("GET", "/item/1/b", "Accept", "*/*"), 0);
    ck_assert(!conn.last);
    ck_assert_uint_eq(JUDGE("POST", "/process_data", "Accept", "*/*"), 0);
    ck_assert(conn.last);
    ck_assert_uint_eq(JUDGE("DELETE", "/item/1/b", "Accept", "*/*"), 0);
    ck_assert(!conn.last);
}
END_TEST

START_TEST(content_types)
{
    static const struct {
        const char *type;
        bool json;
    } types[] = {
        {"application/json", true},
        {"APPLICATION/Json", true},
        {"application/json;charset=utf-8", true},
        {"application/json ; a=b", true},
        {"application/json\t", true},
        {"application/jsonx", false},
        {"application/json, text/x", false},
        {"application/json+ld", false},
        {"text/plain", false},
        {"", false},
        {"application/x-www-form-urlencoded", false},
        {"json", false},
        {" application/json", false},
    };
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        ck_assert_msg(nacre_is_json(slice(types[i].type)) == types[i].json, "'%s'", types[i].type);
        ck_assert_uint_eq(JUDGE("POST", "/process_data", "Content-Type", types[i].type),
                          types[i].json ? 0 : 415);
    }
    ck_assert_uint_eq(JUDGE("GET", "/item/1/b", "Content-Type", "text/plain"),
                      0); /* there is nothing it could be of */
}
END_TEST

START_TEST(ambiguous_lengths_are_refused_for_good)
{
    ck_assert_uint_eq(JUDGE("POST", "/process_data", "Content-Length", "5", "Content-Length", "5"), 400);
    ck_assert(conn.refusal.close);
    ck_assert_uint_eq(JUDGE("POST", "/process_data", "Content-Length", "5", "Transfer-Encoding", "chunked"),
                      400);
    ck_assert(conn.refusal.close);
    ck_assert_uint_eq(JUDGE("GET", "/nothing", "Content-Length", "5", "Transfer-Encoding", "chunked"), 400);
    ck_assert_uint_eq(
        JUDGE("POST", "/process_data", "Transfer-Encoding", "chunked", "Transfer-Encoding", "chunked"), 400);
    ck_assert_uint_eq(JUDGE("POST", "/process_data", "Transfer-Encoding", "gzip, chunked"), 501);
    ck_assert(conn.refusal.close);
    static const char *const lengths[] = {"", "+5", "-5", "5,5", "0x5", "5 ", "18446744073709551616", "five"};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++)
        ck_assert_uint_eq(JUDGE("POST", "/process_data", "Content-Length", lengths[i]), 400);
    ck_assert_uint_eq(JUDGE("POST", "/process_data", "Host", "a", "Host", "b"), 400);
}
END_TEST

START_TEST(refusals)
{
    char text[256];
    struct nacre_json_out out = {0};
    ck_assert_uint_eq(JUDGE("GET", "/nothing", "Host", "x"), 404);
    ck_assert_uint_eq(JUDGE("GET", "/process_data", "Host", "x"), 405);
    ck_assert_uint_eq(conn.refusal.allowed, 1u << NACRE_POST | 1u << NACRE_PUT);
    ck_assert_uint_eq(JUDGE("GET", "//", "Host", "x"), 400);
    ck_assert_uint_eq(JUDGE("GET", "/item/1/b", "Content-Length", "3"), 400);
    ck_assert_uint_eq(JUDGE("GET", "/", "Transfer-Encoding", "chunked"), 400);
    ck_assert_uint_eq(JUDGE("OPTIONS", "/", "Content-Length", "3"), 400);
    ck_assert_uint_eq(JUDGE("GET", "/item/1/%ff", "Host", "x"), 400);
    ck_assert_uint_eq(JUDGE("POST", "/small", "Content-Length", "64"), 0);
    ck_assert_uint_eq(JUDGE("POST", "/small", "Content-Length", "65"), 413);
    nacre_error_refusal(&out, &conn.refusal);
    (void)snprintf(text, sizeof text, "%.*s", (int)out.len, out.base);
    ck_assert_str_eq(text, "{\"error\":\"bytes of body: 65, at most 64\"}");
    free(out.base);
    ck_assert_uint_eq(JUDGE("POST", "/process_data", "Content-Length", "1048577"), 413);
    ck_assert_uint_eq(JUDGE("POST", "/process_data", "Content-Length", "18446744073709551615"), 413);
}
END_TEST

START_TEST(nonces)
{
    char hex[1028];
    memset(hex, 'a', sizeof hex);
    hex[1026] = '\0';
    ck_assert_uint_eq(JUDGE("GET", "/get_attestation", "?nonce", hex), 400);
    ck_assert_uint_eq(conn.refusal.got, 513);
    hex[1024] = '\0';
    ck_assert_uint_eq(JUDGE("GET", "/get_attestation", "?nonce", hex), 0);
    ck_assert_uint_eq(JUDGE("GET", "/get_attestation", "?nonce", ""), 400);
    ck_assert_uint_eq(JUDGE("GET", "/get_attestation", "?nonce", NULL), 400);
    ck_assert_uint_eq(JUDGE("GET", "/get_attestation", "?nonce", "abc"), 400);
    ck_assert_uint_eq(JUDGE("GET", "/get_attestation", "?nonce", "aa", "?nonce", "bb"), 400);
    ck_assert_uint_eq(JUDGE("POST", "/process_data", "?attest", "0g"), 400);
    ck_assert_uint_eq(JUDGE("POST", "/process_data", "?attest", "aa", "?attest", "bb"), 400);
}
END_TEST

/* Texts of other processes: whatever they are, what goes out is JSON. */
START_TEST(error_texts)
{
    static const struct {
        const char *in;
        size_t len;
        const char *json;
    } texts[] = {
        {"plain", 5, "{\"error\":\"plain\"}"},
        {"", 0, "{\"error\":\"none\"}"},
        {"a\"b\\c\nd\x01", 8, "{\"error\":\"a\\\"b\\\\c\\nd\\u0001\"}"},
        {"\xc3\xa9", 2, "{\"error\":\"\xc3\xa9\"}"},
        {"a\xff\xc3", 3, "{\"error\":\"a??\"}"},
        {"nul\0inside", 10, "{\"error\":\"nul\\u0000inside\"}"},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct nacre_json_out out = {0};
        nacre_error_text(&out, (const uint8_t *)texts[i].in, texts[i].len, "none");
        ck_assert_msg(out.len == strlen(texts[i].json) && memcmp(out.base, texts[i].json, out.len) == 0,
                      "%.*s", (int)out.len, out.base);
        free(out.base);
    }
    char long_text[2000];
    struct nacre_json_out out = {0};
    memset(long_text, 'x', sizeof long_text);
    long_text[NACRE_ERROR_TEXT - 1] = '\xc3'; /* cut in the middle of a character */
    nacre_error_text(&out, (const uint8_t *)long_text, sizeof long_text, "none");
    ck_assert_uint_eq(out.len, NACRE_ERROR_TEXT + strlen("{\"error\":\"\"}"));
    ck_assert_int_eq(out.base[out.len - 3], '?');
    free(out.base);
}
END_TEST

START_TEST(preferences)
{
    static const char *const yes[] = {"respond-async",
                                      "Respond-ASYNC",
                                      "respond-async, wait=10",
                                      "wait=10,respond-async",
                                      " ,, respond-async ; foo=bar",
                                      "return=representation; note=\"a, b\", respond-async",
                                      "x=\"\\\",\", respond-async"};
    static const char *const no[] = {"",
                                     "respond-asynchronous",
                                     "xrespond-async",
                                     "wait=10",
                                     "respond-async=0",
                                     "note=\"respond-async\"",
                                     "a=\", respond-async",
                                     "return=respond-async",
                                     "respond async"};
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++)
        ck_assert_msg(nacre_prefers_async(slice(yes[i])), "%s", yes[i]);
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++)
        ck_assert_msg(!nacre_prefers_async(slice(no[i])), "%s", no[i]);
    ck_assert_uint_eq(JUDGE("POST", "/process_data", "prefer", "wait=1", "PREFER", "respond-async"), 0);
    ck_assert(conn.async);
    ck_assert_uint_eq(JUDGE("POST", "/process_data", "Prefer", "wait=1"), 0);
    ck_assert(!conn.async);
    ck_assert_uint_eq(JUDGE("GET", "/health_check", "Prefer", "respond-async"), 0);
    ck_assert(!conn.async); /* the runtime's own routes have nothing to wait for */
}
END_TEST

START_TEST(jobs_routes)
{
    static const char id[] = "0123456789abcdef0123456789abcdef";
    ck_assert_uint_eq(JUDGE("GET", "/jobs/0123456789abcdef0123456789abcdef", NULL), 0);
    ck_assert_uint_eq(conn.path->index, NACRE_BUILTIN_JOB);
    char text[NACRE_JOB_ID_TEXT];
    nacre_job_id_text(text, conn.job_id);
    ck_assert_str_eq(text, id);
    ck_assert_uint_eq(JUDGE("HEAD", "/jobs/0123456789abcdef0123456789abcdef", NULL), 0);
    ck_assert_uint_eq(JUDGE("GET", "/jobs/0123456789abcdef0123456789abcdef/answer", NULL), 0);
    ck_assert_uint_eq(conn.path->index, NACRE_BUILTIN_JOB_ANSWER);
    ck_assert_uint_eq(JUDGE("DELETE", "/jobs/0123456789abcdef0123456789abcdef", NULL), 0);
    ck_assert_uint_eq(conn.path->index, NACRE_BUILTIN_JOB_DELETE);
    ck_assert_uint_eq(JUDGE("DELETE", "/jobs/0123456789abcdef0123456789abcdef", "Content-Length", "1"), 400);
    ck_assert_uint_eq(
        JUDGE("DELETE", "/jobs/0123456789abcdef0123456789abcdef", "Transfer-Encoding", "chunked"), 400);
    ck_assert_uint_eq(JUDGE("POST", "/jobs/0123456789abcdef0123456789abcdef", NULL), 405);
    ck_assert_uint_eq(conn.refusal.allowed, 1u << NACRE_GET | 1u << NACRE_HEAD | 1u << NACRE_DELETE);
    ck_assert_uint_eq(JUDGE("GET", "/jobs", NULL), 404);
    ck_assert_uint_eq(JUDGE("GET", "/jobs/", NULL), 404);
    ck_assert_uint_eq(JUDGE("GET", "/jobs/0123456789ABCDEF0123456789abcdef", NULL), 404);
    ck_assert_uint_eq(JUDGE("GET", "/jobs/%30123456789abcdef0123456789abcdef", NULL), 404);
    ck_assert_uint_eq(JUDGE("GET", "/jobs/0123", NULL), 404);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, preferences);
    tcase_add_test(tc, jobs_routes);
    tcase_add_test(tc, good_heads);
    tcase_add_test(tc, content_types);
    tcase_add_test(tc, fields_out_of_form_are_refused_for_good);
    tcase_add_test(tc, the_last_of_its_connection);
    tcase_add_test(tc, ambiguous_lengths_are_refused_for_good);
    tcase_add_test(tc, refusals);
    tcase_add_test(tc, nonces);
    tcase_add_test(tc, error_texts);
}

int main(void)
{
    return nacre_run_suite("http head", add, 20);
}
