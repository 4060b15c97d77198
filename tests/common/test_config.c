#include "common/config.h"
#include "suite.h"

#include <errno.h>
#include <string.h>

static char why[512];

START_TEST(defaults_pass_their_own_checks)
{
    struct nacre_config config;
    nacre_config_defaults(&config);
    ck_assert_str_eq(config.listen_api, "tcp:127.0.0.1:3000");
    for (size_t i = 0; i < nacre_config_n_keys; i++) {
        const struct nacre_config_key *k = &nacre_config_keys[i];
        int err = k->kind == NACRE_CONFIG_NUMBER
                      ? nacre_config_set_number(&config, k, k->number_default, why, sizeof why)
                      : nacre_config_set_string(&config, k, k->default_text, strlen(k->default_text), why,
                                                sizeof why);
        ck_assert_msg(err == 0, "%s.%s: %s", k->section, k->key, why);
        ck_assert_ptr_eq(nacre_config_find(k->section, k->key), k); /* no key stands there twice */
    }
    ck_assert_ptr_null(nacre_config_find("http", "nothing"));
}
END_TEST

START_TEST(values_out_of_range_name_both)
{
    struct nacre_config config;
    nacre_config_defaults(&config);
    const struct nacre_config_key *k = nacre_config_find("http", "threads");
    ck_assert_int_eq(nacre_config_set_number(&config, k, 17, why, sizeof why), -EINVAL);
    ck_assert_ptr_nonnull(strstr(why, "17"));
    ck_assert_ptr_nonnull(strstr(why, "16"));
    ck_assert_uint_eq(config.http_threads, 0);
    ck_assert_int_eq(nacre_config_set_string(&config, k, "3", 1, why, sizeof why), -EINVAL);
    k = nacre_config_find("log", "format");
    ck_assert_int_eq(nacre_config_set_number(&config, k, 1, why, sizeof why), -EINVAL);
    ck_assert_int_eq(nacre_config_set_string(&config, k, "xml", 3, why, sizeof why), -EINVAL);
    ck_assert_int_eq(nacre_config_set_string(&config, k, "jso", 3, why, sizeof why), -EINVAL);
    ck_assert_int_eq(nacre_config_set_string(&config, k, "json", 4, why, sizeof why), 0);
}
END_TEST

START_TEST(prefixes_need_something_behind)
{
    struct nacre_config config;
    nacre_config_defaults(&config);
    const struct nacre_config_key *k = nacre_config_find("nsm", "transport");
    ck_assert_int_eq(nacre_config_set_string(&config, k, "unix:", 5, why, sizeof why), -EINVAL);
    ck_assert_int_eq(nacre_config_set_string(&config, k, "unix:/x", 7, why, sizeof why), 0);
    ck_assert_int_eq(nacre_config_set_string(&config, k, "device", 6, why, sizeof why), 0);
    ck_assert_int_eq(nacre_config_set_string(&config, k, "devices", 7, why, sizeof why), -EINVAL);
    ck_assert_int_eq(nacre_config_set_string(&config, k, "unix:/\0x", 8, why, sizeof why), -EINVAL);
    char longer[NACRE_CONFIG_TEXT + 1];
    for (size_t i = 0; i < sizeof longer; i++)
        longer[i] = i < 5 ? "unix:"[i] : 'a';
    ck_assert_int_eq(nacre_config_set_string(&config, k, longer, NACRE_CONFIG_TEXT, why, sizeof why),
                     -EINVAL);
    ck_assert_int_eq(nacre_config_set_string(&config, k, longer, NACRE_CONFIG_TEXT - 1, why, sizeof why), 0);
}
END_TEST

static void set(struct nacre_config *config, const char *key, const char *value)
{
    const struct nacre_config_key *k = nacre_config_find("secrets", key);
    ck_assert_int_eq(nacre_config_set_string(config, k, value, strlen(value), why, sizeof why), 0);
}

START_TEST(an_operator_and_what_needs_one)
{
    static const char hex[] = "00000000000000000000000000000000000000000000000000000000000000fF";
    uint8_t key[32] = {7};
    struct nacre_config config;
    nacre_config_defaults(&config);
    ck_assert_int_eq(nacre_config_check(&config, why, sizeof why), 0);
    ck_assert(!nacre_config_operator_key(key, &config));
    set(&config, "sealed_only", "true");
    ck_assert_int_eq(nacre_config_check(&config, why, sizeof why), -EINVAL);
    ck_assert_ptr_nonnull(strstr(why, "operator_key"));
    set(&config, "operator_key", hex);
    ck_assert_int_eq(nacre_config_check(&config, why, sizeof why), 0);
    ck_assert(nacre_config_operator_key(key, &config));
    ck_assert_uint_eq(key[0], 0);
    ck_assert_uint_eq(key[31], 0xff);
    set(&config, "source", "file:/x");
    ck_assert_int_eq(nacre_config_check(&config, why, sizeof why), -EINVAL);
    ck_assert_ptr_nonnull(strstr(why, "file:/x"));
    set(&config, "sealed_only", "false");
    ck_assert_int_eq(nacre_config_check(&config, why, sizeof why), 0);
    static const char *const wrong[] = {"", "None", hex + 1, "0x00", "000000000000000000000000000000g0"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        set(&config, "operator_key", wrong[i]);
        ck_assert_int_eq(nacre_config_check(&config, why, sizeof why), -EINVAL);
        ck_assert_ptr_nonnull(strstr(why, wrong[i]));
    }
}
END_TEST

START_TEST(secrets_through_kms)
{
    struct nacre_config config;
    static const struct {
        const char *key, *value, *word;
    } wrong[] = {{"kms.region", "none", "all three"},
                 {"kms.key_id", "none", "all three"},
                 {"kms.ciphertext", "none", "all three"},
                 {"kms.region", "EU", "no region"},
                 {"kms.region", "a.b", "no region"},
                 {"kms.key_id", "a b", "neither a key's id"},
                 {"kms.key_id", "arn:aws:kms:eu-central-1:1:alias/x", "alias"},
                 {"source", "file:/x", "file:/x"},
                 {"source", "none", "which is none"}};
    for (size_t i = 0; i <= sizeof wrong / sizeof wrong[0]; i++) {
        nacre_config_defaults(&config);
        ck_assert(!nacre_config_kms(&config));
        set(&config, "source", "vsock:7777");
        set(&config, "kms.region", "eu-central-1");
        set(&config, "kms.key_id", "arn:aws:kms:eu-central-1:1:key/1-2");
        set(&config, "kms.ciphertext", "secrets.kms");
        ck_assert(nacre_config_kms(&config));
        if (i == sizeof wrong / sizeof wrong[0])
            break;
        set(&config, wrong[i].key, wrong[i].value);
        ck_assert_int_eq(nacre_config_check(&config, why, sizeof why), -EINVAL);
        ck_assert_msg(strstr(why, wrong[i].word) != NULL, "%s", why);
    }
    ck_assert_int_eq(nacre_config_check(&config, why, sizeof why), 0);
    set(&config, "sealed_only", "true"); /* nobody has to be able to seal */
    ck_assert_int_eq(nacre_config_check(&config, why, sizeof why), 0);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, defaults_pass_their_own_checks);
    tcase_add_test(tc, values_out_of_range_name_both);
    tcase_add_test(tc, prefixes_need_something_behind);
    tcase_add_test(tc, an_operator_and_what_needs_one);
    tcase_add_test(tc, secrets_through_kms);
}

int main(void)
{
    return nacre_run_suite("config", add, 10);
}
