#include "manifest_build.h"
#include "suite.h"
#include "yaml_config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define LIMIT_MS 20000

static struct nacre_allow allow;
static struct nacre_settings settings;
static struct nacre_plugin_facts facts;
static uint8_t *data;
static size_t len;
static char why[1024];

static void free_all(void)
{
    free(data);
    data = NULL;
    nacre_plugin_facts_free(&facts);
    nacre_settings_free(&settings);
}

static int build(const char *plugin, const char *config, const char *list)
{
    ck_assert_msg(nacre_yaml_config(&settings, "c.yaml", config, strlen(config), why, sizeof why) == 0, "%s",
                  why);
    ck_assert_msg(nacre_yaml_allow(&allow, "a.yaml", list, strlen(list), why, sizeof why) == 0, "%s", why);
    char path[1024];
    (void)snprintf(path, sizeof path, NACRE_FIXTURES "/%s.so", plugin);
    ck_assert_msg(nacre_plugin_read(&facts, path, LIMIT_MS, why, sizeof why) == 0, "%s", why);
    return nacre_manifest_build(&data, &len, &facts, &settings, &allow, why, sizeof why);
}

START_TEST(everything_comes_back)
{
    struct nacre_manifest m;
    ck_assert_msg(build("good", "http: {body_bytes: 4096}\nplugin: {b: {c: x}, a: '1'}\n",
                        "endpoints: [a.example, {host: b.example, port: 8443, pins: "
                        "['000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f']}]\n") == 0,
                  "%s", why);
    ck_assert_msg(nacre_manifest_parse(&m, data, len, why, sizeof why) == 0, "%s", why);
    ck_assert_mem_eq(m.plugin_digest, facts.digest, sizeof m.plugin_digest);
    ck_assert_uint_eq(m.descriptor_len, facts.descriptor_len);
    ck_assert_mem_eq(m.descriptor, facts.descriptor, facts.descriptor_len);
    ck_assert_mem_eq(&m.config, &settings.config, sizeof m.config);
    ck_assert_str_eq(m.app, "fixture");
    ck_assert_str_eq(m.version, "1.2.3");
    ck_assert_uint_eq(m.n_routes, 1);
    ck_assert_str_eq(m.routes[0].path, "/double");
    ck_assert_uint_eq(m.routes[0].max_body, 4096);
    ck_assert_uint_eq(m.n_secrets, 1);
    ck_assert_str_eq(m.secrets[0].name, "API_KEY");
    ck_assert_uint_eq(m.n_allow, 2);
    ck_assert_str_eq(m.allow[1].host, "b.example");
    ck_assert_uint_eq(m.allow[1].port, 8443);
    ck_assert_uint_eq(m.allow[1].n_pins, 1);
    ck_assert_uint_eq(m.allow[1].pins[0][31], 0x1f);
    ck_assert_str_eq(m.allow[0].connect, "");
    ck_assert_uint_eq(m.n_plugin_config, 2);
    ck_assert_str_eq(m.plugin_config[0].name, "b.c");
    ck_assert_str_eq(m.plugin_config[1].value, "1");
    nacre_manifest_free(&m);
}
END_TEST

START_TEST(the_same_parts_give_the_same_bytes)
{
    ck_assert_int_eq(build("good", "plugin: {a: b}\n", "endpoints: []\n"), 0);
    uint8_t *first = data;
    size_t first_len = len;
    data = NULL;
    nacre_plugin_facts_free(&facts);
    nacre_settings_free(&settings);
    ck_assert_int_eq(build("good", "plugin: {a: b}\n", "endpoints: []\n"), 0);
    ck_assert_uint_eq(len, first_len);
    ck_assert_mem_eq(data, first, len);
    free(first);
}
END_TEST

START_TEST(missing_endpoint_is_named_with_the_list)
{
    ck_assert_int_eq(build("needs_host", "", "endpoints: [api.example.com]\n"), -EINVAL);
    ck_assert_ptr_null(data);
    ck_assert_ptr_nonnull(strstr(why, "other.example.com port 8443"));
    ck_assert_ptr_nonnull(strstr(why, "1 entries, the first: api.example.com"));
    free_all();
    ck_assert_int_eq(build("needs_host", "", "endpoints: []\n"), -EINVAL);
    ck_assert_ptr_nonnull(strstr(why, "api.example.com port 443"));
    free_all();
    /* the right host at another port is another endpoint */
    ck_assert_int_eq(build("needs_host", "", "endpoints: [api.example.com, other.example.com]\n"), -EINVAL);
    ck_assert_ptr_nonnull(strstr(why, "other.example.com port 8443"));
    free_all();
    ck_assert_msg(build("needs_host", "",
                        "endpoints: [x.example, {host: other.example.com, port: 8443}, api.example.com]\n") ==
                      0,
                  "%s", why);
}
END_TEST

START_TEST(two_types_under_one_intent_are_both_named)
{
    ck_assert_int_eq(build("two_types", "", "endpoints: []\n"), -EINVAL);
    ck_assert_ptr_nonnull(strstr(why, "intent 0"));
    ck_assert_ptr_nonnull(strstr(why, "Answer"));
    ck_assert_ptr_nonnull(strstr(why, "Question"));
}
END_TEST

START_TEST(a_manifest_past_the_limit_is_refused)
{
    static char value[NACRE_SETTING_VALUE_MAX + 1];
    char name[16];
    ck_assert_int_eq(build("good", "", "endpoints: []\n"), 0);
    free(data);
    data = NULL;
    memset(value, 'v', sizeof value - 1);
    for (unsigned i = 0; i < 200; i++) {
        (void)snprintf(name, sizeof name, "k%u", i);
        ck_assert_int_eq(nacre_settings_plugin(&settings, name, value, why, sizeof why), 0);
    }
    ck_assert_int_eq(nacre_manifest_build(&data, &len, &facts, &settings, &allow, why, sizeof why), -EINVAL);
    ck_assert_ptr_nonnull(strstr(why, "1048576"));
    ck_assert_ptr_null(data);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_checked_fixture(tc, NULL, free_all);
    tcase_add_test(tc, everything_comes_back);
    tcase_add_test(tc, the_same_parts_give_the_same_bytes);
    tcase_add_test(tc, missing_endpoint_is_named_with_the_list);
    tcase_add_test(tc, two_types_under_one_intent_are_both_named);
    tcase_add_test(tc, a_manifest_past_the_limit_is_refused);
}

int main(void)
{
    return nacre_run_suite("manifest_build", add, 60);
}
