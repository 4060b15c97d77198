#include "yaml_config.h"

/* After the plugin's header: Check defines a macro fail(). */
#include "check_yaml.h"

#include <errno.h>

static char why[1024];

static int read_text(struct nacre_settings *s, const char *text)
{
    return nacre_yaml_config(s, "f.yaml", text, strlen(text), why, sizeof why);
}

static const char *setting(const struct nacre_settings *s, const char *name)
{
    for (size_t i = 0; i < s->n_plugin; i++) {
        if (strcmp(s->plugin[i].name, name) == 0)
            return s->plugin[i].value;
    }
    return NULL;
}

START_TEST(values_are_taken_and_the_rest_stays_default)
{
    struct nacre_settings s;
    ck_assert_msg(read_text(&s,
                            "http:\n  body_bytes: 4096\n  cors_origin: \"\"\nlisten: {api: 'tcp:[::1]:0'}\n"
                            "secrets: {source: vsock:7777, sealed_only: true}\n") == 0,
                  "%s", why);
    ck_assert_uint_eq(s.config.http_body_bytes, 4096);
    ck_assert_str_eq(s.config.http_cors_origin, "");
    ck_assert_str_eq(s.config.listen_api, "tcp:[::1]:0");
    ck_assert_str_eq(s.config.secrets_source, "vsock:7777");
    ck_assert_str_eq(s.config.secrets_sealed_only, "true");
    ck_assert_str_eq(s.config.listen_admin, "none");
    ck_assert_uint_eq(s.config.nsm_queue, 64);
    ck_assert_uint_eq(s.n_plugin, 0);
    nacre_settings_free(&s);
}
END_TEST

START_TEST(nothing_at_all_is_all_defaults)
{
    struct nacre_settings s, expected;
    nacre_settings_init(&expected);
    ck_assert_int_eq(read_text(&s, "# only a comment\n"), 0);
    ck_assert_mem_eq(&s.config, &expected.config, sizeof s.config);
    ck_assert_int_eq(read_text(&s, "http: {}\nplugin: {}\n"), 0);
    ck_assert_mem_eq(&s.config, &expected.config, sizeof s.config);
}
END_TEST

START_TEST(plugin_settings_are_flattened_with_dots)
{
    struct nacre_settings s;
    ck_assert_msg(read_text(&s, "plugin:\n  name: x\n  model:\n    depth: 3\n    deep: {er: true}\n"
                                "  text: |\n    two\n    lines\n  empty: \"\"\n  rate: 0.5\n") == 0,
                  "%s", why);
    ck_assert_uint_eq(s.n_plugin, 6);
    ck_assert_str_eq(setting(&s, "name"), "x");
    ck_assert_str_eq(setting(&s, "model.depth"), "3");
    ck_assert_str_eq(setting(&s, "model.deep.er"), "true");
    ck_assert_str_eq(setting(&s, "text"), "two\nlines\n");
    ck_assert_str_eq(setting(&s, "empty"), "");
    ck_assert_str_eq(setting(&s, "rate"), "0.5");
    nacre_settings_free(&s);
}
END_TEST

static const struct refusal refusals[] = {
    /* unknown */
    {"listen: {api: tcp:127.0.0.1:1}\nhtpp: {}\n", "f.yaml:2: htpp: ", {"unknown section", "http", "plugin"}},
    {"http:\n  threads: 1\n  bdy_bytes: 5\n", "f.yaml:3: http.bdy_bytes: ", {"unknown key", "body_bytes"}},
    {"Http: {}\n", "f.yaml:1: Http: ", {"unknown section"}},
    {"<<: {}\n", "f.yaml:1: <<: ", {"unknown section"}},
    /* types */
    {"http: 5\n", "f.yaml:1: http: ", {"expected a mapping", "a number: '5'"}},
    {"\nhttp:\n", "f.yaml:2: http: ", {"expected a mapping", "nothing"}},
    {"- http\n", "f.yaml:1: ", {"expected a mapping of sections, got a list"}},
    {"http: {threads: two}\n", "f.yaml:1: http.threads: ", {"from 0 to 16", "got text: 'two'"}},
    {"http: {threads: '2'}\n", "f.yaml:1: http.threads: ", {"expected a whole number", "text: '2'"}},
    {"http:\n  threads: true\n", "f.yaml:2: http.threads: ", {"a boolean: 'true'"}},
    {"http:\n  threads:\n", "f.yaml:2: http.threads: ", {"whole number", "nothing"}},
    {"http:\n  threads: [2]\n", "f.yaml:2: http.threads: ", {"whole number", "a list"}},
    {"http:\n  threads: {a: 2}\n", "f.yaml:2: http.threads: ", {"whole number", "a mapping"}},
    {"http:\n  threads: 2.0\n", "f.yaml:2: http.threads: ", {"whole number", "a number: '2.0'"}},
    {"http:\n  threads: 0x2\n", "f.yaml:2: http.threads: ", {"whole number", "a number: '0x2'"}},
    {"http:\n  threads: 010\n", "f.yaml:2: http.threads: ", {"whole number", "'010'"}},
    {"log: {format: 1}\n", "f.yaml:1: log.format: ", {"expected text, got a number: '1'"}},
    {"log: {format: ~}\n", "f.yaml:1: log.format: ", {"expected text, got nothing"}},
    {"log: {format: false}\n", "f.yaml:1: log.format: ", {"expected text, got a boolean"}},
    {"log: {format: [kv]}\n", "f.yaml:1: log.format: ", {"expected text, got a list"}},
    /* ranges */
    {"http:\n  threads: 17\n", "f.yaml:2: http.threads: ", {"17", "0 to 16"}},
    {"http:\n  threads: -1\n", "f.yaml:2: http.threads: ", {"'-1'", "0 to 16"}},
    {"http:\n  threads: 18446744073709551616\n", "f.yaml:2: http.threads: ", {"18446744073709551616"}},
    {"http:\n  threads: 18446744073709551615\n", "f.yaml:2: http.threads: ", {"18446744073709551615"}},
    {"log: {level: loud}\n", "f.yaml:1: log.level: ", {"'loud'", "debug|info|warn|error"}},
    {"secrets: {sealed_only: 1}\n", "f.yaml:1: secrets.sealed_only: ", {"true or false", "a number: '1'"}},
    {"secrets: {sealed_only: 'true'}\n", "f.yaml:1: secrets.sealed_only: ", {"true or false", "text"}},
    {"secrets:\n  source: 'env:KEY'\n",
     "f.yaml:2: secrets.source: ",
     {"'env:KEY'", "none|file:|unix:|vsock:"}},
    {"listen: {api: tcp:localhost:3000}\n", "f.yaml:1: listen.api: ", {"'tcp:localhost:3000'", "numeric"}},
    {"listen: {api: tcp:127.0.0.1:65536}\n", "f.yaml:1: listen.api: ", {"65536"}},
    {"listen: {api: vsock:4294967295}\n", "f.yaml:1: listen.api: ", {"4294967295", "4294967294"}},
    {"http: {cors_origin: \"a\\r\\nSet-Cookie: b\"}\n",
     "f.yaml:1: http.cors_origin: ",
     {"control character 0x0d"}},
    {"http:\n  cors_origin: |\n    x\n", "f.yaml:2: http.cors_origin: ", {"control character 0x0a"}},
    /* given twice, and what hides it */
    {"http: {threads: 1}\nlog: {}\nhttp: {threads: 2}\n", "f.yaml:3: http: ", {"given twice", "1", "3"}},
    {"http: &h {threads: 1}\n", "f.yaml:1: http: ", {"anchor"}},
    {"http: {threads: !!int 1}\n", "f.yaml:1: http.threads: ", {"tag"}},
    {"http: {threads: *h}\n", "f.yaml:1: http.threads: ", {"alias"}},
    /* the plugin's own */
    {"plugin: [1]\n", "f.yaml:1: plugin: ", {"expected a mapping, got a list"}},
    {"plugin:\n", "f.yaml:1: plugin: ", {"expected a mapping, got nothing"}},
    {"plugin:\n  a: [1, 2]\n", "f.yaml:2: plugin.a: ", {"got a list"}},
    {"plugin:\n  a:\n    b:\n", "f.yaml:3: plugin.a.b: ", {"got nothing"}},
    {"plugin:\n  a.b: 1\n", "f.yaml:2: plugin.a.b: ", {"key without dots"}},
    {"plugin:\n  a b: 1\n", "f.yaml:2: plugin.a b: ", {"letters, digits"}},
    {"plugin:\n  '': 1\n", "f.yaml:2: plugin.: ", {"letters, digits"}},
    {"plugin:\n  a: {b: 1, b: 2}\n", "f.yaml:2: plugin.a.b: ", {"given twice"}},
};

START_TEST(mistakes_are_refused_with_file_line_and_key)
{
    const struct refusal *r = &refusals[_i];
    struct nacre_settings s, before;
    memset(&s, 0x5a, sizeof s);
    before = s;
    why[0] = '\0';
    ck_assert_int_eq(read_text(&s, r->text), -EINVAL);
    check_refusal(r, why);
    ck_assert_mem_eq(&s, &before, sizeof s);
}
END_TEST

START_TEST(too_many_settings_are_refused)
{
    static char text[16384];
    size_t used = (size_t)snprintf(text, sizeof text, "plugin:\n");
    for (unsigned i = 0; i <= NACRE_SETTINGS_MAX; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "  k%u: 1\n", i);
    struct nacre_settings s;
    ck_assert_int_eq(read_text(&s, text), -EINVAL);
    ck_assert_ptr_nonnull(strstr(why, "f.yaml:258: plugin.k256: "));
    ck_assert_ptr_nonnull(strstr(why, "256"));
}
END_TEST

/* The file that is shipped is the documentation of the defaults: it must have all keys, and them as they are. */
START_TEST(shipped_file_shows_every_default)
{
    struct nacre_settings s, expected;
    FILE *f = fopen(NACRE_CONFIG_FILE, "r");
    ck_assert_ptr_nonnull(f);
    static char text[65536];
    size_t len = fread(text, 1, sizeof text - 1, f);
    (void)fclose(f);
    text[len] = '\0';
    nacre_settings_init(&expected);
    ck_assert_msg(nacre_yaml_config_load(&s, NACRE_CONFIG_FILE, why, sizeof why) == 0, "%s", why);
    ck_assert_mem_eq(&s.config, &expected.config, sizeof s.config);
    for (size_t i = 0; i < nacre_config_n_keys; i++) {
        char section[64], key[64];
        (void)snprintf(section, sizeof section, "\n%s:\n", nacre_config_keys[i].section);
        const char *dot = strchr(nacre_config_keys[i].key, '.'); /* a mapping in the section */
        (void)snprintf(key, sizeof key,
                       dot ? "\n    %s: " : "\n  %s: ", dot ? dot + 1 : nacre_config_keys[i].key);
        const char *at = strstr(text, section);
        ck_assert_msg(at && strstr(at, key), "%s.%s is not in %s", nacre_config_keys[i].section,
                      nacre_config_keys[i].key, NACRE_CONFIG_FILE);
    }
    nacre_settings_free(&s);
}
END_TEST

START_TEST(a_mapping_in_a_section)
{
    struct nacre_settings s;
    ck_assert_int_eq(read_text(&s, "secrets: {kms: {region: eu-central-1, key_id: k, ciphertext: a/b}}\n"),
                     0);
    ck_assert_str_eq(s.config.secrets_kms_region, "eu-central-1");
    ck_assert_str_eq(s.config.secrets_kms_key_id, "k");
    ck_assert_str_eq(s.config.secrets_kms_ciphertext, "a/b"); /* beside f.yaml, which has no folder */
    nacre_settings_free(&s);
    ck_assert_int_eq(read_text(&s, "secrets: {kms: {colour: red}}\n"), -EINVAL);
    ck_assert_ptr_nonnull(strstr(why, "secrets.kms.colour: unknown key"));
    ck_assert_int_eq(read_text(&s, "secrets: {kms: {region: 5}}\n"), -EINVAL);
    ck_assert_ptr_nonnull(strstr(why, "secrets.kms.region: expected text"));
    ck_assert_int_eq(read_text(&s, "secrets: {kms: none}\n"), -EINVAL);
    ck_assert_int_eq(read_text(&s, "secrets: {other: {region: a}}\n"), -EINVAL);
}
END_TEST

START_TEST(missing_file_is_named)
{
    struct nacre_settings s;
    ck_assert_int_eq(nacre_yaml_config_load(&s, "/nonexistent/nacre.yaml", why, sizeof why), -ENOENT);
    ck_assert_ptr_nonnull(strstr(why, "/nonexistent/nacre.yaml"));
    ck_assert_int_lt(nacre_yaml_config_load(&s, "/", why, sizeof why), 0);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, values_are_taken_and_the_rest_stays_default);
    tcase_add_test(tc, nothing_at_all_is_all_defaults);
    tcase_add_test(tc, plugin_settings_are_flattened_with_dots);
    tcase_add_loop_test(tc, mistakes_are_refused_with_file_line_and_key, 0,
                        (int)(sizeof refusals / sizeof refusals[0]));
    tcase_add_test(tc, too_many_settings_are_refused);
    tcase_add_test(tc, shipped_file_shows_every_default);
    tcase_add_test(tc, a_mapping_in_a_section);
    tcase_add_test(tc, missing_file_is_named);
}

int main(void)
{
    return nacre_run_suite("yaml_config", add, 30);
}
