#include "dev_resolve.h"
#include "suite.h"

#include <errno.h>
#include <string.h>

static struct nacre_allow allow;
static char why[1024];

static void load(const char *list)
{
    ck_assert_msg(nacre_yaml_allow(&allow, "a.yaml", list, strlen(list), why, sizeof why) == 0, "%s", why);
}

START_TEST(mapping_reaches_every_entry_of_the_host)
{
    load("endpoints: [a.example, {host: a.example, port: 8443}, b.example]\n");
    ck_assert_int_eq(nacre_dev_map(&allow, "a.example=127.0.0.1:9", why, sizeof why), 0);
    ck_assert_str_eq(allow.connects[0], "tcp:127.0.0.1:9");
    ck_assert_str_eq(allow.connects[1], "tcp:127.0.0.1:9");
    ck_assert_str_eq(allow.connects[2], "");
    ck_assert_int_eq(nacre_dev_map(&allow, "a.example:8443=[::1]:10", why, sizeof why), 0);
    ck_assert_str_eq(allow.connects[0], "tcp:127.0.0.1:9");
    ck_assert_str_eq(allow.connects[1], "tcp:[::1]:10");
}
END_TEST

static const char *const bad_forms[] = {
    "",
    "a.example",
    "=127.0.0.1:9",
    "a.example=localhost:9",
    "a.example=",
    "a.example=1.2.3.4",
    "a.example=1.2.3.4:0",
    "a.example:x=1.2.3.4:5",
    ":443=1.2.3.4:5",
};

START_TEST(mistakes_are_refused)
{
    load("endpoints: [a.example]\n");
    ck_assert_int_eq(nacre_dev_map(&allow, bad_forms[_i], why, sizeof why), -EINVAL);
    ck_assert_ptr_nonnull(strstr(why, "HOST[:PORT]=ADDR:PORT"));
    ck_assert_str_eq(allow.connects[0], "");
}
END_TEST

START_TEST(unlisted_hosts_are_named_with_the_list)
{
    load("endpoints: [a.example, {host: b.example, port: 8443}]\n");
    ck_assert_int_eq(nacre_dev_map(&allow, "c.example=127.0.0.1:9", why, sizeof why), -EINVAL);
    ck_assert_ptr_nonnull(strstr(why, "'c.example'"));
    ck_assert_ptr_nonnull(strstr(why, "a.example:443, b.example:8443"));
    ck_assert_int_eq(nacre_dev_map(&allow, "b.example:443=127.0.0.1:9", why, sizeof why), -EINVAL);
    ck_assert_ptr_nonnull(strstr(why, "'b.example:443'"));
    ck_assert_int_eq(nacre_dev_map(&allow, "a.exampl=127.0.0.1:9", why, sizeof why), -EINVAL);
    load("endpoints: []\n");
    ck_assert_int_eq(nacre_dev_map(&allow, "a.example=127.0.0.1:9", why, sizeof why), -EINVAL);
    ck_assert_ptr_nonnull(strstr(why, "no entry"));
}
END_TEST

/* .invalid never resolves (RFC 6761), with or without a network; localhost always does. */
START_TEST(names_become_numbers_or_none)
{
    load("endpoints: [{host: localhost, port: 8443}, nowhere.invalid, mapped.invalid]\n");
    ck_assert_int_eq(nacre_dev_map(&allow, "mapped.invalid=127.0.0.1:9", why, sizeof why), 0);
    nacre_dev_resolve(&allow, 20000);
    ck_assert_msg(strcmp(allow.connects[0], "tcp:127.0.0.1:8443") == 0 ||
                      strcmp(allow.connects[0], "tcp:[::1]:8443") == 0,
                  "%s", allow.connects[0]);
    ck_assert_str_eq(allow.connects[1], "none");
    ck_assert_str_eq(allow.connects[2], "tcp:127.0.0.1:9");
}
END_TEST

START_TEST(no_time_means_none)
{
    load("endpoints: [a.invalid, b.invalid]\n");
    nacre_dev_resolve(&allow, 0);
    ck_assert_str_eq(allow.connects[0], "none");
    ck_assert_str_eq(allow.connects[1], "none");
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, mapping_reaches_every_entry_of_the_host);
    tcase_add_loop_test(tc, mistakes_are_refused, 0, (int)(sizeof bad_forms / sizeof bad_forms[0]));
    tcase_add_test(tc, unlisted_hosts_are_named_with_the_list);
    tcase_add_test(tc, names_become_numbers_or_none);
    tcase_add_test(tc, no_time_means_none);
}

int main(void)
{
    return nacre_run_suite("dev_resolve", add, 60);
}
