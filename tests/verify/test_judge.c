/* A good document under policies that it meets and policies that it does not. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "support.h"

#define TIME_MS UINT64_C(1735689600123)

static nacre_verify_policy *policy;
static nacre_verify_report *report;
static nacre_verify_doc *doc;
static uint8_t *bytes;
static size_t size;

static void setup_with(const char *file, int signature_only)
{
    struct case_line line = {.root = "root.pem", .time_ms = TIME_MS};
    report = NULL;
    bytes = read_file(file, &size);
    policy = policy_of(&line);
    nacre_verify_policy_signature_only(policy, signature_only);
    ck_assert_int_eq(nacre_verify_doc_parse(bytes, size, &doc, NULL), NACRE_VERIFY_OK);
}

static void setup(void)
{
    setup_with("good.cbor", 0);
}

static void teardown(void)
{
    nacre_verify_report_free(report);
    nacre_verify_policy_free(policy);
    nacre_verify_doc_free(doc);
    free(bytes);
}

static void expect_own_pcr(unsigned index)
{
    nacre_verify_bytes pcr = nacre_verify_doc_pcr(doc, index);
    ck_assert_int_eq(nacre_verify_policy_expect_pcr(policy, index, pcr.data, pcr.size, NULL),
                     NACRE_VERIFY_OK);
}

static int verify(void)
{
    nacre_verify_error error;
    int r = nacre_verify_document(bytes, size, policy, &report, &error);
    ck_assert_int_ge(r, 0);
    return r;
}

/* Exactly one check failed, this one. */
static void only_failure(const char *name, const char *expected, const char *actual)
{
    ck_assert_int_eq(verify(), NACRE_VERIFY_REFUSED);
    for (size_t i = 0; i < nacre_verify_report_count(report); i++) {
        const nacre_verify_check *check = nacre_verify_report_check(report, i);
        ck_assert_msg(check->passed == (strcmp(check->name, name) != 0), "%s: %s", check->name,
                      check->actual);
    }
    const nacre_verify_check *check = find_check(report, name);
    ck_assert_ptr_nonnull(check);
    ck_assert_msg(strstr(check->expected, expected) != NULL, "expected '%s'", check->expected);
    ck_assert_msg(strstr(check->actual, actual) != NULL, "actual '%s'", check->actual);
}

START_TEST(empty_policy_decides_nothing)
{
    nacre_verify_error error = {.text = ""};
    ck_assert_int_eq(nacre_verify_document(bytes, size, policy, &report, &error), NACRE_VERIFY_E_POLICY);
    ck_assert_ptr_null(report);
    ck_assert_str_ne(error.text, "");
    ck_assert_int_eq(nacre_verify_document(bytes, size, NULL, &report, &error), NACRE_VERIFY_E_POLICY);
}
END_TEST

START_TEST(everything_met)
{
    nacre_verify_bytes nonce = nacre_verify_doc_nonce(doc);
    nacre_verify_bytes key = nacre_verify_doc_public_key(doc);
    nacre_verify_bytes data = nacre_verify_doc_user_data(doc);
    for (unsigned i = 0; i < 16; i++) {
        expect_own_pcr(i);
    }
    ck_assert_int_eq(nacre_verify_policy_expect_nonce(policy, nonce.data, nonce.size, NULL), NACRE_VERIFY_OK);
    ck_assert_int_eq(nacre_verify_policy_expect_public_key(policy, key.data, key.size, NULL),
                     NACRE_VERIFY_OK);
    ck_assert_int_eq(nacre_verify_policy_expect_user_data(policy, data.data, data.size, NULL),
                     NACRE_VERIFY_OK);
    nacre_verify_policy_max_age(policy, 0);
    ck_assert_int_eq(verify(), NACRE_VERIFY_OK);
    ck_assert_uint_eq(nacre_verify_report_count(report), 7 + 16 + 4);
    ck_assert_ptr_null(nacre_verify_report_check(report, 7 + 16 + 4));
    ck_assert_str_eq(nacre_verify_doc_module_id(nacre_verify_report_doc(report)),
                     "i-0123456789abcdef0-enc0123456789abcdef");
}
END_TEST

START_TEST(report_may_be_left_out)
{
    expect_own_pcr(0);
    ck_assert_int_eq(nacre_verify_document(bytes, size, policy, NULL, NULL), NACRE_VERIFY_OK);
}
END_TEST

START_TEST(other_pcr)
{
    uint8_t other[48] = {1};
    char hex[97];
    for (size_t i = 0; i < 48; i++) {
        (void)snprintf(hex + 2 * i, 3, "%02x", nacre_verify_doc_pcr(doc, 2).data[i]);
    }
    expect_own_pcr(0);
    ck_assert_int_eq(nacre_verify_policy_expect_pcr(policy, 2, other, 48, NULL), NACRE_VERIFY_OK);
    only_failure("PCR2", "0100000000", hex);
}
END_TEST

START_TEST(missing_pcr)
{
    static const uint8_t zero[48];
    expect_own_pcr(0);
    /* Even one of zeros: what is not there is not zero. */
    ck_assert_int_eq(nacre_verify_policy_expect_pcr(policy, 16, zero, 48, NULL), NACRE_VERIFY_OK);
    only_failure("PCR16", "0000", "none");
}
END_TEST

START_TEST(other_nonce)
{
    expect_own_pcr(0);
    ck_assert_int_eq(nacre_verify_policy_expect_nonce(policy, (const uint8_t *)"nonc", 4, NULL),
                     NACRE_VERIFY_OK);
    only_failure("nonce", "6e6f6e63", "6e6f6e6365");
}
END_TEST

START_TEST(other_public_key)
{
    static const uint8_t key[32];
    ck_assert_int_eq(nacre_verify_policy_expect_public_key(policy, key, 32, NULL), NACRE_VERIFY_OK);
    only_failure("public_key", "00000000", "000102030405");
}
END_TEST

START_TEST(other_user_data)
{
    expect_own_pcr(0);
    ck_assert_int_eq(nacre_verify_policy_expect_user_data(policy, NULL, 0, NULL), NACRE_VERIFY_OK);
    only_failure("user_data", "empty", "757365722064617461");
}
END_TEST

START_TEST(signature_only_still_checks_what_is_asked)
{
    nacre_verify_policy_signature_only(policy, 1);
    ck_assert_int_eq(nacre_verify_policy_expect_nonce(policy, (const uint8_t *)"x", 1, NULL),
                     NACRE_VERIFY_OK);
    only_failure("nonce", "78", "6e6f6e6365");
}
END_TEST

/* Null fields of a document are no match for any expectation, not even an empty one. */
START_TEST(null_fields)
{
    teardown();
    setup_with("good-null-fields.cbor", 1);
    ck_assert_int_eq(nacre_verify_policy_expect_nonce(policy, NULL, 0, NULL), NACRE_VERIFY_OK);
    only_failure("nonce", "empty", "none");
}
END_TEST

START_TEST(too_old)
{
    expect_own_pcr(0);
    ck_assert_int_eq(nacre_verify_policy_at(policy, TIME_MS + 60001, NULL), NACRE_VERIFY_OK);
    nacre_verify_policy_max_age(policy, 60000);
    only_failure("age", "at most 60.000 s old", "60.001 s old");
    nacre_verify_report_free(report);
    nacre_verify_policy_max_age(policy, 60001);
    ck_assert_int_eq(verify(), NACRE_VERIFY_OK);
}
END_TEST

START_TEST(from_the_future)
{
    expect_own_pcr(0);
    ck_assert_int_eq(nacre_verify_policy_at(policy, TIME_MS - 10001, NULL), NACRE_VERIFY_OK);
    nacre_verify_policy_max_age(policy, 60000);
    only_failure("age", "at most 60.000 s old", "10.001 s in the future");
    nacre_verify_report_free(report);
    ck_assert_int_eq(nacre_verify_policy_at(policy, TIME_MS - 10000, NULL), NACRE_VERIFY_OK);
    ck_assert_int_eq(verify(), NACRE_VERIFY_OK);
}
END_TEST

START_TEST(debug_although_its_pcrs_are_expected)
{
    teardown();
    setup_with("debug.cbor", 0);
    expect_own_pcr(0);
    only_failure("debug", "no debug mode", "all zero");
    nacre_verify_report_free(report);
    nacre_verify_policy_allow_debug(policy, 1);
    ck_assert_int_eq(verify(), NACRE_VERIFY_OK);
}
END_TEST

/* A refusal for its time does not hide what the policy has to say. */
START_TEST(all_is_reported)
{
    static const uint8_t other[48];
    ck_assert_int_eq(nacre_verify_policy_at(policy, TIME_MS + UINT64_C(24) * 3600 * 1000, NULL),
                     NACRE_VERIFY_OK);
    expect_own_pcr(0);
    ck_assert_int_eq(nacre_verify_policy_expect_pcr(policy, 1, other, 48, NULL), NACRE_VERIFY_OK);
    ck_assert_int_eq(verify(), NACRE_VERIFY_REFUSED);
    ck_assert_int_eq(find_check(report, "validity")->passed, 0);
    ck_assert_int_eq(find_check(report, "PCR0")->passed, 1);
    ck_assert_int_eq(find_check(report, "PCR1")->passed, 0);
    ck_assert_ptr_null(nacre_verify_report_doc(report));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("judge");
    TCase *tcase = tcase_create("judge");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, empty_policy_decides_nothing);
    tcase_add_test(tcase, everything_met);
    tcase_add_test(tcase, report_may_be_left_out);
    tcase_add_test(tcase, other_pcr);
    tcase_add_test(tcase, missing_pcr);
    tcase_add_test(tcase, other_nonce);
    tcase_add_test(tcase, other_public_key);
    tcase_add_test(tcase, other_user_data);
    tcase_add_test(tcase, signature_only_still_checks_what_is_asked);
    tcase_add_test(tcase, null_fields);
    tcase_add_test(tcase, too_old);
    tcase_add_test(tcase, from_the_future);
    tcase_add_test(tcase, debug_although_its_pcrs_are_expected);
    tcase_add_test(tcase, all_is_reported);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
