#include "app/fetch/url.h"
#include "suite.h"

#include <stdio.h>
#include <string.h>

static struct nacre_endpoint_decl allow[] = {{.host = "api.example.com", .port = 443, .connect = ""},
                                             {.host = "api.example.com", .port = 8443, .connect = ""},
                                             {.host = "10.1.2.3", .port = 443, .connect = ""},
                                             {.host = "b.example", .port = 1, .connect = ""}};
static const struct nacre_manifest manifest = {.allow = allow, .n_allow = 4};

static int32_t read_url(struct fetch_url *out, const char *text, char *why, size_t why_len)
{
    return fetch_url_read(out, &manifest, nacre_str(text), why, why_len);
}

START_TEST(accepts_what_is_listed)
{
    static const struct {
        const char *url;
        uint32_t endpoint;
        const char *path, *query;
    } good[] = {
        {"https://api.example.com/v1/x?key=k&q=a%20b", 0, "/v1/x", "key=k&q=a%20b"},
        {"https://api.example.com", 0, "/", NULL},
        {"https://api.example.com?q=@:/", 0, "/", "q=@:/"},
        {"https://api.example.com/a@b:c//d", 0, "/a@b:c//d", NULL},
        {"https://API.Example.COM:443/", 0, "/", NULL},
        {"https://api.example.com:0443/", 0, "/", NULL},
        {"https://api.example.com:8443/", 1, "/", NULL},
        {"https://10.1.2.3/", 2, "/", NULL},
        {"https://b.example:1/", 3, "/", NULL},
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct fetch_url url = {0};
        char why[256] = "", *path = NULL, *query = NULL;
        ck_assert_msg(read_url(&url, good[i].url, why, sizeof why) == 0, "%s: %s", good[i].url, why);
        ck_assert_uint_eq(url.endpoint, good[i].endpoint);
        ck_assert_int_eq(curl_url_get(url.parsed, CURLUPART_PATH, &path, 0), CURLUE_OK);
        ck_assert_str_eq(path, good[i].path);
        if (good[i].query) {
            ck_assert_int_eq(curl_url_get(url.parsed, CURLUPART_QUERY, &query, 0), CURLUE_OK);
            ck_assert_str_eq(query, good[i].query);
        }
        curl_free(path);
        curl_free(query);
        fetch_url_free(&url);
    }
}
END_TEST

START_TEST(refuses_what_is_not)
{
    static const struct {
        const char *url, *why;
    } bad[] = {
        {"", "form"},
        {"https://", "form"},
        {"https:///", "form"},
        {"https:/api.example.com/", "form"},
        {"http://api.example.com/", "form"},
        {"HTTPS://api.example.com/", "form"},
        {"ftp://api.example.com/", "form"},
        {"file:///etc/passwd", "form"},
        {"//api.example.com/", "form"},
        {"api.example.com/", "form"},
        {" https://api.example.com/", "form"},
        {"https://api.example.com/ x", "form"},
        {"https://api.example.com/\r\nHost: evil.example", "form"},
        {"https://api.example.com/\t", "form"},
        {"https://api.example.com/\x7f", "form"},
        {"https://api.example.com/\xc3\xa9", "form"},
        {"https://api.ex\xc3\xa4mple.com/", "form"},
        {"https://user@api.example.com/", "form"},
        {"https://user:pw@api.example.com/", "form"},
        {"https://api.example.com@evil.example/", "form"},
        {"https://api.example.com:443@evil.example/", "form"},
        {"https://evil.example\\@api.example.com/", "form"},
        {"https://api.example.com\\@evil.example/", "form"},
        {"https://api.example.com\\.evil.example/", "form"},
        {"https://api.example.com/a\\b", "form"},
        {"https://api.example.com#@evil.example/", "form"},
        {"https://api.example.com/#x", "form"},
        {"https://api.example.com;evil.example/", "form"},
        {"https://%61pi.example.com/", "form"},
        {"https://api.example.com%2eevil.example/", "form"},
        {"https://[::1]/", "form"},
        {"https://[::ffff:10.1.2.3]/", "form"},
        {"https://api.example.com:/", "form"},
        {"https://api.example.com:0/", "form"},
        {"https://api.example.com:65536/", "form"},
        {"https://api.example.com:99999999999999999999443/", "form"},
        {"https://api.example.com:-443/", "form"},
        {"https://api.example.com:443:443/", "form"},
        {"https://api.example.com:44a/", "form"},
        {"https://api.example.com,evil.example/", "form"},
        {"https://api.example.com_/", "form"},
        {"https://evil.example/", "evil.example:443 is not on the allow list"},
        {"https://api.example.com:444/", "api.example.com:444 is not on the allow list"},
        {"https://b.example/", "b.example:443 is not on the allow list"},
        {"https://api.example.com./", "api.example.com.:443 is not on the allow list"},
        {"https://.api.example.com/", "not on the allow list"},
        {"https://xapi.example.com/", "not on the allow list"},
        {"https://api.example.com.evil.example/", "not on the allow list"},
        {"https://api.example.co/", "not on the allow list"},
        {"https://example.com/", "not on the allow list"},
        {"https://127.0.0.1/", "not on the allow list"},
        {"https://2130706433/", "not on the allow list"},
        {"https://167838211/", "not on the allow list"}, /* 10.1.2.3 as one number */
        {"https://0xa.1.2.3/", "not on the allow list"},
        {"https://10.1.515/", "not on the allow list"},
        {"https://010.1.2.3/", "not on the allow list"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct fetch_url url = {NULL, 77};
        char why[256] = "";
        ck_assert_msg(read_url(&url, bad[i].url, why, sizeof why) == 500, "%s", bad[i].url);
        ck_assert_msg(strstr(why, bad[i].why) != NULL, "%s: '%s' lacks '%s'", bad[i].url, why, bad[i].why);
        ck_assert_ptr_null(url.parsed);
        ck_assert_uint_eq(url.endpoint, 77);
    }
}
END_TEST

START_TEST(refuses_lengths_and_nul)
{
    static char text[FETCH_URL_MAX + 2];
    struct fetch_url url = {0};
    char why[256];
    memset(text, 'a', sizeof text);
    memcpy(text, "https://api.example.com/", 24);
    ck_assert_int_eq(
        fetch_url_read(&url, &manifest, (struct nacre_str){text, FETCH_URL_MAX}, why, sizeof why), 0);
    fetch_url_free(&url);
    ck_assert_int_eq(
        fetch_url_read(&url, &manifest, (struct nacre_str){text, FETCH_URL_MAX + 1}, why, sizeof why), 500);
    ck_assert_str_eq(why, "fetch: URL of 16385 bytes, at most 16384 are allowed");
    text[30] = '\0';
    ck_assert_int_eq(fetch_url_read(&url, &manifest, (struct nacre_str){text, 40}, why, sizeof why), 500);
    ck_assert_int_eq(fetch_url_read(&url, &manifest, (struct nacre_str){NULL, 0}, why, sizeof why), 500);
    memset(text, 'a', 300);
    memcpy(text, "https://", 8);
    ck_assert_int_eq(fetch_url_read(&url, &manifest, (struct nacre_str){text, 300}, why, sizeof why), 500);
}
END_TEST

/* A path or query never comes back in an error's text: it may hold a key. */
START_TEST(reasons_quote_host_and_port_only)
{
    static const char *const urls[] = {"https://evil.example/KEY?KEY", "http://evil.example/KEY",
                                       "https://api.example.com/KEY#KEY", "https://KEY@api.example.com/"};
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        struct fetch_url url = {0};
        char why[256] = "";
        ck_assert_int_eq(read_url(&url, urls[i], why, sizeof why), 500);
        ck_assert_ptr_null(strstr(why, "KEY"));
    }
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, accepts_what_is_listed);
    tcase_add_test(tc, refuses_what_is_not);
    tcase_add_test(tc, refuses_lengths_and_nul);
    tcase_add_test(tc, reasons_quote_host_and_port_only);
}

int main(void)
{
    return nacre_run_suite("fetch_url", add, 10);
}
