/* suite.h - the main() that every Check program shares: one suite of one case, a non-zero exit when a test
 * fails. */
#ifndef NACRE_TESTS_SUITE_H
#define NACRE_TESTS_SUITE_H

#include <check.h>
#include <stdlib.h>

/* Runs the tests that `add` puts into the case. */
static inline int nacre_run_suite(const char *name, void (*add)(TCase *), double timeout_s)
{
    Suite *suite = suite_create(name);
    TCase *tc = tcase_create(name);
    tcase_set_timeout(tc, timeout_s);
    add(tc);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
