/* Whole documents, ours and AWS's, each judged as its list says: verdict, first check that fails, what it
 * found. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "support.h"

static struct case_list own;
static struct case_list shared;

static void judge(const struct case_line *line)
{
    size_t size = 0;
    nacre_verify_report *report = NULL;
    nacre_verify_error error = {.text = ""};
    uint8_t *bytes = read_file(line->file, &size);
    nacre_verify_policy *policy = policy_of(line);
    int verdict = nacre_verify_document(bytes, size, policy, &report, &error);
    ck_assert_msg(verdict == (line->verified ? NACRE_VERIFY_OK : NACRE_VERIFY_REFUSED),
                  "%s at %llu: verdict %d, %s", line->file, (unsigned long long)line->time_ms, verdict,
                  error.text);
    const nacre_verify_check *failure = first_failure(report);
    ck_assert_int_eq(nacre_verify_report_verified(report), line->verified);
    if (line->verified) {
        ck_assert_ptr_null(failure);
        ck_assert_ptr_nonnull(nacre_verify_report_doc(report));
        ck_assert_uint_eq(nacre_verify_report_time_ms(report), line->time_ms);
    } else {
        ck_assert_ptr_null(nacre_verify_report_doc(report));
        ck_assert_ptr_nonnull(failure);
        ck_assert_msg(strcmp(failure->name, line->check) == 0 && strstr(failure->actual, line->text) != NULL,
                      "%s: expected %s to find '%s', but %s found '%s'", line->file, line->check, line->text,
                      failure->name, failure->actual);
        ck_assert_ptr_nonnull(strstr(error.text, failure->name));
    }
    nacre_verify_report_free(report);
    nacre_verify_policy_free(policy);
    free(bytes);
}

START_TEST(own_documents)
{
    judge(&own.line[_i]);
}
END_TEST

START_TEST(shared_documents)
{
    judge(&shared.line[_i]);
}
END_TEST

START_TEST(lists_are_not_empty)
{
    ck_assert_uint_ge(own.count, 100);
    if (shared.count == 0) {
        (void)printf("SKIPPED: no ../shared/vectors/attestation, real documents are not judged\n");
    }
}
END_TEST

int main(void)
{
    own = read_cases("cases.list");
    shared = read_cases("shared.list");
    Suite *suite = suite_create("documents");
    TCase *tcase = tcase_create("documents");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, lists_are_not_empty);
    tcase_add_loop_test(tcase, own_documents, 0, (int)own.count);
    tcase_add_loop_test(tcase, shared_documents, 0, (int)shared.count);
    suite_add_tcase(suite, tcase);
    int status = run_suite(suite);
    free(own.line);
    free(shared.line);
    return status;
}
