#include "common/manifest_parser.h"
#include "sample.h"
#include "suite.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static char why[512];
static struct nacre_endpoint_decl allow[] = {
    {.host = "extra.example.org", .port = 8443, .connect = "tcp:127.0.0.1:99"},
    {.host = "api.example.org", .port = 443, .connect = "", .pins = {{1, 2, 3}, {4}}, .n_pins = 2}};
static uint32_t n_allow = 2;
static const struct nacre_text_pair pairs[] = {{"mainnet.package", "0x12"}, {"empty", ""}};
static const uint8_t digest[NACRE_SHA384_LEN] = {0xaa, 0xbb};

static int64_t encode(uint8_t *out, size_t cap, const struct nacre_plugin *p,
                      const struct nacre_config *config)
{
    static uint8_t descriptor[65536], conf[65536];
    int64_t d = nacre_descriptor_encode(descriptor, sizeof descriptor, p, why, sizeof why);
    ck_assert_msg(d > 0, "%s", why);
    int64_t c = nacre_manifest_encode_config(conf, sizeof conf, config, allow, n_allow, pairs, 2);
    ck_assert_int_gt(c, 0);
    return nacre_manifest_encode(out, cap, digest, descriptor, (size_t)d, conf, (size_t)c);
}

static int parse(struct nacre_manifest *m, const struct nacre_plugin *p)
{
    static uint8_t out[200000];
    struct nacre_config config;
    nacre_config_defaults(&config);
    config.http_threads = 3;
    int64_t n = encode(out, sizeof out, p, &config);
    ck_assert_int_gt(n, 0);
    why[0] = '\0';
    return nacre_manifest_parse(m, out, (size_t)n, why, sizeof why);
}

static void refused(const struct nacre_plugin *p, const char *a, const char *b)
{
    struct nacre_manifest m;
    ck_assert_int_eq(parse(&m, p), -EINVAL);
    ck_assert_msg(strstr(why, a) && strstr(why, b), "'%s' names '%s' and '%s'", why, a, b);
}

START_TEST(everything_comes_back)
{
    struct nacre_manifest m;
    struct nacre_plugin p = sample_plugin();
    ck_assert_msg(parse(&m, &p) == 0, "%s", why);
    ck_assert_str_eq(m.app, "sample");
    ck_assert_str_eq(m.version, "1.2.3");
    ck_assert_mem_eq(m.plugin_digest, digest, sizeof digest);
    ck_assert_uint_eq(m.config.http_threads, 3);
    ck_assert_uint_eq(m.n_routes, 1);
    ck_assert_str_eq(m.routes[0].path, "/{network}/sample");
    ck_assert_uint_eq(m.routes[0].max_body, 4096);
    ck_assert_uint_eq(m.routes[0].deadline_ms, 500);
    ck_assert_uint_eq(m.routes[0].max_age_ms, 60000);
    ck_assert_uint_eq(m.intents[m.routes[0].intent].scope, 7);
    ck_assert_str_eq(m.types.types[m.routes[0].response].name, "Response");
    ck_assert_uint_eq(m.n_allow, 2);
    ck_assert_uint_eq(m.allow[1].n_pins, 2);
    ck_assert_uint_eq(m.allow[1].pins[0][2], 3);
    ck_assert_str_eq(m.allow[0].connect, "tcp:127.0.0.1:99");
    ck_assert_uint_eq(m.n_secrets, 2);
    ck_assert_uint_eq(m.secrets[1].required, 0);
    ck_assert_str_eq(m.plugin_config[0].value, "0x12");
    ck_assert_int_eq(nacre_manifest_allowed(&m, "API.example.org", 15, 443), 1);
    ck_assert_int_eq(nacre_manifest_allowed(&m, "api.example.org", 15, 8443), -ENOENT);
    ck_assert_int_eq(nacre_manifest_allowed(&m, "api.example.or", 14, 443), -ENOENT);
    nacre_manifest_free(&m);
    nacre_manifest_free(&m);
}
END_TEST

START_TEST(from_a_descriptor)
{
    static uint8_t out[200000];
    struct nacre_config config;
    struct nacre_manifest m;
    struct nacre_plugin p = sample_plugin();
    nacre_config_defaults(&config);
    int64_t n = encode(out, sizeof out, &p, &config);
    int fd = memfd_create("manifest", MFD_CLOEXEC);
    ck_assert_int_eq(nacre_manifest_load_fd(&m, fd, why, sizeof why), -EFBIG);
    ck_assert_int_eq(write(fd, out, (size_t)n), n);
    ck_assert_int_eq(nacre_manifest_load_fd(&m, fd, why, sizeof why), 0);
    nacre_manifest_free(&m);
    (void)close(fd);
}
END_TEST

/* No prefix is a manifest, and no single changed byte may crash; most are refused. */
START_TEST(damaged)
{
    static uint8_t out[200000];
    struct nacre_config config;
    struct nacre_manifest m;
    struct nacre_plugin p = sample_plugin();
    nacre_config_defaults(&config);
    size_t n = (size_t)encode(out, sizeof out, &p, &config), same = 0;
    for (size_t cut = 0; cut < n; cut++) {
        uint8_t *exact = malloc(cut ? cut : 1);
        memcpy(exact, out, cut);
        ck_assert_int_eq(nacre_manifest_parse(&m, exact, cut, why, sizeof why), -EINVAL);
        free(exact);
    }
    for (size_t at = 0; at < n; at++) {
        static const uint8_t flips[] = {0x01, 0x20, 0x80, 0xff};
        for (size_t k = 0; k < sizeof flips; k++) {
            out[at] ^= flips[k];
            if (nacre_manifest_parse(&m, out, n, why, sizeof why) == 0) {
                nacre_manifest_free(&m); /* a changed digest, name or number can still be in form */
                same++;
            }
            out[at] ^= flips[k];
        }
    }
    ck_assert_uint_lt(same, 4 * n / 2);
    out[n] = 0;
    ck_assert_int_eq(nacre_manifest_parse(&m, out, n + 1, why, sizeof why), -EINVAL);
}
END_TEST

START_TEST(intents)
{
    struct nacre_plugin p = sample_plugin();
    struct nacre_intent two[2] = {sample_intents[0], sample_intents[0]};
    two[1].response = &sample_inner_type;
    p.intents = two;
    p.n_intents = 2;
    refused(&p, "Response", "Inner");
    two[0].response = &sample_request_type; /* f64, json and a path field cannot be signed */
    p.n_intents = 1;
    refused(&p, "intent 7", "Request");
    two[0].response = &nacre_type_u64;
    refused(&p, "intent 7", "u64");
}
END_TEST

START_TEST(endpoints_need_the_allow_list)
{
    struct nacre_plugin p = sample_plugin();
    n_allow = 1;
    refused(&p, "api.example.org", "extra.example.org");
    n_allow = 2;
    allow[1].port = 444;
    refused(&p, "api.example.org", "443");
    allow[1].port = 443;
    allow[0].host = "api.example.org";
    allow[0].port = 443;
    refused(&p, "api.example.org", "twice");
    allow[0].host = "Upper.example.org";
    refused(&p, "Upper", "lower case");
    allow[0].host = "extra.example.org";
}
END_TEST

START_TEST(routes)
{
    struct nacre_plugin p = sample_plugin();
    struct nacre_route r[2] = {sample_routes[0], sample_routes[0]};
    p.routes = r;
    static const char *const bad[] = {"",
                                      "x",
                                      "/",
                                      "//",
                                      "/a//b",
                                      "/a/",
                                      "/.",
                                      "/..",
                                      "/{network}/../x",
                                      "/health_check",
                                      "/metrics",
                                      "/jobs/7",
                                      "/a b",
                                      "/a%20b",
                                      "/{network}/?",
                                      "/{}/{network}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        r[0].path = nacre_str(bad[i]);
        refused(&p, "route", bad[i]);
    }
    r[0].path = nacre_str("/{net}/sample");
    refused(&p, "{net}", "Request");
    r[0].path = nacre_str("/sample");
    refused(&p, "0 parameters", "1 path fields");
    r[0] = sample_routes[0];
    r[0].method = nacre_str("FETCH");
    refused(&p, "FETCH", "unknown");
    r[0].method = nacre_str("GET");
    refused(&p, "GET", "6 fields");
    r[0] = sample_routes[0];
    r[0].max_age_ms = 0;
    refused(&p, "time rule 1", "0 ms");
    r[0] = sample_routes[0];
    r[0].max_body = 16u * 1024 * 1024;
    refused(&p, "16777216", "15 MiB");
    r[0] = sample_routes[0];
    r[1].path = nacre_str("/{network}/sample");
    p.n_routes = 2;
    refused(&p, "match the same", "/{network}/sample");
    p.n_routes = 0;
    refused(&p, "sample", "no route");
}
END_TEST

START_TEST(names_and_secrets)
{
    struct nacre_plugin p = sample_plugin();
    p.name = nacre_str("Bad Name");
    refused(&p, "Bad Name", "[a-z]");
    p = sample_plugin();
    struct nacre_secret twice[2] = {sample_secrets[0], sample_secrets[0]};
    p.secrets = twice;
    refused(&p, "API_KEY", "twice");
    p = sample_plugin();
    p.abi_major = 9;
    refused(&p, "major 9", "has 1");
}
END_TEST

/*
 * What ends in JSON or in metrics as it stands must be text. Whether libcbor loads a string that is no UTF-8 is its
 * affair, so the reader is asked directly too.
 */
START_TEST(texts_are_utf8)
{
    static uint8_t out[200000];
    struct nacre_arena arena = {0};
    struct nacre_config config;
    struct nacre_manifest m;
    struct nacre_plugin p = sample_plugin();
    nacre_config_defaults(&config);
    int64_t n = encode(out, sizeof out, &p, &config);
    uint8_t *version = memmem(out, (size_t)n, "1.2.3", 5);
    ck_assert_ptr_nonnull(version);
    version[0] = 0xff;
    ck_assert_int_eq(nacre_manifest_parse(&m, out, (size_t)n, why, sizeof why), -EINVAL);
    cbor_item_t *bad = cbor_build_stringn("1\xff", 2), *good = cbor_build_stringn("1\xc3\xa9", 3);
    struct nacre_manifest_parser parser = {&arena, &m, why, sizeof why, 0};
    ck_assert_str_eq(nacre_manifest_text(&parser, good, 64, "the version"), "1\xc3\xa9");
    ck_assert_int_eq(parser.err, 0);
    ck_assert_str_eq(nacre_manifest_text(&parser, bad, 64, "the version"), "");
    ck_assert_int_eq(parser.err, -EINVAL);
    ck_assert_msg(strstr(why, "the version") && strstr(why, "UTF-8"), "%s", why);
    cbor_decref(&bad);
    cbor_decref(&good);
    nacre_arena_free(&arena);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, texts_are_utf8);
    tcase_add_test(tc, everything_comes_back);
    tcase_add_test(tc, from_a_descriptor);
    tcase_add_test(tc, damaged);
    tcase_add_test(tc, intents);
    tcase_add_test(tc, endpoints_need_the_allow_list);
    tcase_add_test(tc, routes);
    tcase_add_test(tc, names_and_secrets);
}

int main(void)
{
    return nacre_run_suite("manifest", add, 60);
}
