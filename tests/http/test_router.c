#include "http/path.h"
#include "http/router.h"
#include "sample.h"
#include "suite.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct nacre_manifest manifest;
static struct nacre_router router;
static struct nacre_match match;

static void setup(void)
{
    char why[256] = "";
    sample_load(&manifest, NULL);
    ck_assert_msg(nacre_router_build(&router, &manifest, why, sizeof why) == 0, "%s", why);
}

static void teardown(void)
{
    nacre_router_free(&router);
    nacre_manifest_free(&manifest);
}

static enum nacre_found find(const char *method, const char *path)
{
    memset(&match, 0, sizeof match);
    return nacre_router_find(&router, nacre_method_of(method), path, strlen(path), &match);
}

static void finds(const char *method, const char *path, bool builtin, uint32_t index)
{
    ck_assert_msg(find(method, path) == NACRE_FOUND, "%s %s", method, path);
    ck_assert_msg(match.path->builtin == builtin && match.path->index == index, "%s %s: %s", method, path,
                  match.path->text);
}

START_TEST(routes_and_builtins)
{
    finds("POST", "/process_data", false, ROUTE_PROCESS);
    finds("PUT", "/process_data", false, ROUTE_REPLACE);
    finds("POST", "/mainnet/register-agent", false, ROUTE_REGISTER);
    finds("GET", "/item/7/blue", false, ROUTE_ITEM);
    finds("HEAD", "/item/7/blue", false, ROUTE_ITEM);
    finds("DELETE", "/item/7/blue", false, ROUTE_DELETE);
    finds("POST", "/item/7/list", false, ROUTE_LIST);
    finds("GET", "/item/7/list", false, ROUTE_ITEM); /* the literal has no GET, the parameter has */
    finds("GET", "/", true, NACRE_BUILTIN_ROOT);
    finds("HEAD", "/", true, NACRE_BUILTIN_ROOT);
    finds("GET", "/health_check", true, NACRE_BUILTIN_HEALTH);
    finds("GET", "/get_attestation", true, NACRE_BUILTIN_ATTESTATION);
    finds("GET", "/openapi.json", true, NACRE_BUILTIN_OPENAPI);
}
END_TEST

START_TEST(paths_that_no_route_has)
{
    static const char *const paths[] = {
        "/Process_data",
        "/process_data/",
        "/process_data/x",
        "/process",
        "/process_dataa",
        "/process%5fdata",
        "/item/7",
        "/item/7/blue/",
        "/item/7/blue/x",
        "/register-agent",
        "/a/b/c/d/e/f/g",
        "/metrics",
        "/item/7/",
        "/HEALTH_CHECK",
        "/mainnet/",
        "/%7Bnetwork%7D/x",
        "/health_check/",
        "/process_data;x",
        "/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a",
    };
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        ck_assert_msg(find("POST", paths[i]) == NACRE_NO_PATH, "%s", paths[i]);
}
END_TEST

START_TEST(path_tricks_are_refused)
{
    static const char *const paths[] = {
        "//process_data",
        "/item//blue",
        "/./process_data",
        "/x/../process_data",
        "/..",
        "/.",
        "/item/./blue",
        "/item/../blue",
        "/item/%2e/blue",
        "/item/%2E%2e/blue",
        "/item/.%2e/blue",
        "/item/a%2fb/blue",
        "/item/a%2Fb/blue",
        "/item/%00/blue",
        "/item/a%00/blue",
        "/item/%/blue",
        "/item/%4/blue",
        "/item/%zz/blue",
        "/item/%4g/blue",
        "/item/7/%",
        "/item/\x01/blue",
        "/item/ /blue",
        "/item/\xc3\xa9/blue",
        "/item/\x7f/blue",
        "process_data",
        "",
        "*",
        "///",
        "/process_data//",
        "http://x/",
        "/item/7/..",
        "/item/7/%2f",
    };
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        ck_assert_msg(find("GET", paths[i]) == NACRE_BAD_PATH, "%s", paths[i]);
}
END_TEST

START_TEST(other_methods_are_named)
{
    char allow[64];
    ck_assert_int_eq(find("GET", "/process_data"), NACRE_NO_METHOD);
    nacre_allow_header(match.allowed, allow);
    ck_assert_str_eq(allow, "POST, PUT, OPTIONS");
    ck_assert_int_eq(find("POST", "/health_check"), NACRE_NO_METHOD);
    nacre_allow_header(match.allowed, allow);
    ck_assert_str_eq(allow, "GET, HEAD, OPTIONS");
    ck_assert_int_eq(find("PATCH", "/item/7/list"), NACRE_NO_METHOD);
    nacre_allow_header(match.allowed, allow);
    ck_assert_str_eq(allow, "GET, HEAD, POST, DELETE, OPTIONS");
    ck_assert_int_eq(find("BREW", "/process_data"), NACRE_NO_METHOD);
    ck_assert_int_eq(find("post", "/process_data"), NACRE_NO_METHOD); /* methods have a case */
    ck_assert_int_eq(find("HEAD", "/process_data"), NACRE_NO_METHOD);
    ck_assert_int_eq(find("BREW", "/nothing"), NACRE_NO_PATH);
    nacre_allow_header(~0u, allow); /* the longest there is fits */
    ck_assert_str_eq(allow, "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
}
END_TEST

static int64_t params(const char *path, uint8_t *out, size_t cap)
{
    ck_assert_msg(find("GET", path) == NACRE_FOUND, "%s", path);
    return nacre_params_encode(&match, out, cap);
}

START_TEST(parameters_are_decoded_once)
{
    uint8_t out[64];
    static const uint8_t plain[] = "\x01\x00"
                                   "7"
                                   "\x04\x00"
                                   "blue";
    ck_assert_int_eq(params("/item/7/blue", out, sizeof out), sizeof plain - 1);
    ck_assert_mem_eq(out, plain, sizeof plain - 1);
    static const uint8_t decoded[] = "\x03\x00"
                                     "a b"
                                     "\x07\x00"
                                     "\xc3\xa9%2f+.";
    ck_assert_int_eq(params("/item/a%20b/%C3%a9%252f+.", out, sizeof out), sizeof decoded - 1);
    ck_assert_mem_eq(out, decoded, sizeof decoded - 1);
    ck_assert_int_eq(params("/item/%2e%2e%2e/...", out, sizeof out), 10); /* three dots are a name */
    ck_assert_int_eq(params("/item/%ff/x", out, sizeof out), -EBADMSG);
    ck_assert_int_eq(params("/item/%ed%a0%80/x", out, sizeof out), -EBADMSG); /* a surrogate */
    ck_assert_int_eq(params("/item/%c0%af/x", out, sizeof out), -EBADMSG);    /* '/' in too many bytes */
    for (size_t cap = 0; cap < sizeof plain - 1; cap++)
        ck_assert_int_eq(params("/item/7/blue", out, cap), -ENOSPC);
    ck_assert_int_eq(find("POST", "/process_data"), NACRE_FOUND);
    ck_assert_int_eq(nacre_params_encode(&match, out, 0), 0);
}
END_TEST

START_TEST(a_long_parameter_does_not_fit_its_length)
{
    static char path[70000];
    static uint8_t out[80000];
    (void)snprintf(path, sizeof path, "/item/");
    memset(path + 6, 'a', 65535);
    path[6 + 65535] = '/';
    path[6 + 65536] = 'b';
    ck_assert_int_eq(params(path, out, sizeof out), 2 + 65535 + 3);
    memset(path + 6, 'a', 65536);
    path[6 + 65536] = '/';
    path[6 + 65537] = 'b';
    ck_assert_int_eq(params(path, out, sizeof out), -ENOSPC);
}
END_TEST

START_TEST(the_runtime_keeps_its_paths)
{
    static const struct {
        const char *method, *path;
    } bad[] = {{"GET", "/"},
               {"POST", "/health_check"},
               {"GET", "no-slash"},
               {"GET", "/a//b"},
               {"GET", "/a/../b"},
               {"GET", "/a{b}"},
               {"GET", "/a}"},
               {"GET", "/{}"},
               {"GET", "/a%20b"},
               {"GET", "/a\"b"},
               {"HEAD", "/a"},
               {"OPTIONS", "/a"},
               {"TRACE", "/a"},
               {"get", "/a"},
               {"GET", ""},
               {"GET", "/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a"},
               {"GET", "/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}"}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct nacre_route_decl decl = {.method = bad[i].method, .path = bad[i].path};
        struct nacre_manifest one = {.routes = &decl, .n_routes = 1};
        struct nacre_router made = {0};
        char why[256] = "";
        ck_assert_msg(nacre_router_build(&made, &one, why, sizeof why) == -EINVAL, "%s %s", bad[i].method,
                      bad[i].path);
        ck_assert_ptr_null(made.paths);
        ck_assert_str_ne(why, "");
    }
}
END_TEST

START_TEST(absolute_targets)
{
    ck_assert_str_eq(nacre_path_of_target("/a"), "/a");
    ck_assert_str_eq(nacre_path_of_target("http://host:3000/a/b"), "/a/b");
    ck_assert_str_eq(nacre_path_of_target("HTTPS://host"), "/");
    ck_assert_str_eq(nacre_path_of_target("ftp://host/a"), "ftp://host/a");
    ck_assert_str_eq(nacre_path_of_target("*"), "*");
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, routes_and_builtins);
    tcase_add_test(tc, paths_that_no_route_has);
    tcase_add_test(tc, path_tricks_are_refused);
    tcase_add_test(tc, other_methods_are_named);
    tcase_add_test(tc, parameters_are_decoded_once);
    tcase_add_test(tc, a_long_parameter_does_not_fit_its_length);
    tcase_add_test(tc, the_runtime_keeps_its_paths);
    tcase_add_test(tc, absolute_targets);
}

int main(void)
{
    return nacre_run_suite("http router", add, 20);
}
