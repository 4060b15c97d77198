/* The key of HTTPS in user_data: found where nacre puts it, and nowhere else, and nothing is read past the end. */
#include <string.h>

#include <check.h>

#include "doc.h"
#include "policy.h"
#include "support.h"

#define KEY "0123456789abcdef0123456789abcdef"
#define TLS "\x63tls\x58\x20" KEY

static nacre_verify_bytes key_of(const char *user_data, size_t size)
{
    struct nacre_verify_doc doc = {.user_data = {(const uint8_t *)user_data, size}};
    return nacre_verify_doc_tls_key(&doc);
}

#define KEY_OF(TEXT) key_of(TEXT, sizeof(TEXT) - 1)

static void is_key(nacre_verify_bytes found)
{
    ck_assert_uint_eq(found.size, NACRE_VERIFY_TLS_KEY_SIZE);
    ck_assert_mem_eq(found.data, KEY, sizeof KEY - 1);
}

START_TEST(found_in_a_map)
{
    is_key(KEY_OF("\xa1" TLS));
    is_key(KEY_OF("\xa2\x61v\x01" TLS));
    is_key(KEY_OF("\xa3" TLS "\x61v\x01\x61n\x82\x01\xa1\x61x\x02"));
    is_key(KEY_OF("\xbf" TLS "\xff"));
}
END_TEST

START_TEST(not_found)
{
    static const struct {
        const char *bytes;
        size_t size;
    } bad[] = {
#define BAD(TEXT) {TEXT, sizeof(TEXT) - 1}
        BAD(""),
        BAD("\xa0"),
        BAD("\xa1\x61v\x01"),
        BAD("user data"),
        BAD("\xa1\x63tls\x58\x1f" KEY),     /* 31 bytes, and one too many */
        BAD("\xa1\x63tls\x58\x21" KEY "!"), /* 33 */
        BAD("\xa1\x63tls\x78\x20" KEY),     /* a text */
        BAD("\xa1\x43tls\x58\x20" KEY),     /* a key of bytes */
        BAD("\xa1\x63tlt\x58\x20" KEY),     /* another key */
        BAD("\xa2" TLS TLS),                /* twice */
        BAD("\xa2" TLS),                    /* cut short */
        BAD("\xa1" TLS "\x00"),             /* something behind it */
        BAD("\xa1\x61x\xa1" TLS),           /* deeper */
        BAD("\x82\x63tls\x58\x20" KEY),     /* an array */
        BAD("\xa1\x63tls\x59\xff\xff" KEY), /* lies about its length */
        BAD("\xa1\x63tls\x5b\xff\xff\xff\xff\xff\xff\xff\xff" KEY),
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_msg(key_of(bad[i].bytes, bad[i].size).data == NULL, "number %zu", i);
    ck_assert_ptr_null(key_of(NULL, 0).data);
}
END_TEST

/* Every way of cutting the good one short, and every byte of it changed: a key of 32 bytes or none, and no crash. */
START_TEST(damaged)
{
    char good[] = "\xa3\x61v\x01" TLS "\x61n\x82\x01\x02";
    for (size_t n = 0; n < sizeof good - 1; n++)
        ck_assert_ptr_null(key_of(good, n).data);
    for (size_t i = 0; i < sizeof good - 1; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            good[i] = (char)(good[i] ^ (1 << bit));
            nacre_verify_bytes found = key_of(good, sizeof good - 1);
            ck_assert(found.data == NULL || found.size == NACRE_VERIFY_TLS_KEY_SIZE);
            good[i] = (char)(good[i] ^ (1 << bit));
        }
    }
}
END_TEST

START_TEST(a_policy_takes_a_sha256)
{
    nacre_verify_policy *policy = nacre_verify_policy_new();
    nacre_verify_error error = {.text = ""};
    ck_assert_int_eq(nacre_verify_policy_expect_tls_key(policy, (const uint8_t *)KEY, 31, &error),
                     NACRE_VERIFY_E_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(error.text, "31 bytes"));
    ck_assert_int_eq(nacre_verify_policy_expect_tls_key(policy, NULL, 32, &error), NACRE_VERIFY_E_ARGUMENT);
    ck_assert_int_eq(nacre_verify_policy_expect_tls_key(policy, (const uint8_t *)KEY, 32, NULL),
                     NACRE_VERIFY_OK);
    /* whose key it is says nothing about who is behind the document */
    ck_assert_int_eq(nacre_vfy_policy_usable(policy, &error), NACRE_VERIFY_E_POLICY);
    nacre_verify_policy_free(policy);
}
END_TEST

static struct nacre_verify_report *judge(const char *user_data, size_t size, const char *expected)
{
    struct nacre_verify_doc doc = {.user_data = {(const uint8_t *)user_data, size}};
    nacre_verify_policy *policy = nacre_verify_policy_new();
    struct nacre_verify_report *report = nacre_vfy_report_new();
    ck_assert_ptr_nonnull(report);
    ck_assert_int_eq(nacre_verify_policy_expect_tls_key(policy, (const uint8_t *)expected, 32, NULL),
                     NACRE_VERIFY_OK);
    nacre_vfy_judge(policy, &doc, 0, report);
    nacre_verify_policy_free(policy);
    return report;
}

START_TEST(the_check)
{
    static const struct {
        const char *user_data, *expected, *actual;
        int passed;
    } rows[] = {
        {"\xa1" TLS, KEY, "3031323334", 1},
        {"\xa1" TLS, "0123456789abcdef0123456789abcdeF", "3031323334", 0},
        {"\xa1\x61v\x01", KEY, "none", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct nacre_verify_report *report =
            judge(rows[i].user_data, strlen(rows[i].user_data), rows[i].expected);
        const nacre_verify_check *check = find_check(report, "tls");
        ck_assert_ptr_nonnull(check);
        ck_assert_int_eq(check->passed, rows[i].passed);
        ck_assert_ptr_nonnull(strstr(check->actual, rows[i].actual));
        nacre_verify_report_free(report);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("verify/tls");
    TCase *tcase = tcase_create("tls");
    tcase_add_test(tcase, found_in_a_map);
    tcase_add_test(tcase, not_found);
    tcase_add_test(tcase, damaged);
    tcase_add_test(tcase, a_policy_takes_a_sha256);
    tcase_add_test(tcase, the_check);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
