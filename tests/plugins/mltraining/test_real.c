/* Our exp, log and so on beside the C library's, over their whole range. */
#include <learn/real.h>
#include <math.h>

#include "suite.h" /* after the header whose member `fail` its macros would change */

/* Units in the last place between two numbers of the same sign. */
static double ulps(double a, double b)
{
    int64_t x, y;
    memcpy(&x, &a, sizeof x);
    memcpy(&y, &b, sizeof y);
    return fabs((double)(x - y));
}

START_TEST(exp_is_exp)
{
    double worst = 0;
    for (int i = 0; i < 263000; i++) {
        const double x = -707.5 + 0.00537 * i;
        const double off = ulps(ml_exp(x), exp(x));
        worst = off > worst ? off : worst;
    }
    ck_assert_msg(worst <= 2, "%g", worst);
    ck_assert_double_eq(ml_exp(0), 1);
    ck_assert_double_lt(ml_exp(-1e9), 1e-300);
    ck_assert_double_gt(ml_exp(1e9), 1e300);
}
END_TEST

START_TEST(log_is_log)
{
    double worst = 0;
    double x = 1e-300;
    for (int i = 0; i < 148000; i++) {
        x *= 1.00937;
        const double off = ulps(ml_log(x), log(x));
        worst = off > worst ? off : worst;
    }
    for (int i = 1; i < 70000; i++) {
        const double near = 0.3 + 0.0000371 * i;
        const double off = fabs(ml_log(near) - log(near)) / (fabs(log(near)) + 1e-12);
        ck_assert_msg(off < 6e-16, "%.17g: %g", near, off);
    }
    ck_assert_msg(worst <= 2, "%g", worst);
    ck_assert_double_eq(ml_log(1), 0);
}
END_TEST

START_TEST(tanh_and_logistic)
{
    for (int i = 0; i < 58000; i++) {
        const double x = -50 + 0.00173 * i;
        ck_assert_double_lt(fabs(ml_tanh(x) - tanh(x)), 4e-16);
        ck_assert_double_lt(fabs(ml_logistic(x) - 1 / (1 + exp(-x))), 4e-16);
    }
}
END_TEST

START_TEST(rounds_to_even)
{
    static const double cases[][2] = {{0.5, 0}, {1.5, 2}, {-0.5, 0}, {-1.5, -2}, {2.4999, 2}, {-7.51, -8}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        ck_assert_double_eq(ml_round(cases[i][0]), cases[i][1]);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, exp_is_exp);
    tcase_add_test(tc, log_is_log);
    tcase_add_test(tc, tanh_and_logistic);
    tcase_add_test(tc, rounds_to_even);
}

int main(void)
{
    return nacre_run_suite("ml-real", add, 60);
}
