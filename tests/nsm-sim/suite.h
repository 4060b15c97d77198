/* The main function of a Check program with one case. */
#ifndef NACRE_SIM_SUITE_H
#define NACRE_SIM_SUITE_H

#include <check.h>
#include <stdlib.h>

static inline int nacre_sim_run_suite(const char *name, const TTest *const *tests, size_t count)
{
    Suite *suite = suite_create(name);
    TCase *tcase = tcase_create(name);
    for (size_t i = 0; i < count; i++)
        tcase_add_test(tcase, tests[i]);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#define NACRE_SIM_SUITE(name, ...)                                                                           \
    int main(void)                                                                                           \
    {                                                                                                        \
        const TTest *const tests[] = {__VA_ARGS__};                                                          \
        return nacre_sim_run_suite(name, tests, sizeof(tests) / sizeof(tests[0]));                           \
    }

#endif
