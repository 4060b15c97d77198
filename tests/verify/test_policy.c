/* The policy object: what can be expected, what cannot, and when it says too little to decide anything. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "policy.h"
#include "support.h"
#include "text.h"

static nacre_verify_policy *policy;
static nacre_verify_error error;
static uint8_t bytes[2048];

static void setup(void)
{
    policy = nacre_verify_policy_new();
    ck_assert_ptr_nonnull(policy);
    memset(bytes, 7, sizeof bytes);
    error.text[0] = '\0';
}

static void teardown(void)
{
    nacre_verify_policy_free(policy);
}

START_TEST(empty_is_an_error)
{
    ck_assert_int_eq(nacre_vfy_policy_usable(policy, &error), NACRE_VERIFY_E_POLICY);
    ck_assert_ptr_nonnull(strstr(error.text, "no PCR and no public key"));
}
END_TEST

START_TEST(what_anyone_could_satisfy_is_empty)
{
    nacre_verify_policy_allow_debug(policy, 1);
    nacre_verify_policy_max_age(policy, 60000);
    ck_assert_int_eq(nacre_verify_policy_expect_nonce(policy, bytes, 32, NULL), NACRE_VERIFY_OK);
    ck_assert_int_eq(nacre_verify_policy_expect_user_data(policy, bytes, 32, NULL), NACRE_VERIFY_OK);
    ck_assert_int_eq(nacre_vfy_policy_usable(policy, &error), NACRE_VERIFY_E_POLICY);
}
END_TEST

START_TEST(says_who)
{
    ck_assert_int_eq(nacre_verify_policy_expect_pcr(policy, 8, bytes, 48, NULL), NACRE_VERIFY_OK);
    ck_assert_int_eq(nacre_vfy_policy_usable(policy, &error), NACRE_VERIFY_OK);
    teardown();
    setup();
    ck_assert_int_eq(nacre_verify_policy_expect_public_key(policy, bytes, 32, NULL), NACRE_VERIFY_OK);
    ck_assert_int_eq(nacre_vfy_policy_usable(policy, &error), NACRE_VERIFY_OK);
    teardown();
    setup();
    nacre_verify_policy_signature_only(policy, 1);
    ck_assert_int_eq(nacre_vfy_policy_usable(policy, &error), NACRE_VERIFY_OK);
    nacre_verify_policy_signature_only(policy, 0);
    ck_assert_int_eq(nacre_vfy_policy_usable(policy, &error), NACRE_VERIFY_E_POLICY);
}
END_TEST

START_TEST(age_needs_another_clock)
{
    nacre_verify_policy_signature_only(policy, 1);
    nacre_verify_policy_max_age(policy, 60000);
    nacre_verify_policy_at_document(policy);
    ck_assert_int_eq(nacre_vfy_policy_usable(policy, &error), NACRE_VERIFY_E_POLICY);
    ck_assert_ptr_nonnull(strstr(error.text, "60000 ms"));
    nacre_verify_policy_at_now(policy);
    ck_assert_int_eq(nacre_vfy_policy_usable(policy, &error), NACRE_VERIFY_OK);
}
END_TEST

START_TEST(pcr_limits)
{
    ck_assert_int_eq(nacre_verify_policy_expect_pcr(policy, 32, bytes, 48, &error), NACRE_VERIFY_E_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(error.text, "PCR32"));
    ck_assert_int_eq(nacre_verify_policy_expect_pcr(policy, 0, bytes, 47, &error), NACRE_VERIFY_E_ARGUMENT);
    ck_assert_int_eq(nacre_verify_policy_expect_pcr(policy, 0, bytes, 64, &error), NACRE_VERIFY_E_ARGUMENT);
    ck_assert_int_eq(nacre_verify_policy_expect_pcr(policy, 0, NULL, 48, &error), NACRE_VERIFY_E_ARGUMENT);
    ck_assert_uint_eq(policy->pcr_mask, 0);
    ck_assert_int_eq(nacre_verify_policy_expect_pcr(policy, 31, bytes, 48, NULL), NACRE_VERIFY_OK);
    ck_assert_int_eq(nacre_verify_policy_expect_pcr(policy, 31, bytes, 48, NULL), NACRE_VERIFY_OK);
    bytes[0] = 8;
    ck_assert_int_eq(nacre_verify_policy_expect_pcr(policy, 31, bytes, 48, &error), NACRE_VERIFY_E_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(error.text, "expected twice"));
    ck_assert_uint_eq(policy->pcr[31][0], 7);
}
END_TEST

START_TEST(field_limits)
{
    ck_assert_int_eq(nacre_verify_policy_expect_nonce(policy, bytes, 512, NULL), NACRE_VERIFY_OK);
    ck_assert_int_eq(nacre_verify_policy_expect_nonce(policy, bytes, 513, &error), NACRE_VERIFY_E_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(error.text, "513 bytes, the limit is 512"));
    ck_assert_uint_eq(policy->nonce.size, 512);
    ck_assert_int_eq(nacre_verify_policy_expect_user_data(policy, bytes, 513, NULL), NACRE_VERIFY_E_ARGUMENT);
    ck_assert_int_eq(nacre_verify_policy_expect_public_key(policy, bytes, 1025, NULL),
                     NACRE_VERIFY_E_ARGUMENT);
    ck_assert_int_eq(nacre_verify_policy_expect_public_key(policy, NULL, 1, NULL), NACRE_VERIFY_E_ARGUMENT);
    ck_assert_int_eq(nacre_verify_policy_expect_nonce(policy, NULL, 0, NULL), NACRE_VERIFY_OK);
    ck_assert_ptr_nonnull(policy->nonce.data);
    ck_assert_uint_eq(policy->nonce.size, 0);
}
END_TEST

START_TEST(times)
{
    size_t size = 0;
    nacre_verify_doc *doc = NULL;
    uint8_t *good = read_file("good.cbor", &size);
    ck_assert_int_eq(nacre_verify_doc_parse(good, size, &doc, NULL), NACRE_VERIFY_OK);
    ck_assert_int_eq(nacre_verify_policy_at(policy, NACRE_VFY_TIME_MAX, NULL), NACRE_VERIFY_OK);
    ck_assert_int_eq(nacre_verify_policy_at(policy, NACRE_VFY_TIME_MAX + 1, &error), NACRE_VERIFY_E_ARGUMENT);
    ck_assert_uint_eq(nacre_vfy_policy_time(policy, doc), NACRE_VFY_TIME_MAX);
    nacre_verify_policy_at_now(policy);
    /* Later than this test was written, earlier than its author's grandchildren retire. */
    ck_assert_uint_gt(nacre_vfy_policy_time(policy, doc), UINT64_C(1700000000000));
    ck_assert_uint_lt(nacre_vfy_policy_time(policy, doc), UINT64_C(5000000000000));
    nacre_verify_policy_at_document(policy);
    ck_assert_uint_eq(nacre_vfy_policy_time(policy, doc), UINT64_C(1735689600123));
    nacre_verify_doc_free(doc);
    free(good);
}
END_TEST

START_TEST(roots)
{
    nacre_verify_bytes aws = nacre_verify_aws_root();
    size_t der_size = 0;
    size_t pem_size = 0;
    uint8_t *der = read_file("root.der", &der_size);
    uint8_t *pem = read_file("root.pem", &pem_size);
    ck_assert_uint_eq(policy->root.der.size, aws.size);
    ck_assert_mem_eq(policy->root.der.data, aws.data, aws.size);
    ck_assert_int_eq(nacre_verify_policy_root(policy, der, der_size - 1, &error), NACRE_VERIFY_E_ARGUMENT);
    ck_assert_int_eq(nacre_verify_policy_root(policy, der, der_size + 1, NULL), NACRE_VERIFY_E_ARGUMENT);
    ck_assert_int_eq(nacre_verify_policy_root(policy, der, 0, NULL), NACRE_VERIFY_E_ARGUMENT);
    ck_assert_int_eq(nacre_verify_policy_root(policy, NULL, 1, NULL), NACRE_VERIFY_E_ARGUMENT);
    ck_assert_mem_eq(policy->root.der.data, aws.data, aws.size);
    ck_assert_int_eq(nacre_verify_policy_root(policy, der, der_size, NULL), NACRE_VERIFY_OK);
    ck_assert_mem_eq(policy->root.der.data, der, der_size);
    ck_assert_int_eq(nacre_verify_policy_root(policy, pem, pem_size, NULL), NACRE_VERIFY_OK);
    ck_assert_uint_eq(policy->root.der.size, der_size);
    ck_assert_mem_eq(policy->root.der.data, der, der_size);
    memcpy(pem + pem_size, pem, pem_size);
    ck_assert_int_eq(nacre_verify_policy_root(policy, pem, 2 * pem_size, &error), NACRE_VERIFY_E_ARGUMENT);
    free(der);
    free(pem);
}
END_TEST

START_TEST(free_takes_null)
{
    nacre_verify_policy_free(NULL);
    nacre_verify_doc_free(NULL);
    nacre_verify_report_free(NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("policy");
    TCase *tcase = tcase_create("policy");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, empty_is_an_error);
    tcase_add_test(tcase, what_anyone_could_satisfy_is_empty);
    tcase_add_test(tcase, says_who);
    tcase_add_test(tcase, age_needs_another_clock);
    tcase_add_test(tcase, pcr_limits);
    tcase_add_test(tcase, field_limits);
    tcase_add_test(tcase, times);
    tcase_add_test(tcase, roots);
    tcase_add_test(tcase, free_takes_null);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
