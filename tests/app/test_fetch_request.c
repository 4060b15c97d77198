#include "app/fetch/request.h"
#include "suite.h"

#include <string.h>

static struct nacre_fetch get(void)
{
    struct nacre_fetch f = {.struct_size = sizeof f};
    f.method = nacre_str("GET");
    return f;
}

static struct nacre_fetch with_header(struct nacre_header *h, struct nacre_str name, struct nacre_str value)
{
    struct nacre_fetch f = get();
    *h = (struct nacre_header){name, value};
    f.headers = h;
    f.n_headers = 1;
    return f;
}

START_TEST(methods)
{
    static const struct {
        const char *method;
        int32_t status;
        bool repeatable;
    } cases[] = {
        {"GET", 0, true},
        {"HEAD", 0, true},
        {"PUT", 0, true},
        {"DELETE", 0, true},
        {"OPTIONS", 0, true},
        {"POST", 0, false},
        {"PATCH", 0, false},
        {"PURGE", 0, false},
        {"CONNECT", 500, false},
        {"TRACE", 500, false},
        {"get", 500, false},
        {"G ET", 500, false},
        {"GET /x\r\n", 500, false},
        {"", 500, false},
        {"GET1", 500, false},
        {"ABCDEFGHIJKLMNOP", 0, false},
        {"ABCDEFGHIJKLMNOPQ", 500, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct nacre_fetch f = get();
        struct fetch_request r = {0};
        char why[256] = "";
        f.method = nacre_str(cases[i].method);
        ck_assert_int_eq(fetch_request_read(&r, &f, why, sizeof why), cases[i].status);
        if (cases[i].status == 0) {
            ck_assert_str_eq(r.method, cases[i].method);
            ck_assert_int_eq(r.repeatable, cases[i].repeatable);
        }
        fetch_request_free(&r);
    }
}
END_TEST

START_TEST(versions)
{
    static const uint32_t bad[] = {1, 3, 4, UINT32_MAX};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct nacre_fetch f = get();
        struct fetch_request r = {0};
        char why[256] = "";
        f.http_version = bad[i];
        ck_assert_int_eq(fetch_request_read(&r, &f, why, sizeof why), 500);
        ck_assert_ptr_nonnull(strstr(why, "expected 0 or 2"));
    }
}
END_TEST

START_TEST(reserved_headers)
{
    static const char *const names[] = {"Host",
                                        "host",
                                        "Content-Length",
                                        "TRANSFER-ENCODING",
                                        "Connection",
                                        "Upgrade",
                                        "Expect",
                                        "Trailer",
                                        "Keep-Alive",
                                        "te",
                                        "Proxy-Connection",
                                        "HTTP2-Settings",
                                        "Proxy-Authorization"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct nacre_header h;
        struct nacre_fetch f = with_header(&h, nacre_str(names[i]), nacre_str("SECRET"));
        struct fetch_request r = {0};
        char why[256] = "";
        ck_assert_int_eq(fetch_request_read(&r, &f, why, sizeof why), 500);
        ck_assert_ptr_nonnull(strstr(why, names[i]));
        ck_assert_ptr_null(strstr(why, "SECRET"));
        ck_assert_ptr_null(r.headers);
    }
}
END_TEST

START_TEST(malformed_headers)
{
    static const struct nacre_header bad[] = {
        {NACRE_S(""), NACRE_S("x")},       {NACRE_S("a b"), NACRE_S("x")},
        {NACRE_S("a:"), NACRE_S("x")},     {NACRE_S(":path"), NACRE_S("/")},
        {NACRE_S("a\r\nb"), NACRE_S("x")}, {NACRE_S("a\0b"), NACRE_S("x")},
        {NACRE_S("a\x80"), NACRE_S("x")},  {NACRE_S("a"), NACRE_S("x\r\nHost: evil.example")},
        {NACRE_S("a"), NACRE_S("x\ny")},   {NACRE_S("a"), NACRE_S("x\0y")},
        {NACRE_S("a"), NACRE_S("\x7f")},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct nacre_header h;
        struct nacre_fetch f = with_header(&h, bad[i].name, bad[i].value);
        struct fetch_request r = {0};
        char why[256] = "";
        ck_assert_msg(fetch_request_read(&r, &f, why, sizeof why) == 500, "header %zu", i);
        ck_assert_str_eq(why, "fetch: header field 0 is not well formed");
    }
}
END_TEST

START_TEST(lines_for_libcurl)
{
    static const struct nacre_header headers[] = {{NACRE_S("Accept"), NACRE_S("a/b, c\td")},
                                                  {NACRE_S("X-Empty"), NACRE_S("")},
                                                  {NACRE_S("X-Blank"), NACRE_S("  \t")},
                                                  {NACRE_S("TE"), NACRE_S("trailers")},
                                                  {NACRE_S("X-Latin"), NACRE_S("\xe9")}};
    static const char *const lines[] = {"Accept: a/b, c\td", "X-Empty;", "X-Blank;",     "TE: trailers",
                                        "X-Latin: \xe9",     "Expect:",  "Content-Type:"};
    struct nacre_fetch f = get();
    struct fetch_request r = {0};
    char why[256] = "";
    f.headers = headers;
    f.n_headers = 5;
    ck_assert_int_eq(fetch_request_read(&r, &f, why, sizeof why), 0);
    const struct curl_slist *at = r.headers;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++, at = at->next) {
        ck_assert_ptr_nonnull(at);
        ck_assert_str_eq(at->data, lines[i]);
    }
    ck_assert_ptr_null(at);
    fetch_request_free(&r);
}
END_TEST

START_TEST(limits)
{
    static char text[FETCH_HEADER_BYTES_MAX + 1];
    struct nacre_header many[FETCH_HEADERS_MAX + 1], h;
    struct fetch_request r = {0};
    char why[256] = "";
    memset(text, 'v', sizeof text);
    for (size_t i = 0; i <= FETCH_HEADERS_MAX; i++)
        many[i] = (struct nacre_header){NACRE_S("a"), NACRE_S("b")};
    struct nacre_fetch f = get();
    f.headers = many;
    f.n_headers = FETCH_HEADERS_MAX;
    ck_assert_int_eq(fetch_request_read(&r, &f, why, sizeof why), 0);
    fetch_request_free(&r);
    f.n_headers++;
    ck_assert_int_eq(fetch_request_read(&r, &f, why, sizeof why), 500);
    ck_assert_str_eq(why, "fetch: 65 header fields, at most 64 are allowed");
    f = with_header(&h, nacre_str("a"), (struct nacre_str){text, FETCH_HEADER_BYTES_MAX - 1});
    ck_assert_int_eq(fetch_request_read(&r, &f, why, sizeof why), 0);
    fetch_request_free(&r);
    h.value.len++;
    ck_assert_int_eq(fetch_request_read(&r, &f, why, sizeof why), 500);
    h.value.len = UINT64_MAX; /* the sum must not wrap */
    ck_assert_int_eq(fetch_request_read(&r, &f, why, sizeof why), 500);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, methods);
    tcase_add_test(tc, versions);
    tcase_add_test(tc, reserved_headers);
    tcase_add_test(tc, malformed_headers);
    tcase_add_test(tc, lines_for_libcurl);
    tcase_add_test(tc, limits);
}

int main(void)
{
    return nacre_run_suite("fetch_request", add, 10);
}
