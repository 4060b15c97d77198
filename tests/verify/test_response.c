/* Signed answers: made by python3-nacl, and the one a real enclave gave, from its document to its answer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "support.h"
#include "text.h"

struct answer {
    uint8_t key[32];
    uint8_t signature[64];
    uint8_t *bcs;
    nacre_verify_signed signed_;
};

static struct answer weather;

static char *read_line_of(const char *name, unsigned number)
{
    size_t size = 0;
    char *text = (char *)read_file(name, &size);
    text[size] = '\0';
    char *line = text;
    for (unsigned i = 0; i < number; i++) {
        line = strchr(line, '\n');
        ck_assert_ptr_nonnull(line);
        line++;
    }
    char *copy = strndup(line, strcspn(line, "\n"));
    free(text);
    return copy;
}

static void unhex(const char *text, size_t size, uint8_t *out)
{
    ck_assert_uint_eq(strlen(text), 2 * size);
    ck_assert(nacre_vfy_unhex(text, size, out));
}

/* key, intent, timestamp_ms, BCS, signature */
static void parse_answer(char **rest, struct answer *answer)
{
    unhex(strsep(rest, "\t"), sizeof answer->key, answer->key);
    answer->signed_.intent = (uint8_t)strtoul(strsep(rest, "\t"), NULL, 10);
    answer->signed_.timestamp_ms = strtoull(strsep(rest, "\t"), NULL, 10);
    const char *bcs = strsep(rest, "\t");
    size_t size = bcs[0] == '-' ? 0 : strlen(bcs) / 2;
    answer->bcs = malloc(size > 0 ? size : 1);
    ck_assert_ptr_nonnull(answer->bcs);
    unhex(size > 0 ? bcs : "", size, answer->bcs);
    unhex(strsep(rest, "\t"), sizeof answer->signature, answer->signature);
    answer->signed_.struct_size = sizeof answer->signed_;
    answer->signed_.public_key = answer->key;
    answer->signed_.public_key_size = sizeof answer->key;
    answer->signed_.signature = answer->signature;
    answer->signed_.signature_size = sizeof answer->signature;
    answer->signed_.bcs = answer->bcs;
    answer->signed_.bcs_size = size;
}

static void setup(void)
{
    char *line = read_line_of("responses.list", 0);
    char *rest = line;
    memset(&weather, 0, sizeof weather);
    parse_answer(&rest, &weather);
    free(line);
}

static void teardown(void)
{
    free(weather.bcs);
}

START_TEST(verifies)
{
    struct answer answer;
    nacre_verify_report *report = NULL;
    char *line = read_line_of("responses.list", (unsigned)_i);
    char *rest = line;
    memset(&answer, 0, sizeof answer);
    parse_answer(&rest, &answer);
    ck_assert_int_eq(nacre_verify_response(&answer.signed_, &report, NULL), NACRE_VERIFY_OK);
    ck_assert_uint_eq(nacre_verify_report_count(report), 1);
    ck_assert_int_eq(nacre_verify_report_verified(report), 1);
    ck_assert_ptr_null(nacre_verify_report_doc(report));
    nacre_verify_report_free(report);
    free(answer.bcs);
    free(line);
}
END_TEST

static void refused(const char *check)
{
    nacre_verify_report *report = NULL;
    nacre_verify_error error = {.text = ""};
    ck_assert_int_eq(nacre_verify_response(&weather.signed_, &report, &error), NACRE_VERIFY_REFUSED);
    ck_assert_str_eq(first_failure(report)->name, check);
    ck_assert_ptr_nonnull(strstr(error.text, check));
    nacre_verify_report_free(report);
}

START_TEST(another_intent)
{
    weather.signed_.intent = 1;
    refused("signature");
}
END_TEST

START_TEST(another_time)
{
    weather.signed_.timestamp_ms++;
    refused("signature");
}
END_TEST

START_TEST(every_bit_counts)
{
    for (size_t i = 0; i < 8 * weather.signed_.bcs_size; i++) {
        weather.bcs[i / 8] ^= (uint8_t)(1 << i % 8);
        refused("signature");
        weather.bcs[i / 8] ^= (uint8_t)(1 << i % 8);
    }
    for (size_t i = 0; i < 8 * sizeof weather.signature; i++) {
        weather.signature[i / 8] ^= (uint8_t)(1 << i % 8);
        refused("signature");
        weather.signature[i / 8] ^= (uint8_t)(1 << i % 8);
    }
    for (size_t i = 0; i < 8 * sizeof weather.key; i++) {
        weather.key[i / 8] ^= (uint8_t)(1 << i % 8);
        refused("signature");
        weather.key[i / 8] ^= (uint8_t)(1 << i % 8);
    }
    ck_assert_int_eq(nacre_verify_response(&weather.signed_, NULL, NULL), NACRE_VERIFY_OK);
}
END_TEST

/* Ed25519 accepts s + L in lax implementations: RFC 8032 section 5.1.7 does not. */
START_TEST(scalar_above_the_order)
{
    static const uint8_t order[32] = {0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7,
                                      0xa2, 0xde, 0xf9, 0xde, 0x14, 0,    0,    0,    0,    0,    0,
                                      0,    0,    0,    0,    0,    0,    0,    0,    0,    0x10};
    unsigned carry = 0;
    for (size_t i = 0; i < 32; i++) {
        carry += (unsigned)weather.signature[32 + i] + order[i];
        weather.signature[32 + i] = (uint8_t)carry;
        carry >>= 8;
    }
    ck_assert_uint_eq(carry, 0);
    refused("signature");
}
END_TEST

START_TEST(wrong_sizes)
{
    weather.signed_.public_key_size = 31;
    refused("key");
    weather.signed_.public_key_size = 33;
    refused("key");
    weather.signed_.public_key_size = 32;
    weather.signed_.signature_size = 63;
    refused("signature");
    weather.signed_.signature = NULL;
    weather.signed_.signature_size = 64;
    refused("signature");
    weather.signed_.public_key = NULL;
    refused("key");
}
END_TEST

START_TEST(cut_data)
{
    weather.signed_.bcs_size--;
    refused("signature");
}
END_TEST

START_TEST(wrong_arguments)
{
    nacre_verify_report *report = NULL;
    ck_assert_int_eq(nacre_verify_response(NULL, &report, NULL), NACRE_VERIFY_E_ARGUMENT);
    weather.signed_.bcs = NULL;
    ck_assert_int_eq(nacre_verify_response(&weather.signed_, &report, NULL), NACRE_VERIFY_E_ARGUMENT);
    weather.signed_.bcs = weather.bcs;
    weather.signed_.struct_size = 8;
    ck_assert_int_eq(nacre_verify_response(&weather.signed_, &report, NULL), NACRE_VERIFY_E_ARGUMENT);
    weather.signed_.struct_size = sizeof weather.signed_;
    weather.signed_.bcs_size = SIZE_MAX;
    ck_assert_int_eq(nacre_verify_response(&weather.signed_, &report, NULL), NACRE_VERIFY_E_MEMORY);
    ck_assert_ptr_null(report);
}
END_TEST

START_TEST(age)
{
    weather.signed_.max_age_ms = 60000;
    weather.signed_.now_ms = weather.signed_.timestamp_ms + 60000;
    ck_assert_int_eq(nacre_verify_response(&weather.signed_, NULL, NULL), NACRE_VERIFY_OK);
    weather.signed_.now_ms++;
    refused("age");
    weather.signed_.now_ms = weather.signed_.timestamp_ms - NACRE_VERIFY_CLOCK_SKEW_MS;
    ck_assert_int_eq(nacre_verify_response(&weather.signed_, NULL, NULL), NACRE_VERIFY_OK);
    weather.signed_.now_ms--;
    refused("age");
}
END_TEST

static void expect_pcrs(nacre_verify_policy *policy, char **rest)
{
    for (unsigned i = 0; i < 3; i++) {
        uint8_t pcr[48];
        unhex(strsep(rest, "\t"), sizeof pcr, pcr);
        ck_assert_int_eq(nacre_verify_policy_expect_pcr(policy, i, pcr, sizeof pcr, NULL), NACRE_VERIFY_OK);
    }
}

static bool have_shared(void)
{
    char path[1024];
    (void)snprintf(path, sizeof path, "%s/shared-response.list", getenv("NACRE_VERIFY_DOCUMENTS"));
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        (void)printf("SKIPPED: no ../shared/vectors, the real answer is not verified\n");
        return false;
    }
    (void)fclose(file);
    return true;
}

START_TEST(real_document_to_answer)
{
    if (!have_shared()) {
        return;
    }
    struct answer answer;
    nacre_verify_error error;
    nacre_verify_report *report = NULL;
    size_t size = 0;
    char *line = read_line_of("shared-response.list", 0);
    char *rest = line;
    uint8_t *document = read_file(strsep(&rest, "\t"), &size);
    nacre_verify_policy *policy = nacre_verify_policy_new();
    ck_assert_int_eq(nacre_verify_policy_at(policy, strtoull(strsep(&rest, "\t"), NULL, 10), NULL),
                     NACRE_VERIFY_OK);
    memset(&answer, 0, sizeof answer);
    parse_answer(&rest, &answer);
    expect_pcrs(policy, &rest);
    ck_assert_msg(nacre_verify_document(document, size, policy, &report, &error) == NACRE_VERIFY_OK, "%s",
                  error.text);
    nacre_verify_bytes key = nacre_verify_doc_public_key(nacre_verify_report_doc(report));
    ck_assert_mem_eq(key.data, answer.key, 32);
    answer.signed_.public_key = key.data;
    answer.signed_.public_key_size = key.size;
    ck_assert_int_eq(nacre_verify_response(&answer.signed_, NULL, NULL), NACRE_VERIFY_OK);
    answer.bcs[0] ^= 1;
    ck_assert_int_eq(nacre_verify_response(&answer.signed_, NULL, NULL), NACRE_VERIFY_REFUSED);
    nacre_verify_report_free(report);
    nacre_verify_policy_free(policy);
    free(answer.bcs);
    free(document);
    free(line);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("response");
    TCase *tcase = tcase_create("response");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, verifies, 0, 3);
    tcase_add_test(tcase, another_intent);
    tcase_add_test(tcase, another_time);
    tcase_add_test(tcase, every_bit_counts);
    tcase_add_test(tcase, scalar_above_the_order);
    tcase_add_test(tcase, wrong_sizes);
    tcase_add_test(tcase, cut_data);
    tcase_add_test(tcase, wrong_arguments);
    tcase_add_test(tcase, age);
    tcase_add_test(tcase, real_document_to_answer);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
