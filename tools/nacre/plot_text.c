#include "plot.h"

#include <math.h>
#include <stdbool.h>

#define ROWS   12u
#define WIDEST 200u

static size_t row_of(const struct nacre_chart *chart, double v)
{
    double part = (chart->high - v) / (chart->high - chart->low);
    return (size_t)(part * (ROWS - 1) + 0.5);
}

static void draw(FILE *to, const struct nacre_chart *chart, size_t columns)
{
    (void)fprintf(to, "%s\n", chart->title);
    for (size_t row = 0; row < ROWS; row++) {
        if (row == 0 || row == ROWS - 1)
            (void)fprintf(to, "%10.4f |", row == 0 ? chart->high : chart->low);
        else
            (void)fprintf(to, "%10s |", "");
        for (size_t c = 0; c < columns; c++) {
            double first = nacre_curve_at(chart->first, c, columns);
            double second = nacre_curve_at(chart->second, c, columns);
            bool has_first = isfinite(first) && row_of(chart, first) == row;
            bool has_second = isfinite(second) && row_of(chart, second) == row;
            (void)fputc(has_first && has_second ? '#' : has_first ? '*' : has_second ? 'o' : ' ', to);
        }
        (void)fputc('\n', to);
    }
    (void)fprintf(to, "%10s +", "");
    for (size_t c = 0; c < columns; c++)
        (void)fputc('-', to);
    (void)fprintf(to, "\n%10s 1%*zu\n", "", (int)columns, chart->first.n);
}

void nacre_plot_text(FILE *to, const struct nacre_history *h, size_t columns)
{
    const struct nacre_chart loss = nacre_chart_of("loss", h->loss, h->test_loss);
    const struct nacre_chart accuracy = nacre_chart_of("accuracy (%)", h->accuracy, h->test_accuracy);
    columns = columns < 32 ? 20 : columns - 12;
    if (columns > WIDEST)
        columns = WIDEST;
    draw(to, &loss, columns);
    (void)fputc('\n', to);
    draw(to, &accuracy, columns);
    (void)fprintf(to, "%10s * training rows   o held-out rows   # both, over %zu epochs\n", "", h->loss.n);
}
