#include "settings.h"
#include "suite.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static char why[1024];
static struct nacre_settings s;

START_TEST(assignments_follow_the_table)
{
    nacre_settings_init(&s);
    ck_assert_int_eq(nacre_settings_assign(&s, "http.threads=3", why, sizeof why), 0);
    ck_assert_int_eq(nacre_settings_assign(&s, "log.format=json", why, sizeof why), 0);
    ck_assert_int_eq(nacre_settings_assign(&s, "http.cors_origin=", why, sizeof why), 0);
    ck_assert_int_eq(nacre_settings_assign(&s, "egress.ca_file=/a=b", why, sizeof why), 0);
    ck_assert_uint_eq(s.config.http_threads, 3);
    ck_assert_str_eq(s.config.log_format, "json");
    ck_assert_str_eq(s.config.http_cors_origin, "");
    ck_assert_str_eq(s.config.egress_ca_file, "/a=b");
    nacre_settings_free(&s);
    nacre_settings_free(NULL);
}
END_TEST

START_TEST(plugin_settings_replace_each_other)
{
    nacre_settings_init(&s);
    ck_assert_int_eq(nacre_settings_assign(&s, "plugin.model.depth=3", why, sizeof why), 0);
    ck_assert_int_eq(nacre_settings_assign(&s, "plugin.url=https://a/?b=c", why, sizeof why), 0);
    ck_assert_int_eq(nacre_settings_assign(&s, "plugin.model.depth=4", why, sizeof why), 0);
    ck_assert_uint_eq(s.n_plugin, 2);
    ck_assert_str_eq(s.plugin[0].name, "model.depth");
    ck_assert_str_eq(s.plugin[0].value, "4");
    ck_assert_str_eq(s.plugin[1].value, "https://a/?b=c");
    nacre_settings_free(&s);
    ck_assert_uint_eq(s.n_plugin, 0);
}
END_TEST

static const struct {
    const char *text, *words[2];
} refusals[] = {
    {"", {"section.key=value"}},
    {"http", {"'http'", "section.key=value"}},
    {"http.threads", {"section.key=value"}},
    {"threads=3", {"section.key=value"}},
    {"=3", {"section.key=value"}},
    {"http.threads=", {"http.threads: ", "''"}},
    {"http.threads=x", {"http.threads: ", "'x'"}},
    {"http.threads= 3", {"http.threads: ", "' 3'"}},
    {"http.threads=17", {"17", "0 to 16"}},
    {"http.thread=1", {"http.thread: unknown key", "threads"}},
    {"htp.threads=1", {"htp: unknown section", "http"}},
    {"log.level=loud", {"'loud'", "debug|info"}},
    {"listen.api=tcp:x:1", {"listen.api: ", "'tcp:x:1'"}},
    {"plugin.=1", {"plugin.: ", "letters"}},
    {"plugin..a=1", {"plugin..a: ", "letters"}},
    {"plugin.a.=1", {"plugin.a.: ", "letters"}},
    {"plugin.a/b=1", {"plugin.a/b: ", "letters"}},
};

START_TEST(mistakes_are_explained)
{
    struct nacre_settings before;
    nacre_settings_init(&s);
    before = s;
    ck_assert_int_eq(nacre_settings_assign(&s, refusals[_i].text, why, sizeof why), -EINVAL);
    for (size_t k = 0; k < 2 && refusals[_i].words[k]; k++)
        ck_assert_msg(strstr(why, refusals[_i].words[k]) != NULL, "'%s' is not in '%s'",
                      refusals[_i].words[k], why);
    ck_assert_mem_eq(&s, &before, sizeof s);
}
END_TEST

START_TEST(long_texts_are_refused_with_both_sizes)
{
    static char value[NACRE_SETTING_VALUE_MAX + 2];
    memset(value, 'v', sizeof value - 1);
    nacre_settings_init(&s);
    ck_assert_int_eq(nacre_settings_plugin(&s, "a", value, why, sizeof why), -EINVAL);
    ck_assert_ptr_nonnull(strstr(why, "8193"));
    ck_assert_ptr_nonnull(strstr(why, "8192"));
    value[NACRE_SETTING_VALUE_MAX] = '\0';
    ck_assert_int_eq(nacre_settings_plugin(&s, "a", value, why, sizeof why), 0);
    value[NACRE_SETTING_NAME_MAX + 1] = '\0';
    ck_assert_int_eq(nacre_settings_plugin(&s, value, "x", why, sizeof why), -EINVAL);
    value[NACRE_SETTING_NAME_MAX] = '\0';
    ck_assert_int_eq(nacre_settings_plugin(&s, value, "x", why, sizeof why), 0);
    nacre_settings_free(&s);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, assignments_follow_the_table);
    tcase_add_test(tc, plugin_settings_replace_each_other);
    tcase_add_loop_test(tc, mistakes_are_explained, 0, (int)(sizeof refusals / sizeof refusals[0]));
    tcase_add_test(tc, long_texts_are_refused_with_both_sizes);
}

int main(void)
{
    return nacre_run_suite("settings", add, 30);
}
