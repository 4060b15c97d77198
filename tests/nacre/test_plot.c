#include "plot.h"
#include "suite.h"

#include <errno.h>
#include <math.h>
#include <string.h>

static struct nacre_history h;
static char why[256];

static int history(const char *card)
{
    nacre_history_free(&h);
    return nacre_history_read(&h, card, strlen(card), why, sizeof why);
}

static void teardown(void)
{
    nacre_history_free(&h);
}

START_TEST(read_from_a_card)
{
    ck_assert_int_eq(
        history("{\"config\":{\"history\":[1]},\"history\":[{\"loss\":0.5,\"accuracy\":60,\"test_loss\":null,"
                "\"new\":[{}]},{\"accuracy\":70.25,\"loss\":2.5e-1}],\"app\":null}"),
        0);
    ck_assert(h.loss.n == 2 && h.accuracy.n == 2 && h.test_loss.n == 2 && h.test_accuracy.n == 2);
    ck_assert(fabs(h.loss.at[0] - 0.5) < 1e-12 && fabs(h.loss.at[1] - 0.25) < 1e-12);
    ck_assert(fabs(h.accuracy.at[1] - 70.25) < 1e-12);
    ck_assert(isnan(h.test_loss.at[0]) && isnan(h.test_accuracy.at[1]));
}
END_TEST

START_TEST(no_card)
{
    static const char *const bad[] = {"",
                                      "[]",
                                      "{}",
                                      "{\"history\":{}}",
                                      "{\"history\":[",
                                      "{\"history\":[1]}",
                                      "{\"history\":[{\"loss\":]}",
                                      "{\"history\":[{\"loss\":1}",
                                      "{\"a\":{\"history\":[{\"loss\":1}]}}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_msg(history(bad[i]) == -EBADMSG, "%s", bad[i]);
    ck_assert_int_eq(history("{\"history\":[]}"), -EBADMSG);
    ck_assert_str_eq(why, "the history is empty: this algorithm has no epochs");
}
END_TEST

START_TEST(columns)
{
    double at[] = {1, 3, (double)NAN, 5, 7, 9};
    const struct nacre_curve c = {at, 6};
    ck_assert(fabs(nacre_curve_at(c, 0, 3) - 2) < 1e-12); /* two epochs a column */
    ck_assert(fabs(nacre_curve_at(c, 1, 3) - 5) < 1e-12); /* one of them without a value */
    ck_assert(fabs(nacre_curve_at(c, 11, 12) - 9) < 1e-12 && fabs(nacre_curve_at(c, 10, 12) - 9) < 1e-12);
    ck_assert(isnan(nacre_curve_at(c, 2, 6)));
    ck_assert(isnan(nacre_curve_at((struct nacre_curve){NULL, 0}, 0, 5)));
}
END_TEST

START_TEST(axes)
{
    double flat[] = {2, 2}, none[] = {(double)NAN, (double)NAN};
    struct nacre_chart chart =
        nacre_chart_of("x", (struct nacre_curve){flat, 2}, (struct nacre_curve){none, 2});
    ck_assert(chart.low < 2 && chart.high > 2);
    chart = nacre_chart_of("x", (struct nacre_curve){none, 2}, (struct nacre_curve){none, 2});
    ck_assert(chart.low < chart.high);
}
END_TEST

/* One epoch, and far more than there are columns: neither may leave the picture (the sanitizers watch). */
START_TEST(pictures_of_any_length)
{
    static const size_t lengths[] = {1, 2, 5000};
    for (size_t i = 0; i < 3; i++) {
        size_t n = lengths[i], len = 0;
        double *at = calloc(n, sizeof *at);
        for (size_t k = 0; k < n; k++)
            at[k] = k % 7 ? (double)k * 1e6 : -1e12;
        const struct nacre_curve c = {at, n};
        const struct nacre_history all = {c, c, c, c};
        uint8_t *png = nacre_plot_png(&all, &len);
        ck_assert(png && len > 100 && memcmp(png, "\x89PNG\r\n\x1a\n", 8) == 0 &&
                  memcmp(png + len - 8, "IEND", 4) == 0);
        free(png);
        FILE *null = fopen("/dev/null", "we");
        nacre_plot_text(null, &all, 3);
        nacre_plot_text(null, &all, 100000);
        (void)fclose(null);
        free(at);
    }
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_checked_fixture(tc, NULL, teardown);
    tcase_add_test(tc, read_from_a_card);
    tcase_add_test(tc, no_card);
    tcase_add_test(tc, columns);
    tcase_add_test(tc, axes);
    tcase_add_test(tc, pictures_of_any_length);
}

int main(void)
{
    return nacre_run_suite("plot", add, 30);
}
